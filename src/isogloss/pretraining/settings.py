"""The settings of a pre-training run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from isogloss.errors import ConfigError

TOKENIZERS = ("bpe", "unigram")


@dataclass(frozen=True)
class TextSettings:
    """Say where text is.

    Args:
        path: Folder of ``<language>.txt`` files; of plain text also a file or corpus.
        languages: Languages to read; all when empty.
        aligned: Whether line n of each file is a translation of line n of the others; plain text if not.
    """

    path: str
    languages: tuple[str, ...] = ()
    aligned: bool = True


@dataclass(frozen=True)
class EncoderShape:
    """Set the size of a new encoder.

    Args:
        layers: Transformer layers.
        hidden: Dimensions of a token and of the embedding.
        heads: Attention heads; divides ``hidden``.
        vocabulary: Pieces of the vocabulary at most.
        length: Tokens of the longest text.
        dropout: Share of activations and attention weights dropped in training.
        tokenizer: How pieces are learnt and text is cut: ``bpe`` or ``unigram``.

    Raises:
        ConfigError: A size is too small, the heads do not divide the dimensions, the dropout is no share, or
            the tokenizer is unknown.
    """

    layers: int = 2
    hidden: int = 128
    heads: int = 4
    vocabulary: int = 8000
    length: int = 256
    dropout: float = 0.1
    tokenizer: str = "bpe"

    def __post_init__(self) -> None:
        least = {"layers": 1, "hidden": 1, "heads": 1, "vocabulary": 100, "length": 8}
        for name, number in least.items():
            if getattr(self, name) < number:
                raise ConfigError(f"'encoder.{name}' is at least {number}; got {getattr(self, name)}")
        if self.hidden % self.heads:
            raise ConfigError(
                f"'encoder.heads' must divide 'encoder.hidden'; got {self.heads} and {self.hidden}"
            )
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"'encoder.dropout' is a share below 1; got {self.dropout}")
        if self.tokenizer not in TOKENIZERS:
            raise ConfigError(
                f"'encoder.tokenizer' is one of {', '.join(TOKENIZERS)}; got {self.tokenizer!r}"
            )


@dataclass(frozen=True)
class StartSettings:
    """Name the model to start from, and say how its vocabulary grows.

    Args:
        model: Folder or hub name of a masked language model.
        add_vocabulary: Pieces to add at most; 0 for none.
        languages: Languages whose text the new pieces are learnt from; all when empty.

    Raises:
        ConfigError: No model is named, or the number is below 0.
    """

    model: str
    add_vocabulary: int = 0
    languages: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.model:
            raise ConfigError("'start.model' is empty; name a folder, or a model of the hub")
        if self.add_vocabulary < 0:
            raise ConfigError(f"'start.add_vocabulary' is at least 0; got {self.add_vocabulary}")


@dataclass(frozen=True)
class MaskingSettings:
    """Set the masked language modelling.

    Args:
        steps: Optimizer steps; 0 for none.
        batch: Rows of a step.
        learning_rate: AdamW's rate at its highest.
        translation_share: Share of rows that hold a line and its translation, from 0 to 1.
        group_lengths: Whether rows of a batch are of about the same length, so that little is padding.

    Raises:
        ConfigError: A number is out of range.
    """

    steps: int = 1000
    batch: int = 64
    learning_rate: float = 1e-3
    translation_share: float = 0.5
    group_lengths: bool = False

    def __post_init__(self) -> None:
        _check_phase("masking", self.steps, self.batch, self.learning_rate)
        if not 0.0 <= self.translation_share <= 1.0:
            raise ConfigError(
                f"'masking.translation_share' is a share from 0 to 1; got {self.translation_share}"
            )


@dataclass(frozen=True)
class RankingSettings:
    """Set the translation ranking.

    Args:
        steps: Optimizer steps; 0 for none.
        batch: Pairs of translations of a step.
        learning_rate: AdamW's rate at its highest.
        temperature: Cosines are divided by it.
        text_exponent: Texts are drawn in proportion to their lines ** exponent, at least 0.

    Raises:
        ConfigError: A number is out of range.
    """

    steps: int = 1000
    batch: int = 128
    learning_rate: float = 5e-4
    temperature: float = 0.05
    text_exponent: float = 1.0

    def __post_init__(self) -> None:
        _check_phase("ranking", self.steps, self.batch, self.learning_rate)
        if not self.temperature > 0:
            raise ConfigError(f"'ranking.temperature' is above 0; got {self.temperature}")
        if not 0 <= self.text_exponent < math.inf:
            raise ConfigError(f"'ranking.text_exponent' is at least 0; got {self.text_exponent}")


@dataclass(frozen=True)
class PretrainConfig:
    """Hold every setting of one pre-training run.

    Args:
        texts: Where the text is.
        start: The model to go on with; a new encoder is made when not given.
        encoder: Size of the new encoder; of one to go on with, ``length`` alone counts.
        masking: The masked language modelling.
        ranking: The translation ranking.
        language_exponent: Languages are drawn in proportion to their lines ** exponent, 0 to 1, for the
            vocabulary and for masked rows; lines are drawn as they stand when not given.
        checkpoint_steps: Steps between two checkpoints; a phase that is no longer keeps none, nor does any
            with 0.
        seed: Seed of weights, rows and masks.

    Raises:
        ConfigError: A number is out of range, or the size of an encoder is set that has one.
    """

    texts: tuple[TextSettings, ...]
    start: StartSettings | None = None
    encoder: EncoderShape = field(default_factory=EncoderShape)
    masking: MaskingSettings = field(default_factory=MaskingSettings)
    ranking: RankingSettings = field(default_factory=RankingSettings)
    language_exponent: float | None = None
    checkpoint_steps: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        if self.start is not None:
            _check_shape(self.encoder)
        if self.language_exponent is not None and not 0 <= self.language_exponent <= 1:
            raise ConfigError(f"'language_exponent' is from 0 to 1; got {self.language_exponent}")
        if self.checkpoint_steps < 0:
            raise ConfigError(f"'checkpoint_steps' is at least 0; got {self.checkpoint_steps}")
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"'seed' is a whole number from 0 to 4294967295; got {self.seed}")


def _check_phase(name: str, steps: int, batch: int, learning_rate: float) -> None:
    if steps < 0:
        raise ConfigError(f"'{name}.steps' is at least 0; got {steps}")
    if batch < 1:
        raise ConfigError(f"'{name}.batch' is at least 1; got {batch}")
    if not learning_rate > 0:
        raise ConfigError(f"'{name}.learning_rate' is above 0; got {learning_rate}")


def _check_shape(shape: EncoderShape) -> None:
    """Check that nothing is asked of a model to start from that it has already."""
    default = EncoderShape()
    for name in ("layers", "hidden", "heads", "vocabulary", "dropout", "tokenizer"):
        if getattr(shape, name) != getattr(default, name):
            raise ConfigError(f"'encoder.{name}' is that of the model in 'start.model'; take it out")
