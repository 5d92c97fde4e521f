"""Draw the curves of a study: a panel per measure, seeds as points, means joined by a line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from isogloss.report.figure import Figure, draw, line, name_file, text
from isogloss.report.markup import Markup, element, empty, escape
from isogloss.report.numbers import write_interval, write_title, write_value
from isogloss.study.curves import Curve, Line, Point, write_curve_table
from isogloss.study.few_shot import write_fit

_PANEL, _HEIGHT = 240.0, 150.0
_LEFT, _TOP, _GAP, _BELOW = 52.0, 30.0, 34.0, 52.0
_ACROSS = 2
"""Panels beside each other: on a narrow screen a figure scrolls."""
_KEY = 20.0
READING = (
    "Dots: training seeds. Line: their mean, with its interval over questions and seeds where there are two "
    "seeds or more."
)
"""How to read a curve."""
_AXES = {
    "alpha": "alpha: share of monolingual batches",
    "share": "share of the training data",
    "items": "items of the held-back corpora (logarithmic)",
}


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
    about = f"{_AXES[axis]} along each panel. {READING}"
    if axis == "items":
        about += " Thin: the fitted a + b log(1 + n)."
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


@dataclass(frozen=True)
class _Panel:
    """Know where the values of one measure stand."""

    curve: Curve
    left: float
    top: float

    @cached_property
    def places(self) -> list[float]:
        """List the places along the axis."""
        return sorted({point.x for each in self.curve.lines for point in each.points})

    @cached_property
    def ends(self) -> tuple[float, float]:
        """Give the values at the lower and the upper end, a little outside of all that is drawn."""
        points = [point for each in self.curve.lines for point in each.points]
        numbers = [number for point in points for number in (*point.by_seed, *(point.interval or ()))]
        numbers += [each.fit.predict(x) for each in self.curve.lines if each.fit for x in self.places]
        low, high = min(numbers), max(numbers)
        room = 0.06 * ((high - low) or abs(high) or 1.0)
        return low - room, high + room

    def across(self, x: float) -> float:
        """Give the place of an alpha, a share or a number of items, in pixels."""
        first, last, place = (self._scale(each) for each in (self.places[0], self.places[-1], x))
        return self.left + _PANEL * (place - first) / (last - first)

    def _scale(self, x: float) -> float:
        """Stretch the axis of items so that the fitted curve is a straight line."""
        return math.log1p(x) if self.curve.axis == "items" else x

    def height(self, value: float) -> float:
        """Give the place of a value, in pixels."""
        low, high = self.ends
        return self.top + _HEIGHT * (high - value) / (high - low)


def _draw_panel(curve: Curve, labels: Sequence[str], left: float, top: float) -> list[Markup]:
    """Draw the axes and the lines of one measure."""
    panel = _Panel(curve, left, top)
    parts = _draw_axes(panel)
    for each in curve.lines:
        number = labels.index(each.label)
        path = " ".join(
            f"{panel.across(point.x):.1f},{panel.height(point.mean):.1f}" for point in each.points
        )
        parts.append(empty("polyline", points=path, class_=_style(number)))
        parts += _draw_fit(panel, each, number)
        parts += [_draw_point(panel, each, point, f"s{number % 6}") for point in each.points]
    return parts


def _draw_fit(panel: _Panel, drawn: Line, number: int) -> list[Markup]:
    """Draw the fitted curve, which the axis of items makes straight."""
    if drawn.fit is None:
        return []
    ends = panel.places[0], panel.places[-1]
    (x1, y1), (x2, y2) = ((panel.across(x), panel.height(drawn.fit.predict(x))) for x in ends)
    tip = element("title", f"{drawn.label}: {write_fit(panel.curve.measure, drawn.fit)}")
    return [element("g", tip, line(x1, y1, x2, y2, f"curve thin s{number % 6}"))]


def _draw_axes(panel: _Panel) -> list[Markup]:
    middle, bottom = panel.left + _PANEL / 2, panel.top + _HEIGHT
    measure = panel.curve.measure
    parts = [text(middle, panel.top - 12, write_title(measure), "head", "middle")]
    low, high = panel.ends
    for value in (low, (low + high) / 2, high):
        shown = f"{value:,.0f}" if measure.in_ranks else f"{value:.3f}"
        y = panel.height(value)
        parts += [
            line(panel.left, y, panel.left + _PANEL, y, "grid"),
            text(panel.left - 6, y + 4, shown.replace("-", "−"), "tick", "end"),
        ]
    for x in panel.places:
        place = panel.across(x)
        parts += [
            line(place, bottom, place, bottom + 4, "zero"),
            text(place, bottom + 16, f"{x:g}", "tick", "middle"),
        ]
    return [*parts, text(middle, bottom + 34, _AXES[panel.curve.axis], "axis", "middle")]


def _draw_point(panel: _Panel, drawn: Line, point: Point, style: str) -> Markup:
    """Draw the seeds at one place, and the interval of their mean."""
    measure, x = panel.curve.measure, panel.across(point.x)
    interval = "" if point.interval is None else f" {write_interval(measure, point.interval)}"
    seeds = ", ".join(write_value(measure, value) for value in point.by_seed)
    tip = f"{drawn.label} at {point.x:g}: {write_value(measure, point.mean)}{interval}; seeds {seeds}"
    parts = [element("title", tip)]
    if point.interval is not None:
        low, high = map(panel.height, point.interval)
        parts.append(line(x, low, x, high, f"curve thin {style}"))
    dots = (
        empty("circle", cx=x, cy=panel.height(value), r=2.6, class_=f"seed {style}")
        for value in point.by_seed
    )
    return element("g", *parts, *dots)
