"""Curves of a study: retrieval over alpha, and over the share of the data, seeds as points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from isogloss.batching.strategy import DEFAULT_ALPHA
from isogloss.comparison import ComparedMeasure
from isogloss.comparison.sampling import ALL
from isogloss.report.figure import write_csv
from isogloss.significance import Interval, find_interval
from isogloss.study.evidence import MAPS, RANK_DISTANCE, Evidence, UndecidedError
from isogloss.study.settings import StudyBenchmark, label_alpha

MEASURES = (*MAPS, RANK_DISTANCE)


class Point(NamedTuple):
    """Hold the runs at one place of a curve.

    Attributes:
        x: Alpha, or the share of the data.
        by_seed: The macro mean of each seed.
        interval: Interval of their mean over questions and seeds; None with one seed.
    """

    x: float
    by_seed: tuple[float, ...]
    interval: Interval | None

    @property
    def mean(self) -> float:
        """Average over the seeds."""
        return sum(self.by_seed) / len(self.by_seed)


class Line(NamedTuple):
    """Hold one line of a curve.

    Attributes:
        label: What varies along it.
        points: Its points, by x.
    """

    label: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Curve:
    """Hold one measure over alpha or over the share of the data.

    Attributes:
        axis: ``alpha`` or ``share``.
        encoder: The encoder.
        benchmark: Name of the results.
        measure: The measure.
        lines: The lines.
    """

    axis: str
    encoder: str
    benchmark: str
    measure: ComparedMeasure
    lines: tuple[Line, ...]


def list_curves(evidence: Evidence) -> list[Curve]:
    """List the curves that a study has runs for: two places on an axis at least.

    Args:
        evidence: What its cells measured.

    Returns:
        The curves, by axis, encoder, benchmark and measure.
    """
    grid = evidence.study.grid
    alphas = sorted({*grid.alphas, DEFAULT_ALPHA} | _ends(grid.strategies)) if grid.alphas else []
    axes: list[tuple[str, dict[str, list[tuple[float, str]]]]] = [
        ("alpha", {"hybrid": [(alpha, label_alpha(alpha)[1]) for alpha in alphas]}),
        (
            "share",
            {
                strategy: [
                    *((share, f"{strategy}-share{share:g}") for share in sorted(grid.shares)),
                    (1.0, strategy),
                ]
                for strategy in (grid.share_strategies if grid.shares else ())
            },
        ),
    ]
    found = []
    for axis, lines in axes:
        for encoder in evidence.encoders:
            for benchmark in evidence.benchmarks("parallel"):
                for measure in MEASURES:
                    drawn = [
                        Line(label, _list_points(evidence, encoder, benchmark, measure, places))
                        for label, places in lines.items()
                    ]
                    kept = tuple(line for line in drawn if len(line.points) > 1)
                    if kept:
                        found.append(Curve(axis, encoder, benchmark.results, measure, kept))
    return found


def _ends(strategies: Sequence[str]) -> set[float]:
    """Give the ends of the curve over alpha that the grid has anyway."""
    return {alpha for alpha, name in ((0.0, "x-y"), (1.0, "x-x-mono")) if name in strategies}


def _list_points(
    evidence: Evidence,
    encoder: str,
    benchmark: StudyBenchmark,
    measure: ComparedMeasure,
    places: Sequence[tuple[float, str]],
) -> tuple[Point, ...]:
    points = []
    runs = evidence.runs(encoder, benchmark)
    for x, label in places:
        seeds = runs.get(label, {})
        values = tuple(each.tables[measure].macro() for each in seeds.values() if measure in each.tables)
        if values:
            points.append(Point(x, values, _find_interval(evidence, encoder, benchmark, measure, label)))
    return tuple(points)


def _find_interval(
    evidence: Evidence, encoder: str, benchmark: StudyBenchmark, measure: ComparedMeasure, label: str
) -> Interval | None:
    try:
        (sample,) = evidence.column(encoder, benchmark, measure, (label,)).samples
    except UndecidedError:
        return None
    return find_interval(sample.distribution(ALL), evidence.plan.level)


def write_curve_table(curves: Sequence[Curve]) -> str:
    """Write curves as CSV, a row per seed.

    Args:
        curves: The curves.

    Returns:
        CSV with a line of names; mean and interval stand in every row of their place.
    """
    rows: list[list[str | float]] = [
        [
            curve.axis,
            curve.encoder,
            curve.benchmark,
            str(curve.measure),
            line.label,
            point.x,
            value,
            point.mean,
            *(point.interval or (math.nan, math.nan)),
        ]
        for curve in curves
        for line in curve.lines
        for point in line.points
        for value in point.by_seed
    ]
    header = ["axis", "encoder", "benchmark", "measure", "system", "x", "seed value", "mean", "low", "high"]
    return write_csv(header, rows)
