"""Lay out what predicts transfer as tables of short texts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from isogloss.comparison.grid import Cell, Grid
from isogloss.comparison.numbers import count
from isogloss.transfer.regression import Coefficient, Regression


def lay_out_predictions(benchmark: str, regressions: Sequence[Regression]) -> Grid:
    """Lay out how well pairs of left-out languages are predicted.

    Args:
        benchmark: The benchmark.
        regressions: One per target.

    Returns:
        A row per target.
    """
    header = ("predicted", "pairs", "languages", "R2", "R2 left out", "error", "of the mean", "verdict")
    rows = tuple(
        tuple(
            map(
                Cell,
                (
                    each.target,
                    f"{each.pairs:,}",
                    str(len(each.languages)),
                    _write(each.r2, 2),
                    _write(each.out_r2, 2),
                    _write(each.out_error, 4),
                    _write(each.mean_error, 4),
                    _judge(each),
                ),
            )
        )
        for each in regressions
    )
    skipped = dict.fromkeys(language for each in regressions for language in each.skipped)
    notes = [
        "Ridge regression on standardised features. R2 left out and the mean absolute errors are those of "
        "pairs with a language that the fit never saw on either side, beside the mean of the pairs it saw; "
        "below 0 the mean predicts better. Verdict: whether the error is smaller, with a 95 % interval over "
        "languages."
    ]
    if skipped:
        notes.append(f"Not left out, since too few languages remain without them: {' '.join(skipped)}.")
    return Grid(f"{benchmark}: predicting pairs of unknown languages", header, rows, tuple(notes))


def _judge(each: Regression) -> str:
    if math.isnan(each.out_error):
        return "no language can be left out"
    if each.predicts:
        return "better than the mean"
    return "worse than the mean" if each.improvement.high < 0 else "no better than the mean"


def lay_out_coefficients(benchmark: str, regressions: Sequence[Regression]) -> list[Grid]:
    """Lay out what each feature adds, for regressions on the same features together.

    Args:
        benchmark: The benchmark.
        regressions: One per target.

    Returns:
        A table per set of features: a row per feature, a column per target.
    """
    groups: dict[tuple[str, ...], list[Regression]] = {}
    for each in regressions:
        groups.setdefault(tuple(one.feature for one in each.coefficients), []).append(each)
    return [_lay_out_group(benchmark, features, group) for features, group in groups.items()]


def _lay_out_group(benchmark: str, features: Sequence[str], group: Sequence[Regression]) -> Grid:
    first = group[0]
    rows = tuple(
        (
            Cell(feature),
            Cell(f"{first.coefficients[place].mean:.3g}"),
            Cell(f"{first.coefficients[place].spread:.3g}"),
            *(_coefficient_cell(each.coefficients[place]) for each in group),
        )
        for place, feature in enumerate(features)
    )
    missing = [f"{each.feature} {each.missing}" for each in first.coefficients if each.missing]
    notes = [
        "Change of the prediction when a feature is one standard deviation (sd) higher, with 95 % intervals "
        "over languages; * where the interval lies off zero. Features go together, so a coefficient says "
        "what its feature adds to the others, not what causes a score."
    ]
    if missing:
        notes.append(
            f"Missing, the mean in their place, of {count(first.pairs, 'pair')}: {'; '.join(missing)}."
        )
    if first.constant:
        notes.append(f"Not used, since they do not differ between pairs: {', '.join(first.constant)}.")
    header = ("feature", "mean", "sd", *(each.target for each in group))
    return Grid(f"{benchmark}: what predicts", header, rows, tuple(notes))


def _coefficient_cell(each: Coefficient) -> Cell:
    off = each.interval.low > 0 or each.interval.high < 0
    low, high = (f"{round(end, 4) + 0.0:+.4f}" for end in each.interval)
    return Cell(f"{round(each.value, 4) + 0.0:+.4f}", marks="*" if off else "", detail=f"[{low}, {high}]")


def _write(number: float, decimals: int) -> str:
    return "–" if math.isnan(number) else f"{round(number, decimals) + 0.0:.{decimals}f}"


def describe_regression(each: Regression) -> dict[str, object]:
    """Write a regression for JSON.

    Args:
        each: The regression.

    Returns:
        JSON-able content; numbers that there are none of are None.
    """
    return {
        "target": each.target,
        "pairs": each.pairs,
        "left_out": each.languages,
        "not_left_out": each.skipped,
        "penalty": each.penalty,
        "intercept": each.intercept,
        "coefficients": [one._asdict() for one in each.coefficients],
        "constant": each.constant,
        "r2": _finite(each.r2),
        "out_r2": _finite(each.out_r2),
        "out_error": _finite(each.out_error),
        "mean_error": _finite(each.mean_error),
        "improvement": None if math.isnan(each.improvement.low) else each.improvement,
        "better_than_mean": each.predicts,
    }


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
