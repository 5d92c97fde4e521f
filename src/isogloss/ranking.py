"""Rank every passage for every query, exactly, and read all settings from the same scores.

Ties: of two passages with equal scores the one with the smaller number (its place in the benchmark) comes
first. Equal vectors get scores equal bit by bit, because the product is computed once per distinct
passage vector: a matrix product may round one and the same column differently at different places.

A passage's place in an order is kept in one 64-bit key, the score's bits above the passage's number, so
that sorting keys as whole numbers sorts by score, then number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import ModelError
from isogloss.progress import Advance

BLOCK_BYTES = 1 << 27
"""Memory for the scores and keys of one block of queries (one query at least)."""
_BYTES_PER_SCORE = 28
_NUMBER_BITS = np.int64(0xFFFFFFFF)

Keys = NDArray[np.int64]


@dataclass(frozen=True)
class Ranking:
    """Hold ranks and best passages, as ``Results`` keeps them.

    Attributes:
        rank_language: int32 ``[J]``: rank, from 1, in the pool of the passage's own language.
        rank_pool: int32 ``[J]``: rank, from 1, in the pool of all languages.
        top_pool: int32 ``[Q, k]``: best passages of all languages, best first; -1 pads.
        top_language: int32 ``[Q, L, k]``: best passages of each language, best first; -1 pads.
    """

    rank_language: NDArray[np.int32]
    rank_pool: NDArray[np.int32]
    top_pool: NDArray[np.int32]
    top_language: NDArray[np.int32]


@dataclass(frozen=True)
class OrderedBlock:
    """Hold the order of every pool for some queries that follow each other.

    Attributes:
        start: Number of the first query.
        keys: Per language the keys of its passages, ``[B, P_language]``, ascending: best passage first.
        scores: float32 ``[B, D]``: scores of the distinct passage vectors.
        columns: ``[P]``: the distinct vector of each passage.
    """

    start: int
    keys: list[Keys]
    scores: NDArray[np.float32]
    columns: NDArray[np.int64]

    def keys_of(self, rows: NDArray[np.int64], passages: NDArray[np.int32]) -> Keys:
        """Compute the keys of pairs of query and passage.

        Args:
            rows: Queries, counted from the block's start, ``[n]``.
            passages: Passage numbers, ``[n]``.

        Returns:
            int64 ``[n]``.
        """
        return _make_keys(self.scores[rows, self.columns[passages]], passages.astype(np.int64))

    def language_order(self, row: int, language: int, depth: int | None = None) -> NDArray[np.int64]:
        """List a language's passages for a query.

        Args:
            row: The query, counted from the block's start.
            language: The language's number.
            depth: How many to list; None for all.

        Returns:
            Passage numbers, best first.
        """
        return self.keys[language][row, :depth] & _NUMBER_BITS

    def pool_order(self, row: int, depth: int | None = None) -> NDArray[np.int64]:
        """List the passages of all languages for a query.

        Args:
            row: The query, counted from the block's start.
            depth: How many to list; None for all.

        Returns:
            Passage numbers, best first.
        """
        return np.sort(np.concatenate([keys[row, :depth] for keys in self.keys]))[:depth] & _NUMBER_BITS


def order_passages(
    queries: NDArray[np.float32],
    passages: NDArray[np.float32],
    passage_languages: NDArray[np.int16],
    language_count: int,
) -> Iterator[OrderedBlock]:
    """Order every language's pool for every query, block by block.

    Args:
        queries: float32 ``[Q, d]``.
        passages: float32 ``[P, d]``; the score is the dot product, for unit vectors the cosine.
        passage_languages: ``[P]``, 0 to ``language_count - 1``.
        language_count: Number of languages.

    Returns:
        An iterator over the blocks, in the order of the queries.

    Raises:
        ModelError: The vectors do not fit together, or one holds NaN or an infinity.

    Source: ours (exact search; tie rule above).
    """
    _check_vectors(queries, passages)
    distinct, columns = _merge_equal(passages)
    members = [np.flatnonzero(passage_languages == number) for number in range(language_count)]
    return _iterate_blocks(queries, distinct, columns, members)


def rank_passages(
    queries: NDArray[np.float32],
    passages: NDArray[np.float32],
    passage_languages: NDArray[np.int16],
    language_count: int,
    judged_query: NDArray[np.int32],
    judged_passage: NDArray[np.int32],
    *,
    depth: int = 100,
    progress: Advance | None = None,
) -> Ranking:
    """Find the ranks of the relevant passages and the best passages, in every pool.

    Args:
        queries: float32 ``[Q, d]``.
        passages: float32 ``[P, d]``; the score is the dot product, for unit vectors the cosine.
        passage_languages: ``[P]``, 0 to ``language_count - 1``.
        language_count: Number of languages.
        judged_query: ``[J]``: the query of each pair of query and relevant passage.
        judged_passage: ``[J]``: the passage of each pair.
        depth: Length k of the lists of best passages.
        progress: Told how many queries are done.

    Returns:
        Ranks and best passages.

    Raises:
        ModelError: The vectors do not fit together, or one holds NaN or an infinity.

    Source: ours (exact search; rank = 1 + passages with a greater score, or equal and a smaller number).
    """
    found = Ranking(
        rank_language=np.zeros(len(judged_query), dtype=np.int32),
        rank_pool=np.zeros(len(judged_query), dtype=np.int32),
        top_pool=np.full((len(queries), depth), -1, dtype=np.int32),
        top_language=np.full((len(queries), language_count, depth), -1, dtype=np.int32),
    )
    order = np.argsort(judged_query, kind="stable")
    bounds = np.searchsorted(judged_query[order], np.arange(len(queries) + 1))
    for block in order_passages(queries, passages, passage_languages, language_count):
        size = len(block.scores)
        _fill_tops(found, block, depth)
        pairs = order[bounds[block.start] : bounds[block.start + size]]
        relevant = judged_passage[pairs]
        rows = judged_query[pairs].astype(np.int64) - block.start
        better = _count_better(block, rows, block.keys_of(rows, relevant))
        found.rank_language[pairs] = better[passage_languages[relevant], np.arange(len(pairs))] + 1
        found.rank_pool[pairs] = better.sum(axis=0) + 1
        if progress is not None:
            progress(size)
    return found


def _iterate_blocks(
    queries: NDArray[np.float32],
    distinct: NDArray[np.float32],
    columns: NDArray[np.int64],
    members: list[NDArray[np.int64]],
) -> Iterator[OrderedBlock]:
    """Score and order one block of queries after the other."""
    size = max(1, BLOCK_BYTES // (_BYTES_PER_SCORE * max(len(columns), 1)))
    for start in range(0, len(queries), size):
        scores = queries[start : start + size] @ distinct.T
        keys = [_make_keys(scores[:, columns[numbers]], numbers) for numbers in members]
        for block in keys:
            block.sort(axis=1)
        yield OrderedBlock(start, keys, scores, columns)


def _make_keys(scores: NDArray[np.float32], numbers: NDArray[np.int64]) -> Keys:
    """Join scores and passage numbers to keys that sort by falling score, then by number."""
    # Adding zero makes -0.0 the same as 0.0. Flipping the lower bits of negative numbers lets the bits of
    # a float sort as a whole number; turning all bits around makes the greatest score the smallest.
    bits = (scores + np.float32(0)).view(np.int32)
    rising = bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF))
    keys: Keys = (~rising).astype(np.int64)
    keys <<= np.int64(32)
    keys |= numbers
    return keys


def _count_better(block: OrderedBlock, rows: NDArray[np.int64], wanted: Keys) -> NDArray[np.int64]:
    """Count, per language and wanted key ``[L, n]``, the passages that come before it; rows ascend."""
    better = np.zeros((len(block.keys), len(rows)), dtype=np.int64)
    bounds = np.searchsorted(rows, np.arange(len(block.scores) + 1))
    for row in range(len(block.scores)):
        span = slice(bounds[row], bounds[row + 1])
        for language, keys in enumerate(block.keys):
            better[language, span] = keys[row].searchsorted(wanted[span])
    return better


def _fill_tops(found: Ranking, block: OrderedBlock, depth: int) -> None:
    """Write the best passages of a block's queries."""
    rows = slice(block.start, block.start + len(block.scores))
    for number, keys in enumerate(block.keys):
        best = keys[:, :depth] & _NUMBER_BITS
        found.top_language[rows, number, : best.shape[1]] = best
    # The best of all languages are among the best of each.
    merged = np.concatenate([keys[:, :depth] for keys in block.keys], axis=1)
    merged.sort(axis=1)
    best = merged[:, :depth] & _NUMBER_BITS
    found.top_pool[rows, : best.shape[1]] = best


def _merge_equal(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Find the distinct vectors, and which of them each vector is."""
    seen: dict[bytes, int] = {}
    columns = np.asarray(
        [seen.setdefault(hashlib.blake2b(row.data, digest_size=16).digest(), len(seen)) for row in vectors],
        dtype=np.int64,
    )
    if len(seen) == len(vectors):
        return vectors, columns
    _, firsts = np.unique(columns, return_index=True)
    return vectors[firsts], columns


def _check_vectors(queries: NDArray[np.float32], passages: NDArray[np.float32]) -> None:
    """Refuse vectors that cannot be ranked."""
    if queries.ndim != 2 or passages.ndim != 2 or queries.shape[1] != passages.shape[1]:
        raise ModelError(f"vectors of shapes {queries.shape} and {passages.shape} cannot be compared")
    for what, vectors in (("query", queries), ("passage", passages)):
        broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(broken):
            raise ModelError(f"the vector of {what} number {broken[0]} holds NaN or an infinity")
