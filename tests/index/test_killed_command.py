"""``isogloss index`` itself, killed while it encodes: it goes on, and what was there stays."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from isogloss.errors import DataError
from isogloss.index import open_index
from isogloss.index.writing import SCRATCH
from tiny_models import SENTENCES

pytestmark = pytest.mark.slow

TEXTS = 20_000
"""Enough that encoding them takes some seconds on any machine."""


def write_rows(path: Path, prefix: str, count: int) -> Path:
    rows = ({"id": f"{prefix}{n}", "text": f"{SENTENCES[n % 8]} {n}", "language": "en"} for n in range(count))
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def start(*words: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "isogloss", "index", *map(str, words), "--device", "cpu"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def kill_while_encoding(process: subprocess.Popen[bytes], folder: Path, seconds: float) -> None:
    """Kill some time after vectors are kept, which is before anything is committed."""
    with process:
        while not any((folder / SCRATCH).rglob("*")):
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.02)
        time.sleep(seconds)
        assert process.poll() is None, "finished before it was killed"
        process.kill()


def finish(process: subprocess.Popen[bytes]) -> None:
    _, told = process.communicate(timeout=600)
    assert process.returncode == 0, told


def test_a_build_that_was_killed_goes_on(tmp_path: Path, xlmr: Path) -> None:
    rows, folder = write_rows(tmp_path / "rows.jsonl", "p", TEXTS), tmp_path / "index"
    words = (xlmr, rows, "--out", folder)
    kill_while_encoding(start(*words), folder, random.Random(1).random())
    with pytest.raises(DataError, match="no index here"):
        open_index(folder)
    assert any((folder / SCRATCH).rglob("*"))  # what was encoded is kept
    finish(start(*words))
    index = open_index(folder)
    assert (index.count, index.find_damage()) == (TEXTS, [])
    assert {entry.name for entry in folder.iterdir()} == {".lock", "index.json", "segments"}


def test_an_addition_that_was_killed_leaves_what_was_there(tmp_path: Path, xlmr: Path) -> None:
    folder = tmp_path / "index"
    finish(start(xlmr, write_rows(tmp_path / "first.jsonl", "old", 50), "--out", folder))
    before = open_index(folder).manifest.digest
    words = (xlmr, write_rows(tmp_path / "more.jsonl", "new", TEXTS), "--out", folder, "--add")
    kill_while_encoding(start(*words), folder, random.Random(2).random())
    left = open_index(folder)
    assert (left.manifest.digest, left.count, left.find_damage()) == (before, 50, [])
    finish(start(*words))
    index = open_index(folder)
    assert (index.count, index.find_damage()) == (50 + TEXTS, [])
    assert {entry.name for entry in folder.iterdir()} == {".lock", "index.json", "segments"}
