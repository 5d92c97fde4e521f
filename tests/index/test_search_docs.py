"""The commands and the Python of docs/search.md run as they stand, and print what the page shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from isogloss.cli.main import build_parser, main

PAGE = Path(__file__).parents[2] / "docs" / "search.md"


def test_the_page_s_commands_run(
    tmp_path: Path, xlmr: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = PAGE.read_text(encoding="utf-8").replace("MODEL", str(xlmr))
    monkeypatch.chdir(tmp_path)
    (rows,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    Path("rivers.jsonl").write_text(rows, encoding="utf-8")
    Path("more.jsonl").write_text(rows.replace('"tana"', '"nile"'), encoding="utf-8")
    first, second, shards, small, third, measured = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    (python,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    printed = run(first, capsys)
    assert len(printed[1].splitlines()) == 4
    printed = run(third, capsys)
    assert len(printed[0].splitlines()) == 6
    assert "and by words" in printed[1]
    # No other passage has a word of the query: whatever the vectors say, it comes first.
    assert printed[2].splitlines()[0].split()[2:] == ["de", "elbe", "Elbe"]
    for command in re.findall(r"^\$ isogloss (.*)$", measured, re.MULTILINE):
        build_parser().parse_args(command.split())
    exec(compile(python, "search.md", "exec"), {})
    assert capsys.readouterr().out.split()[0] in ("tana", "awash")
    printed = run(second, capsys)
    assert printed[0].splitlines()[0] == "3 passages added"
    assert printed[1].splitlines()[0] == "2 passages deleted"
    assert printed[2].splitlines()[-1] == "no damage"
    assert "3 passages added" in run(small, capsys)[0]
    assert run(shards, capsys)[2].splitlines()[0] == "3 passages joined"


def run(block: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run the commands of a block, and compare what they print where the page shows it."""
    printed = []
    for command in block.removeprefix("$ ").split("\n$ "):
        line, _, shown = command.partition("\n")
        assert main(shlex.split(line, comments=True)[1:]) == 0
        printed.append(capsys.readouterr().out)
        if shown.strip():
            assert printed[-1].strip() == shown.strip()
    return printed
