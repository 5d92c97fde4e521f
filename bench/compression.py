"""Compare encoders and stored forms of their vectors, each with each: size, speed and quality.

Run: OMP_NUM_THREADS=1 python bench/compression.py [MODEL] --data FOLDER [--not-articles CORPUS]

One table of XQuAD-R. Encoders: the size of the network's file; texts encoded in a second by one thread,
single questions and 32 sentences at once, by the processor. Vectors: bytes of a passage; milliseconds of a
search for one query and its best 10 with a ready vector, of the processor and on the clock. Quality, of
encoder and vectors together: how many of the best 10 of a product in double precision with the first
encoder's float32 vectors are found, and mAP, that of `isogloss evaluate`, over the decoded vectors; for
binary, passages that a search for 10 does not score count as behind all others: in mono and cross it looks
in each language, in multi in all. A second table holds size and speed of the forms of clustered vectors made
as bench/search.py makes them.

All encoders, and all forms, are timed in turn, a few texts or queries each, again and again, so that other
work on the machine slows all alike; medians are printed.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from search import K, find_best, make_task

from isogloss.benchmarks import Benchmark, open_benchmark, read_names, select_questions
from isogloss.encoding import Encoder, load_encoder
from isogloss.evaluation import Vectors, encode_benchmark, join_ranking, rank_benchmark
from isogloss.evaluation.pooled import rank_by_scores
from isogloss.exporting import Precision, export_model
from isogloss.index import Compression, ModelIdentity, create_index
from isogloss.index.compression import CANDIDATES_PER_HIT, StoredVectors, VectorWriter
from isogloss.index.reading import Index, open_index
from isogloss.passages import Passage
from isogloss.results import Results, RunInfo
from isogloss.types import PassageUnit, Setting

MODEL = "runs/first-comparison/hybrid-seed1/model"
FORMS: tuple[Compression, ...] = ("float32", "float16", "int8", "binary")
PLAIN = "torch float32"
FORMS_OF: Mapping[str, tuple[Compression, ...]] = {
    PLAIN: FORMS,
    "torch bfloat16": ("float32",),
    "ONNX float32": ("float32",),
    "ONNX int8": FORMS,
}
"""The encoders, and how the vectors of each are stored."""
SETTINGS = (Setting.MONO, Setting.CROSS, Setting.MULTI)
LIBRARIES = ("isogloss", "numpy", "torch", "sentence-transformers", "onnxruntime")
INFO = RunInfo(model="", label="")
AT_ONCE = 32
PER_ROUND = 20
"""Searches for each form in a round."""


class Speed(NamedTuple):
    """Hold medians: milliseconds of the processor and on the clock, and the share of the best 10 found."""

    processor: float
    clock: float
    recall: float


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(1)
    print_machine()
    benchmark = read_benchmark(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        compare_pairs(arguments, benchmark, Path(scratch))
    compare_made(arguments)
    print(f"\nload average at the end {os.getloadavg()[0]:.1f}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", nargs="?", default=MODEL)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ISOGLOSS_DATA", "data")))
    parser.add_argument("--languages", default="", help="of the benchmark, separated by commas")
    parser.add_argument("--not-articles", type=Path, help="leave out questions about these articles")
    parser.add_argument("--passages", type=int, default=100_000, help="made vectors")
    parser.add_argument("--rounds", type=int, default=20)
    return parser.parse_args()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def print_machine() -> None:
    versions = [f"{name} {metadata.version(name)}" for name in LIBRARIES]
    print(f"{platform.machine()}, {os.cpu_count()} cores, one thread used")
    print(f"Python {platform.python_version()}, {', '.join(versions)}")
    print(f"load average at the start {os.getloadavg()[0]:.1f}", flush=True)


def read_benchmark(arguments: argparse.Namespace) -> Benchmark:
    languages = [code for code in arguments.languages.split(",") if code]
    benchmark = open_benchmark("xquad-r", arguments.data, languages)
    assert isinstance(benchmark, Benchmark)
    if arguments.not_articles is not None:
        benchmark = select_questions(benchmark, read_names(arguments.not_articles), keep=False)
    return benchmark


def compare_pairs(arguments: argparse.Namespace, benchmark: Benchmark, scratch: Path) -> None:
    """Print a row for each encoder with each form of its vectors."""
    encoders, sizes = open_encoders(arguments.model, scratch)
    speeds = time_encoders(encoders, benchmark, arguments.rounds)
    codes = [benchmark.languages[number] for number in benchmark.passage_languages]
    drawn = np.random.default_rng(0).permutation(len(benchmark.query_ids))
    best: list[set[int]] = []
    print(f"\n{arguments.model}, {benchmark.name}: {len(benchmark.query_ids):,} queries,", end=" ")
    print(f"{len(benchmark.passage_ids):,} passages in {len(benchmark.languages)} languages\n")
    print(f"| encoder | MB | texts a second, one at a time | {AT_ONCE} at once | vectors |", end=" ")
    print(f"bytes of a passage | a search, ms | recall@{K} | mono mAP | cross | multi |")
    print(f"|{'---|' * 11}", flush=True)
    for name, encoder in encoders.items():
        say(f"encoding {len(benchmark.passage_ids):,} passages by {name}")
        vectors = encode_benchmark(encoder, benchmark, PassageUnit.SENTENCE)
        width, asked = vectors.passages.shape[1], vectors.queries[drawn[: arguments.rounds * PER_ROUND]]
        best = best or find_best(asked, vectors.passages, np.arange(len(codes)))
        searches = time_forms(vectors.passages, asked, codes, best, FORMS_OF[name])
        for form, speed in searches.items():
            with tempfile.TemporaryDirectory() as folder:
                stored = store(Path(folder), vectors.passages, form)
                means = list_means(rank_stored(benchmark, vectors, stored))
            cells = [name, f"{sizes[name]:.1f}", *(f"{rate:,.0f}" for rate in speeds[name]), form]
            cells += [str(measure_bytes(form, width)), *list_speed(speed), *means]
            print(f"| {' | '.join(cells)} |", flush=True)


def open_encoders(model: str, scratch: Path) -> tuple[dict[str, Encoder], dict[str, float]]:
    """Load the model in every form, with the megabytes of its network's file."""
    encoders = {
        PLAIN: load_encoder(model, device="cpu", quiet=True),
        "torch bfloat16": load_encoder(model, device="cpu", bf16=True, quiet=True),
    }
    sizes = dict.fromkeys(encoders, sum_weights(model))
    for precision in Precision:
        say(f"exporting as {precision}")
        name, folder = f"ONNX {precision}", scratch / precision
        report = export_model(model, folder, precision)
        encoders[name], sizes[name] = load_encoder(str(folder), device="cpu", quiet=True), report.megabytes[1]
    return encoders, sizes


def compare_made(arguments: argparse.Namespace) -> None:
    """Print a row for each form of made vectors."""
    made, queries, languages, _ = make_task(arguments.passages, large=False)
    queries = queries[: arguments.rounds * PER_ROUND]
    best = find_best(queries, made, np.arange(len(made)))
    searches = time_forms(made, queries, languages, best, FORMS)
    print(f"\n{len(made):,} made vectors of {made.shape[1]} numbers\n")
    print(f"| vectors | bytes of a passage | a search, ms | recall@{K} |\n|{'---|' * 4}")
    for form, speed in searches.items():
        cells = [form, str(measure_bytes(form, made.shape[1])), *list_speed(speed)]
        print(f"| {' | '.join(cells)} |", flush=True)


def list_speed(speed: Speed) -> list[str]:
    return [f"{speed.processor:.2f} ({speed.clock:.2f})", f"{speed.recall:.4f}"]


def list_means(results: Results) -> list[str]:
    return [f"{results.table(setting, 'mAP').macro():.4f}" for setting in SETTINGS]


def measure_bytes(form: Compression, width: int) -> int:
    """Measure what a passage's vector takes on disk, the files' heads apart."""
    sizes = []
    for rows in (64, 128):
        with tempfile.TemporaryDirectory() as scratch:
            store(Path(scratch), np.ones((rows, width), dtype=np.float32), form)
            sizes.append(sum(file.stat().st_size for file in Path(scratch).iterdir()))
    return (sizes[1] - sizes[0]) // 64


def store(folder: Path, vectors: NDArray[np.float32], form: Compression) -> StoredVectors:
    count, width = vectors.shape
    writer = VectorWriter(folder, count, width, form)
    writer.append(vectors)
    return StoredVectors(folder, writer.close(), count, width)


def rank_stored(benchmark: Benchmark, vectors: Vectors, stored: StoredVectors) -> Results:
    """Rank a benchmark by the vectors as they are stored, and by signs as a search for 10 does."""
    decoded = stored.decode(slice(None))
    if stored.compression != "binary":
        return rank_benchmark(benchmark, Vectors(vectors.queries, decoded), INFO, quiet=True)
    everything = np.arange(len(decoded))
    alone = [np.flatnonzero(benchmark.passage_languages == n) for n in range(len(benchmark.languages))]

    def make_scores(pools: Sequence[NDArray[np.int64]]) -> Callable[[int, int], NDArray[np.float32]]:
        def score(first: int, last: int) -> NDArray[np.float32]:
            scores = np.full((last - first, len(decoded)), -2, dtype=np.float32)
            for row, query in zip(scores, vectors.queries[first:last], strict=True):
                for pool in pools:
                    found = stored.find_alike(query, pool, CANDIDATES_PER_HIT * K)
                    row[found] = decoded[found] @ query
            return scores

        return score

    pooled = rank_by_scores(benchmark, make_scores([everything]), quiet=True)
    within = rank_by_scores(benchmark, make_scores(alone), quiet=True)
    ranking = replace(pooled, rank_language=within.rank_language, top_language=within.top_language)
    return join_ranking(benchmark, ranking, INFO)


def time_forms(
    vectors: NDArray[np.float32],
    queries: NDArray[np.float32],
    languages: Sequence[str],
    best: Sequence[set[int]],
    forms: Sequence[Compression],
) -> dict[Compression, Speed]:
    """Index vectors in every form, and search each in turn; ``best`` is what is to be found."""
    busy: dict[Compression, list[float]] = {form: [] for form in forms}
    seconds: dict[Compression, list[float]] = {form: [] for form in forms}
    right = dict.fromkeys(forms, 0)
    with tempfile.TemporaryDirectory() as scratch:
        indexes: dict[Compression, Index] = {}
        for form in forms:
            say(f"indexing {len(vectors):,} vectors as {form}")
            indexes[form] = build(Path(scratch) / form, vectors, languages, form)
            indexes[form].search(queries[:1], K)
        say(f"searching for {len(queries)} queries in each form")
        for start in range(0, len(queries), PER_ROUND):
            for form, index in indexes.items():
                for number in range(start, min(start + PER_ROUND, len(queries))):
                    begun, used = time.perf_counter(), time.process_time()
                    (found,) = index.search(queries[number : number + 1], K)
                    busy[form].append(time.process_time() - used)
                    seconds[form].append(time.perf_counter() - begun)
                    right[form] += len(best[number].intersection(int(hit.passage.id) for hit in found))
    return {
        form: Speed(
            float(np.median(busy[form])) * 1000,
            float(np.median(seconds[form])) * 1000,
            right[form] / (K * len(queries)),
        )
        for form in forms
    }


def build(folder: Path, vectors: NDArray[np.float32], languages: Sequence[str], form: Compression) -> Index:
    """Index vectors; passages have their numbers as ids, and next to no text."""
    identity = ModelIdentity("made", "made", "", "", None, None)
    engine = "auto" if form == "binary" else "exact"
    with create_index(folder, identity, vectors.shape[1], engine, compression=form) as change:
        change.add([Passage(str(n), "-", languages[n]) for n in range(len(vectors))], vectors)
        change.commit()
    return open_index(folder)


def sum_weights(model: str) -> float:
    return sum(file.stat().st_size for file in Path(model).rglob("*.safetensors")) / 1e6


def time_encoders(
    encoders: Mapping[str, Encoder], benchmark: Benchmark, rounds: int
) -> dict[str, tuple[float, float]]:
    """Measure texts a second of the processor, of single questions and of sentences together."""
    draw = np.random.default_rng(0)
    sentences = benchmark.passage_texts(PassageUnit.SENTENCE)
    single: dict[str, list[float]] = {name: [] for name in encoders}
    together: dict[str, list[float]] = {name: [] for name in encoders}
    say("timing encoders")
    for number in range(-1, rounds):  # the first round warms up
        asked = [benchmark.query_texts[n] for n in draw.choice(len(benchmark.query_texts), 8, replace=False)]
        batch = [sentences[n] for n in draw.choice(len(sentences), AT_ONCE, replace=False)]
        for name, encoder in encoders.items():
            start = time.process_time()
            for text in asked:
                encoder.encode_queries([text])
            middle = time.process_time()
            encoder.encode_passages(batch)
            end = time.process_time()
            if number >= 0:
                single[name].append(len(asked) / (middle - start))
                together[name].append(len(batch) / (end - middle))
    return {name: (float(np.median(single[name])), float(np.median(together[name]))) for name in encoders}


if __name__ == "__main__":
    main()
