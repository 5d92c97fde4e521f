"""The blocks that pages are made of: chapters, notes, what is folded away, figures with their data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from isogloss.report.figure import Figure
from isogloss.report.markup import Markup, element


@dataclass(frozen=True)
class Chapter:
    """Hold what a page says before its benchmarks.

    Attributes:
        key: Its place in the page, a word that no other has.
        heading: What it is called.
        parts: What it says.
    """

    key: str
    heading: str
    parts: tuple[Markup, ...]


def write_chapter(chapter: Chapter) -> Markup:
    """Write a chapter.

    Args:
        chapter: The chapter.

    Returns:
        An article.
    """
    return element("article", element("h2", chapter.heading, id=chapter.key), *chapter.parts)


def write_note(text: str) -> Markup:
    """Write a note for the reader.

    Args:
        text: The note.

    Returns:
        A paragraph.
    """
    return element("p", text, class_="note", dir="auto")


def fold_away(summary: str, content: Sequence[Markup]) -> Markup:
    """Fold something away until the reader asks for it.

    Args:
        summary: What is shown.
        content: What is folded away.

    Returns:
        The element.
    """
    return element("details", element("summary", summary), *content)


def write_figures(figures: Sequence[Figure]) -> Markup:
    """Write figures beside each other where there is room.

    Args:
        figures: The figures.

    Returns:
        Their box.
    """
    return element("div", *map(_write_figure, figures), class_="figures")


def _write_figure(figure: Figure) -> Markup:
    """Write a figure with its title and its data; a script adds what only a script can."""
    data = element(
        "a",
        "CSV",
        href="data:text/csv;charset=utf-8," + quote(figure.csv, safe=",.:-+"),
        download=f"{figure.name}.csv",
    )
    caption = element(
        "figcaption", element("span", figure.title, class_="title"), element("span", data, class_="links")
    )
    scroll = element(
        "div", figure.svg, class_="scroll", tabindex=0, role="group", aria_label="figure, scrolls sideways"
    )
    return element("figure", caption, scroll, data_name=figure.name)
