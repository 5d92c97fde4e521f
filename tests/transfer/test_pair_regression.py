from __future__ import annotations

import random
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import Ridge

from isogloss.errors import ConfigError
from isogloss.transfer import FeatureTable, Regression, regress
from isogloss.transfer.regression import choose_penalty
from isogloss.types import LanguagePair

FEATURES = ("same script", "shared pieces", "query fertility")
PLANTED = np.asarray([0.08, 0.05, -0.03])


def plant(
    seed: int, languages: int = 14, noise: float = 0.01, coefficients: np.ndarray = PLANTED
) -> tuple[FeatureTable, dict[LanguagePair, float]]:
    """Make pairs whose score is a sum of standardised features, with errors of pairs and of languages."""
    generator = np.random.default_rng(seed)
    names = [f"l{number}" for number in range(languages)]
    pairs = [LanguagePair(*each) for each in permutations(names, 2)]
    places = np.asarray([[names.index(each) for each in pair] for pair in pairs])
    traits = generator.normal(size=(languages, 2))
    values = np.stack(
        [
            (traits[places[:, 0], 0] * traits[places[:, 1], 0] > 0).astype(float),
            generator.normal(size=len(pairs)),
            traits[places[:, 0], 1],
        ],
        axis=1,
    )
    standard = (values - values.mean(axis=0)) / values.std(axis=0)
    own = generator.normal(scale=noise, size=(languages, 2))
    errors = own[places[:, 0], 0] + own[places[:, 1], 1] + generator.normal(scale=noise, size=len(pairs))
    scores = 0.4 + standard @ coefficients + errors
    return FeatureTable(tuple(pairs), FEATURES, values), dict(zip(pairs, scores.tolist(), strict=True))


@pytest.fixture(scope="module")
def planted() -> tuple[FeatureTable, dict[LanguagePair, float]]:
    return plant(1)


@pytest.fixture(scope="module")
def found(planted: tuple[FeatureTable, dict[LanguagePair, float]]) -> Regression:
    return regress("score", planted[1], planted[0], resamples=300)


def test_planted_coefficients_are_found_and_predict_unknown_languages(found: Regression) -> None:
    assert [each.value for each in found.coefficients] == pytest.approx(PLANTED, abs=0.01)
    assert found.out_r2 > 0.9
    assert found.out_error < 0.4 * found.mean_error
    assert found.predicts
    assert found.skipped == ()
    assert len(found.languages) == 14
    assert all(each.interval.low <= each.value <= each.interval.high for each in found.coefficients)


def test_the_fit_is_that_of_another_library(
    planted: tuple[FeatureTable, dict[LanguagePair, float]], found: Regression
) -> None:
    features, scores = planted
    numbers = np.asarray([scores[pair] for pair in features.pairs])
    standard = (features.values - features.values.mean(axis=0)) / features.values.std(axis=0)
    other = Ridge(alpha=found.penalty * len(numbers)).fit(standard, numbers)
    assert [each.value for each in found.coefficients] == pytest.approx(other.coef_)
    assert found.intercept == pytest.approx(other.intercept_)
    assert found.r2 == pytest.approx(other.score(standard, numbers))


def test_errors_of_left_out_languages_are_those_of_fits_without_them(
    planted: tuple[FeatureTable, dict[LanguagePair, float]], found: Regression
) -> None:
    """Done again with another library, language by language, at the penalty that each part chooses."""
    features, scores = planted
    numbers = np.asarray([scores[pair] for pair in features.pairs])
    involved = np.asarray([[name in pair for pair in features.pairs] for name in found.languages])
    squares, mean_squares, errors = [], [], []
    for out in involved:
        rest = ~out
        penalty = choose_penalty(features.values[rest], numbers[rest], involved[:, rest])
        known = features.values[rest]
        inside = np.clip(features.values[out], known.min(axis=0), known.max(axis=0))
        mean, spread = known.mean(axis=0), known.std(axis=0)
        fit = Ridge(alpha=penalty * rest.sum()).fit((known - mean) / spread, numbers[rest])
        missed = numbers[out] - fit.predict((inside - mean) / spread)
        squares += (missed**2).tolist()
        mean_squares += ((numbers[out] - numbers[rest].mean()) ** 2).tolist()
        errors.append(np.abs(missed).mean())
    assert found.out_r2 == pytest.approx(1 - sum(squares) / sum(mean_squares))
    assert found.out_error == pytest.approx(np.mean(errors))


def test_noise_predicts_no_better_than_the_mean() -> None:
    shown = 0
    for seed in range(5):
        features, scores = plant(100 + seed, coefficients=np.zeros(3))
        each = regress("noise", scores, features, resamples=200)
        shown += each.predicts
        assert each.out_r2 < 0.2
    assert shown <= 1


def test_a_shared_language_cannot_be_left_out() -> None:
    """Every pair has l0: without it nothing is left, and it is said so."""
    features, scores = plant(3)
    star = {pair: score for pair, score in scores.items() if "l0" in pair}
    each = regress("score", star, features, resamples=200)
    assert each.skipped == ("l0",)
    assert each.pairs == 26
    assert len(each.languages) == 13


def test_missing_values_count_as_the_mean_and_are_counted(
    planted: tuple[FeatureTable, dict[LanguagePair, float]],
) -> None:
    features, scores = planted
    holed = features.values.copy()
    holed[::7, 1] = np.nan
    each = regress("score", scores, FeatureTable(features.pairs, FEATURES, holed), resamples=200)
    filled = holed.copy()
    filled[::7, 1] = np.nanmean(holed[:, 1])
    numbers = np.asarray([scores[pair] for pair in features.pairs])
    standard = (filled - filled.mean(axis=0)) / filled.std(axis=0)
    other = Ridge(alpha=each.penalty * len(numbers)).fit(standard, numbers)
    assert [one.value for one in each.coefficients] == pytest.approx(other.coef_)
    assert [one.missing for one in each.coefficients] == [0, 26, 0]


def test_features_that_do_not_vary_are_named_and_not_used(
    planted: tuple[FeatureTable, dict[LanguagePair, float]],
) -> None:
    features, scores = planted
    count = len(features.pairs)
    wide = np.hstack([features.values, np.full((count, 1), 3.0), np.full((count, 1), np.nan)])
    names = (*FEATURES, "trained", "phonology distance")
    each = regress("score", scores, FeatureTable(features.pairs, names, wide), resamples=200)
    assert each.constant == ("trained", "phonology distance")
    assert each.coefficients == regress("score", scores, features, resamples=200).coefficients


@hypothesis_settings(max_examples=8)
@given(
    scale=st.floats(0.01, 100),
    shift=st.floats(-50, 50),
    stretch=st.floats(0.01, 100),
    order=st.integers(0, 1000),
)
def test_units_and_orders_do_not_matter(scale: float, shift: float, stretch: float, order: int) -> None:
    """Other units of a feature change nothing; other units of the score change its unit alone."""
    features, scores = plant(2, languages=7)
    first = regress("score", scores, features, resamples=100)
    values = features.values * np.asarray([1.0, scale, 1.0]) + np.asarray([0.0, shift, 0.0])
    other = regress(
        "score",
        {pair: stretch * score + shift for pair, score in scores.items()},
        FeatureTable(features.pairs, FEATURES, values),
        resamples=100,
    )
    assert [each.value / stretch for each in other.coefficients] == pytest.approx(
        [each.value for each in first.coefficients], rel=1e-4, abs=1e-7
    )
    assert other.out_r2 == pytest.approx(first.out_r2, rel=1e-4, abs=1e-6)
    rows = random.Random(order).sample(range(len(features.pairs)), len(features.pairs))
    pairs = tuple(features.pairs[row] for row in rows)
    mixed = regress("score", scores, FeatureTable(pairs, FEATURES, features.values[rows]), resamples=100)
    assert mixed.out_r2 == pytest.approx(first.out_r2)
    assert [each.interval for each in mixed.coefficients] == [
        pytest.approx(each.interval) for each in first.coefficients
    ]


def test_few_languages_are_refused() -> None:
    features, scores = plant(4, languages=4)
    with pytest.raises(ConfigError, match="4 languages are too few"):
        regress("score", scores, features)


@pytest.mark.slow
def test_intervals_of_coefficients_hold_the_truth_as_often_as_they_say() -> None:
    """With errors of languages and of pairs: 95 % intervals over 15 languages, asked for 88 % of 200."""
    hits, runs = np.zeros(3), 200
    for seed in range(runs):
        features, scores = plant(1000 + seed, languages=15, noise=0.02)
        found = regress("score", scores, features, resamples=200)
        for place, (each, truth) in enumerate(zip(found.coefficients, PLANTED, strict=True)):
            hits[place] += each.interval.low <= truth <= each.interval.high
    assert (hits >= stats.binom.ppf(0.001, runs, 0.88)).all(), hits / runs
