"""Write or search an index of ready vectors, and print the most memory of its own that it held, in MB.

Called as ``measured_child.py write|merge|search DIR PASSAGES``. Memory of its own leaves out what is mapped
from files, which the system takes back when it likes.
"""

from __future__ import annotations

import re
import sys
import threading
from pathlib import Path

import numpy as np

from isogloss.index import ModelIdentity, create_index, open_index, writing
from isogloss.passages import Passage

WIDTH = 192
_AT_ONCE = 4096
_MODEL = ModelIdentity("made up", "0" * 64, "", "", None, None)


def measure() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (kilobytes,) = re.findall(r"RssAnon:\s+(\d+) kB", status)
    return int(kilobytes) / 1000


def write(folder: Path, count: int) -> None:
    rng = np.random.default_rng(0)
    with create_index(folder, _MODEL, WIDTH, "exact") as change:
        for start in range(0, count, _AT_ONCE):
            rows = range(start, min(start + _AT_ONCE, count))
            vectors = rng.standard_normal((len(rows), WIDTH), dtype=np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            change.add([Passage(f"p{n}", f"text {n} " * 40, ("en", "sw")[n % 2]) for n in rows], vectors)
        change.commit()


def search(folder: Path) -> None:
    query = np.eye(1, WIDTH, dtype=np.float32)
    index = open_index(folder)
    for languages in (None, ["sw"]):
        if len(index.search(query, 10, languages)[0]) != 10:
            raise ValueError("not ten were found")


def main(what: str, folder: Path, count: int) -> None:
    if what == "merge":
        writing._SEGMENTS_OF_A_SIZE = 2
    most, stopped = measure(), threading.Event()
    start = most

    def watch() -> None:
        nonlocal most
        while not stopped.wait(0.01):
            most = max(most, measure())

    watching = threading.Thread(target=watch)
    watching.start()
    if what == "search":
        search(folder)
    else:
        write(folder, count)
    stopped.set()
    watching.join()
    sys.stdout.write(f"{max(most, measure()) - start:.1f}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
