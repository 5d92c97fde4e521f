from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from invented_pairs import invent_sentences, store_runs

from comparison.synthetic_results import invent_family
from isogloss.cli.main import main
from isogloss.results import write_results
from isogloss.types import LanguagePair

LANGUAGES = ("de", "en", "es", "ru", "sw", "am")


def strength(pair: LanguagePair) -> float:
    return 0.7 if {"am", "ru"}.isdisjoint(pair) else 0.4


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two systems with two seeds each, on aligned sentences in six languages."""
    results = [
        invent_sentences(
            label, seed, lambda pair, more=more: strength(pair) + more, languages=LANGUAGES, rows=60
        )
        for label, more in (("x-x-mono", 0.0), ("hybrid", 0.1))
        for seed in (1, 2)
    ]
    return store_runs(tmp_path_factory.mktemp("runs"), results)


@pytest.fixture(scope="module")
def pooled(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Passages of three languages, ranked in all settings."""
    folder = tmp_path_factory.mktemp("pooled")
    paths = []
    for results in invent_family((0, 1), ("x-y", "hybrid"), questions=20):
        run = folder / f"{results.info.label}-{results.info.seed}"
        write_results(results, run / "results" / results.benchmark)
        paths.append(str(run))
    return paths


def call(runs: list[str], *words: str, benchmark: str = "ntrex", baseline: str = "x-x-mono") -> int:
    return main(
        ["transfer", *runs, "--baseline", baseline, "--benchmark", benchmark, "--resamples", "200", *words]
    )


def test_groups_and_predictors_are_printed(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(runs) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("ntrex, accuracy: groups of language pairs")
    assert "resources: high-low" in shown.out
    assert "retrieval training: unseen script" in shown.out
    assert "ntrex: predicting pairs of unknown languages" in shown.out
    assert "cross: hybrid − x-x-mono" in shown.out
    assert shown.err == ""


def test_every_number_is_printed_as_json(
    runs: list[str], tmp_path: Path, labse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for language in LANGUAGES:
        (tmp_path / f"{language}.txt").write_text(f"one two {language * 4}\n", encoding="utf-8")
    sizes = tmp_path / "sizes.tsv"
    sizes.write_text("language\tcharacters\nde\t100\nen\t90\nsw\t3\n", encoding="utf-8")
    words = ["--text", str(tmp_path), "--tokenizer", str(labse), "--pretraining", str(sizes), "--uriel"]
    assert call(runs, "--json", *words) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["format"] == "isogloss-transfer"
    assert len(document["pairs"]) == 2 * 30
    assert {each["outcome"] for each in document["pairs"]} <= {None, "win", "tie", "loss"}
    targets = [each["target"] for each in document["regressions"]]
    assert targets == ["cross: x-x-mono", "cross: hybrid", "cross: hybrid − x-x-mono"]
    first = document["regressions"][0]
    known = {each["feature"] for each in first["coefficients"]} | set(first["constant"])
    assert {"same script", "shared pieces", "query fertility", "passage pre-training text"} <= known
    assert {"syntax distance", "genealogy distance", "query unknown pieces", "query trained"} <= known
    assert document["top_languages"] == {}


def test_retrieved_languages_are_counted_where_one_pool_was_ranked(
    pooled: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(pooled, "--json", benchmark="xquad-r", baseline="x-y") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["regressions"] == []
    for system in document["top_languages"].values():
        assert sum(system["pool"].values()) == pytest.approx(1.0)
        for row in system["by_query"].values():
            assert sum(row["shares"].values()) == pytest.approx(1.0)
    assert call(pooled, benchmark="xquad-r", baseline="x-y") == 0
    assert "xquad-r, hybrid: languages of the first 10 passages" in capsys.readouterr().out


class Tags(HTMLParser):
    """Count what a page opens and closes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "br", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_holds_tables_maps_and_bars(
    pooled: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "page.html"
    assert call(pooled, "--out", str(out), benchmark="xquad-r", baseline="x-y") == 0
    assert capsys.readouterr().err == f"report in {out}\n"
    text = out.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert tags.seen.count("svg") >= 5
    assert "Where it helps and where it hurts" in text
    assert "Languages at the top" in text
    assert 'src="http' not in text


def test_tables_go_to_markdown_and_are_not_overwritten_unasked(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tables.md"
    assert call(runs, "--out", str(out)) == 0
    text = out.read_text(encoding="utf-8")
    assert "**ntrex, accuracy: language pairs**" in text
    assert "| sw | am | 60 |" in text
    assert call(runs, "--out", str(out)) == 2
    assert "is there already" in capsys.readouterr().err
    assert call(runs, "--out", str(out), "--overwrite") == 0
    assert out.read_text(encoding="utf-8") == text
    again = tmp_path / "numbers.json"
    assert call(runs, "--out", str(again)) == 0
    assert json.loads(again.read_text(encoding="utf-8"))["benchmark"] == "ntrex"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--out", "table.txt"], "the name must end in .html, .md, .json"),
        (["--measure", "rank distance"], "needs the setting 'multi'"),
        (["--tokenizer", "model"], "a tokenizer needs text to cut"),
        (["--text", "nothing.txt"], "nothing.txt: no such file"),
        (["--pretraining", "nothing.tsv"], "nothing.tsv: cannot be read"),
        (["--baseline", "unheard"], "no results are labelled unheard"),
        (["--benchmark", "tatoeba"], "no results on tatoeba"),
        (["--resamples", "3"], "at least 100 resamples are needed"),
    ],
)
def test_errors_are_one_line(
    runs: list[str], capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert call(runs, *words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("isogloss: error: ")
    assert told in shown.err
    assert shown.err.count("\n") == 1


def test_text_of_other_languages_is_refused(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fi.txt").write_text("sana\n", encoding="utf-8")
    assert call(runs, "--text", str(tmp_path / "fi.txt")) == 2
    assert "no text in the languages of the benchmark" in capsys.readouterr().err
