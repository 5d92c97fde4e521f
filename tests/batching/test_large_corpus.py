"""Memory and time of planning from a stored index, measured in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import isogloss

BENCH = Path(__file__).parents[2] / "bench" / "large_corpus.py"


def measure(folder: Path, items: int, rows: int, *run: object) -> dict[str, float]:
    """Make an index and plan from it, each in a process of its own."""
    places = (BENCH.parent, Path(isogloss.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places))}
    code = f"from large_corpus import *; generate_index(Path({str(folder)!r}), {items})"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    words = [sys.executable, str(BENCH), "--folder", str(folder), "--items", str(items), "--rows", str(rows)]
    done = subprocess.run(
        [*words, "--run", json.dumps(run)], env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc")
@pytest.mark.slow
@pytest.mark.parametrize("run", [("hybrid", 1024, "random", 0.05), ("x-y", 100, "", 0.0)], ids=str)
def test_two_million_items_are_planned_in_little_memory(tmp_path: Path, run: tuple[object, ...]) -> None:
    """In memory, ids, passages, articles and languages alone would take 250 MB, their strata more."""
    found = measure(tmp_path, 2_000_000, 200_000, *run)
    assert found["peak"] < 200
    assert found["anonymous"] < 150


def test_a_small_index_is_planned_as_the_bench_does_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCH.parent))
    import large_corpus

    large_corpus.generate_index(tmp_path, 30_000)
    corpus = large_corpus.open_corpus(tmp_path, 30_000)
    assert corpus.item_count == 30_000
    assert pytest.approx(len(corpus.index.passages), rel=0.1) == 30_000 / 16.5
    assert len(corpus.index.passages) / 5 == pytest.approx(corpus.article_count, abs=1)
    for run in large_corpus.RUNS:
        strategy, _, negatives, share = run
        found = large_corpus.plan_batches(tmp_path, 30_000, strategy, 64, negatives, share, 2_000)
        assert found["pairs"] > 0
