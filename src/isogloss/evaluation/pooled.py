"""Evaluate a model on a benchmark: encode every text once, rank every passage for every query."""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from isogloss._version import __version__
from isogloss.benchmarks import Benchmark
from isogloss.encoding.vector_files import VectorFiles
from isogloss.progress import show_progress
from isogloss.ranking import Ranking, ScoreBlock, rank_passages, rank_scores
from isogloss.results import Results, RunInfo
from isogloss.types import PassageUnit, Setting

TOP_DEPTH = 100
_RECORDED = ("numpy", "torch", "transformers", "sentence-transformers")


class TextEncoder(Protocol):
    """Whatever turns texts into unit vectors; ``encoding.Encoder`` does."""

    name: str

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode queries: float32 ``[n, d]``."""

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode passages: float32 ``[n, d]``."""

    def settings(self) -> Mapping[str, str | int | float | bool]:
        """Tell what decides the vectors, beside the model."""


class Vectors(NamedTuple):
    """Hold a benchmark's texts as vectors: float32 ``[Q, d]`` and ``[P, d]``."""

    queries: NDArray[np.float32]
    passages: NDArray[np.float32]


def evaluate(
    encoder: TextEncoder,
    benchmark: Benchmark,
    unit: PassageUnit = PassageUnit.SENTENCE,
    info: RunInfo | None = None,
    *,
    quiet: bool = False,
) -> Results:
    """Evaluate a model on a benchmark, in every setting at once.

    Args:
        encoder: The model.
        benchmark: The benchmark.
        unit: The text that stands for a passage.
        info: What comparisons should know about the model; files, settings and versions are added.
        quiet: Whether to show no progress bar.

    Returns:
        The results.

    Raises:
        ModelError: The model gives vectors that cannot be ranked.

    Source: arXiv 2408.10536, evaluation (settings, measures); LAReQA (arXiv 2004.05484).
    """
    vectors = encode_benchmark(encoder, benchmark, unit)
    known = info if info is not None else RunInfo(model=encoder.name, label=Path(encoder.name).name)
    return rank_benchmark(benchmark, vectors, complete_info(known, encoder, unit), quiet=quiet)


def complete_info(info: RunInfo, encoder: TextEncoder, unit: PassageUnit) -> RunInfo:
    """Add what decided the vectors to the description of a run.

    Args:
        info: The description.
        encoder: The encoder, after it encoded the benchmark.
        unit: The text that stood for a passage.

    Returns:
        The description with settings.
    """
    return replace(info, settings={**info.settings, "unit": unit.value, **encoder.settings()})


def encode_benchmark(encoder: TextEncoder, benchmark: Benchmark, unit: PassageUnit) -> Vectors:
    """Encode the texts of a benchmark.

    Args:
        encoder: The model.
        benchmark: The benchmark.
        unit: The text that stands for a passage.

    Returns:
        The vectors of queries and passages.

    Raises:
        ModelError: A vector is zero or holds NaN.
    """
    queries = encoder.encode_queries(benchmark.query_texts)
    return Vectors(queries, encoder.encode_passages(benchmark.passage_texts(unit)))


def take_vectors(files: VectorFiles, benchmark: Benchmark) -> Vectors:
    """Take a benchmark's vectors from files that were computed elsewhere.

    Args:
        files: The files; ids of queries are ``<language>:<question id>``, those of passages the benchmark's
            own, as ``isogloss benchmarks --export`` writes them.
        benchmark: The benchmark.

    Returns:
        The vectors of queries and passages.

    Raises:
        DataError: A text has no vector, or one that is zero or holds NaN.
    """
    spoken = [benchmark.languages[number] for number in benchmark.query_languages]
    queries = [f"{code}:{name}" for code, name in zip(spoken, benchmark.query_ids, strict=True)]
    return Vectors(files.take("query", queries), files.take("passage", benchmark.passage_ids))


def rank_benchmark(benchmark: Benchmark, vectors: Vectors, info: RunInfo, *, quiet: bool = False) -> Results:
    """Rank every passage for every query.

    Args:
        benchmark: The benchmark.
        vectors: Its texts as vectors.
        info: What is evaluated; files, notes and versions are added.
        quiet: Whether to show no progress bar.

    Returns:
        The results.

    Raises:
        ModelError: The vectors cannot be ranked.
    """
    ranking = _rank(benchmark, rank_passages, vectors.queries, vectors.passages, quiet=quiet)
    return join_ranking(benchmark, ranking, info)


def rank_by_scores(benchmark: Benchmark, scores: ScoreBlock, *, quiet: bool = False) -> Ranking:
    """Rank a benchmark's passages by ready scores.

    Args:
        benchmark: The benchmark.
        scores: Gives the scores of some queries for all passages.
        quiet: Whether to show no progress bar.

    Returns:
        The ranking.

    Raises:
        ModelError: The scores have another shape, or one is NaN.
    """
    return _rank(benchmark, rank_scores, scores, len(benchmark.query_ids), quiet=quiet)


def _rank(
    benchmark: Benchmark,
    rank: Callable[..., Ranking],
    *scored: NDArray[np.float32] | ScoreBlock | int,
    quiet: bool,
) -> Ranking:
    """Rank a benchmark's passages by what gives scores, of vectors or ready."""
    with show_progress("ranking", len(benchmark.query_ids), quiet=quiet) as advance:
        return rank(
            *scored,
            benchmark.passage_languages,
            len(benchmark.languages),
            benchmark.judged_query,
            benchmark.judged_passage,
            query_languages=benchmark.query_languages,
            depth=min(TOP_DEPTH, len(benchmark.passage_ids)),
            progress=advance,
        )


def join_ranking(benchmark: Benchmark, ranking: Ranking, info: RunInfo) -> Results:
    """Join a benchmark and its ranking to results.

    Args:
        benchmark: The benchmark.
        ranking: The ranking of its passages.
        info: What is evaluated; files, notes and versions are added.

    Returns:
        The results.
    """
    full = replace(
        info,
        data_files=benchmark.files,
        versions={**info.versions, **list_versions()},
        notes=(*info.notes, *benchmark.notes, *note_languages(info, benchmark.languages)),
    )
    return _make_results(benchmark, full, ranking)


def chance_level(benchmark: Benchmark, measure: str, setting: Setting) -> float:
    """Compute the macro mean that a random ranking reaches on average.

    Args:
        benchmark: The benchmark.
        measure: A name such as ``mAP``, ``R@1`` or ``rank distance``.
        setting: Which pool the queries are ranked against.

    Returns:
        The expected value; NaN when no question counts.

    Raises:
        ConfigError: The measure is unknown, or not one of this setting.

    Source: ours (closed forms; see ``measures.expected_score`` and ``bias.expected_rank_distance``).
    """
    # Chance depends on the pools and the number of relevant passages alone; no rank is read.
    ranks = np.ones(len(benchmark.judged_query), dtype=np.int32)
    queries, languages = len(benchmark.query_ids), len(benchmark.languages)
    tops = np.empty((queries, 0), dtype=np.int32), np.empty((queries, languages, 0), dtype=np.int32)
    ranking = Ranking(ranks, ranks, own_above=ranks, top_pool=tops[0], top_language=tops[1])
    unranked = _make_results(benchmark, RunInfo(model="", label="chance"), ranking)
    return unranked.chance(setting, measure).macro()


def note_languages(info: RunInfo, languages: Collection[str]) -> list[str]:
    """Warn where languages seem unseen only because training and benchmark spell their codes differently.

    Args:
        info: What is evaluated.
        languages: The languages of the benchmark.

    Returns:
        One note, or none.
    """
    trained = info.trained_languages
    if not trained or set(trained) & set(languages):
        return []
    return [
        f"trained on {' '.join(trained)}, none of which is a language of the benchmark; codes are compared "
        "as they are spelt, so that en and eng_Latn count as two"
    ]


def _make_results(benchmark: Benchmark, info: RunInfo, ranking: Ranking) -> Results:
    """Join a benchmark and its ranking."""
    return Results(
        benchmark=benchmark.name,
        info=info,
        languages=benchmark.languages,
        query_ids=benchmark.query_ids,
        query_languages=benchmark.query_languages,
        passage_ids=benchmark.passage_ids,
        passage_languages=benchmark.passage_languages,
        pool_sizes=np.bincount(benchmark.passage_languages, minlength=len(benchmark.languages)),
        judged_query=benchmark.judged_query,
        judged_passage=benchmark.judged_passage,
        judged_gain=benchmark.judged_gain,
        rank_language=ranking.rank_language,
        rank_pool=ranking.rank_pool,
        own_above=ranking.own_above,
        top_pool=ranking.top_pool,
        top_language=ranking.top_language,
        settings=benchmark.settings,
    )


def list_versions() -> dict[str, str]:
    """List the versions of what computes the numbers.

    Returns:
        Library -> version.
    """
    versions = {name: metadata.version(name) for name in _RECORDED}
    return {"isogloss": __version__, "python": platform.python_version(), **versions}
