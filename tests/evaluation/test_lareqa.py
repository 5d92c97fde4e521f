from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation_mutations import mutate
from small_benchmark import LANGUAGES, document, small_benchmark, write_benchmark

from isogloss.benchmarks import (
    Benchmark,
    check_published_counts,
    find_folder,
    read_lareqa,
    read_names,
    select_questions,
)
from isogloss.errors import DataError
from isogloss.types import PassageUnit


def find_query(benchmark: Benchmark, language: str, question: str) -> int:
    place = benchmark.languages.index(language)
    return next(
        number
        for number, (spoken, name) in enumerate(
            zip(benchmark.query_languages, benchmark.query_ids, strict=True)
        )
        if (spoken, name) == (place, question)
    )


def test_every_sentence_is_a_candidate_and_shared_ids_join_languages(tmp_path: Path) -> None:
    benchmark = small_benchmark(tmp_path)
    assert benchmark.languages == LANGUAGES
    assert len(benchmark.passage_ids) == len(set(benchmark.passage_ids)) == 3 * 4 * 2 * 3
    assert len(benchmark.query_ids) == 8 + 8 + 7
    assert set(benchmark.files) == {"de.json", "en.json", "th.json"}
    query = find_query(benchmark, "en", "q1-0")
    relevant = benchmark.judged_passage[benchmark.judged_query == query]
    assert [benchmark.passage_ids[passage] for passage in relevant] == ["de:1.0.1", "en:1.0.1", "th:1.0.1"]
    missing = find_query(benchmark, "en", "q0-0")
    relevant = benchmark.judged_passage[benchmark.judged_query == missing]
    assert [benchmark.passage_ids[passage] for passage in relevant] == ["de:0.0.1", "en:0.0.1"]
    first = benchmark.passage_texts(PassageUnit.SENTENCE_CONTEXT)[0]
    assert first == f"{benchmark.passage_sentences[0]}\n{benchmark.passage_contexts[0]}"


def test_an_answer_at_the_border_of_two_sentences_belongs_to_the_second(tmp_path: Path) -> None:
    questions = [
        {"id": f"q{start}", "question": "?", "answers": [{"answer_start": start, "text": "x"}]}
        for start in (0, 3, 4, 7)
    ]
    content = {
        "context": "一二三。四五六。",
        "sentences": ["一二三。", "四五六。"],
        "sentence_breaks": [[0, 4], [4, 8]],
    }
    data = {"data": [{"title": "t", "paragraphs": [{**content, "qas": questions}]}]}
    (tmp_path / "zh.json").write_text(json.dumps(data), encoding="utf-8")
    assert read_lareqa(tmp_path, "small").judged_passage.tolist() == [0, 0, 1, 1]


def test_languages_can_be_chosen(tmp_path: Path) -> None:
    folder = write_benchmark(tmp_path)
    benchmark = read_lareqa(folder, "small", ["th", "de"])
    assert benchmark.languages == ("th", "de")
    assert benchmark.passage_ids[0] == "th:0.0.0"
    with pytest.raises(DataError, match="no file for fr; there are de, en, th"):
        read_lareqa(folder, "small", ["fr"])


def test_the_folder_is_found_in_its_parents(tmp_path: Path) -> None:
    folder = write_benchmark(tmp_path / "benchmarks" / "lareqa" / "small")
    for start in (tmp_path, folder.parent, folder):
        assert find_folder(start, "small") == folder
    with pytest.raises(DataError, match="no benchmark 'other'"):
        find_folder(tmp_path, "other")
    with pytest.raises(DataError, match=r"no <language>\.json"):
        read_lareqa(tmp_path, "small")


Change = Callable[[dict[str, Any]], object]


def paragraph(content: dict[str, Any]) -> dict[str, Any]:
    return content["data"][1]["paragraphs"][0]  # type: ignore[no-any-return]


P = r"data\[1\]\.paragraphs\[0\]"
BROKEN: dict[str, tuple[Change, str]] = {
    "no data": (lambda c: c.pop("data"), r"de\.json: the key 'data' is missing"),
    "data no list": (lambda c: c.update(data={}), "data: a list was expected, not an object"),
    "no title": (lambda c: c["data"][2].pop("title"), r"data\[2\]: the key 'title' is missing"),
    "no context": (lambda c: paragraph(c).pop("context"), f"{P}: the key 'context'"),
    "empty context": (lambda c: paragraph(c).update(context=" "), rf"{P}\.context: the text is empty"),
    "number as text": (
        lambda c: paragraph(c)["sentences"].__setitem__(0, 7),
        rf"{P}\.sentences\[0\]: a string",
    ),
    "empty sentence": (
        lambda c: paragraph(c)["sentences"].__setitem__(2, ""),
        r"sentences\[2\]: the text is empty",
    ),
    "too few breaks": (
        lambda c: paragraph(c)["sentence_breaks"].pop(),
        f"{P}: 3 sentences but 2 sentence_breaks",
    ),
    "break outside": (
        lambda c: paragraph(c)["sentence_breaks"].__setitem__(2, [40, 9999]),
        r"sentence_breaks\[2\]: \[40, 9999\) is empty, overlaps",
    ),
    "breaks overlap": (lambda c: paragraph(c)["sentence_breaks"].__setitem__(1, [2, 30]), "overlaps another"),
    "break of three": (lambda c: paragraph(c)["sentence_breaks"].__setitem__(1, [2, 3, 4]), "not 3 numbers"),
    "break of text": (
        lambda c: paragraph(c)["sentence_breaks"].__setitem__(1, ["a", 3]),
        r"\[1\]\[0\]: a whole",
    ),
    "answer outside": (
        lambda c: paragraph(c)["qas"][0]["answers"][0].update(answer_start=9999),
        r"answers\[0\]\.answer_start: 9999 lies in no sentence",
    ),
    "answer negative": (
        lambda c: paragraph(c)["qas"][0]["answers"][0].update(answer_start=-1),
        "no sentence",
    ),
    "answer true": (
        lambda c: paragraph(c)["qas"][0]["answers"][0].update(answer_start=True),
        "not true or false",
    ),
    "no answer": (
        lambda c: paragraph(c)["qas"][0].update(answers=[]),
        r"qas\[0\]: a question without an answer",
    ),
    "id twice": (lambda c: paragraph(c)["qas"][0].update(id="q0-0"), r"qas\[0\]\.id: the id 'q0-0' occurs"),
    "id with space": (lambda c: paragraph(c)["qas"][0].update(id="q 0"), "white space"),
    "half a character": (
        lambda c: paragraph(c)["qas"][0].update(question="a\ud800"),
        "half a surrogate pair",
    ),
    "other sentences": (
        lambda c: paragraph(c).update(sentences=["x", "y", "z"]),
        "3 of 24 sentences are not",
    ),
    "nothing": (lambda c: c.update(data=[]), "no sentence in the file"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_content_is_refused_with_its_place(tmp_path: Path, name: str) -> None:
    change, message = BROKEN[name]
    content = copy.deepcopy(document("de"))
    change(content)
    (tmp_path / "de.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        read_lareqa(tmp_path, "small")
    assert str(tmp_path / "de.json") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1 column 1: is not valid JSON"),
        (json.dumps(document("de")).encode()[:-40], "is not valid JSON"),
        (json.dumps(document("de"), ensure_ascii=False).encode("latin-1", "replace"), "line 1: is not UTF-8"),
        (json.dumps(document("de")).encode("utf-16"), "is not UTF-8"),
        (b"[" * 100_000, "is nested too deeply"),
        (b"[]", "an object was expected, not a list"),
        (b"9" * 5000, "holds a number that cannot be read"),
        (b'{"data": [], "data": []}', "the key 'data' is given more than once"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "de.json").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_lareqa(tmp_path, "small")


def check_mutations(folder: Path, count: int, seed: int) -> None:
    """Whatever happens to a file, it is read, or refused in one line that names it."""
    rng = np.random.default_rng(seed)
    whole = json.dumps(document("de", articles=2), ensure_ascii=False).encode()
    file = folder / "de.json"
    messages: list[str] = []
    for _ in range(count):
        file.write_bytes(mutate(whole, rng))
        try:
            benchmark = read_lareqa(folder, "small")
        except DataError as error:
            messages.append(str(error))
        else:
            assert len(benchmark.query_texts) == len(benchmark.query_ids)
            assert benchmark.judged_passage.max(initial=0) < len(benchmark.passage_ids)
            "".join((*benchmark.query_texts, *benchmark.passage_contexts)).encode()
    assert len(messages) > count / 4
    assert all(str(file) in message and "\n" not in message for message in messages)


def test_mutated_files_never_crash_the_reader(tmp_path: Path) -> None:
    check_mutations(tmp_path, 600, seed=1)


@pytest.mark.slow
def test_many_mutated_files_never_crash_the_reader(tmp_path: Path) -> None:
    check_mutations(tmp_path, 10_000, seed=2)


def test_questions_are_chosen_by_title_or_id_and_pools_stay_whole(tmp_path: Path) -> None:
    benchmark = small_benchmark(tmp_path / "small")
    names = tmp_path / "names.txt"
    names.write_text("Article 1\n\nq3-1\n", encoding="utf-8")
    kept = select_questions(benchmark, read_names(names))
    assert set(kept.query_ids) == {"q1-0", "q1-1", "q3-1"}
    left = select_questions(benchmark, read_names(names), keep=False)
    assert set(left.query_ids) == set(benchmark.query_ids) - set(kept.query_ids)
    for part in (kept, left):
        assert part.passage_ids == benchmark.passage_ids
        assert part.notes[-1].endswith("whole pools")
        for query, passage in zip(part.judged_query, part.judged_passage, strict=True):
            article, number = part.query_ids[query][1:].split("-")
            assert part.passage_ids[passage].endswith(f":{article}.{number}.1")
    assert len(kept.judged_query) + len(left.judged_query) == len(benchmark.judged_query)


def test_titles_come_from_json_files_and_folders(tmp_path: Path) -> None:
    corpus = write_benchmark(tmp_path / "corpus", ["en"])
    expected = {f"Article {number}" for number in range(4)}
    assert read_names(corpus / "en.json") == read_names(corpus) == expected
    benchmark = small_benchmark(tmp_path / "small")
    with pytest.raises(DataError, match="every question of small"):
        select_questions(benchmark, read_names(corpus), keep=False)
    with pytest.raises(DataError, match="no question of small"):
        select_questions(benchmark, frozenset({"Article 9"}))
    empty = tmp_path / "empty.txt"
    empty.write_text(" \n", encoding="utf-8")
    with pytest.raises(DataError, match="no article title"):
        read_names(empty)
    with pytest.raises(DataError, match="no such file"):
        read_names(tmp_path / "missing.txt")
    empty.write_bytes(b"a\xff")
    with pytest.raises(DataError, match="line 1: is not UTF-8"):
        read_names(empty)


def test_published_counts_are_checked_for_published_names_alone(tmp_path: Path) -> None:
    folder = write_benchmark(tmp_path)
    check_published_counts(read_lareqa(folder, "small"))
    with pytest.raises(
        DataError, match="8 questions and 24 passages in 'de', but 1190 and 1276 were published"
    ):
        check_published_counts(read_lareqa(folder, "xquad-r"))


@pytest.mark.parametrize(
    ("name", "queries", "passages", "separate"),
    [("xquad-r", 13_090, 13_014, 371), ("mlqa-r", 4_199, 20_534, 1_146)],
)
def test_real_benchmarks_have_the_published_counts(
    real_data: Path, name: str, queries: int, passages: int, separate: int
) -> None:
    benchmark = read_lareqa(find_folder(real_data, name), name)
    check_published_counts(benchmark)
    assert (len(benchmark.query_ids), len(benchmark.passage_ids)) == (queries, passages)
    counts = np.bincount(benchmark.judged_query)
    if name == "xquad-r":
        assert (counts == 11).all()
    else:
        per_question = {q: int(n) for q, n in zip(benchmark.query_ids, counts, strict=True)}
        assert np.bincount(list(per_question.values())).tolist() == [0, 0, 65, 263, 820]
    part = select_questions(benchmark, read_names(real_data / "train" / "squad-mt"), keep=False)
    assert len(set(part.query_ids)) == separate
