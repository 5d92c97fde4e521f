"""The commands of docs/translation.md run, and its tables name what there is."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from isogloss.cli import translate
from isogloss.cli.main import main
from isogloss.corpus import read_corpus
from isogloss.translation import loading
from isogloss.translation.filters import Filters
from isogloss.translation.job import TOKEN_BUDGET
from isogloss.translation.models import BEAMS
from isogloss.translation.translator import Fault

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "translation.md").read_text(encoding="utf-8")


def test_the_commands_run(
    nllb: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a tiny model in the place of the one that is named, and the English hats of docs/corpus.md."""
    corpus_page = (DOCS / "corpus.md").read_text(encoding="utf-8")
    (rows,) = re.findall(r"```json\n(.*?)```", corpus_page, re.DOTALL)
    english = [line for line in rows.splitlines() if '"language": "en"' in line]
    (tmp_path / "hats.jsonl").write_text("\n".join(english), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loading, "_find_folder", lambda name: nllb)
    (shown,) = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    commands = [line.removeprefix("$ isogloss ") for line in shown.splitlines() if "$ isogloss " in line]
    assert len(commands) == 3
    for command in commands:
        assert main(shlex.split(command)) == 0
    assert "items     2 " in capsys.readouterr().out
    assert read_corpus("hats-parallel/corpus").article_names == ("Hats",)


def test_every_option_and_fault_is_on_the_page() -> None:
    parser = argparse.ArgumentParser()
    translate.configure(parser)
    options = {option for action in parser._actions for option in action.option_strings if "--" in option}
    usual = {"--help", "--format", "--device", "--quiet"}
    assert [option for option in sorted(options - usual) if f"`{option}" not in PAGE] == []
    assert re.findall(
        r"^\| `([a-z -]+)` \|", PAGE.split("| fault | is |")[1].split("\n\n")[0], re.MULTILINE
    ) == list(Fault)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (DOCS / target).is_file(), target


def test_the_default_ratio_is_that_of_the_command_and_the_page() -> None:
    parser = argparse.ArgumentParser()
    translate.configure(parser)
    assert parser.get_default("length_ratio") == Filters().length_ratio
    assert f"`--length-ratio` ({Filters().length_ratio})" in PAGE
    assert parser.get_default("beams") == BEAMS
    assert parser.get_default("batch_tokens") == TOKEN_BUDGET
