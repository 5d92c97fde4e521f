"""Draw the curves of a study: a panel per measure, seeds as points, means joined by a line."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.report.figure import Figure, draw, line, name_file, text
from isogloss.report.markup import Markup, element, empty, escape
from isogloss.report.numbers import write_interval, write_title, write_value
from isogloss.study.curves import Curve, Line, Point, write_curve_table

_PANEL, _HEIGHT = 240.0, 150.0
_LEFT, _TOP, _GAP, _BELOW = 52.0, 30.0, 34.0, 52.0
_ACROSS = 2
"""Panels beside each other: on a narrow screen a figure scrolls."""
_KEY = 20.0
_AXES = {"alpha": "alpha: share of monolingual batches", "share": "share of the training data"}


def draw_curves(curves: Sequence[Curve]) -> list[Figure]:
    """Draw a figure per axis, encoder and benchmark.

    Args:
        curves: The curves.

    Returns:
        The figures.
    """
    groups: dict[tuple[str, str, str], list[Curve]] = {}
    for curve in curves:
        groups.setdefault((curve.axis, curve.encoder, curve.benchmark), []).append(curve)
    return [_draw_group(*key, panels) for key, panels in groups.items()]


def _draw_group(axis: str, encoder: str, benchmark: str, curves: Sequence[Curve]) -> Figure:
    labels = list(dict.fromkeys(each.label for curve in curves for each in curve.lines))
    key = _KEY if len(labels) > 1 else 0.0
    across = min(_ACROSS, len(curves))
    down = -(-len(curves) // _ACROSS)
    step_x, step_y = _LEFT + _PANEL + _GAP, _TOP + _HEIGHT + _BELOW
    parts: list[Markup] = []
    for number, label in enumerate(labels if key else ()):
        x = _LEFT + 110 * number
        parts += [line(x, 11, x + 26, 11, _style(number)), text(x + 32, 15, label, "name")]
    for number, curve in enumerate(curves):
        row, column = divmod(number, _ACROSS)
        parts += _draw_panel(curve, labels, column * step_x + _LEFT, key + row * step_y + _TOP)
    about = (
        f"{_AXES[axis]} along each panel. Dots: training seeds. Line: their mean, with its interval over "
        "questions and seeds where there are two seeds or more."
    )
    title = f"{benchmark}, {encoder}: curve over {axis}"
    return Figure(
        name=name_file(encoder, benchmark, axis, "curve"),
        title=escape(f"{benchmark}, {encoder}: {_AXES[axis]}"),
        description=about,
        svg=draw(across * step_x, key + down * step_y, title, about, parts),
        csv=write_curve_table(curves),
    )


def _style(number: int) -> str:
    return f"curve s{number % 6}" + (f" dash{number % 4}" if number % 4 else "")


def _draw_panel(curve: Curve, labels: Sequence[str], left: float, top: float) -> list[Markup]:
    """Draw the axes and the lines of one measure."""
    points = [point for each in curve.lines for point in each.points]
    numbers = [number for point in points for number in (*point.by_seed, *(point.interval or ()))]
    low, high = min(numbers), max(numbers)
    reach = (high - low) or abs(high) or 1.0
    low, high = low - 0.06 * reach, high + 0.06 * reach
    places = sorted({point.x for point in points})
    first, last = places[0], places[-1]

    def across(x: float) -> float:
        return left + _PANEL * (x - first) / (last - first)

    def height(value: float) -> float:
        return top + _HEIGHT * (high - value) / (high - low)

    bottom = top + _HEIGHT
    parts = [text(left + _PANEL / 2, top - 12, write_title(curve.measure), "head", "middle")]
    for value in (low, (low + high) / 2, high):
        shown = f"{value:,.0f}" if curve.measure.in_ranks else f"{value:.3f}"
        parts += [
            line(left, height(value), left + _PANEL, height(value), "grid"),
            text(left - 6, height(value) + 4, shown.replace("-", "−"), "tick", "end"),
        ]
    for x in places:
        parts += [line(across(x), bottom, across(x), bottom + 4, "zero")]
        parts += [text(across(x), bottom + 16, f"{x:g}", "tick", "middle")]
    parts.append(text(left + _PANEL / 2, bottom + 34, _AXES[curve.axis], "axis", "middle"))
    for each in curve.lines:
        number = labels.index(each.label)
        path = " ".join(f"{across(point.x):.1f},{height(point.mean):.1f}" for point in each.points)
        parts.append(empty("polyline", points=path, class_=_style(number)))
        for point in each.points:
            ends = None if point.interval is None else (height(point.interval.low), height(point.interval.high))
            parts.append(
                _draw_point(curve, each, point, across(point.x), number, [height(one) for one in point.by_seed], ends)
            )
    return parts


def _draw_point(
    curve: Curve,
    drawn: Line,
    point: Point,
    x: float,
    number: int,
    heights: Sequence[float],
    ends: tuple[float, float] | None,
) -> Markup:
    """Draw the seeds at one place, and the interval of their mean."""
    interval = "" if point.interval is None else f" {write_interval(curve.measure, point.interval)}"
    seeds = ", ".join(write_value(curve.measure, value) for value in point.by_seed)
    tip = f"{drawn.label} at {point.x:g}: {write_value(curve.measure, point.mean)}{interval}; seeds {seeds}"
    parts = [element("title", tip)]
    if ends is not None:
        parts.append(line(x, ends[0], x, ends[1], f"curve thin s{number % 6}"))
    parts += [empty("circle", cx=x, cy=y, r=2.6, class_=f"seed s{number % 6}") for y in heights]
    return element("g", *parts)
