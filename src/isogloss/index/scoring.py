"""Score passages exactly, block by block over vectors that are mapped into memory.

A matrix product in single precision finds all rows that could be among the best; their scores are then
computed again in double precision, each from its two vectors alone. So a score does not depend on what else
is searched at once, and equal vectors have equal scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import DataError
from isogloss.index.compression import CANDIDATES_PER_HIT
from isogloss.index.manifest import REBUILD
from isogloss.index.segment import Segment

BLOCK_ROWS = 1 << 16
"""Rows of a product: their scores fit near a processor core."""
DECODED_ROWS = 4096
"""Rows of compressed vectors that are decoded for a product."""
QUERIES = 64
"""Queries of a product."""
_NOTHING = -2.0
"""Less than any cosine."""
_ROUNDING = 2.0**-23
"""A product of float32 unit vectors of length d is wrong by less than d / 2 times this; two are compared.
Vectors that were compressed may be longer than 1, not than 2."""


class Scored(NamedTuple):
    """Hold what one segment has for a query.

    Attributes:
        rows: int64 ``[c]``: the rows of the candidates.
        scores: float64 ``[c]``: their scores.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float64]


def score_rows(segment: Segment, rows: NDArray[np.int64], query: NDArray[np.float32]) -> NDArray[np.float64]:
    """Score rows in double precision.

    Args:
        segment: The segment.
        rows: int64 ``[c]``.
        query: float32 ``[d]``.

    Returns:
        float64 ``[c]``: the scores.
    """
    # Products and their sum, row by row: a matrix product may round equal rows differently.
    scores: NDArray[np.float64] = (segment.vectors.decode(rows).astype(np.float64) * query).sum(axis=1)
    return scores


class Pools:
    """Keep, for each of some queries, the rows that may be among the best k, ties included.

    Attributes:
        k: How many are wanted.
    """

    def __init__(self, queries: NDArray[np.float32], k: int) -> None:
        """Start without candidates.

        Args:
            queries: float32 ``[q, d]``, each row of length 1.
            k: How many passages are wanted for each.
        """
        self.k = k
        self._queries = queries
        self._margin = 2 * queries.shape[1] * _ROUNDING
        self._rows: list[list[NDArray[np.int64]]] = [[] for _ in queries]
        self._scores: list[list[NDArray[np.float32]]] = [[] for _ in queries]
        self._least = np.full(len(queries), _NOTHING, dtype=np.float32)

    def scan(
        self, number: int, segment: Segment, ranges: Sequence[tuple[int, int]], only: int | None = None
    ) -> None:
        """Score the rows of some ranges of a segment.

        Args:
            number: The segment's number, below 2^31.
            segment: The segment.
            ranges: First row and one after the last, of each range.
            only: The one query to score them for; all when None.

        Raises:
            DataError: A vector is damaged so that it holds NaN.
        """
        chosen = range(len(self._queries)) if only is None else range(only, only + 1)
        if segment.vectors.compression == "binary":
            self._scan_signs(number, segment, ranges, chosen)
            return
        rows_at_once = BLOCK_ROWS if segment.vectors.compression == "float32" else DECODED_ROWS
        queries = self._queries[chosen.start : chosen.stop]
        for first, last in ranges:
            for start in range(first, last, rows_at_once):
                end = min(start + rows_at_once, last)
                scores = segment.vectors.multiply(queries, slice(start, end))
                if np.isnan(scores.max()):
                    raise DataError(f"holds NaN, so it is damaged; {REBUILD}", segment.folder)
                low, high = np.searchsorted(segment.deleted, (start, end))
                scores[:, segment.deleted[low:high] - start] = _NOTHING - 1
                for query, row in zip(chosen, scores, strict=True):
                    self._keep(query, (number << 32) + start, row)

    def _scan_signs(
        self, number: int, segment: Segment, ranges: Sequence[tuple[int, int]], chosen: Sequence[int]
    ) -> None:
        """Take the rows of the most equal signs as candidates, of all ranges together."""
        live = [segment.live_rows(*pair) for pair in ranges]
        rows = np.concatenate([np.zeros(0, dtype=np.int64), *live])
        for query in chosen:
            vector = self._queries[query]
            found = segment.vectors.find_alike(vector, rows, CANDIDATES_PER_HIT * self.k)
            scores = segment.vectors.decode(found) @ vector
            if np.isnan(scores).any():
                raise DataError(f"holds NaN, so it is damaged; {REBUILD}", segment.folder)
            self.put(query, number, found, scores)

    def put(self, query: int, number: int, rows: NDArray[np.int64], scores: NDArray[np.float32]) -> None:
        """Add candidates that were found in another way.

        Args:
            query: The query.
            number: The segment's number.
            rows: int64 ``[c]``.
            scores: float32 ``[c]``: about their scores.
        """
        self._rows[query].append((number << 32) + rows)
        self._scores[query].append(scores)

    def best(self, query: int, segments: Sequence[Segment]) -> dict[int, Scored]:
        """Score a query's candidates in double precision.

        Args:
            query: The query.
            segments: The segments by number.

        Returns:
            Number of the segment -> its candidates: the best k of all segments together, and whatever ties
            with the last of them.
        """
        places = np.concatenate([np.zeros(0, dtype=np.int64), *self._rows[query]])
        rough = np.concatenate([np.zeros(0, dtype=np.float32), *self._scores[query]])
        if len(places) > self.k:
            kth = np.partition(rough, len(rough) - self.k)[len(rough) - self.k]
            places = places[rough >= kth - self._margin]
        places = np.sort(places)
        numbers, rows = places >> 32, places & 0xFFFFFFFF
        scores = np.empty(len(places), dtype=np.float64)
        for number in np.unique(numbers):
            own = numbers == number
            scores[own] = score_rows(segments[number], rows[own], self._queries[query])
        if len(scores) > self.k:
            kth_exact = np.partition(scores, len(scores) - self.k)[len(scores) - self.k]
            kept = scores >= kth_exact
            numbers, rows, scores = numbers[kept], rows[kept], scores[kept]
        return {
            int(number): Scored(rows[numbers == number], scores[numbers == number])
            for number in np.unique(numbers)
        }

    def _keep(self, query: int, offset: int, scores: NDArray[np.float32]) -> None:
        """Keep what a block has that may be among the best."""
        chosen = np.flatnonzero(scores >= self._least[query])
        if len(chosen) > self.k:
            own = scores[chosen]
            kth = np.partition(own, len(own) - self.k)[len(own) - self.k]
            self._least[query] = max(self._least[query], kth - self._margin)
            chosen = chosen[own >= self._least[query]]
        self._rows[query].append(chosen + offset)
        self._scores[query].append(scores[chosen])
