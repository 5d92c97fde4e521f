"""Load translation models from folders and from the hub: whole, safe, and recognised by their content."""

from __future__ import annotations

import re
from pathlib import Path

from safetensors import SafetensorError

from isogloss.errors import ConfigError, ModelError, first_line
from isogloss.model_source import SAFE_WEIGHTS, check_device, fetch_model, hide_loading_bars
from isogloss.translation.models import BEAMS, Seq2SeqModel, Seq2SeqTranslator

_CARD_HEAD = re.compile(r"---\r?\n(.*?)\n---", re.DOTALL)
_LICENCE = re.compile(r"""^license: *["']?([\w.+-]+)""", re.MULTILINE)
_LOADING_ERRORS = (
    OSError,
    ValueError,
    LookupError,
    AttributeError,
    RuntimeError,
    ImportError,
    TypeError,
    SafetensorError,
)
"""What transformers raises where a file of a model is not what it should be."""
_LEAST_VOCABULARY = 0.5
_NEEDED = ["*.json", "*.safetensors", "*.model", "*.spm", "*.txt", "README.md"]


class ModelTranslators:
    """Open translators of one model, or of a model for each direction; one model is held at a time.

    Attributes:
        used: What each model opened was: name, folder, fingerprint, licence.
    """

    def __init__(
        self, model: str, *, beams: int = BEAMS, precision: str = "float32", device: str | None = None
    ) -> None:
        """Say which model translates.

        Args:
            model: Folder, hub name, or ``NAME@REVISION``; ``{source}`` and ``{target}`` in it stand for the
                languages of a direction.
            beams: Width of the beam search, 1 or more.
            precision: Type of the weights: ``float32``, ``float16`` or ``bfloat16``.
            device: Where to compute; a GPU if there is one when None.
        """
        self.used: dict[str, dict[str, str | None]] = {}
        self._name = model
        self._beams = beams
        self._precision = precision
        self._device = device
        self._held: Seq2SeqModel | None = None

    def __call__(self, source: str, target: str) -> Seq2SeqTranslator:
        """Open the translator of a direction; the model is loaded unless it is held.

        Args:
            source: Language code of the texts.
            target: Language code of the translations.

        Returns:
            The translator.

        Raises:
            ConfigError: The model does not know one of the languages, or there is no such device.
            ModelError: The model cannot be loaded.
        """
        name = self._name.replace("{source}", source).replace("{target}", target)
        if self._held is None or self._held.name != name:
            self._held = None  # so that two never take memory at once
            folder = _find_folder(name)
            self._held = load_model(
                folder, name, beams=self._beams, precision=self._precision, device=self._device
            )
            self.used[name] = {
                "fingerprint": self._held.fingerprint,
                "licence": read_licence(folder),
            }
        return self._held(source, target)


def load_model(
    folder: Path, name: str, *, beams: int = BEAMS, precision: str = "float32", device: str | None = None
) -> Seq2SeqModel:
    """Load a translation model; pickled weights are refused, code that comes with a model is never run.

    Args:
        folder: Folder of the model.
        name: What to call it.
        beams: Width of the beam search, 1 or more.
        precision: Type of the weights: ``float32``, ``float16`` or ``bfloat16``.
        device: Where to compute; a GPU if there is one when None.

    Returns:
        The model.

    Raises:
        ConfigError: A package is missing, or there is no such device.
        ModelError: The folder holds no such model, or it cannot be loaded.
    """
    _check_extra()
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"{name}: no safetensors weights (pickled ones are never loaded); of a model of the hub, name a "
            "revision that has them, such as NAME@refs/pr/2, or convert it once: docs/translation.md"
        )
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    from isogloss.encoding.fingerprint import fingerprint_model

    check_device(device)
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        with hide_loading_bars():
            tokenizer = AutoTokenizer.from_pretrained(folder)
            model = AutoModelForSeq2SeqLM.from_pretrained(
                folder, dtype=getattr(torch, precision), **SAFE_WEIGHTS
            )
            model = model.to(place)  # a device may have too little memory
    except _LOADING_ERRORS as error:
        raise ModelError(f"{name}: cannot be loaded as a translation model ({first_line(error)})") from error
    whole = Seq2SeqModel(model, tokenizer, name, fingerprint=fingerprint_model(folder), beams=beams)
    _check_vocabulary(len(tokenizer), model.config.vocab_size, name)
    return whole


def read_licence(folder: Path) -> str | None:
    """Read the licence that a model's card names.

    Args:
        folder: Folder of the model.

    Returns:
        Such as ``cc-by-nc-4.0``; None when there is no card, or it names none.
    """
    try:
        card = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    head = _CARD_HEAD.match(card)
    licence = _LICENCE.search(head[1]) if head else None
    return licence[1] if licence else None


def _find_folder(name: str) -> Path:
    """Find a model's folder, fetching it from the hub when it is none."""
    base, _, revision = name.partition("@")
    if Path(name).exists() or not revision:
        return fetch_model(name, _NEEDED)
    return fetch_model(base, _NEEDED, revision)


def _check_vocabulary(tokens: int, size: int, name: str) -> None:
    """Refuse a tokenizer that is not the model's: where its file is missing, NLLB's has no words."""
    if tokens < _LEAST_VOCABULARY * size:
        raise ModelError(
            f"{name}: its tokenizer has {tokens:,} tokens, the model {size:,}; a file of the tokenizer is "
            "missing, or another model's"
        )


def _check_extra() -> None:
    try:
        import sacremoses  # noqa: F401
        import sentencepiece  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"translation needs the package {error.name}: pip install 'isogloss[translate]'"
        ) from error
