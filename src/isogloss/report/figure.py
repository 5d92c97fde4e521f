"""What all figures share: a frame with a name, a title and data, scales and their marks."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from isogloss.report.markup import Markup, element, empty
from isogloss.report.section import NamedLanguage
from isogloss.report.styles import write_figure_styles

Row = Sequence[str | float]


@dataclass(frozen=True)
class Figure:
    """Hold a figure.

    Attributes:
        name: Name of its files, without the ending.
        title: One line of markup.
        description: What it shows, for those who do not see it, and how to read it.
        svg: The drawing.
        csv: Its data.
    """

    name: str
    title: Markup
    description: str
    svg: Markup
    csv: str


def draw(width: float, height: float, title: str, description: str, parts: Iterable[str]) -> Markup:
    """Put the parts of a drawing into an SVG element with a title and a description.

    Args:
        width: Width, in pixels.
        height: Height, in pixels.
        title: What the figure is called.
        description: What it shows.
        parts: Markup of the parts.

    Returns:
        The drawing.
    """
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        class_="figure",
        role="img",
        aria_label=f"{title}. {description}",
        width=round(width),
        height=round(height),
        viewBox=f"0 0 {round(width)} {round(height)}",
    )


def write_svg(figure: Figure) -> str:
    """Write a figure as a file of its own, with the styles that it has on a page.

    Args:
        figure: The figure.

    Returns:
        An SVG document.
    """
    style = element("style", Markup(write_figure_styles()))
    return figure.svg.replace("</title>", f"</title>{style}", 1) + "\n"


def write_csv(header: Sequence[str], rows: Iterable[Row]) -> str:
    """Write data as CSV.

    Args:
        header: Names of the columns.
        rows: Texts and numbers; NaN becomes an empty field, others get six significant digits.

    Returns:
        CSV with a line of names.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_write_field(value) for value in row])
    return stream.getvalue()


def _write_field(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return "" if math.isnan(value) else f"{value:.6g}"


def name_file(*parts: str) -> str:
    """Make a file name that every system takes.

    Args:
        *parts: Words, such as a benchmark and a label.

    Returns:
        Lower-case ASCII letters, digits, dots and hyphens.
    """
    joined = "-".join(parts).lower()
    safe = "".join(sign if sign.isascii() and (sign.isalnum() or sign == ".") else "-" for sign in joined)
    return "-".join(part for part in safe.split("-") if part.strip(".")) or "figure"


@dataclass(frozen=True)
class LogScale:
    """Map numbers to places, equal ratios to equal distances.

    Attributes:
        low: The number at the start, above 0.
        high: The number at the end, above ``low``.
        start: Place of the start, in pixels.
        end: Place of the end, in pixels.
    """

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """Give the place of a number; one outside the scale stands at its end."""
        clipped = min(max(value, self.low), self.high)
        share = math.log(clipped / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """List the powers of ten on the scale, with 2 and 5 times them where there are few."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        steps = (1, 3) if len(powers) > 3 else (1, 2, 5)
        candidates = [step * 10.0**power for power in powers for step in steps]
        return [value for value in candidates if self.low * 0.999 <= value <= self.high * 1.001]


def round_up(value: float) -> float:
    """Round a positive number up to one of few digits, such as 1.2, 2.5 or 400.

    Args:
        value: The number.

    Returns:
        The end of a scale that holds it; 1 where it is not positive, or too small to be told from 0.
    """
    if not value > 1e-12:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    steps = (1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10)
    return next(step * power for step in steps if step * power >= value * (1 - 1e-9))


def text(x: float, y: float, content: str, class_: str = "", anchor: str | None = None) -> Markup:
    """Write text at a place.

    Args:
        x: Where it starts, ends or is centred, in pixels.
        y: Its base line, in pixels.
        content: The text.
        class_: Its style.
        anchor: ``middle`` or ``end``; None for the start.

    Returns:
        The element.
    """
    return element("text", content, x=x, y=y, class_=class_ or None, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """Draw a straight line.

    Args:
        x1: Start, in pixels.
        y1: Start, in pixels.
        x2: End, in pixels.
        y2: End, in pixels.
        class_: Its style.

    Returns:
        The element.
    """
    return empty("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def measure_name(language: NamedLanguage) -> float:
    """Estimate the width of a language's name and code before a row.

    Args:
        language: The language.

    Returns:
        Width, in pixels.
    """
    return 42 + 6.3 * len(language.label)


def name_row(language: NamedLanguage, left: float, base: float) -> list[Markup]:
    """Write a language's name and code before a row.

    Args:
        language: The language.
        left: Where the row starts, in pixels.
        base: Base line of the text, in pixels.

    Returns:
        Two texts.
    """
    return [
        text(left - 34, base, language.label, "name", "end"),
        text(left - 8, base, language.code, "code", "end"),
    ]
