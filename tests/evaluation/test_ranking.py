from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from isogloss import ranking
from isogloss.errors import ModelError
from isogloss.ranking import Ranking, order_passages, rank_passages

LANGUAGE_COUNT = 3


def random_case(
    seed: int, levels: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int16], NDArray[np.int32], NDArray[np.int32]]:
    rng = np.random.default_rng(seed)
    queries, passages = int(rng.integers(1, 12)), int(rng.integers(3, 40))
    # Small whole numbers give exact scores, so that ties are ties in every order of summation.
    vectors = [rng.integers(-levels, levels + 1, (n, 3)).astype(np.float32) for n in (queries, passages)]
    languages = rng.integers(0, LANGUAGE_COUNT, passages).astype(np.int16)
    pairs = rng.integers(0, 2, (queries, passages)).nonzero()
    mixed = rng.permutation(len(pairs[0]))
    judged_query, judged_passage = (pair[mixed].astype(np.int32) for pair in pairs)
    return vectors[0], vectors[1], languages, judged_query, judged_passage


def rank_slowly(
    queries: NDArray[np.float32],
    passages: NDArray[np.float32],
    languages: NDArray[np.int16],
    judged_query: NDArray[np.int32],
    judged_passage: NDArray[np.int32],
    depth: int,
) -> Ranking:
    """Sort each whole row of scores with a stable sort: the rule that smaller numbers win ties."""
    orders = [np.argsort(-(passages @ query), kind="stable") for query in queries]
    own = [[[p for p in order if languages[p] == n] for n in range(LANGUAGE_COUNT)] for order in orders]
    pairs = list(zip(judged_query.tolist(), judged_passage.tolist(), strict=True))

    def padded(order: list[int]) -> list[int]:
        return [*order[:depth], *[-1] * (depth - len(order))]

    return Ranking(
        rank_language=np.asarray([own[q][languages[p]].index(p) + 1 for q, p in pairs], dtype=np.int32),
        rank_pool=np.asarray([orders[q].tolist().index(p) + 1 for q, p in pairs], dtype=np.int32),
        top_pool=np.asarray([padded(order.tolist()) for order in orders], dtype=np.int32),
        top_language=np.asarray([[padded(part) for part in parts] for parts in own], dtype=np.int32),
    )


@given(st.integers(0, 10**9), st.integers(0, 3), st.integers(1, 12), st.sampled_from([1, 5_000, 1 << 27]))
def test_ranks_agree_with_a_stable_sort(seed: int, levels: int, depth: int, block_bytes: int) -> None:
    case = random_case(seed, levels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "BLOCK_BYTES", block_bytes)
        found = rank_passages(*case[:3], LANGUAGE_COUNT, *case[3:], depth=depth)
    expected = rank_slowly(*case, depth=depth)
    for name in ("rank_language", "rank_pool", "top_pool", "top_language"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


@given(st.integers(0, 10**9))
def test_orders_agree_with_the_lists_of_best_passages(seed: int) -> None:
    queries, passages, languages, judged_query, judged_passage = random_case(seed, 1)
    whole = rank_passages(
        queries, passages, languages, LANGUAGE_COUNT, judged_query, judged_passage, depth=len(passages)
    )
    for block in order_passages(queries, passages, languages, LANGUAGE_COUNT):
        for row in range(len(block.scores)):
            np.testing.assert_array_equal(block.pool_order(row), whole.top_pool[block.start + row])
            np.testing.assert_array_equal(block.pool_order(row, 3), whole.top_pool[block.start + row, :3])
            for language in range(LANGUAGE_COUNT):
                listed = whole.top_language[block.start + row, language]
                np.testing.assert_array_equal(block.language_order(row, language), listed[listed >= 0])


def test_equal_vectors_tie_exactly_wherever_they_stand() -> None:
    rng = np.random.default_rng(3)
    distinct = rng.standard_normal((40, 77)).astype(np.float32)
    which = rng.integers(0, 40, 301)
    queries = rng.standard_normal((50, 77)).astype(np.float32)
    languages = np.zeros(301, dtype=np.int16)
    for block in order_passages(queries, distinct[which], languages, 1):
        for row in range(len(block.scores)):
            order = block.pool_order(row)
            same = which[order[:-1]] == which[order[1:]]
            assert same.sum() == 301 - len(set(which.tolist()))
            assert (order[1:][same] > order[:-1][same]).all()


def test_each_distinct_vector_is_multiplied_once() -> None:
    """Not only for speed: two columns of a matrix product that hold the same numbers may be rounded apart."""
    queries, passages = np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32)[[2, 0, 2, 2, 1, 0]]
    (block,) = order_passages(queries, passages, np.zeros(6, np.int16), 1)
    assert block.scores.shape == (4, 3)
    np.testing.assert_array_equal(block.scores[:, block.columns], queries @ passages.T)


def test_keys_sort_by_falling_score_then_number_and_zeros_of_both_signs_tie() -> None:
    scores = np.asarray([-0.0, 0.0, 1e-45, -1e-45, 0.3, -0.3, 3e38, -3e38, -0.0], dtype=np.float32)
    keys = ranking._make_keys(scores, np.arange(9))
    assert np.argsort(keys).tolist() == [6, 4, 2, 0, 1, 8, 3, 5, 7]


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


def test_progress_counts_every_query() -> None:
    case = random_case(1, 2)
    counts: list[int] = []
    rank_passages(*case[:3], LANGUAGE_COUNT, *case[3:], progress=counts.append)
    assert sum(counts) == len(case[0])
