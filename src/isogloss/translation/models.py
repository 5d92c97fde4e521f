"""Translate with sequence-to-sequence models of transformers: NLLB-200, M2M-100, Marian."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from isogloss.errors import ConfigError, ModelError
from isogloss.languages import normalize_language
from isogloss.translation.codes import find_code, is_same_language
from isogloss.translation.translator import Fault, Translation

if TYPE_CHECKING:
    import torch
    from transformers import BatchEncoding, GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

BEAMS = 4
_TOKENS_PER_TOKEN, _TOKENS_BESIDES = 3, 16
"""A translation may have so many tokens for each of its text, and so many more."""
_FLORES = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")
FAMILIES = ("NllbTokenizer", "M2M100Tokenizer", "MarianTokenizer")
"""Classes of tokenizers, which tell how a model is told its languages."""


class Seq2SeqModel:
    """Hold a translation model of one of the three families.

    Attributes:
        name: What the user called it.
        fingerprint: SHA-256 of its files.
        beams: Width of the beam search.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        name: str,
        *,
        fingerprint: str,
        beams: int = BEAMS,
    ) -> None:
        """Wrap a model.

        Args:
            model: The model; it is put in evaluation mode.
            tokenizer: Its tokenizer, of one of the classes of NLLB, M2M-100 and Marian.
            name: What to call it.
            fingerprint: SHA-256 of its files.
            beams: Width of the beam search, 1 or more.

        Raises:
            ConfigError: ``beams`` is below 1.
            ModelError: The tokenizer is of another family.
        """
        if beams < 1:
            raise ConfigError(f"--beams takes a whole number from 1; got {beams}")
        self.family = type(tokenizer).__name__
        if self.family not in FAMILIES:
            raise ModelError(
                f"{name}: its tokenizer is a {self.family}; translation takes {', '.join(FAMILIES)}"
            )
        self.model = model.eval()  # type: ignore[no-untyped-call]
        self.tokenizer = tokenizer
        self.name = name
        self.fingerprint = fingerprint
        self.beams = beams

    def __call__(self, source: str, target: str) -> Seq2SeqTranslator:
        """Open the translator of a direction.

        Args:
            source: Language code of the texts.
            target: Language code of the translations.

        Returns:
            The translator.

        Raises:
            ConfigError: The model does not know one of the languages.
        """
        if self.family != "MarianTokenizer":
            known = _list_languages(self.tokenizer)
            codes = find_code(source, known, self.name), find_code(target, known, self.name)
            return Seq2SeqTranslator(self, *codes)
        spoken: object = getattr(self.tokenizer, "source_lang", None)
        self._check_pair("from", spoken, source)
        labels = [code[2:-2] for code in getattr(self.tokenizer, "supported_language_codes", [])]
        if labels:
            return Seq2SeqTranslator(self, source, find_code(target, labels, self.name), labelled=True)
        self._check_pair("into", getattr(self.tokenizer, "target_lang", None), target)
        return Seq2SeqTranslator(self, source, target)

    def _check_pair(self, way: str, spoken: object, wanted: str) -> None:
        """Refuse a language that is not the model's own, where that is told and is no group of languages."""
        try:
            language = normalize_language(spoken if isinstance(spoken, str) else "")
        except ConfigError:
            return
        if not is_same_language(language, wanted):
            raise ConfigError(
                f"{self.name} translates {way} {language}, not {way} {wanted}; a model for each pair is "
                "named by {source} and {target} in --model"
            )


class Seq2SeqTranslator:
    """Translate one direction with a model; beam search, no sampling.

    Attributes:
        source: The model's code of the source language.
        target: The model's code of the target language.
    """

    def __init__(self, whole: Seq2SeqModel, source: str, target: str, *, labelled: bool = False) -> None:
        """Choose a direction.

        Args:
            whole: The model.
            source: Its code of the source language.
            target: Its code of the target language.
            labelled: Whether a Marian model is told the target language before each text.
        """
        self.source = source
        self.target = target
        self._whole = whole
        self._label = f">>{target}<< " if labelled else ""
        self._forced = self._find_forced_token()
        self._settings = _settings_for(whole.model, whole.beams)

    @property
    def identity(self) -> Mapping[str, str | int]:
        """Name what decides the translations."""
        return {
            "source": self.source,
            "target": self.target,
            "fingerprint": self._whole.fingerprint,
            "beams": self._whole.beams,
            "precision": str(self._whole.model.dtype).removeprefix("torch."),
            "length": f"{_TOKENS_PER_TOKEN} n + {_TOKENS_BESIDES}",
        }

    @property
    def limit(self) -> int:
        """Tell how many tokens a text may have, those that the model adds among them."""
        positions: int = self._whole.model.config.max_position_embeddings
        return min(int(self._whole.tokenizer.model_max_length), positions)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens that the model reads for each text.

        Args:
            texts: Any texts.

        Returns:
            1 or more for each, those that the model adds among them.
        """
        if not texts:
            return []
        tokens = self._tokenize(texts, padding=False)["input_ids"]
        return [len(ids) for ids in tokens]

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        """Translate texts as one batch.

        Args:
            texts: Texts within the limit.

        Returns:
            One translation per text; unfinished where the model did not end in time.

        Raises:
            ModelError: There is not enough memory on the device.
        """
        import torch

        model = self._whole.model
        inputs = self._tokenize(texts, padding=True, return_tensors="pt").to(model.device)
        caps = (_TOKENS_PER_TOKEN * inputs["attention_mask"].sum(dim=1) + _TOKENS_BESIDES).clamp(
            max=self.limit - 1
        )
        settings = copy.copy(self._settings)
        settings.max_new_tokens = int(caps.max())
        settings.forced_bos_token_id = self._forced
        try:
            with torch.inference_mode():
                written = model.generate(**inputs, generation_config=settings)
        except torch.OutOfMemoryError as error:
            raise ModelError(
                f"{self._whole.name}: not enough memory on {model.device} for a batch of {len(texts)} texts; "
                "lower --batch-tokens, and go on by the same command"
            ) from error
        return self._read(written[:, 1:], caps)

    def _read(self, written: torch.Tensor, caps: torch.Tensor) -> list[Translation]:
        """Turn tokens into texts: from the first after the language to the first that ends."""
        first = 0 if self._forced is None else 1
        end = self._settings.eos_token_id
        ends = end if isinstance(end, list) else [end]
        translations = []
        for tokens, cap in zip(written.tolist(), caps.tolist(), strict=True):
            length = next((place for place, token in enumerate(tokens) if token in ends), len(tokens))
            text = self._whole.tokenizer.decode(tokens[first:length], skip_special_tokens=True)
            # Marian models end at the last token whatever comes, so the end itself says nothing there.
            fault = Fault.UNFINISHED if length + 1 >= cap else None
            translations.append(Translation(" ".join(str(text).split()), fault))
        return translations

    def _tokenize(self, texts: Sequence[str], **options: bool | str) -> BatchEncoding:
        tokenizer = self._whole.tokenizer
        if self._whole.family != "MarianTokenizer":
            tokenizer.src_lang = self.source
        tokens: BatchEncoding = tokenizer([self._label + text for text in texts], verbose=False, **options)
        return tokens

    def _find_forced_token(self) -> int | None:
        """Find the token of the target language that a multilingual decoder begins with."""
        tokenizer = self._whole.tokenizer
        if self._whole.family == "MarianTokenizer":
            return None
        token = tokenizer.get_lang_token(self.target) if hasattr(tokenizer, "get_lang_token") else self.target
        number = tokenizer.convert_tokens_to_ids(token)
        return number if isinstance(number, int) else None


def _list_languages(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """List the codes that a multilingual tokenizer has tokens for."""
    if hasattr(tokenizer, "lang_code_to_id"):
        return list(tokenizer.lang_code_to_id)
    return [token for token in map(str, tokenizer.all_special_tokens) if _FLORES.fullmatch(token)]


def _settings_for(model: PreTrainedModel, beams: int) -> GenerationConfig:
    """Take the model's own settings, but for those that would sample or set another length."""
    settings = copy.deepcopy(model.generation_config)
    settings.num_beams, settings.num_return_sequences = beams, 1
    settings.do_sample, settings.temperature, settings.top_k, settings.top_p = False, None, None, None
    settings.max_length = None
    if beams == 1:  # what only a beam search heeds would be warned of
        settings.early_stopping, settings.length_penalty = False, 1.0
    return settings
