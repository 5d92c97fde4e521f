"""Evaluate without training: BM25 within a language, and vectors without their language's direction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from isogloss.benchmarks import Benchmark
from isogloss.debiasing import Debiasing, debias_vectors
from isogloss.errors import ConfigError, DataError
from isogloss.evaluation.pooled import Vectors, join_ranking, rank_by_scores
from isogloss.lexical import score_lexically
from isogloss.results import Results, RunInfo
from isogloss.types import PassageUnit, Setting

BM25 = "bm25"
"""The name of the lexical baseline, where a model's name is expected."""


def evaluate_lexically(
    benchmark: Benchmark,
    unit: PassageUnit = PassageUnit.SENTENCE,
    info: RunInfo | None = None,
    *,
    quiet: bool = False,
) -> Results:
    """Rank passages by BM25; words do not cross languages, so the monolingual setting alone is ranked.

    Args:
        benchmark: The benchmark.
        unit: The text that stands for a passage.
        info: What comparisons should know about it; files, settings and versions are added.
        quiet: Whether to show no progress bar.

    Returns:
        The results.

    Raises:
        ConfigError: The package bm25s is not installed, or the benchmark has no monolingual setting.

    Source: see ``lexical.score_lexically``.
    """
    if Setting.MONO not in benchmark.settings:
        raise ConfigError(f"{benchmark.name} has no monolingual setting, the only one in which BM25 can rank")
    scores = score_lexically(
        benchmark.query_texts,
        benchmark.passage_texts(unit),
        benchmark.query_languages,
        benchmark.passage_languages,
    )
    ranking = rank_by_scores(benchmark, scores, quiet=quiet)
    known = info if info is not None else RunInfo(model=BM25, label=BM25)
    described = replace(known, settings={**known.settings, "unit": unit.value})
    return replace(join_ranking(benchmark, ranking, described), settings=(Setting.MONO,))


def debias_benchmark(benchmark: Benchmark, vectors: Vectors, method: Debiasing) -> Vectors:
    """Take language out of a benchmark's vectors.

    Args:
        benchmark: The benchmark.
        vectors: Its texts as vectors.
        method: How.

    Returns:
        New vectors.

    Raises:
        ModelError: A language has too few texts to be told from its own direction.
        DataError: A language has queries but no passages.

    Source: see ``debiasing.debias_vectors``.
    """
    silent = np.setdiff1d(benchmark.query_languages, benchmark.passage_languages)
    if len(silent):
        raise DataError(
            f"{benchmark.name} has queries but no passages in {benchmark.languages[silent[0]]!r}, so that "
            "nothing is known of that language's direction; leave it out by --languages"
        )
    return Vectors(
        *debias_vectors(
            vectors.queries, vectors.passages, benchmark.query_languages, benchmark.passage_languages, method
        )
    )


def label_debiased(info: RunInfo, method: Debiasing) -> RunInfo:
    """Say in the description of a run that language was taken out of its vectors.

    Args:
        info: The description.
        method: How.

    Returns:
        The description of the debiased variant, a system of its own to comparisons.
    """
    return replace(
        info, label=f"{info.label}+{method.value}", settings={**info.settings, "debias": method.value}
    )
