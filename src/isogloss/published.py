"""Give the figures that the paper prints, to show beside measured ones.

They come from single runs on other data and hardware: reference, never part of a test.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from statistics import fmean

from isogloss.types import Setting

MACRO = "macro"
"""Stands in place of a language for the mean over languages."""
STRATEGIES = ("x-x-mono", "x-y", "hybrid")


@dataclass(frozen=True)
class PublishedFigure:
    """Hold one printed number.

    Attributes:
        model: The base model, ``XLM-R`` or ``LaBSE``.
        benchmark: ``xquad-r``, ``mlqa-r`` or ``miracl-dev``.
        setting: The setting.
        measure: The measure's name, as in results.
        language: The language of the query, or ``macro`` for the printed mean over languages.
        strategy: The batch strategy, one of ``STRATEGIES``.
        value: The number: a share from 0 to 1, or ranks for rank distance.
    """

    model: str
    benchmark: str
    setting: Setting
    measure: str
    language: str
    strategy: str
    value: float


@cache
def read_published() -> tuple[PublishedFigure, ...]:
    """Read all published figures from the package.

    Returns:
        The 795 figures, in the order of the file.

    Source: arXiv 2408.10536, its result tables.
    """
    text = resources.files("isogloss").joinpath("published-results.tsv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return tuple(
        PublishedFigure(
            row["model"],
            row["benchmark"],
            Setting(row["setting"]),
            row["measure"],
            row["language"],
            strategy,
            float(row[strategy]),
        )
        for row in csv.DictReader(lines, delimiter="\t")
        for strategy in STRATEGIES
    )


def published_models(benchmark: str) -> tuple[str, ...]:
    """List the base models that the paper measured on a benchmark.

    Args:
        benchmark: Name of the benchmark.

    Returns:
        Their names; empty when the paper has no figures for it.
    """
    return tuple(dict.fromkeys(each.model for each in read_published() if each.benchmark == benchmark))


def published_languages(benchmark: str) -> frozenset[str]:
    """List the languages that the paper's means over a benchmark are taken over.

    Args:
        benchmark: Name of the benchmark.

    Returns:
        Their codes; empty when the paper has no figures for it.
    """
    return frozenset(each.language for each in read_published() if each.benchmark == benchmark) - {MACRO}


def published_macro(
    model: str, benchmark: str, strategy: str, setting: Setting, measure: str
) -> float | None:
    """Look up the published mean over languages.

    Args:
        model: The base model.
        benchmark: Name of the benchmark.
        strategy: The batch strategy.
        setting: The setting.
        measure: The measure's name.

    Returns:
        The printed mean, or where none is printed (rank distance) the mean of the printed languages; None
        when the paper has no figure.

    Source: arXiv 2408.10536, its result tables.
    """
    wanted = (model, benchmark, strategy, setting, measure)
    by_language = {
        each.language: each.value
        for each in read_published()
        if (each.model, each.benchmark, each.strategy, each.setting, each.measure) == wanted
    }
    if MACRO in by_language:
        return by_language[MACRO]
    return fmean(by_language.values()) if by_language else None
