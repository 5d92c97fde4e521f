"""A study of transfer on one benchmark, and its ways to be written."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isogloss.comparison.grid import Cell, Grid, write_markdown, write_text
from isogloss.comparison.model import LanguageTest, Outcome
from isogloss.report import Chapter, Section, write_page
from isogloss.report.blocks import write_note
from isogloss.report.markup import Markup, element, escape
from isogloss.report.tables import frame_table
from isogloss.results import LanguageShares
from isogloss.transfer.pairs import GroupScore, PairComparison, PairScore
from isogloss.transfer.prediction_tables import (
    describe_regression,
    lay_out_coefficients,
    lay_out_predictions,
)
from isogloss.transfer.regression import Regression
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
        regressions: What predicts scores and gains; empty where languages are too few.
    """

    section: Section
    compared: PairComparison
    shares: Mapping[str, LanguageShares]
    regressions: tuple[Regression, ...] = ()

    def to_text(self) -> str:
        """Write the groups for a terminal; pairs are in the other forms.

        Returns:
            Lines of text.
        """
        grids = [lay_out_groups(self.compared), *self._lay_out_predictions(), *self._lay_out_shares()]
        return "\n".join(map(write_text, grids))

    def to_markdown(self) -> str:
        """Write every table as Markdown.

        Returns:
            Markdown.
        """
        grids = [
            lay_out_groups(self.compared),
            *self._lay_out_predictions(),
            *self._lay_out_shares(),
            lay_out_pairs(self.compared),
        ]
        return "\n".join(map(write_markdown, grids))

    def to_html(self) -> str:
        """Write every table on a page that needs nothing else, the benchmark's figures below them.

        Returns:
            HTML.
        """
        blocks = {
            ("groups", "Where it helps and where it hurts"): [lay_out_groups(self.compared)],
            ("predictors", "What predicts transfer"): self._lay_out_predictions(),
            ("pairs", "Every pair"): [lay_out_pairs(self.compared)],
        }
        chapters = [Chapter(*names, _write_chapter(grids)) for names, grids in blocks.items() if grids]
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
            "regressions": [describe_regression(each) for each in self.regressions],
            "notes": compared.notes,
        }

    def _lay_out_predictions(self) -> list[Grid]:
        if not self.regressions:
            return []
        benchmark = self.compared.benchmark
        return [
            lay_out_predictions(benchmark, self.regressions),
            *lay_out_coefficients(benchmark, self.regressions),
        ]

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
        element(
            "tr",
            _write_cell(first, "th"),
            *(_write_cell(cell) for cell in others),
            class_="first" if number in grid.ruled else None,
        )
        for number, (first, *others) in enumerate(grid.rows)
    ]
    return frame_table("", head, rows, caption=grid.title)


def _write_cell(cell: Cell, name: str = "td") -> Markup:
    """Write a cell: numbers to the right, words to the left, the row's name as its head."""
    shown = [element("b" if cell.bold else "span", f"{_use_minus(cell.text)} {cell.marks}".rstrip())]
    if cell.detail:
        shown += [escape(" "), element("small", _use_minus(cell.detail))]
    number = cell.text[:1].isdigit() or cell.text[:1] in ("", "+", "-", "–")
    return element(name, *shown, class_=None if number else "words", scope="row" if name == "th" else None)


def _use_minus(text: str) -> str:
    """Write negative numbers with a minus sign; hyphens of names stay."""
    return re.sub(r"(?<![\w-])-(?=\d)", "−", text)


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
