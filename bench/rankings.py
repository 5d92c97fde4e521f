"""Time searches of one query by every ranking, and by words, over made-up passages.

python bench/rankings.py --passages 13014 --languages 11 --dimensions 256
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from isogloss.fair_ranking import Fairness
from isogloss.index import Index, ModelIdentity, create_index, open_index
from isogloss.passages import Passage

WORDS = 20_000
WORDS_OF_A_PASSAGE = 25
MODEL = ModelIdentity("made up", "0" * 64, "", "", None, None)


def main() -> None:
    """Build an index, then print milliseconds of processor time per query, the median of all queries."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=13_014)
    parser.add_argument("--languages", type=int, default=11)
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("-k", type=int, default=10)
    arguments = parser.parse_args()
    draw = np.random.default_rng(0)
    count, width = arguments.passages, arguments.dimensions
    codes = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(arguments.languages)]
    # Each language leans to a side of its own, as models that know languages apart make it.
    sides = draw.standard_normal((len(codes), width)) * 0.5
    # Few words are frequent, as in texts: rank r stands in proportion to 1 / r.
    shares = 1 / np.arange(1, WORDS + 1)
    shares /= shares.sum()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "index"
        with create_index(folder, MODEL, width, "exact", lexical=True) as change:
            for start in range(0, count, 10_000):
                own = np.arange(start, min(start + 10_000, count))
                words = draw.choice(WORDS, size=(len(own), WORDS_OF_A_PASSAGE), p=shares)
                texts = [" ".join(f"w{word}" for word in row) for row in words.tolist()]
                vectors = draw.standard_normal((len(own), width)) + sides[own % len(codes)]
                vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
                passages = [
                    Passage(f"p{n}", text, codes[n % len(codes)])
                    for n, text in zip(own.tolist(), texts, strict=True)
                ]
                change.add(passages, vectors.astype(np.float32))
            change.commit()
        index = open_index(folder)
        raw = draw.standard_normal((arguments.queries, width)) + sides[0]
        queries = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
        asked = [" ".join(f"w{word}" for word in row) for row in draw.choice(WORDS, (len(raw), 8), p=shares)]
        start_time = time.process_time()
        index.search(queries[:1], arguments.k, ranking=Fairness.CALIBRATED)
        print(f"first calibrated search: {time.process_time() - start_time:.2f} s")
        for how in Fairness:
            print_median(how, queries, partial(search_fairly, index, queries, arguments.k, how))
        print_median("lexical", queries, lambda at: index.search(queries[at], arguments.k, texts=asked[at]))


def search_fairly(index: Index, queries: np.ndarray, k: int, how: Fairness, at: slice) -> object:
    """Search for some of the queries by a ranking."""
    return index.search(queries[at], k, ranking=how)


def print_median(name: str, queries: np.ndarray, search: Callable[[slice], object]) -> None:
    """Search for one query after the other, and print the median of their times."""
    seconds = []
    for number in range(len(queries)):
        start = time.process_time()
        search(slice(number, number + 1))
        seconds.append(time.process_time() - start)
    print(f"{name:>10}  {1000 * float(np.median(seconds)):8.2f} ms")


if __name__ == "__main__":
    main()
