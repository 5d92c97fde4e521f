"""Evaluate a model on a benchmark: encode every text once, rank every passage for every query."""

from __future__ import annotations

import platform
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from isogloss._version import __version__
from isogloss.benchmarks import Benchmark
from isogloss.progress import Advance, show_progress
from isogloss.ranking import OrderedBlock, Ranking, order_passages, rank_passages
from isogloss.results import Results, RunInfo
from isogloss.trec import write_qrels, write_run
from isogloss.types import LanguagePair, PassageUnit, Setting

TREC_DEPTH = 1000
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
    with show_progress("ranking", len(benchmark.query_ids), quiet=quiet) as advance:
        ranking = rank_passages(
            vectors.queries,
            vectors.passages,
            benchmark.passage_languages,
            len(benchmark.languages),
            benchmark.judged_query,
            benchmark.judged_passage,
            depth=min(TOP_DEPTH, len(benchmark.passage_ids)),
            progress=advance,
        )
    full = replace(
        info,
        data_files=benchmark.files,
        versions={**info.versions, **_list_versions()},
        notes=(*info.notes, *benchmark.notes, *_note_languages(info, benchmark)),
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
    unranked = _make_results(benchmark, RunInfo(model="", label="chance"), Ranking(ranks, ranks, *tops))
    return unranked.chance(setting, measure).macro()


def write_trec(
    folder: Path,
    benchmark: Benchmark,
    vectors: Vectors,
    *,
    tag: str,
    settings: Collection[Setting] = tuple(Setting),
    depth: int | None = TREC_DEPTH,
    quiet: bool = False,
) -> list[Path]:
    """Write TREC qrels and runs: ``<setting>.qrels`` and ``<setting>.run``.

    Topics are named ``de:ID`` (mono, multi) or ``de-en:ID`` (cross: query, then passage language); a topic
    without a relevant passage is left out.

    Args:
        folder: Where to; it is made when missing.
        benchmark: The benchmark.
        vectors: Its texts as vectors.
        tag: Name of the run.
        settings: Which settings to write.
        depth: Passages a topic; None for all.
        quiet: Whether to show no progress bar.

    Returns:
        The files.

    Raises:
        ModelError: The vectors cannot be ranked.
    """
    files: list[Path] = []
    for setting in Setting:
        if setting not in settings:
            continue
        topics = _list_topics(benchmark, setting)
        qrels, run = folder / f"{setting.value}.qrels", folder / f"{setting.value}.run"
        judgements = (
            (topic.name, benchmark.passage_ids[passage])
            for group in topics.values()
            for topic in group
            for passage in topic.relevant
        )
        write_qrels(qrels, judgements)
        with show_progress(f"writing {run.name}", len(benchmark.query_ids), quiet=quiet) as advance:
            blocks = order_passages(
                vectors.queries, vectors.passages, benchmark.passage_languages, len(benchmark.languages)
            )
            write_run(run, _list_rankings(benchmark, blocks, topics, depth, advance), tag)
        files += [qrels, run]
    return files


class _Topic(NamedTuple):
    """One query against one pool; ``language`` is the pool's, None for the pool of all."""

    name: str
    language: int | None
    relevant: list[int]


def _list_topics(benchmark: Benchmark, setting: Setting) -> dict[int, list[_Topic]]:
    """List each query's topics in a setting, with their relevant passages."""
    relevant: dict[tuple[int, int | None], list[int]] = {}
    for query, passage in zip(
        benchmark.judged_query.tolist(), benchmark.judged_passage.tolist(), strict=True
    ):
        language = int(benchmark.passage_languages[passage])
        same = language == benchmark.query_languages[query]
        if setting is Setting.MULTI:
            relevant.setdefault((query, None), []).append(passage)
        elif same == (setting is Setting.MONO):
            relevant.setdefault((query, language), []).append(passage)
    topics: dict[int, list[_Topic]] = {}
    for (query, pool), passages in relevant.items():
        name = benchmark.languages[benchmark.query_languages[query]]
        if setting is Setting.CROSS and pool is not None:
            name = str(LanguagePair(name, benchmark.languages[pool]))
        topic = _Topic(f"{name}:{benchmark.query_ids[query]}", pool, passages)
        topics.setdefault(query, []).append(topic)
    return topics


def _list_rankings(
    benchmark: Benchmark,
    blocks: Iterator[OrderedBlock],
    topics: Mapping[int, list[_Topic]],
    depth: int | None,
    advance: Advance,
) -> Iterator[tuple[str, list[str]]]:
    """List the passages of every topic, best first."""
    ids = benchmark.passage_ids
    for block in blocks:
        for row in range(len(block.scores)):
            for topic in topics.get(block.start + row, ()):
                if topic.language is None:
                    order = block.pool_order(row, depth)
                else:
                    order = block.language_order(row, topic.language, depth)
                yield topic.name, [ids[passage] for passage in order.tolist()]
        advance(len(block.scores))


def _note_languages(info: RunInfo, benchmark: Benchmark) -> list[str]:
    """Warn where languages seem unseen only because training and benchmark spell their codes differently."""
    trained = info.trained_languages
    if not trained or set(trained) & set(benchmark.languages):
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
        judged_query=benchmark.judged_query,
        judged_passage=benchmark.judged_passage,
        rank_language=ranking.rank_language,
        rank_pool=ranking.rank_pool,
        top_pool=ranking.top_pool,
        top_language=ranking.top_language,
    )


def _list_versions() -> dict[str, str]:
    """List the versions of what computes the numbers."""
    versions = {name: metadata.version(name) for name in _RECORDED}
    return {"isogloss": __version__, "python": platform.python_version(), **versions}
