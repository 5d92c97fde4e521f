"""Print results as a table of text, a language a row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from isogloss.bias import RANK_DISTANCE
from isogloss.results.model import MEASURES, Results, RunInfo
from isogloss.types import LanguagePair, Setting

COLUMNS: tuple[tuple[Setting, str], ...] = (
    (Setting.MONO, "mAP"),
    (Setting.CROSS, "mAP"),
    (Setting.MULTI, "mAP"),
    (Setting.MULTI, RANK_DISTANCE),
    (Setting.MONO, "R@1"),
    (Setting.CROSS, "R@1"),
    (Setting.MULTI, "R@10"),
)
"""The columns of the table by language."""


def mean_by_query_language(results: Results, setting: Setting, measure: str) -> dict[str, float]:
    """Average a measure over the pools of each query language.

    Args:
        results: The results.
        setting: The setting; in the cross-lingual one the pools of all other languages count the same.
        measure: The measure.

    Returns:
        Query language -> mean; languages without a value are left out.

    Raises:
        ConfigError: The measure is unknown, or not one of this setting.
    """
    table = results.table(setting, measure)
    means = dict(zip(table.cells, table.means().tolist(), strict=True))
    if setting is Setting.CROSS:
        rows = {
            query: [means.get(str(LanguagePair(query, passage)), math.nan) for passage in results.languages]
            for query in results.languages
        }
    else:
        rows = {language: [means.get(language, math.nan)] for language in results.languages}
    averages = {language: _mean(row) for language, row in rows.items()}
    return {language: value for language, value in averages.items() if not math.isnan(value)}


def format_results(results: Results) -> str:
    """Write the summary that ``isogloss evaluate`` prints.

    Args:
        results: The results.

    Returns:
        Lines of text: a row per query language, macro means, chance; then every measure.
    """
    info = results.info
    questions, languages = len(set(results.query_ids)), len(results.languages)
    unit = info.settings.get("unit", "")
    lines = [
        f"{results.benchmark}: {info.label} ({info.model})",
        f"{questions:,} questions, {len(results.query_ids):,} queries, {len(results.passage_ids):,} passages "
        f"in {languages} language{'' if languages == 1 else 's'}{f'; passage = {unit}' if unit else ''}",
        *_format_truncated(info),
        *(f"note: {note}" for note in info.notes),
        "",
        *_format_languages(results),
        "",
        *_format_measures(results),
    ]
    return "\n".join(lines) + "\n"


def _format_truncated(info: RunInfo) -> list[str]:
    """Write the share of texts that were cut, where any was."""
    query, passage = (info.settings.get(f"truncated_{kind}_share") for kind in ("query", "passage"))
    if not (isinstance(query, float) and isinstance(passage, float) and query + passage):
        return []
    return [f"cut at the model's lengths: {query:.2%} of the queries, {passage:.2%} of the passages"]


def _format_languages(results: Results) -> list[str]:
    """Write a row per query language, then means of seen and unseen ones, all, and chance."""
    columns = [mean_by_query_language(results, setting, measure) for setting, measure in COLUMNS]
    rows: list[tuple[str, list[float]]] = [
        (language, [column.get(language, math.nan) for column in columns]) for language in results.languages
    ]
    trained = set(results.info.trained_languages)
    if trained:
        for name, chosen in (
            ("seen", [language for language in results.languages if language in trained]),
            ("unseen", [language for language in results.languages if language not in trained]),
        ):
            if chosen:
                rows.append((f"{name} ({len(chosen)})", [_mean(_pick(column, chosen)) for column in columns]))
    rows.append(("macro", [results.table(*column).macro() for column in COLUMNS]))
    rows.append(("chance", [results.chance(*column).macro() for column in COLUMNS]))
    # Two lines of head keep the table within 80 columns.
    above = ("query", [setting.value for setting, _ in COLUMNS])
    below = ("", [measure for _, measure in COLUMNS])
    body = [
        (name, [_format(m, value) for (_, m), value in zip(COLUMNS, row, strict=True)]) for name, row in rows
    ]
    return _align([above, below, *body])


def _format_measures(results: Results) -> list[str]:
    """Write the macro mean of every measure, a setting a row."""
    names = list(dict.fromkeys(name for names in MEASURES.values() for name in names))
    rows: list[tuple[str, list[str]]] = [("macro", names)]
    for setting in Setting:
        cells = [
            _format(name, results.table(setting, name).macro()) if name in MEASURES[setting] else "-"
            for name in names
        ]
        rows.append((setting.value, cells))
    return _align(rows)


def _align(rows: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """Set names to the left and cells to the right of their columns."""
    first = max(len(name) for name, _ in rows)
    widths = [max(len(cell) for cell in column) for column in zip(*(cells for _, cells in rows), strict=True)]
    return [
        "  ".join(
            (name.ljust(first), *(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)))
        )
        for name, cells in rows
    ]


def _format(measure: str, value: float) -> str:
    """Write a value: ranks with one decimal, shares with four."""
    if math.isnan(value):
        return "-"
    return f"{value:,.1f}" if measure == RANK_DISTANCE else f"{value:.4f}"


def _pick(column: Mapping[str, float], languages: Sequence[str]) -> list[float]:
    """Take the values of some languages."""
    return [column.get(language, math.nan) for language in languages]


def _mean(values: Sequence[float]) -> float:
    """Average the numbers among the values; NaN when there is none."""
    numbers = [value for value in values if not math.isnan(value)]
    return float(np.mean(numbers)) if numbers else math.nan
