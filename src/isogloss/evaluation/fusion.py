"""Evaluate vectors and words together: a model's rankings fused with those of BM25."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from isogloss.benchmarks import Benchmark
from isogloss.evaluation.pooled import Vectors, join_ranking, rank_by_scores
from isogloss.lexical import score_lexically
from isogloss.lexical_fusion import fuse_lexically
from isogloss.ranking.layout import arrange_passages, multiply_vectors
from isogloss.results import Results, RunInfo
from isogloss.types import PassageUnit

_QUERIES_AT_ONCE = 64

Order = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]


def rank_with_words(
    benchmark: Benchmark, vectors: Vectors, unit: PassageUnit, info: RunInfo, *, quiet: bool = False
) -> Results:
    """Rank passages by vectors and by words; in every setting as a search in its languages would.

    Args:
        benchmark: The benchmark.
        vectors: Its texts as vectors.
        unit: The text that stands for a passage.
        info: What is evaluated; files, notes and versions are added.
        quiet: Whether to show no progress bar.

    Returns:
        The results.

    Raises:
        ConfigError: The package bm25s is not installed.
        ModelError: The vectors cannot be ranked.

    Source: see ``lexical_fusion.fuse_lexically``; queries count as of unknown language.
    """
    languages = benchmark.passage_languages
    layout = arrange_passages(languages, len(benchmark.languages))
    plain = multiply_vectors(vectors.queries, vectors.passages, layout)
    words = score_lexically(benchmark.query_texts, benchmark.passage_texts(unit), None, languages)

    def make_scores(order: Order) -> Callable[[int, int], NDArray[np.float32]]:
        def score(first: int, last: int) -> NDArray[np.float32]:
            # A few queries at a time: sorting takes many times the memory of the scores.
            starts = [
                (start, min(start + _QUERIES_AT_ONCE, last)) for start in range(first, last, _QUERIES_AT_ONCE)
            ]
            return np.concatenate([order(plain(*part)[:, layout.columns], words(*part)) for part in starts])

        return score

    def order_pool(dense: NDArray[np.float32], lexical: NDArray[np.float32]) -> NDArray[np.float32]:
        return fuse_lexically(dense, lexical, languages).astype(np.float32)

    def order_languages(dense: NDArray[np.float32], lexical: NDArray[np.float32]) -> NDArray[np.float32]:
        ordered = np.empty(dense.shape, dtype=np.float32)
        for language in np.unique(languages):
            own = languages == language
            ordered[:, own] = fuse_lexically(dense[:, own], lexical[:, own], languages[own])
        return ordered

    pooled = rank_by_scores(benchmark, make_scores(order_pool), quiet=quiet)
    alone = rank_by_scores(benchmark, make_scores(order_languages), quiet=quiet)
    ranking = replace(pooled, rank_language=alone.rank_language, top_language=alone.top_language)
    return join_ranking(benchmark, ranking, info)


def label_fused(info: RunInfo) -> RunInfo:
    """Say in the description of a run that words were fused with its vectors.

    Args:
        info: The description.

    Returns:
        The description of the variant, a system of its own to comparisons.
    """
    return replace(info, label=f"{info.label}+bm25", settings={**info.settings, "fuse": "bm25"})
