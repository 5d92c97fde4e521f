"""``isogloss negatives``: counts on stdout, one file, errors on one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mining_corpora import write_rows

from isogloss.cli.main import main
from isogloss.corpus import read_corpus, store_corpus
from isogloss.hard_negatives import read_negatives

NO_MARGIN = ("--relative-margin", "-9", "--absolute-margin", "-9")
ITEMS = 12


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Write 12 items in two languages; items 0 and 1 have the answer ``Danube`` in different sentences."""
    rows: list[dict[str, object]] = []
    for item in range(ITEMS):
        for language, told in (("de", "Die Stadt"), ("en", "The town")):
            answer = "Danube" if item < 2 else f"river {item}"
            rows.append(
                {
                    "id": f"q{item:02}",
                    "language": language,
                    "question": f"{language}: which river, {item}?",
                    "passage": f"{told} {item} lies on the {answer}.",
                    "answer": answer,
                }
            )
    return write_rows(tmp_path / "towns.jsonl", rows)


def list_negatives(file: Path) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Read the negatives of each question and language, as any other program could."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()[1:]]
    return {
        (row["id"], row["language"]): [(one["id"], one["language"]) for one in row["negatives"]]
        for row in rows
    }


def test_it_writes_a_file_beside_the_corpus_and_counts(
    corpus: Path, xlmr: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["negatives", str(corpus), "--model", str(xlmr), "--count", "20", *NO_MARGIN]
    assert main(words) == 0
    printed = capsys.readouterr()
    file = corpus.with_name("towns.negatives")
    assert printed.out.splitlines() == [
        "questions  24, 24 of them with negatives",
        # Items 0 and 1 lose each other's passage: 10 negatives each instead of 11, in two languages.
        "negatives  260, 0 of them in another language than the question",
        "left out   0 passages by a margin, 4 that hold the answer",
        f"file       {file}",
    ]
    found = list_negatives(file)
    assert ("q01", "en") not in found["q00", "en"]
    assert len(read_negatives(file, read_corpus(corpus)).entries) == 260
    assert main([*words, "--overwrite", "--keep-answers", "--json", "--pool", "any", "--count", "30"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [content[name] for name in ("file", "questions", "with_negatives", "negatives")] == [
        str(file), 24, 24, 24 * 22,
    ]  # fmt: skip
    assert (content["foreign"], content["holding"]) == (24 * 11, 8)
    assert content["settings"]["pool"] == "any"
    assert {("q01", "en"), ("q01", "de")} & set(list_negatives(file)["q00", "en"])


def test_vectors_are_kept_for_next_time(
    corpus: Path, xlmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second model folder of equal content needs no encoding; without the store nothing is kept."""
    files = [tmp_path / name for name in ("one", "two", "three")]
    for file, more in zip(files, (["--no-store"], [], []), strict=True):
        words = ["negatives", str(corpus), "--model", str(xlmr), "--out", str(file), *NO_MARGIN, *more]
        assert main(words) == 0
        assert (tmp_path / "cache").exists() == (file != files[0])
    assert len({file.read_bytes() for file in files}) == 1
    capsys.readouterr()


def test_languages_and_units_are_chosen(
    corpus: Path, xlmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mined"
    words = ["negatives", str(corpus), "--model", str(xlmr), "--out", str(out), *NO_MARGIN]
    assert main([*words, "--languages", "de", "--unit", "paragraph"]) == 0
    first = json.loads(out.read_text(encoding="utf-8").splitlines()[0])
    assert (first["corpus"]["languages"], first["settings"]["unit"]) == (["de"], "paragraph")
    assert {language for _, language in list_negatives(out)} == {"de"}
    capsys.readouterr()


def refuse(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run a command that must fail; give its one line on stderr."""
    assert main(["negatives", *map(str, words)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


def test_known_errors_are_one_line_and_write_nothing(
    corpus: Path, xlmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there.negatives"
    there.write_text("mine", encoding="utf-8")
    model = ("--model", xlmr)
    store_corpus(corpus, tmp_path / "stored", quiet=True)
    before = sorted(tmp_path.iterdir())
    for words, message in [
        ((corpus, *model, "--out", there), "there.negatives is there already; name another file by --out"),
        ((corpus, *model, "--out", tmp_path), "is no ordinary file; name another one by --out"),
        ((corpus, *model, "--out", corpus, "--overwrite"), "is a file of the corpus"),
        ((corpus, *model, "--out", there / "x"), "no permission to write there"),
        ((corpus, *model, "--count", 0), "'count' is a whole number from 1; got 0"),
        ((corpus, *model, "--languages", "fr"), "lacks the languages asked for (fr)"),
        ((corpus, *model, "--device", "abacus"), "device 'abacus' cannot be used"),
        ((corpus, "--model", "nobody/nothing"), "cannot be loaded"),
        ((corpus, "--model", tmp_path), "no model in the folder"),
        (("nobody/nothing", *model), "is no file or folder here; name the file to write by --out"),
        ((tmp_path / "none.jsonl", *model, "--out", tmp_path / "x"), "no such file"),
        ((tmp_path / "stored", *model), "name the files that it was stored from"),
        ((there, *model, "--out", tmp_path / "x"), "is neither .json nor .jsonl"),
    ]:  # fmt: skip
        assert message in refuse(capsys, *words)
        assert sorted(path for path in tmp_path.iterdir() if path.name != "cache") == before
