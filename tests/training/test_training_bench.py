"""The bench of training runs, on every kind of contestant, and the page shows commands that it takes."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("training_bench", ROOT / "bench" / "training.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look for their annotations
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.slow
def test_the_bench_runs(bench: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    bench.main(
        [
            "--size",
            "tiny",
            "--batch",
            "8",
            "--steps",
            "2",
            "--rounds",
            "1",
            "--cached",
            "200",
            "--dropout",
            "0",
        ]
    )
    printed = capsys.readouterr().out
    rows = dict(
        re.findall(r"^(stock|ours|stock, GradCache|ours, GradCache) +(\d+\.\d) ", printed, re.MULTILINE)
    )
    assert len(rows) == 4
    assert all(float(pairs) > 0 for pairs in rows.values())
    assert re.search(r"planning: \d+\.\d+% of a step", printed)
    # Without dropout the losses of both are the same but for rounding.
    (apart,) = re.findall(r"ours against stock: mean (\d\.\d+), largest \d\.\d+ nats", printed)
    assert float(apart) < 1e-3
    curves = re.findall(r"^(?:stock|ours) +((?:\d\.\d{3} ?){3})$", printed, re.MULTILINE)
    assert len(curves) == 2


def test_the_commands_on_the_page_are_taken(bench: ModuleType) -> None:
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8").replace("\\\n", " ")
    commands = re.findall(r"^\$ .*python bench/training\.py(.*)$", text, re.MULTILINE)
    assert len(commands) >= 2
    for command in commands:
        bench.parse_options(shlex.split(command.split("#")[0]))


def test_links_lead_somewhere() -> None:
    for target in re.findall(
        r"\]\(([^)#]+)\)", (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    ):
        assert (ROOT / "docs" / target).exists(), target
