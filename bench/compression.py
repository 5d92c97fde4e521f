"""Compare stored forms of vectors, and of encoders: size, speed and quality, on XQuAD-R and on made vectors.

Run: OMP_NUM_THREADS=1 python bench/compression.py [MODEL] --data FOLDER [--not-articles CORPUS]

Vectors: bytes of a passage; milliseconds of a search for one query and its best 10 with a ready vector, of
the processor and on the clock, and how many of the best 10 of a product in double precision with the float32
vectors are found; among the benchmark's passages, and among clustered vectors made as bench/search.py makes
them. mAP is that of `isogloss evaluate`, over the decoded vectors; for binary, passages that a search for 10
does not score count as behind all others: in mono and cross it looks in each language, in multi in all.

Encoders: the size of the network's file; texts encoded in a second by one thread, single questions and 32
sentences at once, by the processor; mAP of each encoder's own float32 vectors.

All forms are timed in turn, a few queries or texts each, again and again, so that other work on the machine
slows all alike; medians are printed.
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
SETTINGS = (Setting.MONO, Setting.CROSS, Setting.MULTI)
LIBRARIES = ("isogloss", "numpy", "torch", "sentence-transformers", "onnxruntime")
INFO = RunInfo(model="", label="")
AT_ONCE = 32


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
    encoder = load_encoder(arguments.model, device="cpu", quiet=True)
    say(f"encoding {len(benchmark.passage_ids):,} passages and {len(benchmark.query_ids):,} queries")
    vectors = encode_benchmark(encoder, benchmark, PassageUnit.SENTENCE)
    print(f"\n{arguments.model}, {benchmark.name}: {len(benchmark.query_ids):,} queries,", end=" ")
    print(f"{len(benchmark.passage_ids):,} passages in {len(benchmark.languages)} languages\n", flush=True)
    compare_forms(benchmark, vectors, arguments)
    if not arguments.vectors_only:
        with tempfile.TemporaryDirectory() as scratch:
            compare_encoders(arguments, benchmark, vectors, encoder, Path(scratch))
    print(f"\nload average at the end {os.getloadavg()[0]:.1f}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", nargs="?", default=MODEL)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ISOGLOSS_DATA", "data")))
    parser.add_argument("--languages", default="", help="of the benchmark, separated by commas")
    parser.add_argument("--not-articles", type=Path, help="leave out questions about these articles")
    parser.add_argument("--passages", type=int, default=100_000, help="made vectors")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--vectors-only", action="store_true")
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


def compare_forms(benchmark: Benchmark, vectors: Vectors, arguments: argparse.Namespace) -> None:
    """Print a row for each form of the vectors."""
    codes = [benchmark.languages[number] for number in benchmark.passage_languages]
    drawn = np.random.default_rng(0).permutation(len(vectors.queries))
    small = time_forms(vectors.passages, vectors.queries[drawn], codes, arguments.rounds)
    made, queries, languages, _ = make_task(arguments.passages)
    large = time_forms(made, queries, languages, arguments.rounds)
    count, width = vectors.passages.shape
    print(f"| vectors | bytes of a passage ({width} numbers) |", end=" ")
    print(f"{count:,} passages: ms of the processor (clock) | recall@{K} |", end=" ")
    print(f"{len(made):,} of {made.shape[1]} numbers: bytes | ms | recall@{K} | mono mAP | cross | multi |")
    print(f"|{'---|' * 10}")
    for form in FORMS:
        with tempfile.TemporaryDirectory() as folder:
            stored = store(Path(folder), vectors.passages, form)
            means = list_means(rank_stored(benchmark, vectors, stored))
        cells = [form, str(measure_bytes(form, width)), *list_speed(small[form])]
        cells += [str(measure_bytes(form, made.shape[1])), *list_speed(large[form]), *means]
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
    vectors: NDArray[np.float32], queries: NDArray[np.float32], languages: Sequence[str], rounds: int
) -> dict[Compression, Speed]:
    """Index vectors in every form, and search each in turn."""
    per_round = min(20, len(queries) // rounds)
    asked = queries[: rounds * per_round]
    best = find_best(asked, vectors, np.arange(len(vectors)))
    with tempfile.TemporaryDirectory() as scratch:
        indexes: dict[Compression, Index] = {}
        for form in FORMS:
            say(f"indexing {len(vectors):,} vectors as {form}")
            indexes[form] = build(Path(scratch) / form, vectors, languages, form)
            indexes[form].search(asked[:1], K)
        say(f"searching for {len(asked)} queries in each form")
        busy: dict[Compression, list[float]] = {form: [] for form in FORMS}
        seconds: dict[Compression, list[float]] = {form: [] for form in FORMS}
        right = dict.fromkeys(FORMS, 0)
        for start in range(0, len(asked), per_round):
            for form, index in indexes.items():
                for number in range(start, start + per_round):
                    begun, used = time.perf_counter(), time.process_time()
                    (found,) = index.search(asked[number : number + 1], K)
                    busy[form].append(time.process_time() - used)
                    seconds[form].append(time.perf_counter() - begun)
                    right[form] += len(best[number].intersection(int(hit.passage.id) for hit in found))
    return {
        form: Speed(
            float(np.median(busy[form])) * 1000,
            float(np.median(seconds[form])) * 1000,
            right[form] / (K * len(asked)),
        )
        for form in FORMS
    }


def build(folder: Path, vectors: NDArray[np.float32], languages: Sequence[str], form: Compression) -> Index:
    """Index vectors; passages have their numbers as ids, and next to no text."""
    identity = ModelIdentity("made", "made", "", "", None, None)
    engine = "auto" if form == "binary" else "exact"
    with create_index(folder, identity, vectors.shape[1], engine, compression=form) as change:
        change.add([Passage(str(n), "-", languages[n]) for n in range(len(vectors))], vectors)
        change.commit()
    return open_index(folder)


def compare_encoders(
    arguments: argparse.Namespace, benchmark: Benchmark, vectors: Vectors, plain: Encoder, scratch: Path
) -> None:
    """Print a row for each form of the encoder."""
    sizes = dict.fromkeys(("torch float32", "torch bfloat16"), sum_weights(arguments.model))
    encoders = {
        "torch float32": plain,
        "torch bfloat16": load_encoder(arguments.model, device="cpu", bf16=True, quiet=True),
    }
    for precision in Precision:
        say(f"exporting as {precision}")
        name, folder = f"ONNX {precision}", scratch / precision
        report = export_model(arguments.model, folder, precision)
        encoders[name], sizes[name] = load_encoder(str(folder), device="cpu", quiet=True), report.megabytes[1]
    speeds = time_encoders(encoders, benchmark, arguments.rounds)
    print(
        f"\n| encoder | MB | texts a second, one at a time | {AT_ONCE} at once | mono mAP | cross | multi |"
    )
    print(f"|{'---|' * 7}")
    for name, encoder in encoders.items():
        say(f"encoding the benchmark by {name}")
        own = vectors if encoder is plain else encode_benchmark(encoder, benchmark, PassageUnit.SENTENCE)
        means = list_means(rank_benchmark(benchmark, own, INFO, quiet=True))
        cells = [name, f"{sizes[name]:.1f}", *(f"{speed:,.0f}" for speed in speeds[name]), *means]
        print(f"| {' | '.join(cells)} |", flush=True)


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
