"""Add passages batch by batch, telling each that is done; the test kills this process somewhere."""

from __future__ import annotations

import sys
from pathlib import Path

from isogloss.index import MilvusPlace, change_index, create_index
from made_up_index import MODEL, WIDTH, passage, vectors_of


def main(folder: Path, what: str) -> None:
    place = MilvusPlace()
    begun = change_index(folder) if what == "add" else create_index(folder, MODEL, WIDTH, place)
    with begun as change:
        for batch in range(10_000):
            made = [passage(f"{batch}-{n}", f"text {chr(97 + n)}") for n in range(20)]
            change.add(made, vectors_of([one.text for one in made]))
            sys.stdout.write(f"{batch}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
