"""Count the pieces that a tokenizer cuts texts into, language by language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isogloss.progress import show_progress
from isogloss.vocabulary.characters import has_spaced_words
from isogloss.vocabulary.texts import TextCollection
from isogloss.vocabulary.tokenizer import ModelTokenizer, batch_texts


@dataclass
class PieceCounts:
    """Hold what was counted in the texts of one language.

    Args:
        pieces: How often each id was used, special tokens around texts apart. Shape: (ids,), int64.
        texts: Number of texts.
        words: Number of runs between white space.
        characters: How often each character occurs.
    """

    pieces: NDArray[np.int64] = field(repr=False)
    texts: int = 0
    words: int = 0
    characters: Counter[str] = field(default_factory=Counter, repr=False)

    def add(self, texts: Sequence[str], ids: NDArray[np.int64]) -> None:
        """Count further texts.

        Args:
            texts: The texts.
            ids: The ids of all their pieces. Shape: (pieces,), int64.
        """
        self.pieces += np.bincount(ids, minlength=len(self.pieces))
        self.texts += len(texts)
        for text in texts:
            self.words += len(text.split())
            self.characters.update(text)

    @property
    def letters(self) -> int:
        """Count the characters that are no white space."""
        return sum(count for character, count in self.characters.items() if not character.isspace())

    @property
    def spaced_words(self) -> int | None:
        """Count the words; None where words are not separated by white space."""
        return self.words if has_spaced_words(self.characters) else None

    @property
    def tokens(self) -> int:
        """Count the pieces, each time that they are used."""
        return int(self.pieces.sum())


def count_pieces(
    tokenizer: ModelTokenizer, texts: TextCollection, *, quiet: bool = False
) -> dict[str, PieceCounts]:
    """Cut texts into pieces and count these; memory does not grow with the text.

    Args:
        tokenizer: The tokenizer.
        texts: The texts.
        quiet: Whether to show no progress.

    Returns:
        For each language, sorted, its counts.
    """
    counts: dict[str, PieceCounts] = {}
    with show_progress("cutting text into pieces", texts.count, quiet=quiet) as advance:
        for batch in batch_texts(texts):
            language = batch[0].language
            words = [text.text for text in batch]
            if language not in counts:
                counts[language] = PieceCounts(np.zeros(tokenizer.size, dtype=np.int64))
            counts[language].add(words, tokenizer.ids(words))
            advance(len(batch))
    return dict(sorted(counts.items()))
