"""Time the planning of batches on a generated corpus: python bench/planning.py [--items N]."""

from __future__ import annotations

import argparse
import os
import platform
import time

import numpy as np

from isogloss._version import __version__
from isogloss.batching import BatchPlan, NegativeChoice, choose_strategy, count_composition
from isogloss.corpus import ParallelCorpus

LANGUAGES = ("ar", "de", "en", "es", "hi", "ru", "th", "tr", "zh")


def generate_corpus(items: int, seed: int = 0) -> ParallelCorpus:
    """Make identities without texts: 1 to 30 items a passage, 5 passages an article, a tenth missing."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 31, items)
    passages = np.repeat(np.arange(items), sizes)[:items].astype(np.int64)
    articles = passages // 5
    present = random.random((items, len(LANGUAGES))) >= 0.1
    present[:, LANGUAGES.index("en")] = True
    return ParallelCorpus(
        name="generated",
        languages=LANGUAGES,
        item_ids=tuple(map(str, range(items))),
        passages=passages,
        articles=articles,
        article_names=tuple(map(str, range(int(articles[-1]) + 1))),
        present=present,
        renderings=dict.fromkeys(LANGUAGES, ()),
        negatives={},
        blemishes=(),
        files={},
    )


def describe_machine() -> str:
    """Name processor, cores and versions."""
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):  # noqa: PTH110 - one file of Linux
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
            model = next(
                (line.split(":")[1].strip() for line in lines if line.startswith("model name")), model
            )
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, isogloss {__version__}"
    return f"{model}, {os.cpu_count()} cores; {versions}"


def measure(corpus: ParallelCorpus, strategy: str, negatives: NegativeChoice | None, batches: int) -> str:
    """Time the making of a plan, its first batch, and further batches of its first epoch."""
    start = time.perf_counter()
    plan = BatchPlan([corpus], choose_strategy(strategy), 100, negatives=negatives)
    plan.batch(0, 0)
    first = time.perf_counter() - start
    # Every stratum is visited once before the clock starts, so that what follows is the steady state.
    for _, _, _, stratum in plan.strata():
        stratum.deal(0)
    passes = time.perf_counter() - start - first
    steps = np.random.default_rng(1).integers(0, plan.steps_per_epoch, batches).tolist()
    for step in steps[:20]:
        plan.batch(0, step)
    start = time.perf_counter()
    rows = sum(len(plan.batch(0, step)) for step in steps)
    seconds = time.perf_counter() - start
    name = strategy + (f", {negatives.source} negatives" if negatives else "")
    return f"{name:<26}{first:>17.2f}{passes:>17.2f}{seconds / batches * 1e6:>17,.0f}{rows / seconds:>17,.0f}"


def main() -> None:
    """Print one line a strategy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--items", type=int, default=1_000_000, help="items of the corpus (default 1,000,000)"
    )
    parser.add_argument("--batches", type=int, default=2_000, help="batches to time (default 2,000)")
    arguments = parser.parse_args()
    print(describe_machine())
    print(f"{arguments.items:,} items, {len(LANGUAGES)} languages, batches of 100")
    corpus = generate_corpus(arguments.items)
    heads = ("first batch, s", "other strata, s", "us a batch", "pairs a second")
    print(f"{'strategy':<26}" + "".join(f"{head:>17}" for head in heads))
    for strategy in ("x-x-mono", "x-y", "hybrid", "x-x", "en-en"):
        print(measure(corpus, strategy, None, arguments.batches))
    for source in ("article", "random"):
        print(measure(corpus, "hybrid", NegativeChoice(source), arguments.batches // 10))
    small = generate_corpus(6_708)
    start = time.perf_counter()
    count_composition(BatchPlan([small], choose_strategy("hybrid"), 100))
    print(f"composition of one epoch of 6,708 items: {time.perf_counter() - start:.3f} s")


if __name__ == "__main__":
    main()
