"""The commands and the Python of docs/engines.md do what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from milvus_lite.server_manager import server_manager_instance

from isogloss.cli.main import main
from isogloss.index.milvus.connection import LITE

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "engines.md").read_text(encoding="utf-8")


def test_the_page_s_commands_run(
    tmp_path: Path,
    xlmr: Path,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = PAGE.replace("MODEL", str(xlmr)).replace("http://milvus:19530", address)
    monkeypatch.chdir(tmp_path)
    (rows,) = re.findall(r"```json\n(.*?)```", (DOCS / "search.md").read_text(encoding="utf-8"), re.DOTALL)
    Path("rivers.jsonl").write_text(rows, encoding="utf-8")
    (block,) = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    for command in block.removeprefix("$ ").split("\n$ "):
        line, _, shown = command.partition("\n")
        words = shlex.split(line)
        if words[0] == "export":
            monkeypatch.setenv(*words[1].split("="))
            continue
        assert main(words[1:]) == 0
        printed = capsys.readouterr().out
        if shown.strip():
            assert printed == shown if shown.endswith("\n") else printed == f"{shown}\n"
    before = search(capsys)
    (python,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(python, "engines.md", "exec"), {})
    assert search(capsys) == before
    assert len(before.splitlines()) == 4
    server_manager_instance.release_server(f"rivers-lite/{LITE}")


def search(capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["search", "rivers-cluster", "river"]) == 0
    return capsys.readouterr().out
