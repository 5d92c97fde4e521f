"""Killed with no warning while it builds, adds, deletes or merges: nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from changing_child import CHANGES, KINDS, make_change

from isogloss.errors import DataError
from isogloss.index import Index, open_index
from isogloss.passages import Passage
from made_up_index import assert_same, create, search_small_graphs, vectors_of

CHILD = Path(__file__).with_name("changing_child.py")


def run_child(folder: Path, acknowledged: Path, seed: int, moment: int, kind: str) -> int:
    words = [sys.executable, str(CHILD), str(folder), str(acknowledged), str(seed), str(moment), kind]
    path = os.pathsep.join([str(CHILD.parent), *(entry for entry in sys.path if entry)])
    return subprocess.run(words, check=False, env={**os.environ, "PYTHONPATH": path}).returncode


def assert_as_new(index: Index, held: dict[str, Passage], fresh: Path, kind: str) -> None:
    """Compare an index of any history with one that was made at once, and the exact ones with NumPy."""
    if kind in ("exact", "graph", "lexical"):
        assert_same(index, held)
    create(fresh, list(held.values()), **KINDS[kind])  # type: ignore[arg-type]
    new = open_index(fresh)
    asked = ["text", "text 3 4", "11"]
    words = asked if kind == "lexical" else None
    for languages in (None, ["sw"], ["am", "en"]):
        found, expected = (one.search(vectors_of(asked), 20, languages, texts=words) for one in (index, new))
        assert found == expected
        assert languages or all({hit.passage.id for hit in hits} <= set(held) for hits in found)


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


def kill_often(tmp_path: Path, seed: int, kills: int, kind: str) -> None:
    folder, acknowledged = tmp_path / "index", tmp_path / "done"
    acknowledged.touch()
    expected = states(seed, CHANGES)
    rng = random.Random(seed)
    for kill in range(kills):
        code = run_child(folder, acknowledged, seed, rng.randrange(1, 250), kind)
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
        assert_as_new(index, held, tmp_path / f"new-{kill}", kind)
        if not done:  # made, yet not acknowledged: another attempt would be refused
            acknowledged.write_bytes(b".")
    assert run_child(folder, acknowledged, seed, 0, kind) == 0
    index = open_index(folder)
    assert any(segment.entry.graphs for segment in index.segments) == (kind == "graph")
    assert_as_new(index, expected[-1], tmp_path / "new", kind)
    left = {entry.name for entry in (folder / "segments").iterdir()}
    assert left == {segment.entry.name for segment in index.segments}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    search_small_graphs(monkeypatch)
    chosen: str = request.param
    return chosen


def test_killed_at_a_few_moments(tmp_path: Path, kind: str) -> None:
    kill_often(tmp_path, seed=1, kills=2 if kind == "exact" else 1, kind=kind)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_killed_at_many_moments(tmp_path: Path, seed: int, kind: str) -> None:
    kill_often(tmp_path, seed, kills=6, kind=kind)
