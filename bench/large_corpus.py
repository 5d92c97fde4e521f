"""Plan batches of a corpus larger than memory: python bench/large_corpus.py [--items N] [--folder DIR].

Makes the index of a stored corpus on disk (which item is in which language, passages, articles and their
names; no texts and no ids, which planning does not read), then plans in a process of its own for each line
printed, so that memory is that line's alone. Seconds are processor time of that process, of one thread.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from planning import describe_machine

from isogloss.batching import BatchPlan, NegativeChoice, choose_strategy
from isogloss.corpus import StoredCorpus
from isogloss.corpus.stored.files import ARTICLE_COLUMNS, ARTICLES, Manifest, StoredFiles
from isogloss.corpus.stored.index import IndexWriter, open_index
from isogloss.corpus.stored.texts import ArrowWriter
from isogloss.training.plans import hold_out_articles

LANGUAGES = (
    *("ar", "bg", "de", "el", "en", "es", "fr", "hi", "it"),
    *("ja", "ru", "sw", "th", "tr", "ur", "vi", "yo", "zh"),
)
_CHUNK = 1 << 20
RUNS = (
    ("x-x-mono", 100, "", 0.0),
    ("x-y", 100, "", 0.0),
    ("hybrid", 100, "", 0.0),
    ("x-x-mono", 1024, "", 0.0),
    ("x-y", 1024, "", 0.0),
    ("hybrid", 1024, "", 0.0),
    ("hybrid", 1024, "", 0.05),
    ("hybrid", 1024, "random", 0.0),
    ("hybrid", 1024, "article", 0.0),
)


def generate_index(folder: Path, items: int, seed: int = 0) -> None:
    """Make identities: 1 to 30 items a passage, 5 passages an article, a tenth of the languages missing."""
    random = np.random.default_rng(seed)
    left, passages = 0, 0
    with (
        IndexWriter(folder, items, len(LANGUAGES)) as index,
        ArrowWriter(folder / ARTICLES, ARTICLE_COLUMNS) as articles,
    ):
        for start in range(0, items, _CHUNK):
            count = min(_CHUNK, items - start)
            opens = np.zeros(count, dtype=np.bool_)
            firsts = left + np.concatenate([[0], np.cumsum(random.integers(1, 31, count))])
            left = int(firsts[np.searchsorted(firsts, count)]) - count
            firsts = firsts[firsts < count]
            opens[firsts] = True
            opens_article = np.zeros(count, dtype=np.bool_)
            opens_article[firsts[(passages + np.arange(len(firsts))) % 5 == 0]] = True
            for _ in range(int(opens_article.sum())):
                articles.append([f"article {articles.rows}"])
            passages += len(firsts)
            present = random.integers(0, 256, (count, len(LANGUAGES)), dtype=np.uint8) >= 26
            present[:, LANGUAGES.index("en")] = True
            index.append(present, opens, opens_article)


def open_corpus(folder: Path, items: int) -> StoredCorpus:
    """Open an index that has no texts beside it."""
    index = open_index(folder, items, len(LANGUAGES))
    rows = {ARTICLES: len(index.articles)}
    manifest = Manifest("generated", LANGUAGES, items, rows, 0, {}, {}, {}, {})
    return StoredCorpus("generated", LANGUAGES, index, StoredFiles(folder, manifest, index, ""))


def read_memory() -> dict[str, float]:
    """Read this process's resident memory, now and at its highest, in MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    rows = dict(line.split(":", 1) for line in status.splitlines())
    return {name: int(rows[name].split()[0]) / 1024 for name in ("RssAnon", "RssFile", "VmHWM")}


def plan_batches(
    folder: Path, items: int, strategy: str, size: int, negatives: str, share: float, rows: int
) -> dict[str, float]:
    """Plan random batches of the first epoch, and measure time and memory."""
    start = time.process_time()
    corpora: Sequence[StoredCorpus] = [open_corpus(folder, items)]
    if share:
        corpora = hold_out_articles(corpora, share)[0]  # type: ignore[assignment]
    choice = NegativeChoice(negatives) if negatives else None
    plan = BatchPlan(corpora, choose_strategy(strategy), size, negatives=choice)
    plan.batch(0, 0)
    first = time.process_time() - start
    for _, _, _, stratum in plan.strata():
        stratum.deal(0)
    strata = time.process_time() - start - first
    memory = read_memory()
    steps = np.random.default_rng(1).integers(0, plan.steps_per_epoch, max(1, rows // size)).tolist()
    start, done = time.process_time(), 0
    for step in steps:
        done += len(plan.batch(0, step))
    seconds = time.process_time() - start
    after = read_memory()
    return {
        "first": first,
        "strata": strata,
        "microseconds": seconds / len(steps) * 1e6,
        "pairs": done / seconds,
        "anonymous": max(memory["RssAnon"], after["RssAnon"]),
        "files": max(memory["RssFile"], after["RssFile"]),
        "peak": after["VmHWM"],
    }


def measure_apart(folder: Path, items: int, run: tuple[str, int, str, float], rows: int) -> dict[str, float]:
    """Plan in a process of its own."""
    words = [sys.executable, __file__, "--folder", str(folder), "--items", str(items), "--rows", str(rows)]
    done = subprocess.run([*words, "--run", json.dumps(run)], stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def main() -> None:
    """Print one line a strategy."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--items", type=int, default=100_000_000, help="items of the corpus (default 100,000,000)"
    )
    parser.add_argument(
        "--rows",
        type=int,
        default=2_000_000,
        help="pairs to time (default 2,000,000; a tenth with negatives)",
    )
    parser.add_argument("--folder", type=Path, help="where to make the index (default: a temporary folder)")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        run = json.loads(arguments.run)
        print(json.dumps(plan_batches(arguments.folder, arguments.items, *run, arguments.rows)))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as made:
        folder = Path(made)
        start = time.perf_counter()
        generate_index(folder, arguments.items)
        size = sum(file.stat().st_size for file in folder.iterdir())
        print(describe_machine())
        print(f"{arguments.items:,} items, {len(LANGUAGES)} languages; index {size / 2**20:,.0f} MB on disk")
        print(f"generated in {time.perf_counter() - start:.0f} s; identities only, no texts; memory in MB")
        heads = ("first, s", "strata, s", "us a batch", "pairs/s", "anonymous", "files", "peak")
        print(f"{'strategy and batch':<34}" + "".join(f"{head:>12}" for head in heads))
        for run in RUNS:
            strategy, batch, negatives, share = run
            rows = arguments.rows // 10 if negatives else arguments.rows
            found = measure_apart(folder, arguments.items, run, rows)
            more = f", {negatives} negatives" if negatives else f", {share:.0%} held out" if share else ""
            print(
                f"{f'{strategy}, {batch:,}{more}':<34}{found['first']:>12.2f}{found['strata']:>12.2f}"
                f"{found['microseconds']:>12,.0f}{found['pairs']:>12,.0f}{found['anonymous']:>12,.0f}"
                f"{found['files']:>12,.0f}{found['peak']:>12,.0f}"
            )


if __name__ == "__main__":
    main()
