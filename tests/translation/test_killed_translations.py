"""A translation killed by SIGKILL at any moment goes on as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from backwards import Backwards
from interrupted_translation import translate

from isogloss.translation.translator import Translation

SCRIPT = Path(__file__).with_name("interrupted_translation.py")
BATCHES = 24
"""Batches of the whole job, the back-translations among them."""


class Counting(Backwards):
    """Count the batches of all translators."""

    count = 0

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        Counting.count += 1
        return super().translate(texts)


def read_all(out: Path) -> dict[str, bytes]:
    kept = [*out.glob("corpus/*"), *out.glob("translations/*")]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in kept}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an uninterrupted run leaves."""
    out = tmp_path_factory.mktemp("whole") / "out"
    Counting.count = 0
    translate(out, Counting)
    assert Counting.count == BATCHES
    return read_all(out)


KILLINGS = [
    ("while it translates", 7),
    ("while it appends", 11),
    ("within the corpus", 0),
    *(pytest.param("while it translates", number, marks=pytest.mark.slow) for number in (1, 2, 13, 24)),
    *(pytest.param("while it appends", number, marks=pytest.mark.slow) for number in (1, 3, 17, 24)),
    *(
        pytest.param(moment, 0, marks=pytest.mark.slow)
        for moment in ("before the corpus", "after the corpus")
    ),
]


@pytest.mark.parametrize(("moment", "number"), KILLINGS)
def test_a_killed_translation_goes_on(
    moment: str, number: int, whole: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(out), moment, str(number)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    Counting.count = 0
    translate(out, Counting)
    assert read_all(out) == whole
    lost = 1 if "while" in moment else 0
    assert Counting.count == (BATCHES - number + lost if lost else 0), (
        "no more than the running batch is lost"
    )
    assert not list(out.glob(".*")), "what was half written is gone"
