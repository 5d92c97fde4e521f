"""Killed with no warning, a shard goes on where it was, and becomes what it would have been."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from isogloss.errors import DataError
from isogloss.index import open_index
from isogloss.passages import Passage
from isogloss.sharding import Part, join_shards
from made_up_index import vectors_of

CHILD = Path(__file__).with_name("shard_child.py")
TEXTS = {f"p{n}": f"text {chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(300)}


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "en.jsonl"
    listed = [json.dumps({"id": name, "text": text}) for name, text in TEXTS.items()]
    path.write_text("\n".join(listed), encoding="utf-8")
    return path


def run_child(folder: Path, rows: Path, part: Part, moment: int) -> int:
    words = [sys.executable, str(CHILD), str(folder), str(rows), str(part), str(moment)]
    path = os.pathsep.join([str(CHILD.parent), *(entry for entry in sys.path if entry)])
    return subprocess.run(words, check=False, env={**os.environ, "PYTHONPATH": path}).returncode


def kill_often(tmp_path: Path, rows: Path, seed: int, kills: int, of: int) -> None:
    rng = random.Random(seed)
    folders = [tmp_path / f"shard-{number}" for number in range(1, of + 1)]
    killed = 0
    for number, folder in enumerate(folders, start=1):
        for _ in range(kills):
            code = run_child(folder, rows, Part(number, of), rng.randrange(1, 150))
            assert code in (0, -signal.SIGKILL)
            killed += code != 0
        if not (folder / "index.json").exists():
            with pytest.raises(DataError, match=r"no shard here|is not finished"):
                join_shards([folder], tmp_path / "joined", quiet=True)
        assert run_child(folder, rows, Part(number, of), 0) == 0
        held = [
            passage
            for segment in open_index(folder).segments
            for passage in segment.passages(range(segment.entry.rows))
        ]
        expected = {name for name in TEXTS if Part(number, of).holds(Passage(name, "x", "en"))}
        assert {passage.id for passage in held} == expected
        assert len(held) == len(expected)
    assert killed
    assert join_shards(folders, tmp_path / "joined", quiet=True).count == len(TEXTS)
    joined = open_index(tmp_path / "joined")
    assert joined.find_damage() == []
    for segment in joined.segments:
        texts = [TEXTS[name] for name in segment.ids(range(segment.entry.rows))]
        np.testing.assert_array_equal(segment.vectors.decode(slice(None)), vectors_of(texts))


def test_shards_killed_at_a_few_moments(tmp_path: Path, rows: Path) -> None:
    kill_often(tmp_path, rows, seed=1, kills=1, of=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 8))
def test_shards_killed_at_many_moments(tmp_path: Path, rows: Path, seed: int) -> None:
    kill_often(tmp_path, rows, seed, kills=5, of=2)
