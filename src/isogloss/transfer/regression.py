"""Predict scores of language pairs from their features, and say how well unknown languages are predicted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import ConfigError
from isogloss.significance import Interval, draw_spread, find_interval
from isogloss.transfer.features import FeatureTable
from isogloss.types import LanguagePair

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Ridge penalties that are tried, in multiples of the number of pairs."""
FEWEST_LANGUAGES = 5
"""With fewer languages nothing is left to learn from when one is left out."""


class Coefficient(NamedTuple):
    """Hold what one feature adds to the prediction.

    Attributes:
        feature: The feature.
        value: Change of the score when the feature is one standard deviation higher.
        interval: Its interval over languages.
        mean: Mean of the feature over pairs.
        spread: Its standard deviation over pairs.
        missing: Pairs whose value was missing, for which the mean stands.
    """

    feature: str
    value: float
    interval: Interval
    mean: float
    spread: float
    missing: int


@dataclass(frozen=True)
class Regression:
    """Hold a regression of a number of each pair on its features.

    Attributes:
        target: What is predicted, such as ``score of hybrid``.
        pairs: Number of pairs.
        languages: Languages that were left out in turn.
        skipped: Languages without which too few pairs are left, such as the one that all pairs share.
        penalty: The penalty on all data, in multiples of the number of pairs.
        intercept: Prediction for a pair whose features are all average.
        coefficients: One per feature.
        constant: Features that are the same in all pairs or missing in all, which are not used.
        r2: Share of the variance explained in the pairs themselves.
        out_r2: The same in pairs of left-out languages, against the mean of the others; negative where the
            mean predicts better; NaN where nothing could be left out.
        out_error: Mean absolute error in pairs of left-out languages.
        mean_error: Mean absolute error of the mean of the other pairs there.
        improvement: Interval over languages of how much smaller the error is than the mean's; below 0 where
            it is larger.
    """

    target: str
    pairs: int
    languages: tuple[str, ...]
    skipped: tuple[str, ...]
    penalty: float
    intercept: float
    coefficients: tuple[Coefficient, ...]
    constant: tuple[str, ...]
    r2: float
    out_r2: float
    out_error: float
    mean_error: float
    improvement: Interval

    @property
    def predicts(self) -> bool:
        """Say whether pairs of unknown languages are shown to be predicted better than by the mean."""
        return self.improvement.low > 0


class _Fit(NamedTuple):
    """Hold what predicts: standardisation, weights, penalty."""

    means: Floats
    spreads: Floats
    lowest: Floats
    highest: Floats
    weights: Floats
    intercept: float

    def predict(self, values: Floats) -> Floats:
        """Predict rows; a missing value counts as the mean, one out of the known range as its end."""
        inside = np.clip(values, self.lowest, self.highest)
        return self.intercept + _standardise(inside, self.means, self.spreads) @ self.weights


class _Held(NamedTuple):
    """Hold the errors in the pairs of one left-out language."""

    language: str
    errors: Floats
    mean_errors: Floats


def regress(
    target: str,
    values: Mapping[LanguagePair, float],
    features: FeatureTable,
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Regression:
    """Predict a number of each pair by ridge regression on standardised features.

    A language is left out with every pair that it is in, on either side; penalty and standardisation are
    found again without it, the penalty by leaving out further languages. Its features are taken into the
    range of the others', so that nothing is extrapolated. Intervals of coefficients, at the penalty of all
    data, weigh languages at random, each pair by the product of its languages' weights.

    Args:
        target: What is predicted.
        values: The number of each pair; pairs without one are left out.
        features: The features.
        resamples: Number of draws of the languages, at least 100.
        seed: Start of the random stream, at least 0.
        level: Level of the intervals, between 0.5 and 1.

    Returns:
        Coefficients, and errors in pairs of left-out languages.

    Raises:
        ConfigError: There are too few languages.

    Source: ours, after arXiv 2212.01757 (transfer modelled by features of the pair); Hoerl & Kennard 1970 for
        ridge regression; Rubin 1981 and Owen & Eckles 2012 for weights, products over crossed factors.
    """
    rows = [row for row, pair in enumerate(features.pairs) if not np.isnan(values.get(pair, np.nan))]
    pairs = [features.pairs[row] for row in rows]
    languages = tuple(sorted({language for pair in pairs for language in pair}))
    if len(languages) < FEWEST_LANGUAGES:
        raise ConfigError(
            f"{len(languages)} languages are too few to predict {target} for further ones; it takes "
            f"{FEWEST_LANGUAGES} at least"
        )
    numbers = np.asarray([values[pair] for pair in pairs], dtype=np.float64)
    table = features.values[rows]
    kept = _find_varying(table)
    table, names = table[:, kept], [name for name, keep in zip(features.names, kept, strict=True) if keep]
    involved = _find_involved(pairs, languages)
    penalty = choose_penalty(table, numbers, involved)
    fit = _fit(table, numbers, np.ones(len(rows)), penalty)
    drawn = _draw_weights(table, numbers, involved, penalty, resamples, seed)
    held = list(_leave_out(table, numbers, involved, languages))
    tested = {each.language for each in held}
    judged = _judge(held, resamples, seed, level)
    return Regression(
        target=target,
        pairs=len(rows),
        languages=tuple(each for each in languages if each in tested),
        skipped=tuple(each for each in languages if each not in tested),
        penalty=penalty,
        intercept=fit.intercept,
        coefficients=tuple(_list_coefficients(names, table, fit, drawn, level)),
        constant=tuple(name for name, keep in zip(features.names, kept, strict=True) if not keep),
        r2=_explain(numbers - fit.predict(table), numbers - numbers.mean()),
        out_r2=judged.out_r2,
        out_error=judged.out_error,
        mean_error=judged.mean_error,
        improvement=judged.improvement,
    )


def _list_coefficients(
    names: Sequence[str], table: Floats, fit: _Fit, drawn: Floats, level: float
) -> Iterator[Coefficient]:
    """Describe each feature's part in a fit, with the interval of its draws."""
    for place, name in enumerate(names):
        yield Coefficient(
            name,
            float(fit.weights[place]),
            find_interval(drawn[:, place], level),
            float(fit.means[place]),
            float(fit.spreads[place]),
            int(np.isnan(table[:, place]).sum()),
        )


def choose_penalty(table: Floats, numbers: Floats, involved: Mask) -> float:
    """Choose the penalty that predicts pairs of left-out languages best.

    Args:
        table: Features ``[pairs, features]``, float64; NaN where missing.
        numbers: What is predicted, ``[pairs]``, float64.
        involved: Whether a language is in a pair: bool ``[languages, pairs]``.

    Returns:
        One of ``PENALTIES``; the largest where nothing can be left out.

    Source: Stone 1974 (cross-validated choice), with languages in place of rows.
    """
    errors = np.zeros(len(PENALTIES))
    for out in involved:
        if not _can_leave_out(out, involved):
            continue
        for place, penalty in enumerate(PENALTIES):
            fit = _fit(table[~out], numbers[~out], np.ones(int((~out).sum())), penalty)
            errors[place] += float(((numbers[out] - fit.predict(table[out])) ** 2).sum())
    # Of equal ones, the largest: no error was measured, or no feature helps.
    return PENALTIES[len(PENALTIES) - 1 - int(np.argmin(errors[::-1]))]


def _find_range(table: Floats) -> tuple[Floats, Floats]:
    """Give the lowest and the highest value of each feature; infinite ends, reversed, where none is known."""
    known = ~np.isnan(table)
    return np.where(known, table, np.inf).min(axis=0), np.where(known, table, -np.inf).max(axis=0)


def _find_varying(table: Floats) -> Mask:
    """Mark the features that differ between pairs."""
    lowest, highest = _find_range(table)
    return np.asarray(highest - lowest > 1e-12)


def _find_involved(pairs: Sequence[LanguagePair], languages: Sequence[str]) -> Mask:
    """Tell which language is in which pair: bool [languages, pairs]."""
    return np.asarray([[language in pair for pair in pairs] for language in languages])


def _can_leave_out(out: Mask, involved: Mask) -> bool:
    """Tell whether the pairs left without a language still hold a few languages."""
    rest = ~out
    return bool(out.any()) and int(involved[:, rest].any(axis=1).sum()) >= FEWEST_LANGUAGES - 1


def _fit(table: Floats, numbers: Floats, rows: Floats, penalty: float) -> _Fit:
    """Fit weighted ridge regression; the intercept is not penalised, missing values count as the mean."""
    known = ~np.isnan(table)
    counts = np.maximum(rows @ known, 1e-300)
    means = (rows @ np.where(known, table, 0.0)) / counts
    centred = np.where(known, table - means, 0.0)
    spreads = np.sqrt(rows @ centred**2 / rows.sum())
    standard = _standardise(table, means, spreads)
    middle = float(rows @ numbers / rows.sum())
    weighted = standard * rows[:, None]
    gram = standard.T @ weighted + penalty * rows.sum() * np.eye(table.shape[1])
    weights: Floats = np.linalg.solve(gram, weighted.T @ (numbers - middle))
    # Imputed values are the weighted mean, so that every column of ``standard`` has the mean 0.
    lowest, highest = _find_range(table)
    return _Fit(means, spreads, lowest, highest, weights, middle)


def _standardise(values: Floats, means: Floats, spreads: Floats) -> Floats:
    """Give values in standard deviations from the mean; 0 where missing or where nothing varies."""
    centred = np.where(np.isnan(values), 0.0, values - means)
    standard: Floats = np.divide(centred, spreads, out=np.zeros_like(centred), where=spreads > 1e-12)
    return standard


def _draw_weights(
    table: Floats, numbers: Floats, involved: Mask, penalty: float, resamples: int, seed: int
) -> Floats:
    """Give the coefficients under random weights of the languages: [resamples, features].

    They are for the standard deviations of the unweighted data, so that all draws speak of the same step; and
    spread as few languages ask for.
    """
    whole = _fit(table, numbers, np.ones(len(numbers)), penalty)
    spreads = whole.spreads
    generator = np.random.default_rng([seed, len(involved)])
    drawn = np.empty((resamples, table.shape[1]))
    for number in range(resamples):
        languages = generator.exponential(size=len(involved))
        rows = np.exp(np.log(languages) @ involved)
        fit = _fit(table, numbers, rows / rows.mean(), penalty)
        drawn[number] = fit.weights * np.divide(
            spreads, fit.spreads, out=np.zeros_like(spreads), where=fit.spreads > 1e-12
        )
    few = draw_spread(len(involved), resamples, seed)[:, None]
    return np.asarray(whole.weights + (drawn - whole.weights) * few)


def _leave_out(table: Floats, numbers: Floats, involved: Mask, languages: Sequence[str]) -> Iterator[_Held]:
    """Predict the pairs of each language from those without it."""
    for language, out in zip(languages, involved, strict=True):
        if not _can_leave_out(out, involved):
            continue
        rest = ~out
        penalty = choose_penalty(table[rest], numbers[rest], involved[:, rest])
        fit = _fit(table[rest], numbers[rest], np.ones(int(rest.sum())), penalty)
        yield _Held(
            language, numbers[out] - fit.predict(table[out]), numbers[out] - float(numbers[rest].mean())
        )


class _Judgement(NamedTuple):
    out_r2: float
    out_error: float
    mean_error: float
    improvement: Interval


def _judge(held: Sequence[_Held], resamples: int, seed: int, level: float) -> _Judgement:
    """Compare the errors with those of the mean; languages count the same, and are drawn again."""
    if not held:
        return _Judgement(np.nan, np.nan, np.nan, Interval(np.nan, np.nan))
    errors = np.asarray([np.abs(each.errors).mean() for each in held])
    means = np.asarray([np.abs(each.mean_errors).mean() for each in held])
    generator = np.random.default_rng([seed, len(held), 1])
    drawn = generator.integers(0, len(held), size=(resamples, len(held)))
    return _Judgement(
        _explain(
            np.concatenate([each.errors for each in held]),
            np.concatenate([each.mean_errors for each in held]),
        ),
        float(errors.mean()),
        float(means.mean()),
        find_interval((means - errors)[drawn].mean(axis=1), level),
    )


def _explain(errors: Floats, mean_errors: Floats) -> float:
    """Give 1 - squared errors over those of the mean; NaN where the mean makes none."""
    total = float((mean_errors**2).sum())
    return 1.0 - float((errors**2).sum()) / total if total > 0 else float("nan")
