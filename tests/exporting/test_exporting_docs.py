"""docs/exporting.md: every command of the page is one, and its figures come from a script that is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from isogloss.cli.main import build_parser
from isogloss.exporting import Precision

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "exporting.md").read_text(encoding="utf-8")


def test_the_page_s_commands_are_read() -> None:
    lines = re.findall(r"^\$ (.*)$", PAGE, re.MULTILINE)
    commands = [shlex.split(line) for line in lines if line.startswith("isogloss ")]
    parsed = [build_parser().parse_args(words[1:]) for words in commands]
    assert {one.command for one in parsed} == {"export", "evaluate", "index"}
    exported = {str(one.out): one.precision for one in parsed if one.command == "export"}
    assert set(exported.values()) == set(Precision)
    # What is evaluated and indexed was exported before.
    assert {one.model for one in parsed if one.command != "export"} <= set(exported)


def test_the_page_s_bench_is_there() -> None:
    scripts = re.findall(r"python (bench/\w+\.py)", PAGE)
    assert scripts
    assert all((ROOT / script).is_file() for script in scripts)
