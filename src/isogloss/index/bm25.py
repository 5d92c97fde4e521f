"""Rank the passages of a language by BM25, over all segments of an index."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.encoding.space import hash_texts
from isogloss.index.segment import Segment
from isogloss.index.words import SegmentWords
from isogloss.lexical import split_words

K1, B = 1.5, 0.75
"""The usual values, those of ``isogloss.lexical``."""
_ROW = 0xFFFFFFFF
"""The bits of a place that tell the row; those above tell the segment."""


class WordHit(NamedTuple):
    """Hold a passage that shares a word with a query.

    Attributes:
        score: BM25, above 0.
        segment: Number of its segment.
        row: Its row there.
    """

    score: float
    segment: int
    row: int


class IndexWords:
    """Rank the passages of a language by BM25, over all segments of an index."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        """Map the words of every segment into memory.

        Args:
            segments: The segments, each written with its words.

        Raises:
            DataError: A file is missing or damaged.
        """
        self._segments = segments
        self._words = [SegmentWords(segment.folder, segment.entry.rows) for segment in segments]
        self._means: dict[str, tuple[int, float]] = {}

    def rank(self, query: str, language: str, depth: int) -> list[WordHit]:
        """Find the best passages that share a word with a query.

        Args:
            query: The query.
            language: The language of the passages.
            depth: How many are wanted, from 1.

        Returns:
            The passages by falling score, then id.

        Raises:
            DataError: A file is damaged.

        Source: Robertson et al., TREC-3, 1994, with Lucene's idf: the scores that bm25s computes.
        """
        passages, mean = self._measure(language)
        words = Counter(split_words(query))
        keys = hash_texts(list(words))
        found: list[NDArray[np.int64]] = []
        scores: list[NDArray[np.float64]] = []
        for key, repeats in zip(keys, words.values(), strict=True):
            places, counts, lengths = self._find(key, language)
            if not len(places):
                continue
            rarity = math.log(1 + (passages - len(places) + 0.5) / (len(places) + 0.5))
            found.append(places)
            scores.append(repeats * rarity * counts / (counts + K1 * (1 - B + B * lengths / mean)))
        if not found:
            return []
        places, own = np.unique(np.concatenate(found), return_inverse=True)
        sums = np.bincount(own, weights=np.concatenate(scores)).astype(np.float64)
        return self._order(places, sums, depth)

    def _measure(self, language: str) -> tuple[int, float]:
        """Count a language's passages, and the words of one on average."""
        if language not in self._means:
            lengths = [
                words.lengths[segment.live_rows(*segment.entry.languages[language])]
                for segment, words in zip(self._segments, self._words, strict=True)
                if language in segment.entry.languages
            ]
            count = sum(len(own) for own in lengths)
            total = sum(int(own.sum(dtype=np.uint64)) for own in lengths)
            self._means[language] = count, max(total, 1) / max(count, 1)
        return self._means[language]

    def _find(
        self, key: np.bytes_, language: str
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """List a word's places in a language: segment and row, how often, and the passage's words."""
        places, counts, lengths = [np.zeros(0, np.int64)], [np.zeros(0)], [np.zeros(0)]
        for number, (segment, words) in enumerate(zip(self._segments, self._words, strict=True)):
            rows, own = words.find(key, *segment.entry.languages.get(language, (0, 0)))
            live = ~np.isin(rows, segment.deleted, assume_unique=True)
            places.append((number << 32) + rows[live].astype(np.int64))
            counts.append(own[live].astype(np.float64))
            lengths.append(words.lengths[rows[live]].astype(np.float64))
        return np.concatenate(places), np.concatenate(counts), np.concatenate(lengths)

    def _order(self, places: NDArray[np.int64], scores: NDArray[np.float64], depth: int) -> list[WordHit]:
        """Order passages by falling score, then id, and keep the first; ids are read where scores tie."""
        if len(scores) > depth:
            last = np.partition(scores, len(scores) - depth)[len(scores) - depth]
            places, scores = places[scores >= last], scores[scores >= last]
        _, groups, sizes = np.unique(scores, return_inverse=True, return_counts=True)
        equal = sizes[groups] > 1
        names: dict[int, str] = {}
        for number in np.unique(places[equal] >> 32).tolist():
            own = places[equal & (places >> 32 == number)]
            names.update(zip(own.tolist(), self._segments[number].ids((own & _ROW).tolist()), strict=True))
        ordered = sorted(
            zip(scores.tolist(), places.tolist(), strict=True),
            key=lambda entry: (-entry[0], names.get(entry[1], "")),
        )
        return [WordHit(score, place >> 32, place & _ROW) for score, place in ordered[:depth]]
