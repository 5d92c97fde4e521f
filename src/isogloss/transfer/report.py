"""A study of transfer on one benchmark, and its ways to be written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isogloss.comparison.grid import Cell, Grid, write_markdown, write_text
from isogloss.comparison.model import LanguageTest, Outcome
from isogloss.report import Chapter, Section, write_page
from isogloss.report.blocks import write_note
from isogloss.report.markup import Markup, element, join
from isogloss.report.tables import frame_table
from isogloss.results import LanguageShares
from isogloss.transfer.pairs import GroupScore, PairComparison, PairScore
from isogloss.transfer.tables import lay_out_groups, lay_out_pairs, lay_out_shares

FORMAT = "isogloss-transfer"
VERSION = 1


@dataclass(frozen=True)
class TransferReport:
    """Hold what was found about transfer on one benchmark.

    Attributes:
        section: The benchmark's own section, with its maps and figures.
        compared: Scores and tests of pairs and groups.
        shares: System -> languages at the top of the ranking over all languages; empty where no such pool was
            ranked.
    """

    section: Section
    compared: PairComparison
    shares: Mapping[str, LanguageShares]

    def to_text(self) -> str:
        """Write the groups for a terminal; pairs are in the other forms.

        Returns:
            Lines of text.
        """
        return "\n".join(map(write_text, [lay_out_groups(self.compared), *self._lay_out_shares()]))

    def to_markdown(self) -> str:
        """Write every table as Markdown.

        Returns:
            Markdown.
        """
        return "\n".join(map(write_markdown, self._lay_out()))

    def to_html(self) -> str:
        """Write every table on a page that needs nothing else, the benchmark's figures below them.

        Returns:
            HTML.
        """
        groups, pairs, *_ = self._lay_out()
        chapters = [
            Chapter("groups", "Where it helps and where it hurts", _write_chapter([groups])),
            Chapter("pairs", "Every pair", _write_chapter([pairs])),
        ]
        title = f"Transfer between languages: {self.compared.benchmark}"
        return write_page([self.section], title, chapters)

    def to_json(self) -> str:
        """Write every number as one JSON object.

        Returns:
            JSON; docs/transfer.md lists the keys.
        """
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    def to_dict(self) -> dict[str, object]:
        """Give every number as JSON has it.

        Returns:
            JSON-able content.
        """
        compared = self.compared
        return {
            "format": FORMAT,
            "version": VERSION,
            "benchmark": compared.benchmark,
            "measure": compared.measure,
            "baseline": compared.baseline,
            "systems": [
                {"label": each.label, "seeds": each.seeds, "models": each.models} for each in compared.systems
            ],
            "languages": compared.languages,
            "trained_languages": compared.trained,
            "level": compared.level,
            "resamples": compared.resamples,
            "pairs": [_describe_pair(each) for each in compared.pairs],
            "groups": [_describe_group(each) for each in compared.groups],
            "top_languages": {
                label: _describe_shares(compared.languages, each) for label, each in self.shares.items()
            },
            "notes": compared.notes,
        }

    def _lay_out(self) -> list[Grid]:
        return [lay_out_groups(self.compared), lay_out_pairs(self.compared), *self._lay_out_shares()]

    def _lay_out_shares(self) -> list[Grid]:
        compared = self.compared
        return [
            lay_out_shares(compared.benchmark, label, compared.languages, each)
            for label, each in self.shares.items()
        ]


def _write_chapter(grids: Sequence[Grid]) -> tuple[Markup, ...]:
    """Write tables, each with its notes below it."""
    return tuple(part for grid in grids for part in (_write_grid(grid), *map(write_note, grid.notes)))


def _write_grid(grid: Grid) -> Markup:
    head = element("tr", *(element("th", name, scope="col") for name in grid.header))
    rows = [
        element("tr", *map(_write_cell, row), class_="first" if number in grid.ruled else None)
        for number, row in enumerate(grid.rows)
    ]
    return frame_table("", head, rows, caption=grid.title)


def _write_cell(cell: Cell) -> Markup:
    shown = element(
        "b" if cell.bold else "span",
        join(
            (cell.text.replace("-", "−") if _is_number(cell.text) else cell.text, cell.marks),
            " " if cell.marks else "",
        ),
    )
    return element("td", shown, *([element("small", cell.detail)] if cell.detail else []))


def _is_number(text: str) -> bool:
    return text[:1] in "+-" and text[1:2].isdigit()


def _describe_pair(each: PairScore) -> dict[str, object]:
    return {
        "label": each.label,
        "query": each.pair.query,
        "passage": each.pair.passage,
        "questions": each.questions,
        "mean": each.mean,
        **_describe_test(each.test),
    }


def _describe_test(test: LanguageTest | None) -> dict[str, object]:
    return {
        "difference": test and test.difference,
        "interval": test and test.interval,
        "p": test and test.p,
        "corrected_p": test and test.corrected_p,
        "outcome": test and str(test.outcome),
    }


def _describe_group(each: GroupScore) -> dict[str, object]:
    return {
        "label": each.label,
        "setting": str(each.setting),
        "grouping": str(each.group.grouping),
        "group": each.group.name,
        "pairs": each.pairs,
        "mean": each.mean,
        "difference": each.difference,
        "interval": each.interval,
        "helped": each.outcomes.get(Outcome.WIN, 0),
        "hurt": each.outcomes.get(Outcome.LOSS, 0),
        "uncorrected_helped": each.leanings.get(Outcome.WIN, 0),
        "uncorrected_hurt": each.leanings.get(Outcome.LOSS, 0),
    }


def _describe_shares(languages: Sequence[str], shares: LanguageShares) -> dict[str, object]:
    """Write the histogram of each query language; languages without queries are left out."""
    return {
        "cutoff": shares.cutoff,
        "pool": dict(zip(languages, shares.pool.tolist(), strict=True)),
        "by_query": {
            query: {
                "shares": dict(zip(languages, shares.shares[place].tolist(), strict=True)),
                "distance": float(shares.distances[place]),
            }
            for place, query in enumerate(languages)
            if not math.isnan(float(shares.distances[place]))
        },
    }
