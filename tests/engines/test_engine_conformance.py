"""What every engine keeps: ids, order, filters, changes and restarts, beside a dictionary and NumPy.

Order and scores are the same to the last ties: every engine scores candidates in double precision from the
stored vectors, so the tolerance of ``assert_same`` is that of NumPy's ``assert_allclose`` (1e-7).
"""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from engines_under_test import EngineUnderTest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isogloss.errors import DataError, ModelError
from isogloss.index import Change, change_index, create_index
from isogloss.passages import Passage
from made_up_index import (
    LANGUAGES,
    MODEL,
    WIDTH,
    add,
    assert_same,
    ids,
    passage,
    search_small_graphs,
    vectors_of,
)

ODD_IDS = (
    "plain",
    'double " quote',
    "single ' quote",
    "back\\slash",
    "end\\",
    '\\"',
    'x" or id != "',
    'x"] or id not in ["',
    "line\nbreak",
    "return\r",
    "tab\t",
    "nul\x00",
    "percent % _ {brace} $name",
    "\\u0041",
    "שלום",
    "مرحبا\u202e",
    "😀🏳️‍🌈",
    "e\u0301",
    "é",
    " lead",
    "y" * 1000,
)


def mixed(count: int = 40) -> list[Passage]:
    """Passages of three languages, every tenth of which has a neighbour with the same vector."""
    return [passage(f"p{n:02}", f"text {chr(97 + n % 10)}{n}", LANGUAGES[n % 3]) for n in range(count)]


def known(*passages: Passage) -> dict[str, Passage]:
    return {one.id: one for one in passages}


def test_all_is_found_again_after_a_restart(engine: EngineUnderTest) -> None:
    passages = mixed()
    engine.create(passages)
    assert_same(engine.open(), known(*passages))
    engine.restart()
    assert_same(engine.open(), known(*passages))
    more = passage("more", "text after the restart", "sw")
    engine.add([more])
    engine.restart()
    assert_same(engine.open(), known(*passages, more))


def test_ties_go_to_the_smaller_id_wherever_the_cut_is(engine: EngineUnderTest) -> None:
    alike = [passage(f"t{n:02}", f"the same{n}", LANGUAGES[n % 3]) for n in range(60)]
    engine.create([*reversed(alike), passage("other", "something else")])
    query = vectors_of(["the same"])
    for k in (1, 3, 20):
        assert ids(engine.open().search(query, k)[0]) == [f"t{n:02}" for n in range(k)]
    assert ids(engine.open().search(query, 4, ["sw"])[0]) == ["t02", "t05", "t08", "t11"]


def test_an_empty_index_is_one(engine: EngineUnderTest) -> None:
    engine.create([])
    assert_same(engine.open(), {})
    assert engine.delete(["none"]) == 0
    engine.add([passage("first", "text", "am")])
    assert_same(engine.open(), known(passage("first", "text", "am")))
    assert engine.delete(["first", "none"]) == 1
    engine.restart()
    assert_same(engine.open(), {})


def test_passages_and_documents_are_replaced_and_deleted(engine: EngineUnderTest) -> None:
    parts = [passage(f"d#{n}", f"part {chr(97 + n)}", "en", "d") for n in range(5)]
    other = passage("other", "other text", "am")
    engine.create([*parts, other])
    moved = passage("other", "now in Swahili", "sw")
    engine.add([moved])
    assert_same(engine.open(), known(*parts, moved))
    fewer = [passage(f"d#{n}", f"new part {n}x", "sw", "d") for n in range(2)]
    engine.add(fewer)
    assert_same(engine.open(), known(*fewer, moved))
    assert engine.delete(["d#1", "d#1", "unknown", "\ud800", "z" * 2000]) == 1
    assert_same(engine.open(), known(fewer[0], moved))
    whole = passage("d", "the document by itself")
    engine.add([whole])
    assert_same(engine.open(), known(whole, moved))
    assert engine.delete(["d", "other"]) == 2
    assert_same(engine.open(), {})


def test_ids_are_text_and_never_a_filter(engine: EngineUnderTest) -> None:
    passages = [
        Passage(name, f"text {chr(97 + n)}", LANGUAGES[n % 3], name, name, f"of {name}")
        for n, name in enumerate(ODD_IDS)
    ]
    engine.create(passages)
    left = known(*passages)
    assert_same(engine.open(), left)
    assert engine.delete(['" or id != "', '"] or id not in ["', "%", "_", "nul", "ÿ", "e"]) == 0
    for number, name in enumerate(ODD_IDS[:-4]):
        assert engine.delete([name if number % 2 else f"of {name}"]) == 1
        del left[name]
    assert_same(engine.open(), left)
    engine.add([one._replace(text="again") for one in left.values()])
    engine.restart()
    assert_same(engine.open(), {name: one._replace(text="again") for name, one in left.items()})


def test_what_does_not_fit_is_refused(engine: EngineUnderTest) -> None:
    passages = mixed(6)
    engine.create(passages)
    again = [passage("a", "one"), passage("b", "two", document="a")]
    for wrong in (again, again[::-1], [again[0], again[0]]):
        with pytest.raises(DataError, match=r"the id '[ab]' is given twice.*ids must be unique"):
            add(engine.folder, wrong)
    with change_index(engine.folder) as change:
        for vectors in (np.zeros((1, 3), np.float32), 2 * vectors_of(["x"]), vectors_of(["x", "y"])):
            with pytest.raises(ModelError, match=r"are wanted, not|has the length"):
                change.add([passage("a", "x")], vectors)
    with pytest.raises(ModelError, match="can be searched"):
        engine.open().search(np.zeros((1, WIDTH + 1), np.float32), 1)
    assert_same(engine.open(), known(*passages))


def cut_off(begun: AbstractContextManager[Change], passages: list[Passage], names: list[str]) -> None:
    """Make a part of a change, and end it as a kill would."""

    def make() -> None:
        with begun as change:
            change.add(passages, vectors_of([one.text for one in passages]))
            change.delete(names)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make()


def test_a_change_that_was_cut_off_is_made_again(engine: EngineUnderTest) -> None:
    passages = mixed(12)
    vectors = vectors_of([one.text for one in passages])
    begun = create_index(engine.folder, MODEL, WIDTH, engine.engine)
    cut_off(begun, [passage("left over", "of another attempt"), *passages[1:5]], [])
    with pytest.raises(DataError, match="no index here"):
        engine.open()
    engine.create(passages)
    assert_same(engine.open(), known(*passages))
    new = [one._replace(text=f"new {one.id}x", language="sw") for one in passages[:8]]
    cut_off(change_index(engine.folder), new[:4], ["p08"])
    engine.restart()
    changed = engine.open()  # in part, with Milvus; counted as it is
    assert changed.count == sum(changed.languages.values()) == len(changed.search(vectors[:1], 99)[0])
    engine.add(new)
    engine.delete(["p08"])
    assert_same(engine.open(), known(*new, *passages[9:]))


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("add"),
            st.lists(
                st.tuples(st.integers(0, 9), st.integers(0, 5), st.sampled_from(LANGUAGES)),
                max_size=5,
                unique_by=lambda entry: entry[0],
            ),
        ),
        st.tuples(st.just("delete"), st.lists(st.integers(0, 9), max_size=4)),
        st.tuples(st.just("restart"), st.just([])),
    ),
    max_size=6,
)


def check_sequence(kind: str, address: str, operations: list[tuple[str, list[object]]]) -> None:
    """Do the same to an engine and a dictionary; documents have two parts each."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        engine = EngineUnderTest(kind, Path(folder) / "index", address)
        engine.create([])
        there: dict[str, Passage] = {}
        try:
            for what, entries in operations:
                if what == "add":
                    added = [
                        passage(
                            f"d{number // 2}#{number}", f"text {chr(97 + text)}", language, f"d{number // 2}"
                        )
                        for number, text, language in entries
                    ]
                    documents = {one.document for one in added}
                    there = {name: one for name, one in there.items() if one.document not in documents}
                    there.update(known(*added))
                    engine.add(added)
                elif what == "delete":
                    names = [f"d{n // 2}#{n}" if n % 3 else f"d{n // 2}" for n in entries]
                    gone = {name for name, one in there.items() if {name, one.document} & set(names)}
                    assert engine.delete(names) == len(gone)
                    there = {name: one for name, one in there.items() if name not in gone}
                else:
                    engine.restart()
            assert_same(engine.open(), there)
        finally:
            engine.restart()


@pytest.mark.parametrize("kind", ["exact", "graph"])
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS)
def test_any_sequence_of_changes(
    kind: str, operations: list[tuple[str, list[object]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        search_small_graphs(patch, width=4)
        check_sequence(kind, "", operations)


@settings(max_examples=3)
@given(operations=OPERATIONS)
def test_any_sequence_of_changes_in_milvus(address: str, operations: list[tuple[str, list[object]]]) -> None:
    check_sequence("server", address, operations)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lite", "server"])
@settings(max_examples=25)
@given(operations=OPERATIONS)
def test_any_long_sequence_of_changes_in_milvus(
    kind: str, address: str, operations: list[tuple[str, list[object]]]
) -> None:
    check_sequence(kind, address, operations)
