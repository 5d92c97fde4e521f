"""The words of a segment's passages, counted.

``words.npy``: for each word, by the hash of it, where its places start and how many there are.
``places.npy``: uint32 ``[2, m]``: rows, ascending, and how often the word stands there. ``lengths.npy``:
uint32 ``[n]``: the words of each passage. They are counts and no scores, so that adding and deleting
passages changes the scores of all others as it should.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss.encoding.space import hash_texts
from isogloss.encoding.vector_files import map_npy
from isogloss.errors import DataError
from isogloss.index.manifest import REBUILD
from isogloss.lexical import split_words

WORDS, PLACES, LENGTHS = "words.npy", "places.npy", "lengths.npy"
WORD_FILES = (WORDS, PLACES, LENGTHS)
_WORD_DTYPE = np.dtype([("key", "S16"), ("first", "<u8"), ("count", "<u4")])


class WordCounter:
    """Count the words of passages; 12 bytes are held for each different word of a passage."""

    def __init__(self) -> None:
        """Start without passages."""
        self._numbers: dict[str, int] = {}
        self._counts: list[NDArray[np.uint32]] = []
        self._lengths: list[int] = []

    def append(self, texts: Sequence[str]) -> None:
        """Count the words of the next rows.

        Args:
            texts: Their texts.
        """
        counted: list[tuple[int, int, int]] = []
        for text in texts:
            words = split_words(text)
            row = len(self._lengths)
            self._lengths.append(len(words))
            for word, count in Counter(words).items():
                counted.append((self._numbers.setdefault(word, len(self._numbers)), row, count))
        self._counts.append(np.array(counted, dtype=np.uint32).reshape(len(counted), 3))

    def write(self, folder: Path) -> None:
        """Write what was counted.

        Args:
            folder: The segment's folder.
        """
        numbers, rows, counts = np.concatenate([np.zeros((0, 3), np.uint32), *self._counts]).T
        keys = hash_texts(list(self._numbers))
        by_key = np.argsort(keys, kind="stable")
        ranks = np.empty(len(keys), dtype=np.int64)
        ranks[by_key] = np.arange(len(keys))
        order = np.argsort(ranks[numbers], kind="stable")
        table = np.empty(len(keys), dtype=_WORD_DTYPE)
        table["key"] = keys[by_key]
        table["count"] = np.bincount(ranks[numbers], minlength=len(keys))
        table["first"] = np.cumsum(table["count"], dtype=np.uint64) - table["count"]
        np.save(folder / WORDS, table, allow_pickle=False)
        np.save(folder / PLACES, np.stack([rows[order], counts[order]]), allow_pickle=False)
        np.save(folder / LENGTHS, np.array(self._lengths, dtype=np.uint32), allow_pickle=False)


class SegmentWords:
    """Read the words of a segment, mapped into memory.

    Attributes:
        lengths: uint32 ``[n]``: the words of each passage.
    """

    def __init__(self, folder: Path, count: int) -> None:
        """Open the files; what they hold is believed only as far as it can do no harm.

        Args:
            folder: The segment's folder.
            count: Its rows.

        Raises:
            DataError: A file is damaged, or is something else.
        """
        table, places, lengths = (map_npy(folder / name).view(np.ndarray) for name in WORD_FILES)
        shapes = table.ndim == 1 and places.ndim == 2 and len(places) == 2
        shapes = shapes and lengths.shape == (count,)
        if not shapes or (table.dtype, places.dtype, lengths.dtype) != (_WORD_DTYPE, np.uint32, np.uint32):
            raise DataError(f"holds no words; {REBUILD}", folder)
        self._keys = np.ascontiguousarray(table["key"])
        self._table, self._places = table, places
        self.lengths: NDArray[np.uint32] = lengths.astype(np.uint32, copy=False)

    def find(self, key: np.bytes_, start: int, end: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Find where a word stands.

        Args:
            key: The word's hash.
            start: The first row that counts.
            end: One after the last.

        Returns:
            uint32 each: rows, ascending, and how often the word stands there.
        """
        number = int(np.searchsorted(self._keys, key))
        if number == len(self._keys) or self._keys[number] != key:
            return np.zeros(0, np.uint32), np.zeros(0, np.uint32)
        first, count = int(self._table["first"][number]), int(self._table["count"][number])
        rows, counts = self._places[:, first : first + count]
        low, high = np.searchsorted(rows, (start, end))
        # Whatever damaged bytes say, no row outside the range is read.
        inside = (rows[low:high] >= start) & (rows[low:high] < end)
        return rows[low:high][inside], counts[low:high][inside]
