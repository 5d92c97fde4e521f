"""The tokenizer of a model, with what it is made of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer, normalizers
from transformers import AutoTokenizer, PreTrainedTokenizerBase
from transformers.convert_slow_tokenizer import bytes_to_unicode

from isogloss.errors import ModelError, first_line
from isogloss.vocabulary.folder import find_transformer, read_object
from isogloss.vocabulary.texts import Text

Definition: TypeAlias = dict[str, object]
"""A tokenizer as ``tokenizer.json`` has it."""

ALGORITHMS = ("Unigram", "WordPiece", "BPE")
_LETTERS_AT_ONCE = 1 << 20
_BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))


@dataclass(frozen=True)
class ModelTokenizer:
    """Hold a model's tokenizer and its definition.

    Args:
        name: What to call the model in messages.
        backend: The tokenizer; it neither cuts texts nor pads them.
        definition: The tokenizer as ``tokenizer.json`` would have it, cutting and padding included.
    """

    name: str
    backend: Tokenizer
    definition: Definition

    @property
    def algorithm(self) -> str:
        """Name the algorithm: ``Unigram``, ``WordPiece`` or ``BPE``."""
        return str(self.model["type"])

    @property
    def model(self) -> Definition:
        """Give the part of the definition that holds the pieces."""
        return _as_object(self.definition["model"])

    @cached_property
    def pieces(self) -> dict[int, str]:
        """Give the piece of each id, added tokens included, ascending by id."""
        vocabulary = self.backend.get_vocab(with_added_tokens=True)
        return dict(sorted((number, piece) for piece, number in vocabulary.items()))

    @property
    def unknown(self) -> int | None:
        """Give the id of the token for what is unknown; None where there is none."""
        if self.algorithm == "Unigram":
            number = self.model.get("unk_id")
            return number if isinstance(number, int) else None
        token = self.model.get("unk_token")
        return self.backend.token_to_id(token) if isinstance(token, str) else None

    @cached_property
    def added(self) -> frozenset[int]:
        """Give the ids of added tokens, special tokens among them."""
        return frozenset(self.backend.get_added_tokens_decoder())

    @property
    def size(self) -> int:
        """Tell the number after the highest id."""
        return max(self.pieces) + 1

    @property
    def is_byte_level(self) -> bool:
        """Tell whether text is turned into bytes before pieces are looked up."""
        return any(
            kind == "ByteLevel"
            for part in ("normalizer", "pre_tokenizer")
            for kind in self.component_types(part)
        )

    def component_types(self, part: str) -> Iterator[str]:
        """List the components of a part of the tokenizer.

        Args:
            part: ``normalizer``, ``pre_tokenizer``, ``post_processor`` or ``decoder``.

        Yields:
            The type of each component, those of sequences included.
        """
        yield from _list_types(self.definition.get(part))

    @cached_property
    def fragments(self) -> frozenset[int]:
        """Give the ids of pieces that hold bytes which are no whole character."""
        if self.is_byte_level:
            letters: dict[int, str] = bytes_to_unicode()  # type: ignore[no-untyped-call]
            byte_of = {letter: byte for byte, letter in letters.items()}
            return frozenset(
                number
                for number, piece in self.pieces.items()
                if number not in self.added and not _is_text(piece, byte_of)
            )
        return frozenset(number for number, piece in self.pieces.items() if piece in _BYTES)

    def segment(self, texts: Sequence[str]) -> list[Encoding]:
        """Cut texts into pieces.

        Args:
            texts: The texts.

        Returns:
            One encoding a text, without the special tokens around it.
        """
        return self.backend.encode_batch(list(texts), add_special_tokens=False)

    def ids(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Give the ids of all pieces of texts, one text after the other.

        Args:
            texts: The texts.

        Returns:
            int64 [pieces].
        """
        encodings = self.backend.encode_batch_fast(list(texts), add_special_tokens=False)
        return np.array([number for encoding in encodings for number in encoding.ids], dtype=np.int64)


def load_tokenizer(folder: Path) -> ModelTokenizer:
    """Load the tokenizer of a model as the model itself uses it; code that comes with it is never run.

    Args:
        folder: A model's folder, or one with a tokenizer alone.

    Returns:
        The tokenizer.

    Raises:
        ModelError: There is no tokenizer, it is damaged, or it is of a kind that is not known here.
    """
    place = find_transformer(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(place))
    except Exception as error:  # the library raises errors of many kinds, some of them bare Exception
        raise ModelError(f"{folder}: its tokenizer cannot be loaded ({first_line(error)})") from error
    if not isinstance(tokenizer, PreTrainedTokenizerBase) or not tokenizer.is_fast:
        raise ModelError(
            f"{folder}: {type(tokenizer).__name__} is no tokenizer of the library tokenizers; save the model "
            "with a tokenizer.json first"
        )
    backend: Tokenizer = tokenizer.backend_tokenizer
    if read_object(place / "sentence_bert_config.json").get("do_lower_case") is True:
        # Added by sentence-transformers when it loads the model, so that it is part of no file.
        own = [backend.normalizer] if backend.normalizer is not None else []
        backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *own])
    definition = json.loads(backend.to_str())
    kind = definition["model"].get("type")
    if kind not in ALGORITHMS:
        raise ModelError(f"{folder}: its tokenizer is of the kind {kind}; known are {', '.join(ALGORITHMS)}")
    backend.no_truncation()
    backend.no_padding()
    return ModelTokenizer(str(folder), backend, definition)


def batch_texts(texts: Iterable[Text]) -> Iterator[list[Text]]:
    """Cut a stream of texts into batches of about as many letters, each of one language.

    Args:
        texts: The texts.

    Yields:
        Batches of one text at least.
    """
    batch: list[Text] = []
    letters = 0
    for text in texts:
        if batch and (letters >= _LETTERS_AT_ONCE or text.language != batch[0].language):
            yield batch
            batch, letters = [], 0
        batch.append(text)
        letters += len(text.text)
    if batch:
        yield batch


def _list_types(component: object) -> Iterator[str]:
    if isinstance(component, dict):
        if isinstance(kind := component.get("type"), str):
            yield kind
        for value in component.values():
            yield from _list_types(value)
    elif isinstance(component, list):
        for value in component:
            yield from _list_types(value)


def _is_text(piece: str, byte_of: Mapping[str, int]) -> bool:
    try:
        bytes(byte_of[letter] for letter in piece).decode("utf-8")
    except (KeyError, UnicodeDecodeError):
        return False
    return True


def _as_object(value: object) -> Definition:
    assert isinstance(value, dict)  # noqa: S101 - the library wrote it
    return value
