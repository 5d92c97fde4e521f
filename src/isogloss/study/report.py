"""Write what a study found: Markdown, JSON, one HTML page and the curves as CSV."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from isogloss.comparison import refer_to
from isogloss.comparison.grid import Cell as GridCell
from isogloss.comparison.grid import Grid, write_markdown
from isogloss.comparison.model import Reference
from isogloss.comparison.numbers import write_score
from isogloss.config import dump_config
from isogloss.files import write_text
from isogloss.report import Chapter, Section, build_section, write_page
from isogloss.report.blocks import write_figures, write_note
from isogloss.report.figure import write_svg
from isogloss.results import RESULTS_FILE, can_compare, read_results
from isogloss.study.claim_table import describe_rows, explain_rows, write_claims_html, write_claims_markdown
from isogloss.study.curve_figures import READING, draw_curves
from isogloss.study.curves import Curve, list_curves, write_curve_table
from isogloss.study.evidence import Evidence
from isogloss.study.few_shot import write_fit
from isogloss.study.folder import StudyFolder, choose_trial, list_changes, read_validation_loss
from isogloss.study.grid import Cell, Measurement, list_cells, list_trials
from isogloss.study.plan import describe_plan, summarise
from isogloss.study.rows import ClaimRow, judge_claims
from isogloss.study.settings import StudyBenchmark, StudyConfig
from isogloss.study.state import CellState, list_left_out, list_states

FORMAT, VERSION = "isogloss-study", 1


@dataclass(frozen=True)
class StudyReport:
    """Hold everything that a study found so far.

    Attributes:
        study: The study.
        states: How far each cell is.
        rows: The claims.
        sections: The strategies compared, per encoder and benchmark.
        curves: The curves over alpha, over the share of the data and over the number of items.
        tuning: What was tried, lines of encoder, strategy, trial, validation loss, whether chosen.
        left_out: Runs in the folder that are no longer part of the study.
        changes: What was added to the study or left out since it began, a line each.
    """

    study: StudyConfig
    states: tuple[CellState, ...]
    rows: tuple[ClaimRow, ...]
    sections: tuple[Section, ...]
    curves: tuple[Curve, ...]
    tuning: tuple[tuple[Cell, float | None, bool], ...]
    left_out: tuple[str, ...]
    changes: tuple[str, ...]


def write_report(study: StudyConfig, folder: StudyFolder, command: Sequence[str]) -> list[Path]:
    """Judge a study's claims by the cells that are finished, and write the report into its folder.

    Args:
        study: The study.
        folder: Its folder.
        command: The words of the command that reproduces it.

    Returns:
        The files: ``report.md``, ``report.json``, ``report.html``; where there are curves, ``curves.csv`` and
        a drawing of each.

    Raises:
        ResultsError: Cells were measured on different data.
    """
    report = build_report(study, folder, command)
    files = {
        "report.md": write_report_markdown(report),
        "report.json": write_report_json(report),
        "report.html": write_report_page(report),
    }
    if report.curves:
        files["curves.csv"] = write_curve_table(report.curves)
        files |= {f"{figure.name}.svg": write_svg(figure) for figure in draw_curves(report.curves)}
    for name, text in files.items():
        write_text(folder.path / name, text)
    return [folder.path / name for name in files]


def build_report(study: StudyConfig, folder: StudyFolder, command: Sequence[str]) -> StudyReport:
    """Collect what a study found so far.

    Args:
        study: The study.
        folder: Its folder.
        command: The words of the command that reproduces it.

    Returns:
        The report.
    """
    evidence = Evidence(study, folder)
    sections = (
        _build_section(evidence, encoder.name, benchmark)
        for encoder in study.encoders
        for benchmark in study.benchmarks
    )
    tuning = []
    for trial in list_trials(study):
        grid_cell = replace(trial, trial=None)
        assert trial.trial is not None  # noqa: S101 - they are trials
        chosen = choose_trial(study, folder, grid_cell)
        tuning.append(
            (trial, read_validation_loss(folder.run(trial)), chosen == study.tuning.trials[trial.trial])
        )
    return StudyReport(
        study,
        tuple(list_states(study, folder)),
        judge_claims(evidence, command),
        tuple(section for section in sections if section is not None),
        tuple(list_curves(evidence)),
        tuple(tuning),
        tuple(list_left_out(study, folder)),
        tuple(list_changes(study, folder)),
    )


def _build_section(evidence: Evidence, encoder: str, benchmark: StudyBenchmark) -> Section | None:
    """Compare the strategies of one encoder on one benchmark; the untrained start stands beside."""
    study, folder = evidence.study, evidence.folder
    labels = study.grid.strategies
    cells = [cell for cell in list_cells(study) if cell.encoder == encoder and cell.label in labels]
    places = [folder.run(cell).results / benchmark.results for cell in cells]
    found = [place for place in places if (place / RESULTS_FILE).is_file() and can_compare(place)]
    if not found:
        return None
    results = [read_results(place) for place in found]
    measured = [label for label in labels if any(each.info.label == label for each in results)]
    baseline = "hybrid" if "hybrid" in measured else measured[0]
    section = build_section(
        results,
        baseline=baseline if len(measured) > 1 else None,
        resamples=study.margins.resamples,
    )
    start = folder.start_results(encoder, benchmark)
    if section.comparison is not None:
        beside = [[start]] if (start / RESULTS_FILE).is_file() else []
        beside += _list_debiased(evidence, cells, benchmark)
        own = (_average([refer_to(read_results(run), section.measures) for run in runs]) for runs in beside)
        references = (*section.comparison.references, *own)
        section = replace(section, comparison=replace(section.comparison, references=references))
    return replace(section, heading=f"{benchmark.results}, {encoder}" if len(study.encoders) > 1 else "")


def _list_debiased(evidence: Evidence, cells: Sequence[Cell], benchmark: StudyBenchmark) -> list[list[Path]]:
    """List the results without language: for each strategy and way those of all its seeds."""
    found = []
    for label in dict.fromkeys(cell.label for cell in cells):
        for way in benchmark.debias:
            own = (cell for cell in cells if cell.label == label)
            places = [evidence.folder.results(cell, Measurement(benchmark, way)) for cell in own]
            if there := [place for place in places if (place / RESULTS_FILE).is_file()]:
                found.append(there)
    return found


def _average(seeds: Sequence[Reference]) -> Reference:
    """Average the figures of one system over its seeds."""
    known = [measure for measure in seeds[0].scores if all(measure in each.scores for each in seeds)]
    means = {measure: fmean(each.scores[measure] for each in seeds) for measure in known}
    return Reference(seeds[0].label, means)


def write_report_markdown(report: StudyReport) -> str:
    """Write the report as Markdown.

    Args:
        report: The report.

    Returns:
        Markdown.
    """
    parts = [
        f"# {report.study.name}\n",
        *(f"{line}\n" for line in _say_state(report)),
        "## Claims\n",
        write_claims_markdown(report.rows),
        *(f"- {line}\n" for line in explain_rows(report.rows, report.study.margins)),
    ]
    if report.tuning:
        parts += ["## Tuning\n", write_markdown(_tuning_grid(report))]
    if report.curves:
        parts += ["## Curves\n", *(write_markdown(_curve_grid(curve)) for curve in report.curves)]
    for section in report.sections:
        if section.comparison is not None:
            parts += [f"## {section.name}\n", section.comparison.to_markdown()]
    return "\n".join(parts)


def _say_state(report: StudyReport) -> list[str]:
    """Say how far the study is, and what cannot be had."""
    lines = [f"Cells: {summarise(report.study, report.states)}."]
    if any(each.state.value not in ("done", "not available") for each in report.states):
        lines.append("Verdicts are provisional until all cells are done.")
    reasons = {
        f"{each.cell.encoder}: {each.detail}" for each in report.states if each.state.value == "not available"
    }
    lines += [f"Encoder {reason}" for reason in sorted(reasons)]
    lines += [
        f"Failed: {each.cell.name}: {each.detail}" for each in report.states if each.state.value == "failed"
    ]
    if report.left_out:
        lines.append(f"In the folder, but no longer part of the study: {', '.join(report.left_out)}.")
    if report.changes:
        changes = "; ".join(report.changes)
        lines.append(f"Changed since the study began, so perhaps after verdicts were seen: {changes}.")
    return lines


def _tuning_grid(report: StudyReport) -> Grid:
    rows = tuple(
        (
            GridCell(trial.encoder),
            GridCell(trial.strategy),
            GridCell(json.dumps(report.study.tuning.trials[trial.trial or 0].get("trainer", {}))),
            GridCell("" if loss is None else f"{loss:.4f}"),
            GridCell("chosen" if chosen else ""),
        )
        for trial, loss, chosen in report.tuning
    )
    note = (
        f"Every strategy has the same {len(report.study.tuning.trials)} trials, of seed "
        f"{report.study.tuning.seed}, which no run of the grid has; the lowest validation loss is chosen."
    )
    return Grid("Tuning", ("encoder", "strategy", "trial", "validation loss", ""), rows, (note,))


def _curve_grid(curve: Curve) -> Grid:
    """Lay out one curve: places down, lines across."""
    places = sorted({point.x for each in curve.lines for point in each.points})
    rows = []
    for x in places:
        cells = [GridCell(f"{x:g}")]
        for each in curve.lines:
            point = next((one for one in each.points if one.x == x), None)
            cells.append(
                GridCell("")
                if point is None
                else GridCell(
                    write_score(curve.measure, point.mean),
                    detail=f"({', '.join(write_score(curve.measure, value) for value in point.by_seed)})",
                )
            )
        rows.append(tuple(cells))
    title = f"{curve.benchmark}, {curve.encoder}: {curve.measure} over {curve.axis}"
    header = (curve.axis, *(each.label for each in curve.lines))
    notes = ["Means, and in brackets each seed."]
    notes += [
        f"{each.label}: a + b log(1 + n) with {write_fit(curve.measure, each.fit)}."
        for each in curve.lines
        if each.fit is not None
    ]
    return Grid(title, header, tuple(rows), tuple(notes))


def write_report_json(report: StudyReport) -> str:
    """Write the report as JSON.

    Args:
        report: The report.

    Returns:
        One JSON object; docs/studies.md lists its keys.
    """
    document = {
        "format": FORMAT,
        "version": VERSION,
        "settings": dump_config(report.study),
        **describe_plan(report.study, report.states, report.left_out),
        "changes": list(report.changes),
        "claims": describe_rows(report.rows),
        "tuning": [
            {"trial": trial.name, "validation_loss": loss, "chosen": chosen}
            for trial, loss, chosen in report.tuning
        ],
        "curves": [
            {
                "axis": curve.axis,
                "encoder": curve.encoder,
                "benchmark": curve.benchmark,
                "measure": str(curve.measure),
                "lines": [
                    {
                        "label": each.label,
                        "points": [point._asdict() | {"mean": point.mean} for point in each.points],
                        "fit": each.fit and each.fit._asdict(),
                    }
                    for each in curve.lines
                ],
            }
            for curve in report.curves
        ],
        "comparisons": [
            {"encoder": section.heading, **json.loads(section.comparison.to_json())}
            for section in report.sections
            if section.comparison is not None
        ],
    }
    return json.dumps(_finite(document), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _finite(value: object) -> object:
    """Write None for numbers that JSON does not have."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: _finite(entry) for key, entry in value.items()}
        case list() | tuple():
            return [_finite(entry) for entry in value]
    return value


def write_report_page(report: StudyReport) -> str:
    """Write the report as one HTML page, the claims on top.

    Args:
        report: The report.

    Returns:
        HTML.
    """
    claims = (
        *map(write_note, _say_state(report)),
        write_claims_html(report.rows),
        *map(write_note, explain_rows(report.rows, report.study.margins)),
    )
    chapters = [Chapter("claims", "Claims", claims)]
    figures = draw_curves(report.curves)
    if figures:
        chapters.append(Chapter("curves", "Curves", (write_note(READING), write_figures(figures))))
    return write_page(report.sections, report.study.name, chapters)
