"""Write what evaluations of the model found."""

from __future__ import annotations

import math

from isogloss.model_card.markdown import escape, write_table
from isogloss.model_card.record import RunRecord
from isogloss.results import MiningResults, Results, SentenceResults, StoredResults
from isogloss.results.sentences import SENTENCE_MEASURES
from isogloss.results.summary import choose_columns, format_value
from isogloss.types import Setting

_SETTINGS = {
    Setting.MONO: "within a language (mono)",
    Setting.CROSS: "across two languages (cross)",
    Setting.MULTI: "in one pool of all languages (multi)",
}


def write_results(record: RunRecord) -> str:
    """Show the results of every benchmark, each beside what chance gives, with its notes.

    Args:
        record: What the run tells.

    Returns:
        The section.
    """
    if not record.results:
        return "## Results\n\nThis model has not been measured on a benchmark yet."
    intro = (
        "Means over languages (cross: over ordered pairs), each counting the same. mAP, R@k, accuracy and F1 "
        "lie between 0 and 1, higher is better; of the rank distance lower is. Chance is what a random "
        "ranking scores."
    )
    return "\n\n".join(["## Results", intro, *map(_write_benchmark, record.results)])


def _write_benchmark(results: StoredResults) -> str:
    """Show the results of one benchmark."""
    parts = [f"### {escape(results.benchmark)}", _describe_size(results), _write_measures(results)]
    if notes := "\n".join(f"- {escape(note)}" for note in results.info.notes):
        parts.append(f"Notes:\n\n{notes}")
    return "\n\n".join(parts)


def _describe_size(results: StoredResults) -> str:
    languages = f"{len(results.languages)} languages ({escape(' '.join(results.languages))})"
    match results:
        case Results():
            unit = results.info.settings.get("unit", "")
            text = f"{len(results.query_ids):,} questions, {results.pool_sizes.sum():,} passages, {languages}"
            return f"{text}; passage: {escape(str(unit))}." if unit else f"{text}."
        case SentenceResults():
            return f"{len(results.pairs):,} ordered pairs of {languages}."
        case MiningResults():
            return f"{languages[0].upper()}{languages[1:]}."


def _write_measures(results: StoredResults) -> str:
    head = ["retrieval", "measure", "value", "chance"]
    if isinstance(results, MiningResults):
        macro = results.macro()
        value = "-" if math.isnan(macro) else f"{macro:.4f}"
        return write_table(head, [["mining of parallel sentences", "F1", value, "-"]], numbers=2)
    columns = (
        choose_columns(results.settings)
        if isinstance(results, Results)
        else [(Setting.CROSS, name) for name in SENTENCE_MEASURES]
    )
    rows = [
        [
            _SETTINGS[setting],
            measure,
            format_value(setting, measure, results.table(setting, measure).macro()),
            format_value(setting, measure, results.chance(setting, measure).macro()),
        ]
        for setting, measure in columns
    ]
    return write_table(head, rows, numbers=2)
