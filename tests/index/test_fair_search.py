"""A fair search gives the first places of the ranking that the whole collection's scores give."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from isogloss.errors import ConfigError
from isogloss.fair_ranking import Fairness, is_fused_depth, order_fairly
from isogloss.index import fair, open_index, scoring, writing
from isogloss.index.moments import LanguageMoments
from isogloss.passages import Passage
from isogloss.retriever import Retriever
from made_up_index import LANGUAGES, WIDTH, MadeUpEncoder, add, create, delete, ids, passage, vectors_of

FAIR = [strategy for strategy in Fairness if strategy is not Fairness.NONE]
WORDS = ["river", "town", "bridge", "a", "mill", "stone"]
PASSAGES = st.builds(
    lambda number, word, copy, language: passage(f"p{number:02}", f"{word}{copy}", language),
    st.integers(0, 40),
    st.sampled_from(WORDS),
    st.sampled_from(["", "1", "22"]),
    st.sampled_from(LANGUAGES),
)
BATCHES = st.lists(st.lists(PASSAGES, max_size=12, unique_by=lambda one: one.id), min_size=1, max_size=4)


def rank_whole(
    known: Mapping[str, Passage], query: NDArray[np.float32], languages: Sequence[str] | None, how: Fairness
) -> list[str]:
    """Rank a dictionary's passages by the definition, from the full matrix of scores."""
    pool = sorted(
        (one for one in known.values() if languages is None or one.language in languages),
        key=lambda one: one.id,
    )
    if not pool:
        return []
    products = vectors_of([one.text for one in pool]).astype(np.float64) * query.astype(np.float64)
    scores = products.sum(axis=1)[np.newaxis]
    numbers = np.array([LANGUAGES.index(one.language) for one in pool], dtype=np.int16)
    ordered = order_fairly(scores, numbers, how)[0]
    return [pool[place].id for place in np.argsort(-ordered, kind="stable")]


@settings(max_examples=40)
@given(batches=BATCHES, gone=st.lists(st.integers(0, 40), max_size=8), k=st.integers(1, 14))
def test_the_first_k_are_those_of_the_definition(
    batches: list[list[Passage]], gone: list[int], k: int
) -> None:
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "_DELETED_SHARE", 1.0)  # so that segments keep deleted rows
        patch.setattr(scoring, "BLOCK_ROWS", 3)
        patch.setattr(fair, "_FIRST_DEPTH", 1)
        folder = Path(scratch) / "index"
        create(folder, batches[0])
        known = {one.id: one for one in batches[0]}
        for batch in batches[1:]:
            add(folder, batch)
            known.update({one.id: one for one in batch})
        names = [f"p{number:02}" for number in gone]
        delete(folder, names)
        known = {name: one for name, one in known.items() if name not in names}
        index = open_index(folder)
        queries = vectors_of(["what", "where?", "mill"])
        for how in FAIR:
            for languages in (None, ["am", "sw"]):
                for query, found in zip(queries, index.search(queries, k, languages, how), strict=True):
                    assert ids(found) == rank_whole(known, query, languages, how)[:k]


@pytest.mark.parametrize("how", FAIR)
def test_large_collections_with_crowding_languages(
    tmp_path: Path, how: Fairness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fair, "_FIRST_DEPTH", 1)
    texts = [f"{chr(97 + n % 26)} {n % 61}x{n}" for n in range(900)]
    known = {
        f"p{n:03}": passage(f"p{n:03}", text, "en" if n % 30 else ("sw" if n % 60 else "am"))
        for n, text in enumerate(texts)
    }
    create(tmp_path / "i", list(known.values())[:500])
    add(tmp_path / "i", list(known.values())[500:])
    index = open_index(tmp_path / "i")
    queries = vectors_of([f"query {n}x" for n in range(5)])
    for k in (7, 70, 1000):
        for query, found in zip(queries, index.search(queries, k, ranking=how), strict=True):
            assert ids(found) == rank_whole(known, query, None, how)[:k]


@given(
    languages=st.lists(st.integers(0, 3), min_size=1, max_size=120),
    k=st.integers(1, 30),
    cut=st.integers(1, 120),
)
def test_an_accepted_depth_decides_the_first_k(languages: list[int], k: int, cut: int) -> None:
    prefix = np.array(languages[:cut], dtype=np.int16)
    if not is_fused_depth(prefix, 4, k):
        return
    scores = -np.arange(len(languages), dtype=np.float64)[np.newaxis]
    whole = order_fairly(scores, np.array(languages, dtype=np.int16), Fairness.FUSED)[0]
    part = order_fairly(scores[:, : len(prefix)], prefix, Fairness.FUSED)[0]
    assert np.argsort(-whole)[:k].tolist() == np.argsort(-part)[:k].tolist()


@pytest.mark.parametrize("k", range(1, 29))
def test_four_times_as_many_are_always_enough_for_a_page(k: int) -> None:
    # The worst case: one language holds the whole prefix, and another's best passage comes right after.
    assert is_fused_depth(np.zeros(4 * k, dtype=np.int16), 2, k)


@pytest.mark.parametrize("count", [3, WIDTH, 200])
def test_moments_are_those_of_all_scores(tmp_path: Path, count: int) -> None:
    texts = [f"{chr(97 + n % 26)} {n}x" for n in range(count + 2)]
    create(tmp_path / "i", [passage(f"p{n}", text, "sw") for n, text in enumerate(texts)])
    add(tmp_path / "i", [passage("other", "other", "en")])
    delete(tmp_path / "i", ["p0", "p1"])
    queries = vectors_of(["what", "where?"])
    found = LanguageMoments(open_index(tmp_path / "i").segments).measure(queries, ["sw", "en"])
    scores = queries.astype(np.float64) @ vectors_of(texts[2:]).astype(np.float64).T
    np.testing.assert_allclose(found.means[:, 0], scores.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(found.deviations[:, 0], scores.std(axis=1), atol=1e-12)
    np.testing.assert_allclose(found.deviations[:, 1], 0, atol=1e-12)


def test_a_retriever_ranks_fairly_and_knows_no_other_rankings(tmp_path: Path) -> None:
    texts = [passage(f"p{n}", f"text {chr(97 + n)}", "en" if n else "sw") for n in range(9)]
    made = Retriever.build(MadeUpEncoder(), texts, tmp_path / "made")
    assert {hit.language for hit in made.search(["text"], 2, ranking="quota")[0]} == {"en", "sw"}
    with pytest.raises(ConfigError, match="no ranking 'fair'; there is none, quota, calibrated, fused"):
        made.search(["text"], 2, ranking="fair")
