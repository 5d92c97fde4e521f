"""The words that a tokenizer looks up, and the pieces of those that WordPiece gives up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from tokenizers import Encoding, Tokenizer

from isogloss.vocabulary import ModelTokenizer

_MOST_REMEMBERED = 500_000
"""Words that are not looked up twice; when there are more, all are forgotten."""


class Speller:
    """Read the words that a tokenizer looks its pieces up in: normalised, split, without added tokens.

    A copy of the tokenizer that knows single bytes alone spells each word out, by all the rules of the
    original.
    """

    def __init__(self, tokenizer: ModelTokenizer) -> None:
        """Make the copy.

        Args:
            tokenizer: The tokenizer.
        """
        spelling = {
            "type": "BPE",
            "vocab": {f"<0x{byte:02X}>": byte for byte in range(256)},
            "merges": [],
            "byte_fallback": True,
        }
        definition = {**tokenizer.definition, "model": spelling, "post_processor": None}
        self._backend = Tokenizer.from_str(json.dumps(definition))
        self._backend.no_truncation()
        self._backend.no_padding()

    def words(self, texts: Sequence[str]) -> Iterator[str]:
        """Read the words of texts.

        Args:
            texts: The texts.

        Yields:
            The words, in order.
        """
        for encoding in self._backend.encode_batch(list(texts), add_special_tokens=False):
            for group in group_by_word(encoding).values():
                if all(number < 256 for number in group):
                    yield bytes(group).decode("utf-8", errors="replace")


def group_by_word(encoding: Encoding) -> dict[int, tuple[int, ...]]:
    """Group the ids of a text by the words that its tokenizer split it into.

    Args:
        encoding: The text in pieces, without special tokens around it.

    Returns:
        Number of each word that has pieces -> their ids.
    """
    pairs = zip(encoding.word_ids, encoding.ids, strict=True)
    return {
        word: tuple(number for _, number in group) for word, group in groupby(pairs, key=lambda pair: pair[0])
    }


class BrokenWords:
    """Find the pieces that WordPiece matches in a word before it fails and calls the word unknown.

    Without them it might match others, and not fail.
    """

    def __init__(self, tokenizer: ModelTokenizer) -> None:
        """Take the tokenizer's pieces.

        Args:
            tokenizer: A WordPiece tokenizer.
        """
        vocabulary = tokenizer.model["vocab"]
        assert isinstance(vocabulary, dict)  # noqa: S101 - the library wrote it
        self._vocabulary: Mapping[str, int] = vocabulary
        self._inside = str(tokenizer.model["continuing_subword_prefix"])
        self._longest_word = int(str(tokenizer.model["max_input_chars_per_word"]))
        self._longest_piece = max(map(len, vocabulary))
        self._speller = Speller(tokenizer)
        self._known: set[str] = set()

    def find(self, texts: Sequence[str]) -> set[int]:
        """Find these pieces in texts.

        Args:
            texts: The texts.

        Returns:
            Ids of pieces, of words that were not looked up before.
        """
        found: set[int] = set()
        for word in self._speller.words(texts):
            if word not in self._known:
                self._known.add(word)
                found.update(self._match(word))
        if len(self._known) > _MOST_REMEMBERED:
            self._known.clear()
        return found

    def _match(self, word: str) -> list[int]:
        """Match the longest piece again and again; the matches of words that do not fail are not needed."""
        if len(word) > self._longest_word:
            return []
        matched: list[int] = []
        start = 0
        while start < len(word):
            inside = self._inside if start else ""
            ends = range(min(len(word), start + self._longest_piece), start, -1)
            pieces = ((self._vocabulary.get(inside + word[start:end]), end) for end in ends)
            number, start = next(
                ((number, end) for number, end in pieces if number is not None), (None, start)
            )
            if number is None:
                return matched
            matched.append(number)
        return []
