"""The pages on transfer: commands that parse, keys that JSON has, features that exist."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from invented_pairs import invent_sentences, store_runs

from isogloss.cli.main import build_parser, main
from isogloss.transfer.typology import KINDS

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("transfer.md", "low-resource.md")


def commands(page: str) -> list[list[str]]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return [shlex.split(line) for line in re.findall(r"^\$ isogloss (.*)$", text, re.M)]


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_are_understood(page: str) -> None:
    found = commands(page)
    assert len(found) >= 3
    for words in found:
        arguments = build_parser().parse_args(words)
        assert arguments.command == words[0]


@pytest.mark.parametrize("page", PAGES)
def test_links_of_the_pages_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([\w-]+\.md)\)", (DOCS / page).read_text(encoding="utf-8"))
    assert links
    assert all((DOCS / link).is_file() for link in links)


def test_the_features_and_keys_of_the_page_are_those_of_the_command(
    tmp_path: Path, labse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    languages = ("de", "en", "es", "ru", "am")
    results = [
        invent_sentences(label, seed, lambda _: 0.5, languages=languages, rows=30)
        for label in ("x-x-mono", "hybrid")
        for seed in (1, 2)
    ]
    runs = store_runs(tmp_path / "runs", results)
    for language in languages:
        (tmp_path / f"{language}.txt").write_text(f"{language} text\n", encoding="utf-8")
    (tmp_path / "sizes.tsv").write_text("language\tcharacters\nde\t5\n", encoding="utf-8")
    words = ["--text", str(tmp_path), "--tokenizer", str(labse), "--pretraining", str(tmp_path / "sizes.tsv")]
    command = ["transfer", *runs, "--baseline", "x-x-mono", "--benchmark", "ntrex", "--resamples", "200"]
    assert main([*command, *words, "--uriel", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    text = (DOCS / "transfer.md").read_text(encoding="utf-8")
    tables = re.findall(r"\|---\|(?:---\|)+\n((?:\|.*\n)+)", text)
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in tables[0].splitlines()]
    told: set[str] = set()
    for name, *_ in rows:
        kinds = name.removesuffix(" distance").split(", ")
        told |= {f"{kind} distance" for kind in kinds} if name.endswith("distance") else {name}
    assert told >= {f"{kind} distance" for kind in KINDS}
    one = document["regressions"][0]
    used = {each["feature"] for each in one["coefficients"]} | set(one["constant"])
    assert {name.removeprefix("query ").removeprefix("passage ") for name in used} == told
    keys = {key for row in tables[1].splitlines() for key in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert keys == set(document) - {"format", "version", "benchmark", "measure", "baseline"}
    for name, entry in (
        ("pairs", document["pairs"][0]),
        ("groups", document["groups"][0]),
        ("regressions", one),
    ):
        (row,) = [row for row in tables[1].splitlines() if row.startswith(f"| `{name}`")]
        assert set(re.findall(r"`(\w+)`", row.split("|")[2])) <= set(entry)
