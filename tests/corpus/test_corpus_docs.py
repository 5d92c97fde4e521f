"""The example of docs/corpus.md does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from isogloss.cli.main import main
from isogloss.corpus import read_corpus

PAGE = Path(__file__).parents[2] / "docs" / "corpus.md"


def test_the_example_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows, shown = (
        re.search(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("json", r"console\n\$ [^\n]*")
    )
    assert rows is not None
    assert shown is not None
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hats.jsonl").write_text(rows[1], encoding="utf-8")
    assert main(["data", "describe", "hats.jsonl"]) == 0
    assert capsys.readouterr().out == shown[1]
    corpus = read_corpus("hats.jsonl")
    assert corpus.passages.tolist() == [0, 0, 0, 1]
    rest, held = corpus.split_articles(0.5, seed=0)
    assert len(rest.item_ids) + len(held.item_ids) == 4
    stored = re.search(r"```console\n\$ isogloss (data store [^\n]*)\n(.*?)```", text, re.DOTALL)
    assert stored is not None
    capsys.readouterr()
    assert main(stored[1].split()) == 0
    assert capsys.readouterr().out == stored[2]
    assert main(["data", "describe", "hats"]) == 0
    assert capsys.readouterr().out == shown[1]


def test_every_blemish_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    package = Path(__file__).parents[2] / "src" / "isogloss" / "corpus"
    source = "\n".join(file.read_text(encoding="utf-8") for file in sorted(package.glob("*.py")))
    kinds = re.findall(r'"((?:answer|question|negative) (?:not|without|of) [^"]*)"', source)
    assert len(set(kinds)) == 5
    for kind in kinds:
        assert f"`{kind}`" in text
