from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from isogloss.errors import ModelError
from isogloss.ranking import Ranking, layout, order_passages, rank_passages, rank_scores, ranks
from isogloss.ranking.order import make_keys

LANGUAGE_COUNT = 4
FIELDS = ("rank_language", "rank_pool", "top_pool", "top_language", "own_above")


class Case(NamedTuple):
    queries: NDArray[np.float32]
    passages: NDArray[np.float32]
    passage_languages: NDArray[np.int16]
    query_languages: NDArray[np.int16]
    judged_query: NDArray[np.int32]
    judged_passage: NDArray[np.int32]

    @property
    def scores(self) -> NDArray[np.float32]:
        return self.queries @ self.passages.T

    def rank(self, depth: int = 100) -> Ranking:
        return rank_passages(
            self.queries,
            self.passages,
            self.passage_languages,
            LANGUAGE_COUNT,
            self.judged_query,
            self.judged_passage,
            query_languages=self.query_languages,
            depth=depth,
        )

    def rank_ready(self, scores: NDArray[np.float32], depth: int = 100) -> Ranking:
        return rank_scores(
            lambda start, stop: scores[start:stop],
            len(scores),
            self.passage_languages,
            LANGUAGE_COUNT,
            self.judged_query,
            self.judged_passage,
            query_languages=self.query_languages,
            depth=depth,
        )


def random_case(seed: int, levels: int) -> Case:
    """Make a case where each of the languages may be empty, or have one passage, or all."""
    rng = np.random.default_rng(seed)
    queries, passages, width = (int(rng.integers(*bounds)) for bounds in ((1, 12), (1, 40), (1, 4)))
    # Small whole numbers give exact scores, so that ties are ties in every order of summation.
    vectors = [rng.integers(-levels, levels + 1, (n, width)).astype(np.float32) for n in (queries, passages)]
    shares = rng.dirichlet(np.full(LANGUAGE_COUNT, 0.7))
    pairs = (rng.random((queries, passages)) < rng.choice([0.05, 0.5, 1])).nonzero()
    mixed = rng.permutation(len(pairs[0]))
    return Case(
        *vectors,
        passage_languages=rng.choice(LANGUAGE_COUNT, passages, p=shares).astype(np.int16),
        query_languages=rng.integers(0, LANGUAGE_COUNT, queries).astype(np.int16),
        judged_query=pairs[0][mixed].astype(np.int32),
        judged_passage=pairs[1][mixed].astype(np.int32),
    )


def rank_slowly(case: Case, scores: NDArray[np.float32], depth: int) -> Ranking:
    """Sort each whole row of scores with Python's stable sort: the rule that smaller numbers win ties."""
    languages = case.passage_languages.tolist()
    orders = [sorted(range(len(row)), key=lambda passage: -row[passage]) for row in scores.tolist()]
    own = [[[p for p in order if languages[p] == n] for n in range(LANGUAGE_COUNT)] for order in orders]
    pairs = list(zip(case.judged_query.tolist(), case.judged_passage.tolist(), strict=True))

    def padded(order: list[int]) -> list[int]:
        return [*order[:depth], *[-1] * (depth - len(order))]

    def count_own(query: int, passage: int) -> int:
        before = orders[query][: orders[query].index(passage)]
        return sum(languages[other] == case.query_languages[query] for other in before)

    return Ranking(
        rank_language=np.asarray([own[q][languages[p]].index(p) + 1 for q, p in pairs], dtype=np.int32),
        rank_pool=np.asarray([orders[q].index(p) + 1 for q, p in pairs], dtype=np.int32),
        top_pool=np.asarray([padded(order) for order in orders], dtype=np.int32),
        top_language=np.asarray([[padded(part) for part in parts] for parts in own], dtype=np.int32),
        own_above=np.asarray([count_own(q, p) for q, p in pairs], dtype=np.int32),
    )


def rank_with_numpy(case: Case, scores: NDArray[np.float32], depth: int) -> Ranking:
    """Rank as ``rank_slowly`` does, fast enough for some thousands of passages: argsort whole rows."""
    order = np.argsort(-scores, axis=1, kind="stable")
    place = np.argsort(order, axis=1)
    wanted = place[case.judged_query, case.judged_passage]
    above = np.empty((LANGUAGE_COUNT, len(wanted)), dtype=np.int32)
    top = np.full((len(scores), LANGUAGE_COUNT, depth), -1, dtype=np.int32)
    for language in range(LANGUAGE_COUNT):
        members = case.passage_languages == language
        above[language] = (place[case.judged_query][:, members] < wanted[:, np.newaxis]).sum(axis=1)
        for row in range(len(scores)):
            best = order[row][members[order[row]]][:depth]
            top[row, language, : len(best)] = best
    pairs = np.arange(len(wanted))
    return Ranking(
        rank_language=above[case.passage_languages[case.judged_passage], pairs] + 1,
        rank_pool=(wanted + 1).astype(np.int32),
        top_pool=order[:, :depth].astype(np.int32),
        top_language=top,
        own_above=above[case.query_languages[case.judged_query], pairs],
    )


def assert_same(found: Ranking, expected: Ranking) -> None:
    for name in FIELDS:
        one, other = getattr(found, name), getattr(expected, name)
        assert one.dtype == np.int32
        np.testing.assert_array_equal(one, other, err_msg=name)


@given(
    st.integers(0, 10**9),
    st.integers(0, 3),
    st.integers(1, 45),
    st.sampled_from([1, 500, 1 << 26]),
    st.sampled_from([1, 100, 1 << 18]),
    st.sampled_from([1, 3, 64]),
)
def test_ranks_agree_with_a_stable_sort(
    seed: int, levels: int, depth: int, block_bytes: int, part_scores: int, pairs: int
) -> None:
    case = random_case(seed, levels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "BLOCK_BYTES", block_bytes)
        patch.setattr(layout, "PART_SCORES", part_scores)
        patch.setattr(ranks, "_PAIRS_AT_ONCE", pairs)
        expected = rank_slowly(case, case.scores, depth)
        assert_same(case.rank(depth), expected)
        assert_same(case.rank_ready(case.scores, depth), expected)


@given(st.integers(0, 10**9), st.integers(1, 12))
def test_ready_scores_may_be_infinite_and_mostly_equal(seed: int, depth: int) -> None:
    case = random_case(seed, 1)
    rng = np.random.default_rng(seed)
    values = np.asarray([-np.inf, np.inf, 0.0, -0.0, 1e-45, -1e-45, 3e38, -3e38], dtype=np.float32)
    scores = rng.choice(values[: rng.integers(1, 9)], (len(case.queries), len(case.passages)))
    given_scores = scores.copy()
    assert_same(case.rank_ready(scores, depth), rank_slowly(case, scores, depth))
    np.testing.assert_array_equal(scores, given_scores)


def large_case(kind: str) -> Case:
    """Make languages of more passages than the bytes of a word can count, with scores of one kind."""
    rng = np.random.default_rng(5)
    sizes = {"random": (4500, 2041, 7, 300), "tied": (2040, 2048, 0, 4100), "equal": (4081, 0, 1, 2041)}[kind]
    languages = rng.permutation(np.repeat(np.arange(LANGUAGE_COUNT), sizes)).astype(np.int16)
    queries = rng.standard_normal((23, 8)).astype(np.float32)
    passages = rng.standard_normal((len(languages), 8)).astype(np.float32)
    if kind != "random":
        queries, passages = (np.rint(vectors) for vectors in (queries, passages))
    if kind == "equal":
        passages[:] = 1
    judged_query = np.sort(rng.integers(0, 23, 300)).astype(np.int32)
    return Case(
        queries,
        passages,
        passage_languages=languages,
        query_languages=rng.integers(0, LANGUAGE_COUNT, 23).astype(np.int16),
        judged_query=judged_query,
        judged_passage=rng.integers(0, len(languages), 300).astype(np.int32),
    )


@pytest.mark.parametrize("kind", ["random", "tied", "equal"])
@pytest.mark.parametrize("threads", ["1", "4"])
def test_large_pools_agree_with_argsort_on_any_number_of_threads(
    kind: str, threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = large_case(kind)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    monkeypatch.setattr(layout, "PART_SCORES", 3 * len(case.passages))
    scores = case.scores
    assert_same(case.rank_ready(scores), rank_with_numpy(case, scores, 100))
    if kind != "random":  # whole numbers: the product is exact, however it is cut
        assert_same(case.rank(), rank_with_numpy(case, scores, 100))


def test_last_and_first_of_a_long_language_have_the_first_and_last_rank() -> None:
    count = 3 * 2040 + 1
    case = Case(
        np.ones((1, 1), dtype=np.float32),
        np.arange(count, dtype=np.float32)[:, np.newaxis],
        passage_languages=np.full(count, 2, dtype=np.int16),
        query_languages=np.asarray([2], dtype=np.int16),
        judged_query=np.zeros(2, dtype=np.int32),
        judged_passage=np.asarray([0, count - 1], dtype=np.int32),
    )
    found = case.rank(3)
    assert found.rank_language.tolist() == found.rank_pool.tolist() == [count, 1]
    assert found.own_above.tolist() == [count - 1, 0]
    assert found.top_pool.tolist() == [[count - 1, count - 2, count - 3]]


@given(st.integers(0, 10**9), st.integers(1, 30), st.integers(1, 200), st.integers(1, 30))
def test_the_bound_of_the_best_is_reached_by_as_many_as_are_wanted(
    seed: int, depth: int, count: int, levels: int
) -> None:
    scores = np.random.default_rng(seed).integers(-levels, levels, (3, count)).astype(np.int32)
    reached = (scores >= ranks._bound_best(scores, depth)).sum(axis=1)
    assert (reached >= min(depth, count)).all()


def test_the_bound_of_the_best_is_reached_by_few_more() -> None:
    scores = np.random.default_rng(0).permuted(np.tile(np.arange(5000, dtype=np.int32), (50, 1)), axis=1)
    assert (scores >= ranks._bound_best(scores, 100)).sum(axis=1).max() < 200


@given(st.integers(0, 10**9))
def test_orders_agree_with_the_lists_of_best_passages(seed: int) -> None:
    """They must come from one and the same product: vectors of any numbers, rounded somehow."""
    case = random_case(seed, 1)
    rng = np.random.default_rng(seed)
    case = case._replace(
        queries=rng.standard_normal((len(case.queries), 30)).astype(np.float32),
        passages=rng.standard_normal((len(case.passages), 30)).astype(np.float32),
    )
    whole = case.rank(len(case.passages))
    blocks = order_passages(case.queries, case.passages, case.passage_languages, LANGUAGE_COUNT)
    for block in blocks:
        for row in range(len(block.scores)):
            np.testing.assert_array_equal(block.pool_order(row), whole.top_pool[block.start + row])
            np.testing.assert_array_equal(block.pool_order(row, 3), whole.top_pool[block.start + row, :3])
            for language in range(LANGUAGE_COUNT):
                listed = whole.top_language[block.start + row, language]
                np.testing.assert_array_equal(block.language_order(row, language), listed[listed >= 0])


class UnevenVectors(np.ndarray):  # type: ignore[type-arg]
    """Vectors whose product is rounded differently in each column, more than any library does."""

    def __array_ufunc__(
        self,
        ufunc: np.ufunc,
        method: str,
        *inputs: NDArray[np.float32],
        out: tuple[NDArray[np.float32], ...],
    ) -> NDArray[np.float32]:
        product = ufunc(*(np.asarray(one) for one in inputs))
        out[0][:] = product * (1 + np.linspace(0, 1e-3, product.shape[1], dtype=np.float32))
        return out[0]


@pytest.mark.parametrize("count", [160, 600])
def test_equal_vectors_tie_exactly_wherever_they_stand(count: int) -> None:
    rng = np.random.default_rng(3)
    distinct = rng.standard_normal((150, 77)).astype(np.float32)
    distinct[7, 5] = 0
    which = rng.permutation(np.arange(count) % 150)
    passages = distinct[which]
    passages[(which == 7).nonzero()[0][::2], 5] = -0.0
    queries = rng.standard_normal((50, 77)).astype(np.float32).view(UnevenVectors)
    languages = rng.integers(0, 3, count).astype(np.int16)
    judged = np.zeros(0, np.int32), np.zeros(0, np.int32)
    found = rank_passages(queries, passages, languages, 3, *judged, depth=count)
    for order in found.top_pool:
        same = which[order[:-1]] == which[order[1:]]
        assert same.sum() == count - 150
        assert (order[1:][same] > order[:-1][same]).all()


def test_only_equal_vectors_share_scores() -> None:
    """Vectors whose bits have equal sums are told apart."""
    passages = np.asarray([[1, 2], [2, 1], [1, 2], [2, 1]], dtype=np.float32)
    (block,) = order_passages(np.eye(2, dtype=np.float32), passages, np.zeros(4, np.int16), 1)
    assert [block.pool_order(row).tolist() for row in (0, 1)] == [[1, 3, 0, 2], [0, 2, 1, 3]]


def test_keys_sort_by_falling_score_then_number_and_zeros_of_both_signs_tie() -> None:
    scores = np.asarray([-0.0, 0.0, 1e-45, -1e-45, 0.3, -np.inf, 3e38, -3e38, -0.0, np.inf], dtype=np.float32)
    keys = make_keys(layout.raise_scores(scores), np.arange(10))
    assert np.argsort(keys).tolist() == [9, 6, 4, 2, 0, 1, 8, 3, 7, 5]
    assert (keys & 0xFFFFFFFF).tolist() == list(range(10))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_vectors_that_cannot_be_ranked_are_refused(bad: float) -> None:
    good, broken = np.ones((2, 4), dtype=np.float32), np.ones((2, 4), dtype=np.float32)
    broken[1, 2] = bad
    languages = np.zeros(2, dtype=np.int16)
    with pytest.raises(ModelError, match="passage number 1"):
        order_passages(good, broken, languages, 1)
    with pytest.raises(ModelError, match="query number 1"):
        order_passages(broken, good, languages, 1)
    with pytest.raises(ModelError, match="cannot be compared"):
        order_passages(good[:, :3], good, languages, 1)
    with pytest.raises(ModelError, match="too long to be multiplied"):
        order_passages(good * np.float32(1e20), good * np.float32(1e19), languages, 1)


def test_scores_that_cannot_be_ranked_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    case = random_case(4, 2)
    monkeypatch.setattr(layout, "BLOCK_BYTES", 1)
    scores = case.scores
    assert len(scores) > 3
    scores[3, -1] = np.nan
    with pytest.raises(ModelError, match="query number 3 hold NaN"):
        case.rank_ready(scores)
    with pytest.raises(ModelError, match="scores of shape"):
        case.rank_ready(scores[:, 1:])


def test_without_languages_of_queries_nothing_is_counted_above() -> None:
    case = random_case(1, 2)
    judged = case.judged_query, case.judged_passage
    found = rank_passages(case.queries, case.passages, case.passage_languages, LANGUAGE_COUNT, *judged)
    assert found.own_above.shape == (0,)
    np.testing.assert_array_equal(found.rank_pool, case.rank().rank_pool)


def test_lists_of_no_length_are_empty() -> None:
    case = random_case(1, 2)
    found = case.rank(0)
    assert found.top_pool.shape == (len(case.queries), 0)
    np.testing.assert_array_equal(found.rank_pool, case.rank().rank_pool)


@pytest.mark.parametrize(("allowed", "expected"), [("3", 3), ("0", None), ("", None), ("two", None)])
def test_the_product_and_the_counts_use_as_many_threads(
    allowed: str, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", allowed)
    monkeypatch.setattr("isogloss.ranking.ranks.count_processors", lambda: 7)
    assert ranks._count_threads() == (expected or 7)


def test_progress_counts_every_query(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "PART_SCORES", 1)
    case = random_case(1, 2)
    counts: list[int] = []
    rank_passages(
        case.queries,
        case.passages,
        case.passage_languages,
        LANGUAGE_COUNT,
        case.judged_query,
        case.judged_passage,
        progress=counts.append,
    )
    assert counts == [1] * len(case.queries)
