"""Fair rankings against a slow reading of their definitions, and their promises as properties."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from small_benchmark import HashEncoder, small_benchmark

from isogloss.errors import ConfigError
from isogloss.evaluation import encode_benchmark, rank_benchmark
from isogloss.evaluation.fair import label_fair, rank_fairly
from isogloss.fair_ranking import Fairness, order_fairly
from isogloss.results import RunInfo
from isogloss.types import PassageUnit, Setting

CHANGING = [strategy for strategy in Fairness if strategy is not Fairness.NONE]
Drawn = tuple[NDArray[np.float32], NDArray[np.int16]]


@st.composite
def drawn_scores(draw: st.DrawFn) -> Drawn:
    count = draw(st.integers(1, 25))
    # Few different values, so that many are equal.
    values = draw(st.lists(st.integers(-3, 3), min_size=2 * count, max_size=2 * count))
    languages = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    return np.array(values, dtype=np.float32).reshape(2, count) / 4, np.array(languages, dtype=np.int16)


def list_slowly(scores: list[float], languages: list[int], strategy: Fairness) -> list[int]:
    """List one query's passages by the words of the strategy."""
    pool = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    own = {
        place: sum(1 for above in pool[: pool.index(place)] if languages[above] == languages[place]) + 1
        for place in pool
    }
    if strategy is Fairness.QUOTA:
        rounds = []
        for number in range(1, len(pool) + 1):
            rounds += [place for place in pool if own[place] == number]
        return rounds
    if strategy is Fairness.FUSED:
        value = {place: 1 / (61 + pool.index(place)) + 1 / (60 + own[place]) for place in pool}
    else:
        value = {}
        for place in pool:
            group = [scores[other] for other in pool if languages[other] == languages[place]]
            mean = sum(group) / len(group)
            spread = (sum((score - mean) ** 2 for score in group) / len(group)) ** 0.5
            value[place] = (scores[place] - mean) / (spread or 1)
    return sorted(pool, key=lambda place: (-round(value[place], 12), pool.index(place)))


def list_passages(scores: NDArray[np.float32]) -> list[list[int]]:
    return [np.lexsort((np.arange(len(row)), -row)).tolist() for row in scores]


@given(drawn_scores(), st.sampled_from([Fairness.QUOTA, Fairness.FUSED]))
def test_the_order_is_that_of_the_definition(drawn: Drawn, strategy: Fairness) -> None:
    scores, languages = drawn
    found = list_passages(order_fairly(scores, languages, strategy))
    assert found == [list_slowly(row, languages.tolist(), strategy) for row in scores.tolist()]


@given(st.integers(0, 10_000))
def test_calibrated_scores_are_standard_scores(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((3, 30)).astype(np.float32)
    languages = rng.integers(0, 3, 30).astype(np.int16)
    found = list_passages(order_fairly(scores, languages, Fairness.CALIBRATED))
    assert found == [list_slowly(row, languages.tolist(), Fairness.CALIBRATED) for row in scores.tolist()]


@given(drawn_scores(), st.sampled_from(CHANGING))
def test_no_order_within_a_language_changes(drawn: Drawn, strategy: Fairness) -> None:
    scores, languages = drawn
    before, after = list_passages(scores), list_passages(order_fairly(scores, languages, strategy))
    for language in set(languages.tolist()):
        for old, new in zip(before, after, strict=True):
            assert [p for p in old if languages[p] == language] == [
                p for p in new if languages[p] == language
            ]


@given(drawn_scores(), st.sampled_from(CHANGING))
def test_one_language_alone_keeps_its_order(drawn: Drawn, strategy: Fairness) -> None:
    scores = drawn[0]
    same = np.zeros(scores.shape[1], dtype=np.int16)
    assert list_passages(order_fairly(scores, same, strategy)) == list_passages(scores)


@given(drawn_scores())
def test_a_round_of_the_quota_has_every_language_once(drawn: Drawn) -> None:
    scores, languages = drawn
    shortest = min(np.bincount(languages)[np.unique(languages)])
    width = len(np.unique(languages))
    for order in list_passages(order_fairly(scores, languages, Fairness.QUOTA)):
        for start in range(0, shortest * width, width):
            assert len({int(languages[place]) for place in order[start : start + width]}) == width


def test_calibration_takes_out_what_raises_a_whole_language() -> None:
    rng = np.random.default_rng(4)
    scores = rng.standard_normal((5, 40)).astype(np.float32)
    languages = np.repeat([0, 1], 20).astype(np.int16)
    moved = scores.copy()
    moved[:, 20:] = moved[:, 20:] * 2 + 3
    plain = order_fairly(scores, languages, Fairness.CALIBRATED)
    np.testing.assert_array_equal(order_fairly(moved, languages, Fairness.CALIBRATED), plain)


def test_none_gives_the_scores_themselves() -> None:
    scores = np.array([[0.5, 0.25]], dtype=np.float32)
    assert order_fairly(scores, np.array([0, 1], dtype=np.int16), Fairness.NONE) is scores


def test_too_many_passages_for_the_number_format_are_refused() -> None:
    scores = np.broadcast_to(np.float32(0), (1, 1 << 24))
    with pytest.raises(ConfigError, match="16,777,216 passages at once"):
        order_fairly(scores, np.zeros(1 << 24, dtype=np.int16), Fairness.QUOTA)


@pytest.mark.parametrize("strategy", list(Fairness))
def test_results_of_a_fair_ranking(strategy: Fairness, tmp_path: Path) -> None:
    benchmark = small_benchmark(tmp_path)
    vectors = encode_benchmark(HashEncoder(), benchmark, PassageUnit.SENTENCE)
    info = label_fair(RunInfo(model="m", label="m"), strategy)
    plain = rank_benchmark(benchmark, vectors, RunInfo(model="m", label="m"), quiet=True)
    fair = rank_fairly(benchmark, vectors, strategy, info, quiet=True)
    assert (fair.info.label, fair.info.settings["fair"]) == (f"m+{strategy}", strategy.value)
    np.testing.assert_array_equal(fair.rank_language, plain.rank_language)
    np.testing.assert_array_equal(fair.top_language, plain.top_language)
    scores = order_fairly(vectors.queries @ vectors.passages.T, benchmark.passage_languages, strategy)
    ranks = np.argsort(np.array(list_passages(scores)), axis=1) + 1
    np.testing.assert_array_equal(fair.rank_pool, ranks[fair.judged_query, fair.judged_passage])


def test_a_benchmark_without_the_pool_of_all_is_refused(tmp_path: Path) -> None:
    from dataclasses import replace

    benchmark = replace(small_benchmark(tmp_path), settings=(Setting.MONO,))
    vectors = encode_benchmark(HashEncoder(), benchmark, PassageUnit.SENTENCE)
    with pytest.raises(ConfigError, match="no pool of all languages"):
        rank_fairly(benchmark, vectors, Fairness.QUOTA, RunInfo(model="m", label="m"))
