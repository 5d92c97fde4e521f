from __future__ import annotations

import time
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from isogloss import sentence_ranking
from isogloss.benchmarks.sentences import AlignedSentences, SentenceBenchmark
from isogloss.errors import ModelError
from isogloss.results.tables import RunInfo
from isogloss.sentence_ranking import rank_sentence_benchmark, rank_sentences
from isogloss.types import LanguagePair

Vectors = dict[str, NDArray[np.float32]]


def whole_vectors(seed: int, levels: int, languages: int, rows: int) -> Vectors:
    """Small whole numbers give exact scores, so that ties are ties in every order of summation."""
    rng = np.random.default_rng(seed)
    return {
        f"l{n}": rng.integers(-levels, levels + 1, (rows, 3)).astype(np.float32) for n in range(languages)
    }


def rank_slowly(queries: NDArray[np.float32], passages: NDArray[np.float32]) -> tuple[list[int], list[int]]:
    """Compare every sentence with every other, one at a time."""
    ranks, nearest = [], []
    for row, query in enumerate(queries):
        scores = [float(query @ passage) for passage in passages]
        before = [
            other
            for other in range(len(scores))
            if scores[other] > scores[row] or (scores[other] == scores[row] and other < row)
        ]
        ranks.append(1 + len(before))
        nearest.append(scores.index(max(scores)))
    return ranks, nearest


@given(
    st.integers(0, 10**9),
    st.integers(0, 3),
    st.integers(1, 4),
    st.integers(1, 40),
    st.sampled_from([1, 900, 1 << 27]),
    st.sampled_from([3, 16, 256]),
)
def test_ranks_agree_with_a_double_loop(
    seed: int, levels: int, languages: int, rows: int, block_bytes: int, rows_together: int
) -> None:
    vectors = whole_vectors(seed, levels, languages, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sentence_ranking, "BLOCK_BYTES", block_bytes)
        patch.setattr(sentence_ranking, "_ROWS", rows_together)
        found = rank_sentences(vectors)
    assert found.pairs == tuple(permutations(vectors, 2))
    assert found.ranks.shape == found.nearest.shape == (rows, len(found.pairs))
    for column, pair in enumerate(found.pairs):
        ranks, nearest = rank_slowly(vectors[pair.query], vectors[pair.passage])
        assert found.ranks[:, column].tolist() == ranks
        assert found.nearest[:, column].tolist() == nearest
    np.testing.assert_array_equal(found.ranks == 1, found.nearest == np.arange(rows)[:, None])


@settings(max_examples=50)
@given(st.integers(0, 10**9), st.integers(2, 60), st.sampled_from([2_000, 1 << 27]))
def test_equal_vectors_tie_exactly_wherever_they_stand(seed: int, rows: int, block_bytes: int) -> None:
    """Ranks over rows that repeat follow from the ranks over distinct rows."""
    rng = np.random.default_rng(seed)
    width = int(rng.integers(1, 80))
    distinct = rng.standard_normal((rows, width)).astype(np.float32)
    which = rng.integers(0, rows, rows)
    other = rng.standard_normal((rows, width)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sentence_ranking, "BLOCK_BYTES", block_bytes)
        found = rank_sentences({"a": other, "b": distinct[which]})
    firsts = {int(number): int(np.flatnonzero(which == number)[0]) for number in set(which.tolist())}
    (there, _) = found.nearest.T
    assert all(place == firsts[int(which[place])] for place in there)
    # Doubles of a text share all scores, so that they stand next to each other in row order.
    scores = other.astype(np.float64) @ distinct.T.astype(np.float64)
    for row in range(rows):
        right = scores[row, which[row]]
        near = np.abs(scores[row] - right) < 1e-4
        near[which[row]] = False
        if not near[which].any():
            above = int((scores[row, which] > right + 1e-4).sum())
            doubles = int((which[:row] == which[row]).sum())
            assert found.ranks[row, 0] == 1 + above + doubles


def test_zeros_of_both_signs_are_one_vector() -> None:
    vectors = {
        "a": np.asarray([[0.0, 1.0], [1.0, 1.0]], dtype=np.float32),
        "b": np.asarray([[-0.0, 1.0], [0.0, 1.0]], dtype=np.float32),
    }
    found = rank_sentences(vectors)
    assert found.ranks[:, 0].tolist() == [1, 2]
    assert found.nearest[:, 0].tolist() == [0, 0]


@settings(max_examples=50)
@given(st.integers(0, 10**9), st.integers(1, 300))
def test_random_vectors_agree_with_float64_where_it_is_clear(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = {name: rng.standard_normal((rows, 24)).astype(np.float32) for name in "ab"}
    found = rank_sentences(vectors)
    scores = vectors["a"].astype(np.float64) @ vectors["b"].astype(np.float64).T
    for column, table in enumerate((scores, scores.T)):
        right = np.diagonal(table)[:, None]
        surely, maybe = (table > right + 1e-4).sum(axis=1), (table > right - 1e-4).sum(axis=1)
        assert ((found.ranks[:, column] >= 1 + surely) & (found.ranks[:, column] <= maybe)).all()
        best = table[np.arange(rows), found.nearest[:, column]]
        assert (best >= table.max(axis=1) - 1e-4).all()


def test_the_number_of_threads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    vectors = {str(name): rng.standard_normal((90, 40)).astype(np.float32) for name in range(5)}
    several = rank_sentences(vectors)
    monkeypatch.setattr(sentence_ranking, "count_processors", lambda: 1)
    one = rank_sentences(vectors)
    np.testing.assert_array_equal(one.ranks, several.ranks)
    np.testing.assert_array_equal(one.nearest, several.nearest)


def test_an_interruption_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = {str(name): np.eye(3, dtype=np.float32) for name in range(60)}
    ranked: list[int] = []
    rank_pair = sentence_ranking._rank_pair

    def rank(first: sentence_ranking._Side, second: sentence_ranking._Side) -> object:
        ranked.append(1)
        time.sleep(0.001)
        return rank_pair(first, second)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sentence_ranking, "_rank_pair", rank)
    with pytest.raises(KeyboardInterrupt):
        rank_sentences(vectors, interrupt)
    assert len(ranked) < 1000  # of 1,770 pairs


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_vectors_that_cannot_be_ranked_are_refused(bad: float) -> None:
    good = np.ones((2, 4), dtype=np.float32)
    broken = good.copy()
    broken[1, 2] = bad
    with pytest.raises(ModelError, match="sentence 1 in th holds NaN"):
        rank_sentences({"en": good, "th": broken})
    for vectors in ({}, {"en": good, "th": good[:1]}, {"en": good[:0]}, {"en": good[0]}, {"en": good[:, :0]}):
        with pytest.raises(ModelError, match="cannot be ranked"):
            rank_sentences(vectors)


def test_groups_keep_their_rows_and_pools_apart() -> None:
    rng = np.random.default_rng(5)
    groups = (
        AlignedSentences(("1", "2", "3"), {"af": ("a", "b", "c"), "en": ("d", "e", "f")}),
        AlignedSentences(("2", "4"), {"th": ("g", "h"), "en": ("i", "j")}),
    )
    benchmark = SentenceBenchmark("two", ("af", "th", "en"), groups, {})
    vectors = [
        {
            name: rng.standard_normal((len(group.ids), 5)).astype(np.float32)
            for name in reversed(group.sentences)
        }
        for group in groups
    ]
    done: list[int] = []
    results = rank_sentence_benchmark(benchmark, iter(vectors), RunInfo("m", "m"), done.append)
    assert results.question_ids == ("1", "2", "3", "4")
    assert results.pairs == benchmark.pairs()
    assert results.pairs == tuple(
        LanguagePair(*name.split()) for name in ("af en", "en af", "th en", "en th")
    )
    assert results.pool_sizes.tolist() == [3, 3, 2, 2]
    assert sum(done) == len(results.pairs)
    for group, given_vectors, columns in zip(groups, vectors, ((0, 1), (2, 3)), strict=True):
        rows = [results.question_ids.index(name) for name in group.ids]
        for column in columns:
            pair = results.pairs[column]
            ranks, nearest = rank_slowly(given_vectors[pair.query], given_vectors[pair.passage])
            assert results.ranks[rows, column].tolist() == ranks
            assert results.nearest[rows, column].tolist() == [rows[place] for place in nearest]
            others = [row for row in range(4) if row not in rows]
            assert not results.ranks[others, column].any()
            assert (results.nearest[others, column] == -1).all()
    with pytest.raises(ModelError, match="not those of af, en"):
        rank_sentence_benchmark(benchmark, [vectors[1], vectors[0]], RunInfo("m", "m"))
