"""What Milvus has acknowledged outlives a process that is killed, and going on comes to the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from engines_under_test import EngineUnderTest

from isogloss.errors import DataError
from made_up_index import assert_same, passage

TESTS = Path(__file__).parents[1]
BATCHES = 4


def kill_after_some(folder: Path, what: str) -> None:
    """Start the child and kill it while it writes the batch after those that it has told of."""
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("adding_child.py")), str(folder), what],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
    )
    with child:
        assert child.stdout is not None
        for batch in range(BATCHES):
            assert child.stdout.readline() == f"{batch}\n"
        child.kill()


@pytest.mark.slow
def test_acknowledged_passages_outlive_a_kill(tmp_path: Path) -> None:
    engine = EngineUnderTest("lite", tmp_path / "index", "")
    kept = passage("kept", "what was there before", "sw")
    kill_after_some(engine.folder, "create")
    with pytest.raises(DataError, match="no index here"):
        engine.open()
    engine.create([kept])
    assert_same(engine.open(), {"kept": kept})
    engine.restart()
    kill_after_some(engine.folder, "add")
    index = engine.open()
    assert index.count >= 20 * BATCHES + 1
    told = [f"{batch}-{n}" for batch in range(BATCHES) for n in range(20)]
    assert engine.delete(told) == len(told)
    others = [f"{batch}-{n}" for batch in range(BATCHES, BATCHES + 3) for n in range(20)]
    assert engine.delete(others) == index.count - len(told) - 1
    assert_same(engine.open(), {"kept": kept})
    engine.restart()
