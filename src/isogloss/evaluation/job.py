"""Run one evaluation as a user asks for it: any model, any benchmark, results in a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from isogloss.benchmarks import (
    AnyBenchmark,
    Benchmark,
    MiningBenchmark,
    SentenceBenchmark,
    StreamedBenchmark,
    open_benchmark,
    read_names,
    select_questions,
)
from isogloss.characters import holds_half_pair
from isogloss.encoding.batches import BatchEncoder
from isogloss.encoding.store import EmbeddingStore
from isogloss.encoding.stored import StoredEncoder
from isogloss.encoding.vector_files import load_vectors
from isogloss.errors import ConfigError
from isogloss.evaluation.baselines import BM25, debias_benchmark, evaluate_lexically, label_debiased
from isogloss.evaluation.fair import label_fair, rank_fairly
from isogloss.evaluation.fusion import label_fused, rank_with_words
from isogloss.evaluation.mining import evaluate_mining
from isogloss.evaluation.pooled import (
    Vectors,
    complete_info,
    encode_benchmark,
    rank_benchmark,
    take_vectors,
)
from isogloss.evaluation.request import Job, Outcome, TrecRequest
from isogloss.evaluation.sentences import evaluate_sentences
from isogloss.evaluation.streaming import evaluate_streamed
from isogloss.evaluation.streaming_state import remove_work_folder
from isogloss.evaluation.trec_files import write_trec
from isogloss.fair_ranking import Fairness
from isogloss.model_source import ModelSource, find_model
from isogloss.results import RANKS_FILE, RESULTS_FILE, RunInfo, StoredResults, write_results
from isogloss.types import PassageUnit


def run_job(job: Job) -> Outcome:
    """Evaluate as asked, and store the results.

    Args:
        job: What is asked.

    Returns:
        The results, and where they are.

    Raises:
        ConfigError: What is asked does not fit together, or results are there already.
        DataError: The benchmark's files are missing or damaged.
        ModelError: The model cannot be loaded, or gives vectors that cannot be ranked.
    """
    _check_names(job)
    source = _find_source(job)
    out = _choose_folder(job, source)
    for folder in (out, job.trec.folder if job.trec else None):
        _check_folder(folder, overwrite=job.overwrite)
    benchmark = _open(job)
    info = _label_variant(job, source.info)
    results: StoredResults
    match benchmark:
        case Benchmark():
            encoder = None if job.vectors or job.model == BM25 else _load_encoder(job, source)
            results = _evaluate_passages(job, benchmark, encoder, replace(source, info=info))
        case SentenceBenchmark():
            _refuse_options(benchmark, job, "vectors", "trec", "unit")
            encoder = _load_encoder(job, source)
            results = evaluate_sentences(encoder, benchmark, info, debias=job.debias, quiet=job.quiet)
        case MiningBenchmark():
            _refuse_options(benchmark, job, "vectors", "trec", "unit", "debias")
            encoder = _load_encoder(job, source)
            results = evaluate_mining(encoder, benchmark, info, quiet=job.quiet)
        case StreamedBenchmark():
            _refuse_options(benchmark, job, "vectors", "trec", "unit", "debias")
            encoder = None
            results = _evaluate_streamed(job, benchmark, replace(source, info=info), out)
    if out is not None:
        write_results(results, out)
        if isinstance(benchmark, StreamedBenchmark):
            remove_work_folder(_name_work_folder(out))
    return Outcome(results, out, _describe_reuse(encoder))


def _label_variant(job: Job, info: RunInfo) -> RunInfo:
    """Say what is done to the vectors and to the ranking."""
    if job.debias is not None:
        info = label_debiased(info, job.debias)
    if job.lexical:
        info = label_fused(info)
    return info if job.fair is Fairness.NONE else label_fair(info, job.fair)


def _check_names(job: Job) -> None:
    """Refuse names and texts that cannot be used, and options that would change nothing."""
    if not re.fullmatch(r"\w[\w.-]*", job.benchmark):
        raise ConfigError(
            "--benchmark takes a name of letters, digits, '-', '_' and '.', such as xquad-r; "
            f"got {job.benchmark!r}"
        )
    if job.label is not None and not (job.label.strip() and job.label.isprintable()):
        raise ConfigError(f"--label takes one line of printable text; got {job.label!r}")
    ways = {"--endpoint": job.endpoint, "--vectors": job.vectors, BM25: job.model == BM25 or None}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)} exclude each other: name one way to rank")
    if job.model == BM25 and job.debias is not None:
        raise ConfigError("--debias changes vectors, and bm25 has none")
    if job.model == BM25 and job.fair is not Fairness.NONE:
        raise ConfigError("--fair ranks passages of all languages together, and bm25 ranks within one alone")
    if job.model == BM25 and job.lexical:
        raise ConfigError("--lexical fuses BM25 with a model; bm25 alone is none")
    if job.lexical and job.fair is not Fairness.NONE:
        raise ConfigError("--lexical and --fair are two ways to rank; leave out one")
    if job.trec is not None and (job.lexical or job.fair is not Fairness.NONE):
        raise ConfigError("--trec writes the ranking by score; leave out --fair and --lexical")
    _check_encoding(job, given)


def _check_encoding(job: Job, ways: Sequence[str]) -> None:
    """Refuse options of a model on this machine where another way to rank would pass over them."""
    encoding = {
        "--query-prefix": job.query_prefix,
        "--passage-prefix": job.passage_prefix,
        "--max-length": job.max_length,
        "--device": job.device,
        "--bf16": job.bf16 or None,
    }
    for name, value in encoding.items():
        if value is None:
            continue
        if ways and not (job.endpoint is not None and name.endswith("prefix")):
            raise ConfigError(f"{name} is for models that encode here; {ways[0]} would pass over it")
        if isinstance(value, str) and holds_half_pair(value):
            raise ConfigError(f"{name} takes text in UTF-8; got {value!r}")


def _find_source(job: Job) -> ModelSource:
    """Find the model, or describe what stands for one."""
    if job.endpoint is None and job.vectors is None and job.model != BM25:
        return find_model(job.model, job.label, job.seed, job.benchmark)
    info = RunInfo(model=job.model, label=job.label or job.model, seed=job.seed)
    return ModelSource(job.model, None, info, PassageUnit.SENTENCE)


def _choose_folder(job: Job, source: ModelSource) -> Path | None:
    """Choose where results go; each variant is a system of its own, in a folder of its own."""
    if job.out is not None or source.run is None:
        return job.out
    base = source.run if job.debias is None else source.run / "debiased" / job.debias.value
    if job.fair is not Fairness.NONE:
        base = base / "fair" / job.fair.value
    if job.lexical:
        base = base / "lexical"
    return base / "results" / name_results(job)


def name_results(job: Job) -> str:
    """Name the benchmark in results: a part of the questions is a benchmark of its own to comparisons.

    Args:
        job: What is asked.

    Returns:
        The benchmark's name, with ``-articles`` or ``-not-articles`` where questions were chosen.
    """
    ends = {"articles": job.articles, "not-articles": job.not_articles}
    return "-".join((job.benchmark, *(end for end, given in ends.items() if given is not None)))


def _check_folder(folder: Path | None, *, overwrite: bool) -> None:
    """Refuse a folder that cannot be written, or that holds something unless it may be replaced."""
    if folder is None:
        return
    # Asked before hours of encoding, not after them.
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not nearest.is_dir():
        raise ConfigError(f"{nearest} is no folder; choose another place for {folder}")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigError(f"{nearest}: no permission to write there; choose another place for {folder}")
    if nearest == folder and not overwrite and not _is_left_over({path.name for path in folder.iterdir()}):
        raise ConfigError(f"{folder} is not empty; choose another folder, or --overwrite")


def _is_left_over(names: set[str]) -> bool:
    """Tell whether there is nothing but what an evaluation leaves that was killed while it wrote results."""
    done = names - {RANKS_FILE} if RESULTS_FILE not in names else names
    return all(re.fullmatch(r"\..+\.\w+\.part", name) for name in done)


def _open(job: Job) -> AnyBenchmark:
    """Read the benchmark and restrict its questions as asked."""
    benchmark = open_benchmark(job.benchmark, job.data, job.languages, job.layout)
    if job.articles is None and job.not_articles is None:
        return benchmark
    if not isinstance(benchmark, Benchmark):
        raise ConfigError(f"{job.benchmark} has no articles to choose questions by")
    if job.articles is not None:
        benchmark = select_questions(benchmark, read_names(job.articles))
    if job.not_articles is not None:
        benchmark = select_questions(benchmark, read_names(job.not_articles), keep=False)
    return replace(benchmark, name=name_results(job))


def _load_encoder(job: Job, source: ModelSource) -> BatchEncoder:
    """Load the model, with the vectors kept of it."""
    encoder = _load_model(job, source, quiet=job.quiet)
    return StoredEncoder(encoder, EmbeddingStore()) if job.store else encoder


def _load_model(job: Job, source: ModelSource, *, quiet: bool) -> BatchEncoder:
    """Load the model, or reach the server that has it."""
    if job.endpoint is not None:
        from isogloss.encoding.endpoint import EndpointEncoder

        prefixes = job.query_prefix or "", job.passage_prefix or ""
        return EndpointEncoder(
            job.endpoint, job.model, query_prefix=prefixes[0], passage_prefix=prefixes[1], quiet=quiet
        )
    from isogloss.encoding import load_encoder

    return load_encoder(
        source.model,
        query_prefix=job.query_prefix,
        passage_prefix=job.passage_prefix,
        max_length=job.max_length,
        device=job.device,
        bf16=job.bf16,
        quiet=quiet,
    )


def _evaluate_passages(
    job: Job, benchmark: Benchmark, encoder: BatchEncoder | None, source: ModelSource
) -> StoredResults:
    """Rank the passages of a benchmark that fits in memory, and write TREC files of them."""
    unit = _choose_unit(job.unit, source, benchmark)
    if job.trec is not None and not set(job.trec.settings) & set(benchmark.settings):
        raise ConfigError(
            f"{benchmark.name} has the settings {', '.join(benchmark.settings)}, none of which "
            "--trec-settings names"
        )
    if encoder is None and job.vectors is None:
        if job.trec is not None:
            raise ConfigError("TREC files are written from vectors, which bm25 has not")
        return evaluate_lexically(benchmark, unit, source.info, quiet=job.quiet)
    if encoder is None:
        assert job.vectors is not None  # noqa: S101 - for the type checker
        vectors = take_vectors(load_vectors(job.vectors), benchmark)
        info = replace(source.info, settings={**source.info.settings, "unit": unit.value})
    else:
        vectors = encode_benchmark(encoder, benchmark, unit)
        info = complete_info(source.info, encoder, unit)
    if job.debias is not None:
        vectors = debias_benchmark(benchmark, vectors, job.debias)
    if job.lexical:
        return rank_with_words(benchmark, vectors, unit, info, quiet=job.quiet)
    if job.fair is not Fairness.NONE:
        return rank_fairly(benchmark, vectors, job.fair, info, quiet=job.quiet)
    results = rank_benchmark(benchmark, vectors, info, quiet=job.quiet)
    if job.trec is not None:
        _write_trec(job.trec, benchmark, vectors, info.label, quiet=job.quiet)
    return results


def _choose_unit(asked: PassageUnit | None, source: ModelSource, benchmark: Benchmark) -> PassageUnit:
    """Choose the text of a passage among those that the benchmark has."""
    if asked is not None and asked not in benchmark.units:
        raise ConfigError(f"{benchmark.name} has the passage units {', '.join(benchmark.units)}, not {asked}")
    wanted = source.unit if asked is None else asked
    return wanted if wanted in benchmark.units else benchmark.units[0]


def _write_trec(
    request: TrecRequest, benchmark: Benchmark, vectors: Vectors, tag: str, *, quiet: bool
) -> None:
    """Write the TREC files of the settings that the benchmark has."""
    settings = [setting for setting in request.settings if setting in benchmark.settings]
    write_trec(
        request.folder, benchmark, vectors, tag=tag, settings=settings, depth=request.depth, quiet=quiet
    )


def _evaluate_streamed(
    job: Job, benchmark: StreamedBenchmark, source: ModelSource, out: Path | None
) -> StoredResults:
    """Rank passages that are too many to hold; what is done is kept beside the results until all is."""
    if out is None:
        raise ConfigError(
            f"{benchmark.name} takes long, and goes on where it stopped: name a folder by --out"
        )
    # The passages have a progress bar of their own, and are too many for their vectors to be kept.
    encoder = _load_model(job, source, quiet=True)
    return evaluate_streamed(encoder, benchmark, source.info, _name_work_folder(out), quiet=job.quiet)


def _name_work_folder(out: Path) -> Path:
    """Name the folder where an evaluation that goes on later keeps its state."""
    whole = out.absolute() if out.name else out.resolve()  # "." and "/" have no name of their own
    return whole.with_name(f"{whole.name}.partial")


def _refuse_options(benchmark: AnyBenchmark, job: Job, *names: str) -> None:
    """Refuse options that this kind of benchmark does not have."""
    for name in names:
        if getattr(job, name) is not None:
            raise ConfigError(f"--{name} is not for {benchmark.name}")
    if job.fair is not Fairness.NONE:
        raise ConfigError(f"--fair is not for {benchmark.name}")
    if job.lexical:
        raise ConfigError(f"--lexical is not for {benchmark.name}")
    if job.model == BM25:
        raise ConfigError(f"{BM25} cannot rank {benchmark.name}")


def _describe_reuse(encoder: BatchEncoder | None) -> str:
    """Say how many texts were encoded and how many vectors were there already."""
    if not isinstance(encoder, StoredEncoder):
        return ""
    encoded, reused = sum(encoder.encoded.values()), sum(encoder.reused.values())
    return f"{encoded:,} texts encoded, {reused:,} vectors taken from those kept" if reused else ""


def split_names(names: str | None) -> tuple[str, ...]:
    """Read names separated by commas.

    Args:
        names: The text; None for none.

    Returns:
        The names, without white space around them.
    """
    parts: Sequence[str] = (names or "").split(",")
    return tuple(part.strip() for part in parts if part.strip())
