"""Find ranks by counting and best passages by picking: no pool is sorted to the end."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from isogloss.processors import count_processors
from isogloss.progress import Advance
from isogloss.ranking.layout import (
    WORD,
    Block,
    Layout,
    ScoreBlock,
    arrange_passages,
    arrange_scores,
    iterate_blocks,
    multiply_vectors,
    raise_scores,
    split_block,
)
from isogloss.ranking.order import make_keys

_PAIRS_AT_ONCE = 64
_LOWEST = np.iinfo(np.int32).min
"""Stands in unused columns, below every score."""
_LAST_KEY = np.iinfo(np.int64).max
"""Sorts after every passage; its lower half reads as passage -1."""


@dataclass(frozen=True)
class Ranking:
    """Hold ranks and best passages, as ``Results`` keeps them.

    Attributes:
        rank_language: int32 ``[J]``: rank, from 1, in the pool of the passage's own language.
        rank_pool: int32 ``[J]``: rank, from 1, in the pool of all languages.
        top_pool: int32 ``[Q, k]``: best passages of all languages, best first; -1 pads.
        top_language: int32 ``[Q, L, k]``: best passages of each language, best first; -1 pads.
        own_above: int32 ``[J]``: passages of the query's own language that stand above the judged passage
            in the pool of all, itself not counted; empty where the queries' languages were not given.
    """

    rank_language: NDArray[np.int32]
    rank_pool: NDArray[np.int32]
    top_pool: NDArray[np.int32]
    top_language: NDArray[np.int32]
    own_above: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))


def rank_passages(
    queries: NDArray[np.float32],
    passages: NDArray[np.float32],
    passage_languages: NDArray[np.int16],
    language_count: int,
    judged_query: NDArray[np.int32],
    judged_passage: NDArray[np.int32],
    *,
    query_languages: NDArray[np.int16] | None = None,
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
        query_languages: ``[Q]``, 0 to ``language_count - 1``; None leaves ``own_above`` empty.
        depth: Length k of the lists of best passages.
        progress: Told how many queries are done.

    Returns:
        Ranks and best passages, the same with any number of threads.

    Raises:
        ModelError: The vectors do not fit together, hold NaN or an infinity, or are too long.

    Source: ours (exact search; rank = 1 + passages with a greater score, or equal and a smaller number).
    """
    layout = arrange_passages(passage_languages, language_count)
    scores = multiply_vectors(queries, passages, layout)
    judged = _Judged(passage_languages, judged_query, judged_passage, query_languages)
    return _rank_blocks(scores, len(queries), layout, judged, depth, progress)


def rank_scores(
    score_block: ScoreBlock,
    query_count: int,
    passage_languages: NDArray[np.int16],
    language_count: int,
    judged_query: NDArray[np.int32],
    judged_passage: NDArray[np.int32],
    *,
    query_languages: NDArray[np.int16] | None = None,
    depth: int = 100,
    progress: Advance | None = None,
) -> Ranking:
    """Find ranks and best passages from ready scores, as ``rank_passages`` does from vectors.

    Args:
        score_block: Called with the numbers of the first query and of the one after the last; gives their
            scores for all passages, float32 ``[B, P]``; infinities are allowed.
        query_count: Number of queries.
        passage_languages: ``[P]``, 0 to ``language_count - 1``.
        language_count: Number of languages.
        judged_query: ``[J]``: the query of each pair of query and relevant passage.
        judged_passage: ``[J]``: the passage of each pair.
        query_languages: ``[Q]``, 0 to ``language_count - 1``; None leaves ``own_above`` empty.
        depth: Length k of the lists of best passages.
        progress: Told how many queries are done.

    Returns:
        Ranks and best passages, the same with any number of threads.

    Raises:
        ModelError: The scores have another shape, or one is NaN.

    Source: ours (exact; rank = 1 + passages with a greater score, or equal and a smaller number).
    """
    layout = arrange_passages(passage_languages, language_count)
    scores = arrange_scores(score_block, layout)
    judged = _Judged(passage_languages, judged_query, judged_passage, query_languages)
    return _rank_blocks(scores, query_count, layout, judged, depth, progress)


@dataclass(frozen=True)
class _Judged:
    """Hold the pairs of query and relevant passage, and the languages of both."""

    passage_languages: NDArray[np.int16]
    query: NDArray[np.int32]
    passage: NDArray[np.int32]
    query_languages: NDArray[np.int16] | None


def _rank_blocks(
    score_block: ScoreBlock,
    query_count: int,
    layout: Layout,
    judged: _Judged,
    depth: int,
    progress: Advance | None,
) -> Ranking:
    """Rank block by block: the product uses its own threads, then threads share the block's queries."""
    own_count = 0 if judged.query_languages is None else len(judged.query)
    found = Ranking(
        rank_language=np.zeros(len(judged.query), dtype=np.int32),
        rank_pool=np.zeros(len(judged.query), dtype=np.int32),
        top_pool=np.full((query_count, depth), -1, dtype=np.int32),
        top_language=np.full((query_count, len(layout.languages), depth), -1, dtype=np.int32),
        own_above=np.zeros(own_count, dtype=np.int32),
    )
    order = np.argsort(judged.query, kind="stable")
    bounds = np.searchsorted(judged.query[order], np.arange(query_count + 1))
    unused = layout.numbers < 0

    def rank_part(part: Block) -> int:
        start, values = part[0], raise_scores(part[1])
        values[:, unused] = _LOWEST
        if depth:
            _fill_tops(found, start, values, layout)
        _fill_ranks(found, start, values, layout, judged, order[bounds[start] : bounds[start + len(values)]])
        return len(values)

    with ThreadPoolExecutor(_count_threads()) as pool:
        for block in iterate_blocks(score_block, query_count, layout):
            for done in pool.map(rank_part, split_block(block)):
                if progress is not None:
                    progress(done)
    return found


def _count_threads() -> int:
    """Count the threads to use: as many as OMP_NUM_THREADS allows the product, else one a processor."""
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    if allowed.isdigit() and int(allowed) > 0:
        return int(allowed)
    return count_processors()


def _fill_tops(found: Ranking, start: int, values: NDArray[np.int32], layout: Layout) -> None:
    """Write the best passages of some queries."""
    (rows, width), depth = values.shape, found.top_pool.shape[1]
    picked = np.zeros(values.shape, dtype=np.bool_)
    for columns in layout.languages:
        own = values[:, columns]
        np.greater_equal(own, _bound_best(own, depth), out=picked[:, columns])
    places = np.flatnonzero(picked)
    row_starts = np.arange(rows + 1) * width
    # The picked places of each query and language lie side by side, by rising passage number.
    starts = row_starts[:rows, np.newaxis] + layout.segments[layout.first_segments] * WORD
    counts = np.diff(places.searchsorted(np.append(starts, row_starts[-1])))
    best = values.reshape(-1).take(places)
    places -= np.repeat(row_starts[:-1], np.diff(places.searchsorted(row_starts)))
    keys = np.full((counts.size, max(depth, int(counts.max()))), _LAST_KEY)
    keys[np.arange(keys.shape[1]) < counts[:, np.newaxis]] = make_keys(best, layout.numbers.take(places))
    keys.sort(axis=1)
    # The best of all languages are among the best of each.
    merged = keys[:, :depth].reshape(rows, -1)
    span = slice(start, start + rows)
    found.top_language[span] = merged.reshape(rows, -1, depth)
    merged.partition(depth - 1, axis=1)
    merged = merged[:, :depth]
    merged.sort(axis=1)
    found.top_pool[span] = merged


def _bound_best(values: NDArray[np.int32], depth: int) -> NDArray[np.int32]:
    """Find a score ``[B, 1]`` that at least ``depth`` of each row reach, and few more."""
    count = values.shape[1]
    if count <= depth:
        return np.full((len(values), 1), _LOWEST, dtype=np.int32)
    # The bound is the depth-th greatest of the groups' greatest scores, each of another group; scores that
    # fit in no group only loosen it. With fewer than two groups for each wanted score it is loose, with more
    # it is dear to find.
    groups = count // max(1, count // (2 * depth))
    whole = count - count % groups
    greatest = values[:, :whole].reshape(len(values), -1, groups).max(axis=1)
    greatest.partition(groups - depth, axis=1)
    bound: NDArray[np.int32] = greatest[:, groups - depth, np.newaxis]
    return bound


def _fill_ranks(
    found: Ranking,
    start: int,
    values: NDArray[np.int32],
    layout: Layout,
    judged: _Judged,
    pairs: NDArray[np.int64],
) -> None:
    """Write the ranks of some queries' relevant passages; the pairs' queries ascend."""
    passages = judged.passage[pairs]
    rows = judged.query[pairs] - start
    wanted = values[rows, layout.columns[passages]]
    words = np.empty((len(pairs), len(layout.segments)), dtype=np.uint64)
    bounds = np.searchsorted(rows, np.arange(len(values) + 1)).tolist()
    for row, (first, end) in enumerate(pairwise(bounds)):
        for at in range(first, end, _PAIRS_AT_ONCE):
            span = slice(at, min(at + _PAIRS_AT_ONCE, end))
            _count_above(values[row], wanted[span], passages[span], layout, words[span])
    bytewise = words.view(np.uint8).reshape(*words.shape, WORD).sum(axis=2, dtype=np.int32)
    above = np.add.reduceat(bytewise, layout.first_segments, axis=1)
    numbers = np.arange(len(pairs))
    found.rank_language[pairs] = above[numbers, judged.passage_languages[passages]] + 1
    found.rank_pool[pairs] = above.sum(axis=1) + 1
    if judged.query_languages is not None:
        found.own_above[pairs] = above[numbers, judged.query_languages[judged.query[pairs]]]


def _count_above(
    values: NDArray[np.int32],
    wanted: NDArray[np.int32],
    passages: NDArray[np.int32],
    layout: Layout,
    words: NDArray[np.uint64],
) -> None:
    """Count into bytes of words ``[m, S]`` the passages of each segment that come before the given ones."""
    better = values > wanted[:, np.newaxis]
    np.add.reduceat(better.view(np.uint64), layout.segments, axis=1, out=words)
    equal = np.equal(values, wanted[:, np.newaxis], out=better)
    if np.count_nonzero(equal) > len(wanted):
        equal &= layout.numbers < passages[:, np.newaxis]
        words += np.add.reduceat(equal.view(np.uint64), layout.segments, axis=1)
