"""``isogloss translate``: from a corpus in one language to a parallel one, and its errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from isogloss.cli.main import main
from isogloss.corpus import read_corpus

PASSAGE = "The bridge was built of stone. Which river flows there? In 1843 the old town burnt down."


def write_source(folder: Path, language: str = "en", count: int = 6) -> Path:
    rows = [
        {
            "id": f"q{number}",
            "language": language,
            "question": f"Which {number} rivers flow through the old town?",
            "passage": f"{PASSAGE} Number {number // 2}.",
            "answer": "stone",
            "answer_start": 24,
        }
        for number in range(count)
    ]
    path = folder / "source.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def call(*words: object) -> int:
    return main(["translate", *map(str, words), "--quiet", "--beams", "1", "--device", "cpu"])


@pytest.mark.parametrize("family", ["nllb", "m2m", "labelled_marian"])
def test_a_parallel_corpus_is_made_and_gone_on_with(
    family: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(family)
    words = (write_source(tmp_path), "--to", "de,sw", "--model", model, "--out", tmp_path / "out")
    wide = ("--length-ratio", "1000", "--batch-tokens", "60")
    assert call(*words, *wide, "--json") == 0
    shown = capsys.readouterr()
    summary = json.loads(shown.out)
    assert shown.err == f"corpus in {tmp_path / 'out' / 'corpus'}\n"
    assert [entry["language"] for entry in summary["languages"]] == ["de", "sw"]
    for entry in summary["languages"]:
        assert entry["items"] == 6
        assert entry["kept"] + sum(entry["dropped"].values()) == 6
        assert entry["made"] == entry["texts"] == 6 + 3 + 3
    corpus = read_corpus(tmp_path / "out" / "corpus")
    assert corpus.item_ids == tuple(f"q{number}" for number in range(6))
    before = {path.name: path.read_bytes() for path in (tmp_path / "out" / "corpus").iterdir()}
    assert call(*words, *wide, "--json") == 0
    assert {entry["made"] for entry in json.loads(capsys.readouterr().out)["languages"]} == {0}
    assert {path.name: path.read_bytes() for path in (tmp_path / "out" / "corpus").iterdir()} == before
    told = json.loads((tmp_path / "out" / "provenance.json").read_text(encoding="utf-8"))
    assert told["models"][str(model)]["licence"] == "cc-by-nc-4.0"
    assert told["directions"]["en-de"]["fingerprint"] == told["models"][str(model)]["fingerprint"]
    assert call(*words) == 0
    assert capsys.readouterr().out.startswith(
        "language  items  present  kept  shortened  dropped  translated"
    )


def test_back_translation_by_the_same_model(
    m2m: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (write_source(tmp_path), "--to", "de", "--model", m2m, "--out", tmp_path / "out", "--limit", "2")
    assert call(*words, "--length-ratio", "1000", "--min-similarity", "1", "--json") == 0
    (entry,) = json.loads(capsys.readouterr().out)["languages"]
    assert (entry["items"], entry["kept"]) == (2, 0), "a random model gives nothing again"
    assert (tmp_path / "out" / "corpus" / "en.jsonl").is_file()
    assert not (tmp_path / "out" / "corpus" / "de.jsonl").exists()


def test_a_squad_file_whose_name_tells_no_language(
    m2m: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = [{"text": "stone", "answer_start": 24}]
    asked = {"id": "a", "question": "Which river flows there?", "answers": answers}
    paragraph = {"context": PASSAGE, "qas": [asked]}
    content = {"data": [{"title": "Bridges", "paragraphs": [paragraph]}]}
    (tmp_path / "train.json").write_text(json.dumps(content), encoding="utf-8")
    words = (tmp_path / "train.json", "--to", "de", "--model", m2m, "--out", tmp_path / "out")
    assert call(*words) == 2
    assert "tells no language" in capsys.readouterr().err
    assert call(*words, "--from", "en", "--length-ratio", "1000") == 0
    made = read_corpus(tmp_path / "out" / "corpus")
    assert made.article_names == ("Bridges",)
    assert made.rendering(0, "en").answer == "stone"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--to", "en"), "--to names en, the language to translate from"),
        (("--to", " , "), "name a language to translate into by --to"),
        (("--to", "xx"), "'xx' names no language that is known"),
        (("--to", "de,tlh"), "'tlh'"),
        (("--to", "de", "--from", "fr"), "has no language 'fr'; it has en"),
        (("--to", "de", "--limit", "0"), "--limit takes a whole number from 1; got 0"),
        (("--to", "de", "--length-ratio", "1"), "--length-ratio takes a finite number above 1; got 1.0"),
        (("--to", "de", "--length-ratio", "inf"), "--length-ratio takes a finite number above 1; got inf"),
        (("--to", "de", "--min-similarity", "40"), "--min-similarity takes a number above 0 and at most 1"),
        (("--to", "de", "--back-model", "x"), "--back-model goes with --min-similarity"),
        (("--to", "de", "--batch-tokens", "0"), "--batch-tokens takes a whole number from 1; got 0"),
        (("--to", "de", "--out", "."), ". is there and holds no translations"),
        (("--to", "de", "--model", "nowhere/at all"), "no such folder, and no name that the hub could have"),
        (("--to", "de", "--beams", "0"), "--beams takes a whole number from 1; got 0"),
        (("--to", "de", "--device", "abacus"), "device 'abacus' cannot be used"),
    ],
)
def test_errors_are_one_line(
    words: tuple[str, ...],
    told: str,
    m2m: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_source(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    usual = ("source.jsonl", "--model", str(m2m), "--out", "out", "--quiet", "--device", "cpu")
    assert main(["translate", *usual, *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("isogloss: error: ")
    assert told in shown.err
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == [
        path for path in before if path.is_file()
    ]


def test_several_languages_want_one_named(
    m2m: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_source(tmp_path)
    other = path.read_text(encoding="utf-8").replace('"en"', '"fr"')
    path.write_text(path.read_text(encoding="utf-8") + other, encoding="utf-8")
    words = (path, "--to", "de", "--model", m2m, "--out", tmp_path / "out", "--length-ratio", "1000")
    assert call(*words) == 2
    assert "name the language to translate from by --from: en, fr" in capsys.readouterr().err
    assert call(*words, "--from", "fra") == 0
    assert (tmp_path / "out" / "translations" / "fr-de.jsonl").is_file()


def test_other_settings_and_damage_are_refused(
    m2m: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (write_source(tmp_path), "--to", "de", "--model", m2m, "--out", tmp_path / "out")
    assert call(*words) == 0
    store = tmp_path / "out" / "translations" / "en-de.jsonl"
    kept = store.read_bytes()
    capsys.readouterr()
    assert call(*words, "--precision", "bfloat16") == 2
    assert "begun with another precision" in capsys.readouterr().err
    store.write_bytes(kept.replace(b"river", b"rover"))
    assert call(*words) == 2
    assert "line 2: damaged" in capsys.readouterr().err
    assert call(*words, "--overwrite") == 0
    assert store.read_bytes() == kept
