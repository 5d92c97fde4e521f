"""Reading JSON lines."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from corpus_records import content, record_lists
from hypothesis import given

from isogloss.corpus import Record, build_corpus, read_corpus, read_jsonl
from isogloss.errors import ConfigError, DataError
from stored_corpora import write_rows

ROW = {"id": "a", "language": "en", "question": "Who?", "passage": "It was Ann. She left."}


def write(path: Path, *rows: object) -> Path:
    text = "\n".join(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_required_columns_are_enough(tmp_path: Path) -> None:
    corpus = read_corpus(
        write(tmp_path / "c.jsonl", ROW, "", ROW | {"language": "de", "extra": [1, None]}, "\r")
    )
    assert (corpus.name, corpus.languages, corpus.item_ids) == ("c", ("de", "en"), ("a",))
    assert corpus.rendering(0, "en") == ("Who?", ROW["passage"], "", -1, (0, 21))
    assert corpus.blemishes == ()


def test_optional_columns_may_be_there_or_null(tmp_path: Path) -> None:
    optional = ("passage_id", "article", "answer", "answer_start", "sentence_breaks", "negatives")
    full = {"passage_id": "p", "article": "Ann", "answer": "She", "answer_start": 12, "negatives": ["c"]}
    corpus = read_corpus(
        write(
            tmp_path / "c.jsonl.gz",
            ROW | full,
            ROW | dict.fromkeys(optional) | {"id": "b"},
            ROW | {"id": "c", "language": "sw", "passage": "Yeye.", "passage_id": "q"},
            ROW | {"id": "d", "language": "sw", "passage": "Huyu.", "passage_id": "p"},
        )
    )
    assert corpus.rendering(0, "en")[2:] == ("She", 12, (12, 21))
    assert corpus.passages.tolist() == [0, 0, 1, 0]
    assert corpus.article_names == ("Ann", "c")
    assert corpus.negatives == {0: (2,)}


def test_sentence_breaks_come_before_our_own_rules(tmp_path: Path) -> None:
    placed = ROW | {"answer_start": 7, "sentence_breaks": [[0, 6], [7, 21]]}
    corpus = read_corpus(write(tmp_path / "c.jsonl", placed))
    assert corpus.rendering(0, "en").sentence == (7, 21)
    assert read_corpus(write(tmp_path / "c.jsonl", ROW | {"answer_start": 7})).rendering(
        0, "en"
    ).sentence == (
        0,
        11,
    )


def test_a_line_separator_inside_a_string_is_no_line_break(tmp_path: Path) -> None:
    corpus = read_corpus(write(tmp_path / "c.jsonl", ROW | {"question": "Who\u2028then?\x85"}))
    assert corpus.rendering(0, "en").question == "Who\u2028then?\x85"


def test_a_folder_of_files_is_one_corpus(tmp_path: Path) -> None:
    write(tmp_path / "one.jsonl", ROW)
    write(tmp_path / "two.jsonl.gz", ROW | {"language": "de"})
    corpus = read_corpus(tmp_path, languages=["de"])
    assert (corpus.languages, len(corpus.files)) == (("de",), 2)
    write(tmp_path / "two.jsonl.gz", ROW)
    with pytest.raises(DataError, match=r"two\.jsonl\.gz, line 1: .*first at .*one\.jsonl, line 1"):
        read_corpus(tmp_path)


@pytest.mark.parametrize(
    ("row", "position", "message"),
    [
        ("{", "line 2 column 2", "not valid JSON"),
        ("[]", "line 2", "expected an object, found a list"),
        ('{"id": NaN}', "line 2", "NaN is not a JSON value"),
        ("[" * 200_000, "line 2", "nested too deeply"),
        ({"id": "b"}, "line 2", "'language' is missing"),
        (ROW, "line 2", "given twice in en; first at line 1"),
        (ROW | {"id": 5}, "line 2", "'id' must be a string, found a number"),
        (ROW | {"id": "b", "passage": None}, "line 2", "'passage' must be a string, found null"),
        (ROW | {"id": "b", "passage": "\u2003"}, "line 2", "the passage is empty"),
        (ROW | {"id": "b", "language": "?"}, "line 2", "'?' is not a language code"),
        (ROW | {"id": "b", "answer_start": "5"}, "line 2", "'answer_start' must be an integer"),
        (ROW | {"id": "b", "answer_start": 21}, "line 2", "starts at 21, outside its passage of 21"),
        (ROW | {"id": "b", "sentence_breaks": "a"}, "line 2", "'sentence_breaks' must be a list"),
        (ROW | {"id": "b", "sentence_breaks": [[0, 99]]}, "line 2", "sentence [0, 99) is out of order"),
        (
            ROW | {"id": "b", "sentence_breaks": [[0, 6], [7]]},
            "line 2.sentence_breaks[1]",
            "a pair of integers",
        ),
        (ROW | {"id": "b", "negatives": "a"}, "line 2", "'negatives' must be a list"),
        (ROW | {"id": "b", "negatives": [1]}, "line 2", "must be a list of question ids"),
        (ROW | {"id": "b", "article": ["x"]}, "line 2", "'article' must be a string"),
        (json.dumps(ROW)[:-1] + ', "id": "b"}', "line 2", "'id' is given twice"),
        (
            json.dumps(ROW | {"id": "b"})[:-1] + ', "answer": "x", "answer": null}',
            "line 2",
            "'answer' is given",
        ),
    ],
)
def test_broken_rows_are_refused_by_line(tmp_path: Path, row: object, position: str, message: str) -> None:
    path = write(tmp_path / "c.jsonl", ROW, row)
    with pytest.raises(DataError) as caught:
        read_corpus(path)
    assert message in str(caught.value)
    assert (caught.value.path, caught.value.position) == (path, position)


def test_a_repeated_key_that_is_not_read_does_no_harm(tmp_path: Path) -> None:
    corpus = read_corpus(write(tmp_path / "c.jsonl", json.dumps(ROW)[:-1] + ', "x": 1, "x": 2}'))
    assert corpus.item_ids == ("a",)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"c\.jsonl: holds no questions"):
        read_corpus(write(tmp_path / "c.jsonl", "", "  "))
    with pytest.raises(DataError, match=r"holds no \.jsonl or \.jsonl\.gz file"):
        read_jsonl(tmp_path.parent)


def test_a_format_is_told_by_what_is_there(tmp_path: Path) -> None:
    write(tmp_path / "c.jsonl", ROW)
    plain = write(tmp_path / "c.txt", ROW)
    with pytest.raises(DataError, match=r"c\.txt: is neither"):
        read_corpus(plain)
    assert read_corpus(plain, format="jsonl").item_ids == ("a",)
    write(tmp_path / "en.json", "{}")
    with pytest.raises(DataError, match="several formats; give the format: squad, jsonl"):
        read_corpus(tmp_path)
    assert read_corpus(str(tmp_path), format="jsonl").item_ids == ("a",)
    with pytest.raises(ConfigError, match="unknown corpus format 'csv'"):
        read_corpus(plain, format="csv")


@given(record_lists())
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, records: list[Record]
) -> None:
    path = write_rows(tmp_path_factory.mktemp("jsonl") / "c.jsonl", records)
    expected = build_corpus("c", records, {})
    found = read_jsonl(path)
    assert content(found)[:-2] == content(expected)[:-2]
    kinds = [sorted(row.kind for row in corpus.blemishes) for corpus in (found, expected)]
    assert kinds[0] == kinds[1]
