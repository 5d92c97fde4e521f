"""Evaluate fair rankings of the pool of all languages, from the same vectors as the plain one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from isogloss.benchmarks import Benchmark
from isogloss.errors import ConfigError
from isogloss.evaluation.pooled import Vectors, join_ranking, rank_by_scores
from isogloss.fair_ranking import Fairness, order_fairly
from isogloss.ranking.layout import arrange_passages, multiply_vectors
from isogloss.results import Results, RunInfo
from isogloss.types import Setting

_QUERIES_AT_ONCE = 64


def rank_fairly(
    benchmark: Benchmark, vectors: Vectors, strategy: Fairness, info: RunInfo, *, quiet: bool = False
) -> Results:
    """Rank the pool of all languages by a fair strategy; the order within each language stays as it is.

    Args:
        benchmark: The benchmark.
        vectors: Its texts as vectors.
        strategy: How to rank.
        info: What is evaluated; files, notes and versions are added.
        quiet: Whether to show no progress bar.

    Returns:
        The results.

    Raises:
        ConfigError: The benchmark has no pool of all languages.
        ModelError: The vectors cannot be ranked.

    Source: see ``fair_ranking.order_fairly``.
    """
    if Setting.MULTI not in benchmark.settings:
        raise ConfigError(f"{benchmark.name} has no pool of all languages, the only one that --fair changes")
    languages = benchmark.passage_languages
    layout = arrange_passages(languages, len(benchmark.languages))
    plain = multiply_vectors(vectors.queries, vectors.passages, layout)

    def score(first: int, last: int) -> NDArray[np.float32]:
        # A few queries at a time: sorting takes many times the memory of the scores.
        starts = range(first, last, _QUERIES_AT_ONCE)
        blocks = (plain(start, min(start + _QUERIES_AT_ONCE, last)) for start in starts)
        return np.concatenate(
            [order_fairly(block[:, layout.columns], languages, strategy) for block in blocks]
        )

    return join_ranking(benchmark, rank_by_scores(benchmark, score, quiet=quiet), info)


def label_fair(info: RunInfo, strategy: Fairness) -> RunInfo:
    """Say in the description of a run that the pool of all languages was ranked fairly.

    Args:
        info: The description.
        strategy: How.

    Returns:
        The description of the variant, a system of its own to comparisons.
    """
    settings = {**info.settings, "fair": strategy.value}
    return replace(info, label=f"{info.label}+{strategy.value}", settings=settings)
