"""The page on studies names every setting with its real default, every claim, and commands that work."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from isogloss.cli.main import main
from isogloss.study.claims import CLAIMS
from isogloss.study.settings import (
    EncoderConfig,
    GridConfig,
    MarginsConfig,
    StudyBenchmark,
    StudyConfig,
    TuningConfig,
)

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
NESTED = (EncoderConfig, GridConfig, MarginsConfig, StudyBenchmark, TuningConfig)


def write_default(field: dataclasses.Field[object]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return "empty"
    if field.default is dataclasses.MISSING:
        return "needed"
    match field.default:
        case None:
            return "not set"
        case str():
            return f'`"{field.default}"`'
        case tuple():
            return f"`{list(field.default)}`"
    return f"`{field.default}`"


def list_settings(kind: type[object], where: str = "") -> Iterator[tuple[str, str]]:
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        inner = next(
            (each for each in (hints[field.name], *get_args(hints[field.name])) if each in NESTED), None
        )
        if inner is None:
            yield f"{where}{field.name}", write_default(field)
        else:
            yield from list_settings(inner, f"{where}{field.name}.")


def test_the_settings_table_is_complete_and_true() -> None:
    (table,) = re.findall(r"\| setting \| default \| meaning \|\n\|---\|---\|---\|\n((?:\|.*\n)+)", PAGE)
    rows = [row.split(" | ")[:2] for row in table.splitlines()]
    written = {name.strip("| `"): default for name, default in rows}
    assert len(written) == len(rows)
    assert written == dict(list_settings(StudyConfig))


def test_every_claim_is_on_the_page() -> None:
    (table,) = re.findall(r"\| claim \| states \| decided by \|\n\|---\|---\|---\|\n((?:\|.*\n)+)", PAGE)
    numbers = [number for row in table.splitlines() for number in re.findall(r"\d+", row.split("|")[1])]
    assert sorted(numbers, key=int) == [claim.id for claim in CLAIMS]


def test_the_commands_of_the_page_are_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = re.findall(r"^\$ isogloss (.*)$", PAGE, re.MULTILINE)
    assert len(commands) == 3
    (tmp_path / "studies").symlink_to(ROOT / "studies")
    monkeypatch.chdir(tmp_path)
    for command in commands:
        words = shlex.split(command)
        if {"--plan", "--claim"} & set(words):
            assert main(words) == 0
    assert "cannot be decided here" in capsys.readouterr().out


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).is_file(), target
