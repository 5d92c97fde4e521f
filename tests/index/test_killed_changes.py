"""Killed with no warning while it builds, adds, deletes or merges: nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from changing_child import CHANGES, make_change

from isogloss.errors import DataError
from isogloss.index import open_index
from isogloss.passages import Passage
from made_up_index import assert_same, vectors_of

CHILD = Path(__file__).with_name("changing_child.py")


def run_child(folder: Path, acknowledged: Path, seed: int, moment: int) -> int:
    words = [sys.executable, str(CHILD), str(folder), str(acknowledged), str(seed), str(moment)]
    path = os.pathsep.join([str(CHILD.parent), *(entry for entry in sys.path if entry)])
    return subprocess.run(words, check=False, env={**os.environ, "PYTHONPATH": path}).returncode


def states(seed: int, changes: int) -> list[dict[str, Passage]]:
    """List what an index holds after each change."""
    known: dict[str, Passage] = {}
    listed = []
    for number in range(changes):
        added, deleted = make_change(seed, number)
        names = {one.id for one in added} | set(deleted)
        known = {name: one for name, one in known.items() if name not in names}
        known |= {one.id: one for one in added}
        listed.append(known)
    return listed


def kill_often(tmp_path: Path, seed: int, kills: int) -> None:
    folder, acknowledged = tmp_path / "index", tmp_path / "done"
    acknowledged.touch()
    expected = states(seed, CHANGES)
    rng = random.Random(seed)
    for _ in range(kills):
        code = run_child(folder, acknowledged, seed, rng.randrange(1, 250))
        assert code in (0, -signal.SIGKILL)
        done = len(acknowledged.read_bytes())
        if not done and not (folder / "index.json").exists():
            with pytest.raises(DataError, match="no index here"):
                open_index(folder)
            continue
        index = open_index(folder)
        assert index.find_damage() == []
        held = {one.passage.id: one.passage for one in index.search(vectors_of(["what"]), 100)[0]}
        # The change that was under way may have been committed and not yet acknowledged.
        assert held in expected[max(0, done - 1) : done + 1]
        assert_same(index, held)
        if not done:  # made, yet not acknowledged: another attempt would be refused
            acknowledged.write_bytes(b".")
    assert run_child(folder, acknowledged, seed, 0) == 0
    assert_same(open_index(folder), expected[-1])
    left = {entry.name for entry in (folder / "segments").iterdir()}
    assert left == {segment.entry.name for segment in open_index(folder).segments}


def test_killed_at_a_few_moments(tmp_path: Path) -> None:
    kill_often(tmp_path, seed=1, kills=2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 10))
def test_killed_at_many_moments(tmp_path: Path, seed: int) -> None:
    kill_often(tmp_path, seed, kills=6)
