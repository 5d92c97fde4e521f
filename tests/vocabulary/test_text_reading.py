"""Text of many languages: every kind of place, languages by name, streams that begin anew, clear errors."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import ConfigError, DataError
from isogloss.vocabulary import Text, batch_texts, open_texts

LINES = {"en": ["The river is long.", "It rains."], "deu": ["Der Fluss ist lang.", "Es regnet."]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "lines"
    place.mkdir()
    for language, lines in LINES.items():
        (place / f"{language}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (place / "LICENSE.txt").write_text("Not to be read.\n", encoding="utf-8")
    (place / "ids.tsv").write_text("1\n", encoding="utf-8")
    return place


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    rows = [
        {
            "id": str(number),
            "language": "en",
            "question": f" Where is {number}?",
            "passage": "It is here. It was there.",
            "answer": "there",
            "answer_start": 19,
        }
        for number in range(2)
    ]
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_files_of_a_folder_are_languages(folder: Path) -> None:
    texts = open_texts([folder])
    assert texts.languages == ("de", "en")
    assert sorted(texts) == sorted(
        Text(short, line) for long, short in (("deu", "de"), ("en", "en")) for line in LINES[long]
    )
    assert list(texts) == list(texts), "a collection can be read again"
    assert set(texts.files) == {str(folder / "en.txt"), str(folder / "deu.txt")}
    content = (folder / "en.txt").read_bytes()
    assert texts.files[str(folder / "en.txt")] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("asked", [["de"], ["deu"], ["de-Latn", "de"]])
def test_languages_are_chosen_in_any_form(folder: Path, asked: list[str]) -> None:
    texts = open_texts([folder], asked)
    assert texts.languages == ("de",)
    assert set(texts.files) == {str(folder / "deu.txt")}, "other files are not even read"


def test_a_language_without_text_is_refused(folder: Path, corpus: Path) -> None:
    with pytest.raises(DataError, match="no text in fr, sw; the text is in de, en"):
        open_texts([folder, corpus], ["sw", "en", "fra"])


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("sw.txt", "sw"),
        ("newstest2019-ref.swa.txt", "sw"),
        ("zho_Hant.txt", "zh-Hant"),
        ("my-notes.txt", "my"),
        ("notes of mine.txt", "und"),
        ("xx.txt", "xx"),
    ],
)
def test_the_language_of_a_file_is_told_by_its_name(tmp_path: Path, name: str, language: str) -> None:
    (tmp_path / name).write_text("word\n", encoding="utf-8")
    assert list(open_texts([tmp_path / name])) == [Text(language, "word")]


def test_marks_blank_lines_and_line_ends_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_bytes("\ufeffone\r\n\r\n \t\n  two \u2028 three".encode())
    with gzip.open(tmp_path / "de.txt.gz", "wt", encoding="utf-8") as stream:
        stream.write("eins\n")
    texts = open_texts([tmp_path])
    assert list(texts) == [Text("de", "eins"), Text("en", "one"), Text("en", "two \u2028 three")]
    assert texts.count >= 3


def test_a_corpus_gives_each_text_that_may_be_encoded_once(corpus: Path) -> None:
    sentence, passage = "It was there.", "It is here. It was there."
    expected = [" Where is 0?", sentence, f"{sentence}\n{passage}", passage, " Where is 1?"]
    texts = open_texts([corpus])
    assert [text.text for text in texts] == expected, "as they stand: space before a word is part of it"
    assert texts.count == len(expected)
    assert len({text.group for text in texts}) == 1, "a passage and its sentences are held out together"
    assert list(texts.files) == [str(corpus)]


def test_a_limit_takes_the_first_of_each_language(folder: Path, corpus: Path) -> None:
    texts = open_texts([folder, corpus], limit=1)
    found = sorted((text.language, text.text) for text in texts)
    assert found == [("de", "Der Fluss ist lang."), ("en", " Where is 0?"), ("en", LINES["en"][0])]
    for limit in (0, -3):
        with pytest.raises(ConfigError, match=f"whole number from 1; got {limit}"):
            open_texts([folder], limit=limit)


def test_what_cannot_be_read_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name at least one"):
        open_texts([])
    with pytest.raises(DataError, match=r"nothing\.txt: no such file"):
        open_texts([tmp_path / "nothing.txt"])
    with pytest.raises(DataError, match="no such file or folder"):
        open_texts([tmp_path / "nothing"])
    (tmp_path / "README.txt").write_text("words")
    with pytest.raises(DataError, match=r"no text file whose name tells its language, such as en\.txt"):
        open_texts([tmp_path])
    for name, content, told in (
        ("en.txt", b"fine\nbad \xff\n", "line 2: is not UTF-8 text"),
        ("en.txt.gz", gzip.compress(b"word\n" * 1000)[:-9], "cannot be read"),
        ("de.txt.gz", b"no gzip", "cannot be read"),
        ("fr.txt", b" \n\n", "holds no text"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=told) as caught:
            list(open_texts([tmp_path / name]))
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


@given(content=st.one_of(st.binary(max_size=60), st.text(max_size=30).map(str.encode)))
@settings(max_examples=60)
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "en.txt"
    path.write_bytes(content)
    try:
        lines = [line.strip() for line in content.decode("utf-8-sig").split("\n")]
    except UnicodeDecodeError:
        lines = []
    if any(lines):
        assert [text.text for text in open_texts([path])] == [line for line in lines if line]
    else:
        with pytest.raises(DataError, match=r"en\.txt"):
            list(open_texts([path]))


@given(
    texts=st.lists(st.tuples(st.sampled_from(["de", "en"]), st.text(min_size=1, max_size=5)), max_size=30),
    most=st.integers(1, 12),
)
@settings(max_examples=60)
def test_batches_hold_every_text_in_order(texts: list[tuple[str, str]], most: int) -> None:
    given_texts = [Text(*text) for text in texts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("isogloss.vocabulary.tokenizer._LETTERS_AT_ONCE", most)
        batches = list(batch_texts(given_texts))
    assert [text for batch in batches for text in batch] == given_texts
    for batch in batches:
        assert len({text.language for text in batch}) == 1
        assert sum(len(text.text) for text in batch[:-1]) < most
    assert all(batches)
