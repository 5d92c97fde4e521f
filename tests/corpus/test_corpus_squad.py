"""Reading folders of SQuAD JSON."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from corpus_records import content, record_lists
from hypothesis import given
from hypothesis import strategies as st

from isogloss.corpus import ParallelCorpus, Record, build_corpus, read_corpus, read_squad_folder
from isogloss.errors import DataError

PASSAGE = "Mr. Lee has a red hat. Ann's is blue."


def question(item: str, **more: object) -> dict[str, Any]:
    answers = [{"text": "blue", "answer_start": 32}]
    return {"id": item, "question": f"{item}?", "answers": answers} | more


def squad(*questions: dict[str, Any], **paragraph: object) -> dict[str, Any]:
    context = {"context": PASSAGE, "qas": list(questions)} | paragraph
    return {"version": "1.1", "data": [{"title": "Hats", "paragraphs": [context]}]}


def write(path: Path, value: object) -> Path:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_a_folder_holds_one_file_per_language(tmp_path: Path) -> None:
    write(tmp_path / "en.json", squad(question("a"), question("b")))
    german = squad(question("a", answers=[{"text": "blau", "answer_start": 7}]), context="Er ist blau. So.")
    write(tmp_path / "de.json.gz", german)
    write(tmp_path / ".cache.json", "no corpus")
    corpus = read_squad_folder(tmp_path)
    assert corpus.name == tmp_path.name
    assert corpus.languages == ("de", "en")
    assert corpus.item_ids == ("a", "b")
    assert corpus.article_names == ("Hats",)
    assert corpus.passages.tolist() == [0, 0]
    row = corpus.rendering(0, "de")
    assert row == ("a?", "Er ist blau. So.", "blau", 7, (0, 12))
    english = corpus.rendering(1, "en")
    assert english.passage[slice(*english.sentence)] == "Ann's is blue."
    raw = (tmp_path / "de.json.gz").read_bytes()
    assert corpus.files[str(tmp_path / "de.json.gz")] == hashlib.sha256(raw).hexdigest()
    assert list(corpus.files) == sorted(corpus.files)


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("en.json", "en"),
        ("sw-tydi.json.gz", "sw"),
        ("zh-Hans.json", "zh-Hans"),
        ("eng_Latn.json", "eng_Latn"),
        ("pt-BR.json", "pt-BR"),
        ("fil-news.v2.json", "fil"),
    ],
)
def test_a_file_tells_its_language_by_its_name(tmp_path: Path, name: str, language: str) -> None:
    assert read_corpus(write(tmp_path / name, squad(question("a")))).languages == (language,)


@pytest.mark.parametrize("name", ["train.json", "dev.json", "squad-en.json", "E.json"])
def test_a_name_that_tells_no_language_is_refused_unless_one_is_named(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, squad(question("a")))
    with pytest.raises(DataError, match=f"{name}: the name tells no language"):
        read_corpus(path)
    with pytest.raises(DataError, match="tells no language"):
        read_corpus(tmp_path, languages=["en"])
    assert read_corpus(path, languages=["en"], name="mine").languages == ("en",)


def test_two_files_of_one_language_are_joined_but_may_not_share_ids(tmp_path: Path) -> None:
    write(tmp_path / "en-one.json", squad(question("a")))
    write(tmp_path / "en-two.json", squad(question("b")))
    assert read_squad_folder(tmp_path).item_ids == ("a", "b")
    write(tmp_path / "en-two.json", squad(question("c"), question("a")))
    with pytest.raises(
        DataError, match=r"en-two\.json, data\[0\]\.paragraphs\[0\]\.qas\[1\]: .*en-one\.json"
    ):
        read_squad_folder(tmp_path)


def test_sentence_breaks_come_before_our_own_rules(tmp_path: Path) -> None:
    breaks = [[0, 3], [4, 37]]
    corpus = read_corpus(write(tmp_path / "en.json", squad(question("a"), sentence_breaks=breaks)))
    assert corpus.rendering(0, "en").sentence == (4, 37)


def test_a_lost_answer_is_passed_over_and_a_missing_one_is_a_blemish(tmp_path: Path) -> None:
    lost = {"text": "", "answer_start": -1}
    corpus = read_corpus(
        write(
            tmp_path / "en.json",
            squad(
                question("a", answers=[lost, {"text": "red", "answer_start": 14}]),
                question("b", answers=[]),
                question("c", answers=[lost]),
                {"id": "d", "question": "d?", "is_impossible": True},
                question("e", answers=[{"text": "blue", "answer_start": 3}]),
            ),
        )
    )
    assert corpus.rendering(0, "en").answer == "red"
    assert corpus.rendering(1, "en")[2:] == ("", -1, (0, len(PASSAGE)))
    assert corpus.item_ids == ("a", "b", "c", "e")
    assert sorted((row.kind, row.position[-6:]) for row in corpus.blemishes) == [
        ("answer not at its offset", "qas[4]"),
        ("question marked impossible", "qas[3]"),
        ("question without an answer", "qas[1]"),
        ("question without an answer", "qas[2]"),
    ]


def test_a_paragraph_is_one_passage_even_where_its_text_is_another(tmp_path: Path) -> None:
    two = squad(question("a"))
    two["data"][0]["paragraphs"].append({"context": "Other.", "qas": [question("b", answers=[])]})
    assert read_corpus(write(tmp_path / "en.json", two)).passages.tolist() == [0, 1]


SPOT = "data[0].paragraphs[0]"


def without(fields: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != key}


@pytest.mark.parametrize(
    ("value", "position", "message"),
    [
        ('{"data": [', "line 1 column 11", "not valid JSON"),
        ('{"data": []}\n{"data": []}', "line 2 column 1", "Extra data"),
        ("", "line 1 column 1", "not valid JSON"),
        ('{"data": []}', None, "holds no questions"),
        ("[]", "top level", "expected an object, found a list"),
        ("{}", "top level", "'data' is missing"),
        ('{"data": {}}', "top level", "'data' must be a list, found an object"),
        ('{"data": [], "data": []}', "top level", "'data' is given twice"),
        ('{"data": NaN}', None, "NaN is not a JSON value"),
        ('{"data": -Infinity}', None, "-Infinity is not a JSON value"),
        ('{"data": 1' + "0" * 5000 + "}", None, "a number that cannot be read"),
        ('{"data": ' + "[" * 200_000, None, "nested too deeply"),
        ({"data": [1]}, "data[0]", "expected an object, found a number"),
        ({"data": [{"title": "x"}]}, "data[0]", "'paragraphs' is missing"),
        ({"data": [{"title": 5, "paragraphs": []}]}, "data[0]", "'title' must be a string"),
        (squad(question("a"), context=None), SPOT, "'context' must be a string, found null"),
        (squad(question("a"), context=" "), f"{SPOT}.qas[0]", "the passage is empty"),
        (squad(question("a"), qas="a"), SPOT, "'qas' must be a list"),
        (squad(question("a"), sentence_breaks=[[0]]), f"{SPOT}.sentence_breaks[0]", "a pair of integers"),
        (squad(question("a"), sentence_breaks=[[0, 99]]), f"{SPOT}.qas[0]", "sentence [0, 99)"),
        (squad(question("a"), question("a")), f"{SPOT}.qas[1]", f"given twice in en; first at {SPOT}.qas[0]"),
        (squad(without(question("a"), "id")), f"{SPOT}.qas[0]", "'id' is missing"),
        (squad(question("a", id=7)), f"{SPOT}.qas[0]", "'id' must be a string, found a number"),
        (squad(question("a", question="")), f"{SPOT}.qas[0]", "the question is empty"),
        (squad(without(question("a"), "answers")), f"{SPOT}.qas[0]", "'answers' is missing"),
        (squad(question("a", answers=["blue"])), f"{SPOT}.qas[0].answers[0]", "expected an object"),
        (
            squad(question("a", answers=[{"text": "x", "answer_start": 1.0}])),
            f"{SPOT}.qas[0].answers[0]",
            "must be an integer, found a number",
        ),
        (
            squad(question("a", answers=[{"text": "x", "answer_start": True}])),
            f"{SPOT}.qas[0].answers[0]",
            "must be an integer, found true or false",
        ),
        (squad(question("a", answers=[{"text": "x", "answer_start": 37}])), f"{SPOT}.qas[0]", "starts at 37"),
        (squad(question("a", answers=[{"text": "x", "answer_start": -5}])), f"{SPOT}.qas[0]", "starts at -5"),
        (
            squad(question("a", answers=[{"text": "x", "answer_start": 10**400}])),
            f"{SPOT}.qas[0]",
            "outside its passage of 37",
        ),
        (json.dumps(squad(question("a", question="cut \ud83d"))), f"{SPOT}.qas[0]", "surrogate"),
    ],
)
def test_broken_files_are_refused_by_place(
    tmp_path: Path, value: object, position: str | None, message: str
) -> None:
    path = write(tmp_path / "en.json", value)
    with pytest.raises(DataError) as caught:
        read_corpus(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.path == path
    assert caught.value.position == position


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "en.json"
    text = json.dumps(squad(question("a", question="größer?")), ensure_ascii=False, indent=1)
    path.write_bytes(text.encode("latin-1"))
    line = next(number for number, row in enumerate(text.splitlines(), start=1) if "größer" in row)
    with pytest.raises(DataError, match=rf"en\.json, line {line}: is not UTF-8 text"):
        read_corpus(path)
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_corpus(path).item_ids == ("a",)
    path.write_bytes(b"\xef\xbb\xbf\n\xff")
    with pytest.raises(DataError, match="line 2: is not UTF-8"):
        read_corpus(path)


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "en.json.gz", squad(question("a")))
    whole = path.read_bytes()
    for damaged in (whole[:-9], whole[:5], b"plain", whole[:20] + b"\x00" + whole[21:], b""):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"en\.json\.gz"):
            read_corpus(path)


def test_a_path_without_a_corpus_is_refused(tmp_path: Path) -> None:
    for form in ("auto", "squad", "jsonl"):
        with pytest.raises(DataError, match=r"nowhere: no such file"):
            read_corpus(tmp_path / "nowhere", format=form)
    with pytest.raises(DataError, match=r"holds no \.json, \.jsonl or \.parquet file"):
        read_corpus(tmp_path)
    with pytest.raises(DataError, match=r"holds no \.json or \.json\.gz file"):
        read_squad_folder(tmp_path)
    (tmp_path / "en.json").mkdir()
    with pytest.raises(DataError, match=r"holds no \.json or \.json\.gz file"):
        read_squad_folder(tmp_path)


def write_squad(folder: Path, records: list[Record]) -> None:
    """Write each record as a paragraph of its own, one file per language."""
    for language in {row.language for row in records}:
        articles = [
            {
                "title": row.article,
                "paragraphs": [
                    {
                        "context": row.passage,
                        "qas": [
                            {
                                "id": row.item_id,
                                "question": row.question,
                                "answers": [{"text": row.answer, "answer_start": row.answer_start}],
                            }
                        ],
                    }
                ],
            }
            for row in records
            if row.language == language
        ]
        write(folder / f"{language}.json", {"data": articles})


@given(record_lists(), st.sampled_from("ABé"))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, records: list[Record], answer: str
) -> None:
    folder = tmp_path_factory.mktemp("squad")
    located = [
        row._replace(answer=answer if row.answer_start >= 0 else "", passage_key=None, negatives=())
        for row in records
    ]
    write_squad(folder, located)
    assert essence(read_squad_folder(folder, name="c")) == essence(build_corpus("c", located, {}))


def essence(corpus: ParallelCorpus) -> tuple[object, ...]:
    """All but where it was read from."""
    return content(corpus)[:-2]
