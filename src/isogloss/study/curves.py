"""Curves of a study: retrieval over alpha, the share of the data, or a language's items; seeds as points."""

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
from isogloss.study.few_shot import (
    FewShotLine,
    LogFit,
    fit_places,
    list_few_shot_lines,
    mean_of_part,
    sample_places,
)
from isogloss.study.settings import StudyBenchmark, label_alpha

MEASURES = (*MAPS, RANK_DISTANCE)


class Point(NamedTuple):
    """Hold the runs at one place of a curve.

    Attributes:
        x: Alpha, the share of the data, or the number of items.
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
        fit: The curve fitted to them; over the number of items alone.
    """

    label: str
    points: tuple[Point, ...]
    fit: LogFit | None = None


@dataclass(frozen=True)
class Curve:
    """Hold one measure over alpha, over the share of the data or over the number of items.

    Attributes:
        axis: ``alpha``, ``share`` or ``items``.
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
                    found += _keep_curve(axis, encoder, benchmark, measure, drawn)
    return found + _list_few_shot_curves(evidence)


def _keep_curve(
    axis: str,
    encoder: str,
    benchmark: StudyBenchmark,
    measure: ComparedMeasure,
    lines: Sequence[Line],
) -> list[Curve]:
    """Keep the lines of two points at least, and a curve of one line at least."""
    kept = tuple(line for line in lines if len(line.points) > 1)
    return [Curve(axis, encoder, benchmark.results, measure, kept)] if kept else []


def _list_few_shot_curves(evidence: Evidence) -> list[Curve]:
    """List the curves over the number of items of the corpora that are held back, with their fits."""
    found: list[Curve] = []
    if not evidence.study.grid.items:
        return found
    benchmarks = [*evidence.benchmarks("parallel"), *evidence.benchmarks("native")]
    for encoder in evidence.encoders:
        for benchmark in benchmarks:
            for measure in MEASURES:
                tables = evidence.any_tables(benchmark)
                if tables is None or measure not in tables.tables:
                    continue
                lines = [
                    _draw_few_shot_line(evidence, encoder, benchmark, measure, line)
                    for line in list_few_shot_lines(evidence, benchmark, tables.languages)
                ]
                found += _keep_curve("items", encoder, benchmark, measure, lines)
    return found


def _draw_few_shot_line(
    evidence: Evidence,
    encoder: str,
    benchmark: StudyBenchmark,
    measure: ComparedMeasure,
    line: FewShotLine,
) -> Line:
    """Take the points of one system in one part of the benchmark, and fit the curve."""
    runs = evidence.runs(encoder, benchmark)
    places = [(items, f"{line.strategy}-items{items}") for items in sorted(evidence.study.grid.items)]
    there = [(items, label) for items, label in places if label in runs]
    samples = sample_places(evidence, encoder, benchmark, measure, [label for _, label in there])
    points = []
    for number, (items, label) in enumerate(there):
        values = tuple(
            mean_of_part(each.tables[measure], line.part, each.languages) for each in runs[label].values()
        )
        sample = samples[number] if samples else None
        interval = None
        if sample is not None:
            interval = find_interval(sample.distribution(line.part), evidence.plan.level)
        points.append(Point(float(items), values, interval))
    # With samples, only the seeds that all places have count; the means are theirs.
    means = [float(each.by_seed[line.part].mean()) for each in samples] or [each.mean for each in points]
    fit = fit_places([items for items, _ in there], means, samples, line.part, evidence.plan.level)
    return Line(line.label, tuple(points), fit)


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
