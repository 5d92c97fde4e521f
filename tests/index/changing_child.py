"""Change an index, to be killed at the N-th file that is touched.

Called as ``changing_child.py DIR ACK SEED N KIND``.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path

from isogloss.index import graph, writing
from isogloss.passages import Passage
from made_up_index import LANGUAGES, add, create, delete, passage

CHANGES = 30
KINDS: dict[str, dict[str, object]] = {
    "exact": {},
    "graph": {"engine": "graph"},
    "lexical": {"lexical": True},
    "binary": {"engine": "auto", "compression": "binary"},
}
"""What each kind of index is made with."""
_TOUCHING = ("open", "os.rename", "os.remove", "os.mkdir", "shutil.rmtree", "mmap.__new__")


def make_change(seed: int, number: int) -> tuple[list[Passage], list[str]]:
    """Tell what a change adds, or else deletes; the first one makes the index."""
    rng = random.Random(seed * 1000 + number)
    if number and rng.random() < 0.4:
        return [], [f"p{rng.randrange(12)}" for _ in range(4)]
    names = rng.sample(range(12), 5)
    return [passage(f"p{name}", f"text {number} {name}", rng.choice(LANGUAGES)) for name in names], []


def main() -> None:
    """Change, and acknowledge each change once it is committed."""
    folder, acknowledged, seed, left = Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:5])
    how = KINDS[sys.argv[5]]
    graph.LEAST_ROWS = 1
    writing._SEGMENTS_OF_A_SIZE = 2
    with acknowledged.open("ab", buffering=0) as done:

        def touch(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event in _TOUCHING and str(folder) in str(arguments[0] if arguments else ""):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(touch)
        for number in range(len(acknowledged.read_bytes()), CHANGES):
            added, deleted = make_change(seed, number)
            if number == 0:
                create(folder, added, **how)  # type: ignore[arg-type]
            elif added:
                add(folder, added)
            else:
                delete(folder, deleted)
            done.write(b".")


if __name__ == "__main__":
    main()
