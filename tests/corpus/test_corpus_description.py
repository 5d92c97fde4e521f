"""Describing a corpus, in the library and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from corpus_records import record, record_lists
from hypothesis import given

from isogloss.cli.main import main
from isogloss.corpus import Record, build_corpus, describe_corpus
from isogloss.corpus.description import align_table, measure_width

RECORDS = [
    record("a", "en", "It is red. Or blue.", article="Hats", answer="blue", answer_start=14),
    record("a", "ja", "赤か青です。", article="帽子", answer="青", answer_start=2),
    record("b", "en", "It is red. Or blue.", article="Hats", answer="red", answer_start=0),
    record("c", "ja", "帽子です。", article="帽子", path="帽子.json", answer="赤", answer_start=1),
    record("d", "de", "Rot."),
]


def test_a_description_counts_exactly() -> None:
    found = describe_corpus(build_corpus("hats", RECORDS, {})).to_dict()
    assert found == {
        "name": "hats",
        "items": 4,
        "items_in_all": 0,
        "passages": 3,
        "articles": 2,
        "largest_passage": 2,
        "items_by_language": {"de": 1, "en": 2, "ja": 2},
        "items_only_in": {"de": 1, "en": 1, "ja": 1},
        "located_answers": {"de": 0, "en": 2, "ja": 2},
        "pairs": {
            "de": {"de": 1, "en": 0, "ja": 0},
            "en": {"de": 0, "en": 2, "ja": 1},
            "ja": {"de": 0, "en": 1, "ja": 2},
        },
        "question_lengths": {code: {"median": 5.0, "high": 5.0} for code in ("de", "en", "ja")},
        "passage_lengths": {
            "de": {"median": 4.0, "high": 4.0},
            "en": {"median": 19.0, "high": 19.0},
            "ja": {"median": 5.5, "high": pytest.approx(5.95)},
        },
        "blemishes": [
            {"kind": "answer not at its offset", "path": "en.json", "occurrences": 1, "first": ["line b"]},
            {"kind": "answer not at its offset", "path": "帽子.json", "occurrences": 1, "first": ["line c"]},
        ],
    }
    json.dumps(found)


def test_a_description_is_aligned_text() -> None:
    assert (
        describe_corpus(build_corpus("hats", RECORDS, {})).to_text()
        == """\
corpus    hats
languages 3
items     4 (0 in all languages)
passages  3 (at most 2 items on one)
articles  2

language  items  only here  answers placed  question chars  passage chars
de            1          1               0           5 / 5          4 / 4
en            2          1               2           5 / 5        19 / 19
ja            2          1               2           5 / 5          6 / 6
chars: median / 95th percentile

items shared  de  en  ja
de             1   0   0
en             0   2   1
ja             0   1   2

blemish                   count  file and first positions
answer not at its offset      1  en.json: line b
answer not at its offset      1  帽子.json: line c"""
    )


def test_only_the_first_positions_are_shown() -> None:
    rows = [
        record(str(item), "en", "x", answer="y", answer_start=0, position=f"line {item}")
        for item in range(12)
    ]
    text = describe_corpus(build_corpus("c", rows, {})).to_text()
    assert text.endswith("answer not at its offset     12  en.json: line 0, line 1, line 2, ...")
    assert "items shared" not in text


def test_an_empty_subset_is_described() -> None:
    empty = build_corpus("c", RECORDS, {}).subset(np.array([], dtype=np.int64))
    found = describe_corpus(empty)
    assert (found.items, found.passages, found.largest_passage, found.pairs["en"]["en"]) == (0, 0, 0, 0)
    assert "items     0" in found.to_text()


@given(record_lists())
def test_counts_agree_with_the_records(records: list[Record]) -> None:
    found = describe_corpus(build_corpus("c", records, {}))
    ids = {code: {row.item_id for row in records if row.language == code} for code in found.items_by_language}
    for one, rows in found.pairs.items():
        assert {other: len(ids[one] & ids[other]) for other in ids} == rows
        others = set().union(*(ids[other] for other in ids if other != one))
        assert found.items_only_in[one] == len(ids[one] - others)
    assert found.items_in_all == len(set.intersection(*ids.values()))
    assert found.items == len(set.union(*ids.values()))


def test_tables_align_by_the_columns_of_a_terminal() -> None:
    lines = align_table([["a", "1"], ["帽子", "22"], ["n\u0303", "3"]])
    assert [measure_width(line) for line in lines] == [8, 8, 8]
    assert lines == ["a      1", "帽子  22", "n\u0303      3"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    context = {"context": "Ann left.", "qas": [{"id": "a", "question": "Who?", "answers": []}]}
    for name in ("en.json", "de.json"):
        (tmp_path / name).write_text(json.dumps({"data": [{"title": "x", "paragraphs": [context]}]}))
    return tmp_path


def test_the_command_prints_text_or_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "describe", str(folder)]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"corpus    {folder.name}\nlanguages 2\nitems     1 (1 in all languages)\n")
    assert main(["data", "describe", str(folder), "--languages", "en", "--format", "squad", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["items_by_language"] == {"en": 1}
    assert [row["path"] for row in found["blemishes"]] == [str(folder / "en.json")]


def test_the_command_reports_a_known_error_on_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "en.json").write_text('{"data": [')
    assert main(["data", "describe", str(folder)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert f"{folder / 'en.json'}, line 1 column 11: is not valid JSON" in err
    assert main(["data", "describe", str(folder), "--languages", "fr"]) == 2
