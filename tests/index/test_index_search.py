"""An index answers as a dictionary and a full product do, whatever was added, replaced and deleted."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import ModelError
from isogloss.index import create_index, graph, open_index, reading, scoring, writing
from isogloss.passages import Passage
from made_up_index import (
    LANGUAGES,
    MODEL,
    WIDTH,
    add,
    assert_same,
    create,
    delete,
    ids,
    passage,
    search_small_graphs,
    vectors_of,
)

NAMES = [f"d{number}" for number in range(6)] + ["ж#0", "日本"]
TEXTS = ["river", "river1", "river22", "town", "bridge of stone", "a"]


@st.composite
def documents(draw: st.DrawFn) -> list[Passage]:
    """Draw passages of unlike ids, some of them parts of documents."""
    chosen = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=5))
    drawn = []
    for name in chosen:
        parts = draw(st.integers(1, 3))
        language = draw(st.sampled_from(LANGUAGES))
        if parts == 1:
            drawn.append(passage(name, draw(st.sampled_from(TEXTS)), language))
        else:
            drawn += [
                passage(f"{name}#p{n}", draw(st.sampled_from(TEXTS)), language, name) for n in range(parts)
            ]
    return drawn


def apply(known: dict[str, Passage], added: list[Passage], deleted: list[str]) -> dict[str, Passage]:
    """Change the dictionary as the index is to be changed."""
    names = {name for one in added for name in one.names()} | set(deleted)
    kept = {name: one for name, one in known.items() if not names.intersection(one.names())}
    return {**kept, **{one.id: one for one in added}}


@settings(max_examples=25)
@given(first=documents(), changes=st.lists(documents() | st.lists(st.sampled_from(NAMES)), max_size=6))
def test_any_changes_leave_what_a_dictionary_would_hold(
    first: list[Passage], changes: list[list[Passage] | list[str]]
) -> None:
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "_SEGMENTS_OF_A_SIZE", 2)  # so that segments are merged often
        patch.setattr(writing, "SEGMENT_ROWS", 4)
        patch.setattr(scoring, "BLOCK_ROWS", 3)
        folder = Path(scratch) / "index"
        create(folder, first)
        known = {one.id: one for one in first}
        for change in changes:
            added = [one for one in change if isinstance(one, Passage)]
            deleted = [name for name in change if isinstance(name, str)]
            before = len(known)
            known = apply(known, added, deleted)
            if added:
                add(folder, added)
            else:
                assert delete(folder, deleted) == before - len(known)
        index = open_index(folder)
        assert_same(index, known)
        assert index.find_damage() == []


def test_equal_passages_come_by_id_wherever_they_stand(tmp_path: Path) -> None:
    names = [f"p{number:03}" for number in range(300)]
    mixed = np.random.default_rng(0).permutation(names)
    create(tmp_path / "i", [passage(str(name), "the same", "sw") for name in mixed[:200]])
    add(tmp_path / "i", [passage(str(name), "the same", "en") for name in mixed[200:]])
    found = open_index(tmp_path / "i").search(vectors_of(["the same", "other"]), 7)
    assert [ids(row) for row in found] == [names[:7]] * 2
    assert len({one.score for one in found[1]}) == 1


def test_a_batch_gives_what_each_query_gives(tmp_path: Path) -> None:
    create(tmp_path / "i", [passage(f"p{n}", f"text {chr(97 + n % 26)}{n}") for n in range(500)])
    index = open_index(tmp_path / "i")
    queries = vectors_of([f"query {chr(97 + n)}" for n in range(26)] * 5)
    assert index.search(queries, 4) == [index.search(query[np.newaxis], 4)[0] for query in queries]


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    create(tmp_path / "i", [])
    index = open_index(tmp_path / "i")
    assert (index.count, dict(index.languages)) == (0, {})
    assert index.search(vectors_of(["a"]), 3) == [[]]
    add(tmp_path / "i", [passage("a", "b")])
    assert delete(tmp_path / "i", ["a", "none"]) == 1
    assert open_index(tmp_path / "i").search(vectors_of(["a"]), 3) == [[]]


@pytest.mark.parametrize(
    "wrong",
    [np.ones((1, WIDTH)), np.ones((1, 3), np.float32), np.full((1, WIDTH), np.nan, np.float32)],
    ids=["double", "other length", "nan"],
)
def test_queries_that_do_not_fit_are_refused(tmp_path: Path, wrong: np.ndarray) -> None:
    create(tmp_path / "i", [passage("a", "b")])
    with pytest.raises(ModelError, match="quer"):
        open_index(tmp_path / "i").search(wrong, 1)


@pytest.mark.parametrize("fault", [np.nan, np.inf, 0.0, 2.0])
def test_vectors_that_are_none_are_refused(tmp_path: Path, fault: float) -> None:
    vectors = vectors_of(["a", "b"])
    vectors[1] *= np.float32(fault)
    with (
        pytest.raises(ModelError, match="'y' has the length"),
        create_index(tmp_path / "i", MODEL, WIDTH, "exact") as change,
    ):
        change.add([passage("x", "a"), passage("y", "b")], vectors)


def make_clustered(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).standard_normal((40, 32), dtype=np.float32)
    vectors = centres[rng.integers(0, 40, count)] + 0.8 * rng.standard_normal((count, 32), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Twins(NamedTuple):
    """Hold two indexes of the same passages, queries of each language in turn, and how far languages lie."""

    exact: reading.Index
    quick: reading.Index
    queries: np.ndarray
    lean: float


OWN, SHARED = ("en", "fr"), ("am", "sw", "zu")


@pytest.fixture(scope="module", params=[0.0, 0.5, 2.0], ids=["mixed", "leaning", "apart"])
def twins(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Twins:
    """Make an index with graphs and an exact one, of languages that lie more or less apart.

    Queries are of each language in turn, so that a filter often leaves out a query's own.

    Two languages have graphs of their own, three share one; a tenth of the passages is deleted.
    """
    pytest.importorskip("faiss")
    folder = tmp_path_factory.mktemp("twins")
    codes = [(*OWN, *OWN, *SHARED)[n % 7] for n in range(7000)]
    places = np.random.default_rng(5).standard_normal((len(OWN + SHARED), 32), dtype=np.float32)
    lean = request.param * places / np.linalg.norm(places, axis=1, keepdims=True)
    vectors = make_clustered(7000, 0) + lean[[(OWN + SHARED).index(code) for code in codes]]
    queries = make_clustered(60, 1) + lean[np.arange(60) % len(lean)]
    vectors, queries = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (vectors, queries))
    passages = [passage(f"p{n:04}", "x", code) for n, code in enumerate(codes)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph, "LEAST_ROWS", 1000)
        patch.setattr(graph, "OWN_GRAPH_ROWS", 1500)
        for engine in ("exact", "graph"):
            with create_index(folder / engine, MODEL, 32, engine) as change:  # type: ignore[arg-type]
                change.add(passages, vectors.astype(np.float32))
                change.commit()
            delete(folder / engine, [f"p{n:04}" for n in range(0, 7000, 11)])
    exact, quick = (reading.open_index(folder / engine) for engine in ("exact", "graph"))
    assert [one.languages for one in quick.manifest.segments[0].graphs] == [("en",), ("fr",), SHARED]
    return Twins(exact, quick, queries.astype(np.float32), request.param)


@pytest.mark.parametrize(
    "chosen",
    [None, *([code] for code in OWN + SHARED), ["am", "zu"], ["en", "sw"], ["en", "am", "sw"], list(SHARED)],
    ids=lambda chosen: "all" if chosen is None else "+".join(chosen),
)
def test_graphs_find_what_exact_search_finds_under_any_filter(
    twins: Twins, chosen: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sufficed = search_small_graphs(monkeypatch, width=128)
    right = twins.exact.search(twins.queries, 10, chosen)
    found = twins.quick.search(twins.queries, 10, chosen)
    assert len(sufficed) >= len(twins.queries)  # a graph at least was asked for each query
    by_language: dict[str, list[bool]] = {}
    for one, other in zip(right, found, strict=True):
        scores = {hit.passage.id: hit.score for hit in other}
        for hit in one:
            by_language.setdefault(hit.passage.language, []).append(hit.passage.id in scores)
            assert scores.get(hit.passage.id, hit.score) == hit.score
        assert {hit.passage.language for hit in other} <= set(chosen or OWN + SHARED)
    assert set(by_language) == set(chosen or OWN + SHARED)
    for language, hits in by_language.items():
        assert np.mean(hits) >= 0.99, language


def test_a_query_far_from_the_wanted_languages_is_searched_exactly(
    twins: Twins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest nodes are of the query's own language, which is not wanted."""
    sufficed = search_small_graphs(monkeypatch, width=128)
    in_swahili = twins.queries[(OWN + SHARED).index("sw") :: len(OWN + SHARED)]
    found = twins.quick.search(in_swahili, 10, ["am", "zu"])
    right = twins.exact.search(in_swahili, 10, ["am", "zu"])
    if twins.lean == 0.0:
        assert all(sufficed)
    elif twins.lean == 2.0:
        assert not any(sufficed)
        assert [ids(row) for row in found] == [ids(row) for row in right]


def test_more_than_a_graph_can_give_is_every_passage(twins: Twins) -> None:
    right = twins.exact.search(twins.queries[:1], 7000, ["en"])[0]
    assert ids(twins.quick.search(twins.queries[:1], 7000, ["en"])[0]) == ids(right)
    assert len(right) == twins.quick.languages["en"]


def test_few_of_many_are_not_searched_by_a_graph(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    sufficed = search_small_graphs(monkeypatch, width=16)
    monkeypatch.setattr(graph, "_ROWS_PER_NODE", 20)
    queries = twins.queries[:5]
    for chosen, searched in ((["sw"], 0), (["am", "sw"], 5), (["en"], 10)):
        assert len(twins.quick.search(queries, 1, chosen)) == 5
        assert len(sufficed) == searched
