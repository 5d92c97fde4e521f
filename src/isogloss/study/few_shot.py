"""Fit ``a + b log(1 + n)`` to retrieval over the number n of items of a language that is held back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.comparison import ComparedMeasure
from isogloss.comparison.numbers import write_interval, write_score
from isogloss.comparison.sampling import Part, Sample
from isogloss.results import MeasureTable, name_cells
from isogloss.significance import Interval, find_interval
from isogloss.study.evidence import Evidence, UndecidedError
from isogloss.study.settings import StudyBenchmark

Floats = NDArray[np.float64]

_FEWEST_PLACES = 3
"""Through two places any such curve passes: there is nothing to fit."""


class LogFit(NamedTuple):
    """Hold a curve fitted to a score over the number of items.

    Attributes:
        start: ``a``: the score without an item.
        slope: ``b``: what the score gains when ``1 + n`` grows e-fold.
        start_interval: Its interval over questions and seeds; None with one seed.
        slope_interval: Likewise.
        r2: Share of the variance of the places' means that the curve explains.
    """

    start: float
    slope: float
    start_interval: Interval | None
    slope_interval: Interval | None
    r2: float

    def predict(self, items: float) -> float:
        """Give the score of the curve at a number of items."""
        return float(self.start + self.slope * np.log1p(items))


class FewShotLine(NamedTuple):
    """Name a system and where it is measured on one line of a few-shot curve.

    Attributes:
        label: What the line is called.
        part: The cells that count.
        strategy: The strategy.
    """

    label: str
    part: Part
    strategy: str


def fit_log_curve(items: Sequence[float], scores: Floats) -> Floats:
    """Fit ``a + b log(1 + n)`` by least squares, each place counting the same.

    Args:
        items: Number of items of each place, at least 0, two different ones at least.
        scores: float64 ``[places]``, or ``[places, curves]`` for many curves at once.

    Returns:
        float64 ``[2]`` or ``[2, curves]``: a and b.

    Source: arXiv 2212.01757 (scores grow with the logarithm of the number of examples).
    """
    design = np.stack([np.ones(len(items)), np.log1p(np.asarray(items, dtype=np.float64))], axis=1)
    return np.asarray(np.linalg.lstsq(design, scores, rcond=None)[0])


def fit_places(
    items: Sequence[float], means: Sequence[float], samples: Sequence[Sample], part: Part, level: float
) -> LogFit | None:
    """Fit the curve to the means of some places, and again to every resample of questions and seeds.

    Args:
        items: Number of items of each place.
        means: Mean over seeds at each place.
        samples: The places' resampled means, all under the same draws; empty with one seed.
        part: The cells that count.
        level: Level of the intervals.

    Returns:
        The fit; None where places are too few.
    """
    if len(set(items)) < _FEWEST_PLACES:
        return None
    values = np.asarray(means, dtype=np.float64)
    start, slope = fit_log_curve(items, values).tolist()
    rest = values - start - slope * np.log1p(items)
    total = float(((values - values.mean()) ** 2).sum())
    r2 = 1.0 - float((rest**2).sum()) / total if total > 0 else float("nan")
    if not samples:
        return LogFit(start, slope, None, None, r2)
    drawn = fit_log_curve(items, np.stack([each.distribution(part) for each in samples]))
    return LogFit(start, slope, find_interval(drawn[0], level), find_interval(drawn[1], level), r2)


def list_few_shot_lines(
    evidence: Evidence, benchmark: StudyBenchmark, languages: Sequence[str]
) -> Iterator[FewShotLine]:
    """List the lines of a benchmark: a native one has one for each language and strategy.

    Args:
        evidence: What the study's cells measured.
        benchmark: The benchmark.
        languages: Its query languages.

    Yields:
        The lines.
    """
    for strategy in evidence.study.grid.item_strategies:
        if benchmark.role == "native" and len(languages) > 1:
            for language in languages:
                yield FewShotLine(f"{strategy} {language}", Part("language", language), strategy)
        else:
            yield FewShotLine(strategy, Part("all"), strategy)


def mean_of_part(table: MeasureTable, part: Part, languages: Sequence[str]) -> float:
    """Average a run's cells of one query language, or all of them.

    Args:
        table: The run's table of a measure.
        part: The language, or all.
        languages: The languages of the benchmark.

    Returns:
        The macro mean over the cells.
    """
    if not part.language:
        return table.macro()
    names = name_cells(table.setting, languages)
    means = zip(table.cells, table.means(), strict=True)
    return float(np.nanmean([mean for cell, mean in means if names[cell][0] == part.language]))


def sample_places(
    evidence: Evidence,
    encoder: str,
    benchmark: StudyBenchmark,
    measure: ComparedMeasure,
    labels: Sequence[str],
) -> tuple[Sample, ...]:
    """Resample the places of a line with the same draws of questions and seeds.

    Args:
        evidence: What the study's cells measured.
        encoder: Name of the encoder.
        benchmark: The benchmark.
        measure: The measure.
        labels: The systems of the places.

    Returns:
        One per label; none where two seeds that all have are lacking.
    """
    try:
        return evidence.column(encoder, benchmark, measure, tuple(labels)).samples
    except UndecidedError:
        return ()


def write_fit(measure: ComparedMeasure, fit: LogFit) -> str:
    """Write a fitted curve in one line.

    Args:
        measure: The measure.
        fit: The fit.

    Returns:
        Such as ``a = 0.1200 [0.1100, 0.1300], b = +0.0100 [+0.0080, +0.0120], R2 0.97``.
    """
    start, slope = write_score(measure, fit.start), write_score(measure, fit.slope, signed=True)
    if fit.start_interval is not None and fit.slope_interval is not None:
        start += f" {write_interval(measure, fit.start_interval, signed=False)}"
        slope += f" {write_interval(measure, fit.slope_interval, signed=True)}"
    explained = "–" if np.isnan(fit.r2) else f"{fit.r2:.2f}"
    return f"a = {start}, b = {slope}, R2 {explained}"
