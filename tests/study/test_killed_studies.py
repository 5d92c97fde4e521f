"""Studies killed by SIGKILL go on, and end as if nothing had happened."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from study_files import write_study

from isogloss.config import TomlValue

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def start(study: Path, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "isogloss", "reproduce", str(study), "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def weights(out: Path) -> dict[str, bytes]:
    """Read every trained model of a study, bit by bit."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted((out / "runs").glob("*/*/model/*.safetensors"))
    }


def test_a_killed_study_ends_as_a_whole_one(xlmr: Path, tmp_path: Path) -> None:
    changes: dict[str, TomlValue] = {
        "grid": {"seeds": [1], "strategies": ["hybrid", "x-y"]},
        "training": {"trainer": {"max_steps": 12}},
    }
    study = write_study(tmp_path, xlmr, changes)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert start(study, whole).wait(300) == 0
    files = ("runs/*/*/checkpoints/checkpoint-*", "runs/*/*/model", "runs/*/*/results/*/results.json")
    for pattern in files:
        process = start(study, killed)
        before = len(list(killed.glob(pattern)))
        while process.poll() is None and len(list(killed.glob(pattern))) <= before:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert start(study, killed).wait(300) == 0
    assert weights(killed) == weights(whole)
    assert len(weights(whole)) == 2
    for path in whole.glob("runs/*/*/results/*/ranks.npz"):
        assert (killed / path.relative_to(whole)).read_bytes() == path.read_bytes()
