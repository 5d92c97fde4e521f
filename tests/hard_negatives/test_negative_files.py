"""Files of mined negatives: read again for the same corpus alone, and refused with the place of a fault."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mining_corpora import LANGUAGES, ExactEncoder, corpora, make_record

from isogloss.corpus import ParallelCorpus, build_corpus
from isogloss.errors import DataError, IsoglossError
from isogloss.hard_negatives import (
    MinedQuestion,
    MiningSettings,
    Pool,
    mine_negatives,
    read_negatives,
    write_negatives,
)
from isogloss.hard_negatives.files import describe_mining

FREE = MiningSettings(pool=Pool.EACH, count=2, absolute_margin=-9.0, relative_margin=-9.0)


def make_corpus() -> ParallelCorpus:
    told = ["river", "tower", "castle", "bridge", "harbour"]
    return build_corpus(
        "five",
        [
            make_record(item, language, item, [told[item], language], item)
            for item in range(5)
            for language in LANGUAGES
            if (item, language) != (3, "en")
        ],
        {"five.jsonl": "f" * 64},
    )


def write(path: Path, corpus: ParallelCorpus, chosen: MiningSettings = FREE) -> list[MinedQuestion]:
    encoder = ExactEncoder()
    found = list(mine_negatives(corpus, encoder, chosen, quiet=True))
    write_negatives(path, describe_mining(corpus, encoder, chosen), found)
    return found


def list_entries(corpus: ParallelCorpus, found: list[MinedQuestion]) -> set[tuple[int, int, int, int]]:
    items = {name: place for place, name in enumerate(corpus.item_ids)}
    places = {name: place for place, name in enumerate(corpus.languages)}
    return {
        (items[question.item_id], places[question.language], items[one.item_id], places[one.language])
        for question in found
        for one in question.negatives
        if {question.item_id, one.item_id} <= items.keys()
        and {question.language, one.language} <= places.keys()
    }


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(corpora(), st.data())
def test_what_is_written_is_read_for_the_corpus_and_its_parts(
    tmp_path: Path, corpus: ParallelCorpus, data: st.DataObject
) -> None:
    path = tmp_path / "mined"
    found = write(path, corpus)
    if not any(question.negatives for question in found):
        with pytest.raises(DataError, match="names no negative"):
            read_negatives(path, corpus)
        return
    mined = read_negatives(path, corpus)
    kept = data.draw(st.sets(st.integers(0, len(corpus.item_ids) - 1), min_size=1))
    part = corpus.subset(np.array(sorted(kept)))
    spoken = [name for place, name in enumerate(part.languages) if part.present[:, place].any()]
    for smaller in (corpus, part, part.select_languages(spoken[:1])):
        numbered = mined.number(smaller)
        assert set(map(tuple, numbered.tolist())) == list_entries(smaller, found)
        assert (np.diff(numbered[:, 0]) >= 0).all()


def test_the_first_line_says_where_they_are_from(tmp_path: Path) -> None:
    corpus = make_corpus()
    found = write(tmp_path / "mined", corpus)
    first, *rows = (json.loads(line) for line in (tmp_path / "mined").read_text("utf-8").splitlines())
    assert first["format"] == "isogloss mined negatives"
    assert first["corpus"]["files"] == {"five.jsonl": "f" * 64}
    assert first["model"]["fingerprint"] == "fingerprint 0"
    assert first["settings"] == FREE.to_dict()
    assert [(row["id"], row["language"]) for row in rows] == [
        (question.item_id, question.language) for question in found
    ]
    assert [[(one["id"], one["language"], one["score"]) for one in row["negatives"]] for row in rows] == [
        list(question.negatives) for question in found
    ]
    assert [row["positives"] for row in rows] == [question.positives for question in found]


def test_the_same_mining_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write(tmp_path / name, make_corpus())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_stopped_mining_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "mined"
    found = write(path, make_corpus())
    before = path.read_bytes()

    def stop() -> object:
        yield found[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_negatives(path, {}, stop())  # type: ignore[arg-type]
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_another_corpus_is_refused(tmp_path: Path) -> None:
    corpus = make_corpus()
    write(tmp_path / "mined", corpus)
    for files in ({"five.jsonl": "0" * 64}, {}, {**corpus.files, "six.jsonl": "1" * 64}):
        with pytest.raises(DataError, match="line 1: was mined for other files than those of corpus 'five'"):
            read_negatives(tmp_path / "mined", replace(corpus, files=files))
    moved = replace(corpus, files={"elsewhere/five.jsonl": "f" * 64})
    assert len(read_negatives(tmp_path / "mined", moved).entries)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [], "is empty"),
        (lambda lines: lines[1:], "line 1: is no file of mined negatives"),
        (lambda lines: ["[]", *lines[1:]], "line 1: expected an object, found a list"),
        (lambda lines: [lines[0].replace('"version": 1', '"version": 2')], "has version 2"),
        (lambda lines: [lines[0].replace('"corpus"', '"corpse"')], "line 1: expected an object, found null"),
        (lambda lines: [lines[0]], "names no negative of the corpus's items and languages"),
        (lambda lines: [*lines, lines[1]], "gives question 'q00' in de twice"),
        (lambda lines: [*lines, lines[1][:40]], "is not valid JSON"),
        (lambda lines: [*lines, '{"id": "q9", "language": "de"}'], "'negatives' is missing"),
        (lambda lines: [*lines, '{"id": 9, "language": "de"}'], "'id' must be a string"),
        (
            lambda lines: [*lines, '{"id": "q9", "language": "de", "negatives": ["q1"]}'],
            "expected an object, found a string",
        ),
    ],
)
def test_a_broken_file_is_refused_with_its_place(tmp_path: Path, change: object, message: str) -> None:
    path = tmp_path / "mined"
    write(path, make_corpus())
    lines = change(path.read_text("utf-8").splitlines())  # type: ignore[operator]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    with pytest.raises(DataError) as raised:
        read_negatives(path, make_corpus())
    assert message in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="mined: no such file"):
        read_negatives(tmp_path / "mined", make_corpus())


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "mined"
    if not path.exists():
        write(path, make_corpus())
        (tmp_path / "whole").write_bytes(path.read_bytes())
    content = (tmp_path / "whole").read_bytes()
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 60)))
    path.write_bytes(content[:start] + data.draw(st.binary(max_size=12)) + content[end:])
    with suppress(IsoglossError):
        mined = read_negatives(path, make_corpus())
        assert mined.entries.shape[1] == 4
        assert (mined.entries >= 0).all()
