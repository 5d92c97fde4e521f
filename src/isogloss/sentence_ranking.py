"""Rank the sentences of one language for those of another, in both directions from one multiplication.

Ties: of two sentences with equal scores the one in the smaller row comes first. Equal vectors get scores
equal bit by bit, because the product is computed once per distinct vector: a matrix product may round one
and the same column differently at different places. So a sentence that stands in two rows is right in the
first of them alone; evaluators that compare texts would count both.

Pairs of languages are ranked in parallel, each by one thread: numpy lets go of the interpreter in all that
takes long here, and threads of BLAS inside those would wait for each other. The result does not depend on
the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from isogloss.benchmarks.sentences import SentenceBenchmark
from isogloss.errors import ModelError
from isogloss.processors import count_processors
from isogloss.progress import Advance
from isogloss.results.sentences import SentenceResults
from isogloss.results.tables import RunInfo
from isogloss.types import LanguagePair

BLOCK_BYTES = 1 << 27
"""Memory for the scores that one thread holds; where two languages' scores need more, each direction is
multiplied by itself, a block of queries after the other."""
MOST_THREADS = 8
_ROWS = 128
"""Rows looked at together: few enough to stay in the processor's cache."""

Vectors = NDArray[np.float32]
Scores = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class SentenceRanks:
    """Hold the ranks of the right sentences of one group.

    Attributes:
        pairs: Query and passage language of each column.
        ranks: int32 ``[N, pairs]``: rank, from 1, of the right sentence among all N.
        nearest: int32 ``[N, pairs]``: row of the best sentence.
    """

    pairs: tuple[LanguagePair, ...]
    ranks: Ints
    nearest: Ints


@dataclass(frozen=True)
class _Side:
    """Hold a language's distinct vectors, and which of them each row has (None: row by row)."""

    distinct: Vectors
    rows: NDArray[np.int64] | None


def rank_sentences(vectors: Mapping[str, Vectors], progress: Advance | None = None) -> SentenceRanks:
    """Rank, for every ordered pair of languages, all sentences of the one for each sentence of the other.

    Args:
        vectors: Language -> float32 ``[N, d]``; row i says the same in each. The score is the dot product,
            for unit vectors the cosine.
        progress: Told how many ordered pairs are done.

    Returns:
        Ranks and nearest sentences; the pairs in the order of the languages.

    Raises:
        ModelError: There are none, they do not fit together, or one holds NaN or an infinity.

    Source: ours (exact; rank = 1 + sentences with a greater score, or an equal one and a smaller row).
    """
    from threadpoolctl import threadpool_limits

    _check_vectors(vectors)
    languages = tuple(vectors)
    count = len(vectors[languages[0]])
    sides = [_merge_equal(vectors[language].astype(np.float32, copy=False)) for language in languages]
    pairs = [
        (first, second) for first in range(len(sides)) for second in range(len(sides)) if first != second
    ]
    columns = {pair: column for column, pair in enumerate(pairs)}
    # A pair's ranks lie side by side in memory.
    ranks, nearest = (np.zeros((len(pairs), count), dtype=np.int32) for _ in range(2))

    def rank(pair: tuple[int, int]) -> None:
        first, second = pair
        there, back = columns[first, second], columns[second, first]
        ranks[there], nearest[there], ranks[back], nearest[back] = _rank_pair(sides[first], sides[second])

    threads = min(MOST_THREADS, count_processors())
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(rank, combinations(range(len(sides)), 2)):
            if progress is not None:
                progress(2)
    named = tuple(LanguagePair(languages[first], languages[second]) for first, second in pairs)
    return SentenceRanks(named, ranks.T, nearest.T)


def rank_sentence_benchmark(
    benchmark: SentenceBenchmark,
    vectors: Iterable[Mapping[str, Vectors]],
    info: RunInfo,
    progress: Advance | None = None,
) -> SentenceResults:
    """Rank the sentences of a benchmark, a group after the other.

    Args:
        benchmark: The benchmark.
        vectors: For each group, in order, language -> float32 ``[N, d]``; an iterator is read as groups are
            ranked, so that the vectors of one group alone need be in memory.
        info: What is evaluated.
        progress: Told how many ordered pairs of languages are done.

    Returns:
        The results.

    Raises:
        ModelError: The vectors are not those of the benchmark, or one holds NaN or an infinity.
    """
    ids = tuple(dict.fromkeys(name for group in benchmark.groups for name in group.ids))
    places = {name: row for row, name in enumerate(ids)}
    pairs = benchmark.pairs()
    ranks = np.zeros((len(pairs), len(ids)), dtype=np.int32)
    nearest = np.full((len(pairs), len(ids)), -1, dtype=np.int32)
    sizes = np.zeros(len(pairs), dtype=np.int64)
    column = 0
    for group, given in zip(benchmark.groups, vectors, strict=True):
        if {language: len(rows) for language, rows in given.items()} != dict.fromkeys(
            group.sentences, len(group.ids)
        ):
            raise ModelError(f"the vectors are not those of {', '.join(group.sentences)}, a row per sentence")
        found = rank_sentences({language: given[language] for language in group.sentences}, progress)
        rows = np.asarray([places[name] for name in group.ids], dtype=np.int32)
        span = slice(column, column + len(found.pairs))
        ranks[span, rows] = found.ranks.T
        nearest[span, rows] = rows[found.nearest.T]
        sizes[span] = len(rows)
        column = span.stop
    return SentenceResults(
        benchmark=benchmark.name,
        info=info,
        languages=benchmark.languages,
        question_ids=ids,
        pairs=pairs,
        ranks=ranks.T,
        nearest=nearest.T,
        pool_sizes=sizes,
    )


def _rank_pair(first: _Side, second: _Side) -> tuple[Ints, Ints, Ints, Ints]:
    """Rank both directions of a pair: ranks and nearest rows there, then back."""
    size = len(first.distinct) * len(second.distinct) * 4
    if max(size, _count_rows(first) ** 2 * 4) > BLOCK_BYTES:
        return (*_rank_one_way(first, second), *_rank_one_way(second, first))
    scores = first.distinct @ second.distinct.T
    if first.rows is not None:
        scores = scores[first.rows]
    if second.rows is not None:
        scores = scores[:, second.rows]
    return (*_rank_rows(scores), *_rank_columns(scores))


def _rank_one_way(queries: _Side, passages: _Side) -> tuple[Ints, Ints]:
    """Rank passages for queries, a block of queries after the other."""
    count = _count_rows(queries)
    ranks, nearest = (np.empty(count, dtype=np.int32) for _ in range(2))
    size = max(1, BLOCK_BYTES // (4 * count))
    for start in range(0, count, size):
        rows = slice(start, start + size)
        block = queries.distinct[rows if queries.rows is None else queries.rows[rows]]
        scores = block @ passages.distinct.T
        if passages.rows is not None:
            scores = scores[:, passages.rows]
        ranks[rows], nearest[rows] = _rank_rows(scores, start)
    return ranks, nearest


def _rank_rows(scores: Scores, start: int = 0) -> tuple[Ints, Ints]:
    """Rank the columns for each row; row i is query ``start + i``, and that column is right."""
    ranks = np.empty(len(scores), dtype=np.int32)
    earlier = np.tri(_ROWS, k=-1, dtype=bool)
    for top in range(0, len(scores), _ROWS):
        rows = slice(top, min(top + _ROWS, len(scores)))
        block = scores[rows]
        right = slice(start + rows.start, start + rows.stop)
        square = block[:, right]
        limit = np.diagonal(square)[:, None]
        # Columns before the right one come first when equal: all left of the square, some inside.
        above = np.empty(block.shape, dtype=bool)
        np.greater_equal(block[:, : right.start], limit, out=above[:, : right.start])
        np.greater(block[:, right.start :], limit, out=above[:, right.start :])
        above[:, right] |= (square == limit) & earlier[: len(block), : len(block)]
        ranks[rows] = above.view(np.uint8).sum(axis=1, dtype=np.uint32)
    ranks += 1
    return ranks, scores.argmax(axis=1).astype(np.int32)


def _rank_columns(scores: Scores) -> tuple[Ints, Ints]:
    """Rank the rows for each column of a square of scores; column j is query j, and row j is right.

    Row by row in memory, as the scores lie; the nearest row is looked for in the best block of rows alone.
    """
    count = len(scores)
    limit = np.diagonal(scores).copy()
    ranks = np.ones(count, dtype=np.int32)
    best = np.full(count, -np.inf, dtype=np.float32)
    holder = np.zeros(count, dtype=np.int32)
    earlier = np.tri(_ROWS, k=-1, dtype=bool)
    for top in range(0, count, _ROWS):
        rows = slice(top, min(top + _ROWS, count))
        block = scores[rows]
        above = np.empty(block.shape, dtype=bool)
        np.greater(block[:, : rows.stop], limit[: rows.stop], out=above[:, : rows.stop])
        np.greater_equal(block[:, rows.stop :], limit[rows.stop :], out=above[:, rows.stop :])
        above[:, rows] |= (block[:, rows] == limit[rows]) & earlier[: len(block), : len(block)].T
        ranks += above.view(np.uint8).sum(axis=0, dtype=np.uint16)
        highest = block.max(axis=0)
        better = highest > best
        best[better] = highest[better]
        holder[better] = top
    nearest = np.empty(count, dtype=np.int32)
    for top in range(0, count, _ROWS):
        columns = np.flatnonzero(holder == top)
        nearest[columns] = top + (scores[top : top + _ROWS, columns] == best[columns]).argmax(axis=0)
    return ranks, nearest


def _merge_equal(vectors: Vectors) -> _Side:
    """Find the distinct vectors, and which of them each row has."""
    # Adding zero makes -0.0 the same as 0.0.
    seen: dict[bytes, int] = {}
    rows = np.asarray([seen.setdefault(row.tobytes(), len(seen)) for row in vectors + 0.0], dtype=np.int64)
    if len(seen) == len(vectors):
        return _Side(vectors, None)
    _, firsts = np.unique(rows, return_index=True)
    return _Side(vectors[firsts], rows)


def _count_rows(side: _Side) -> int:
    return len(side.distinct if side.rows is None else side.rows)


def _check_vectors(vectors: Mapping[str, Vectors]) -> None:
    """Refuse vectors that cannot be ranked."""
    found = {rows.shape for rows in vectors.values()}
    if len(found) != 1 or any(len(shape) != 2 or 0 in shape for shape in found):
        shapes = ", ".join(f"{language} {rows.shape}" for language, rows in vectors.items())
        raise ModelError(f"vectors of these shapes cannot be ranked for each other: {shapes or 'none'}")
    for language, rows in vectors.items():
        broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        if len(broken):
            raise ModelError(f"the vector of sentence {broken[0]} in {language} holds NaN or an infinity")
