"""Time the parts of an evaluation on XQuAD-R's sizes, with random vectors.

Run: ISOGLOSS_DATA=FOLDER OMP_NUM_THREADS=1 python bench/evaluation.py
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from isogloss.benchmarks import find_folder, read_lareqa
from isogloss.evaluation import Vectors, rank_benchmark
from isogloss.results import RunInfo, format_results, read_results, write_results

WIDTH = 768


@contextmanager
def timed(what: str) -> Iterator[None]:
    start = time.process_time()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:34} {time.process_time() - start:6.2f} s of processor time, peak so far {peak:,.0f} MiB")


def main() -> None:
    with timed("read XQuAD-R"):
        benchmark = read_lareqa(find_folder(Path(os.environ["ISOGLOSS_DATA"]), "xquad-r"), "xquad-r")
    rng = np.random.default_rng(0)
    counts = len(benchmark.query_ids), len(benchmark.passage_ids)
    vectors = Vectors(*(rng.standard_normal((count, WIDTH), dtype=np.float32) for count in counts))
    with timed(f"product alone, {counts[0]} x {counts[1]} x {WIDTH}"):
        for start in range(0, counts[0], 512):
            vectors.queries[start : start + 512] @ vectors.passages.T
    with timed("rank, product included"):
        results = rank_benchmark(benchmark, vectors, RunInfo(model="random", label="random"), quiet=True)
    with tempfile.TemporaryDirectory() as folder:
        with timed("write results"):
            write_results(results, Path(folder))
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        print(f"{'size of the results':34} {size / 2**20:6.1f} MiB")
        with timed("read results"):
            results = read_results(Path(folder))
    with timed("summary"):
        format_results(results)


if __name__ == "__main__":
    main()
