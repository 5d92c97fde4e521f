"""Show the cells of a study: how far each is, and how long the rest will take."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from isogloss.comparison.numbers import count
from isogloss.corpus.description import align_table
from isogloss.study.settings import StudyConfig
from isogloss.study.state import CellState, State

_NO_WORK = (State.DONE, State.NOT_AVAILABLE)


def estimate_seconds(study: StudyConfig, states: Sequence[CellState]) -> dict[str, float]:
    """Estimate how long the cells take that are still to do.

    A cell takes as long as the finished ones of its encoder on average; where none is finished, as long as
    the study file says. A trial of the tuning is not measured, which is left out of its estimate.

    Args:
        study: The study.
        states: How far each cell is.

    Returns:
        Cell -> seconds, of the cells to do whose time can be estimated.
    """
    known: dict[tuple[str, bool], list[float]] = {}
    for each in states:
        trial = each.cell.trial is not None
        if each.state is State.DONE and "training" in each.seconds:
            known.setdefault((each.cell.encoder, trial), []).append(sum(each.seconds.values()))
            if not trial:
                known.setdefault((each.cell.encoder, True), []).append(each.seconds["training"])
    estimates = {}
    for each in states:
        if each.state in _NO_WORK:
            continue
        finished = known.get((each.cell.encoder, each.cell.trial is not None))
        seconds = fmean(finished) if finished else 60 * study.encoder(each.cell.encoder).minutes
        if seconds:
            estimates[each.cell.name] = max(0.0, seconds - sum(each.seconds.values()))
    return estimates


def write_plan(study: StudyConfig, states: Sequence[CellState], left_out: Sequence[str]) -> str:
    """Write the cells as a table for a terminal.

    Args:
        study: The study.
        states: How far each cell is.
        left_out: Runs in the folder that are no longer part of the grid.

    Returns:
        Lines of text.
    """
    estimates = estimate_seconds(study, states)
    rows = [["cell", "state", "minutes", "about"]]
    for each in states:
        minutes = f"{sum(each.seconds.values()) / 60:.1f}" if each.seconds else ""
        if each.cell.name in estimates:
            minutes = f"~{estimates[each.cell.name] / 60:.1f}"
        rows.append([each.cell.name, each.state.value, minutes, each.detail])
    lines = [f"{study.name}: {count(len(states), 'cell')}", ""]
    lines += [*(line.rstrip() for line in align_table(rows, left=(0, 1, 3))), "", summarise(study, states)]
    if left_out:
        lines.append(f"no longer part of the study: {', '.join(left_out)}")
    return "\n".join(lines) + "\n"


def summarise(study: StudyConfig, states: Sequence[CellState]) -> str:
    """Count the cells by state and say how long the rest takes.

    Args:
        study: The study.
        states: How far each cell is.

    Returns:
        One line.
    """
    counts = {state: sum(each.state is state for each in states) for state in State}
    line = ", ".join(f"{number} {state.value}" for state, number in counts.items() if number)
    todo = [each for each in states if each.state not in _NO_WORK]
    estimates = estimate_seconds(study, states)
    if not todo:
        return line
    if not estimates:
        return f"{line}; no cell is finished yet to estimate the time from"
    unknown = len(todo) - len(estimates)
    rest = f", and {count(unknown, 'cell')} of unknown length" if unknown else ""
    return f"{line}; about {sum(estimates.values()) / 3600:.1f} h left{rest}"


def describe_plan(
    study: StudyConfig, states: Sequence[CellState], left_out: Sequence[str]
) -> dict[str, object]:
    """Describe the cells, ready for JSON.

    Args:
        study: The study.
        states: How far each cell is.
        left_out: Runs in the folder that are no longer part of the grid.

    Returns:
        Plain values.
    """
    estimates = estimate_seconds(study, states)
    return {
        "study": study.name,
        "cells": [
            {
                "name": each.cell.name,
                "label": each.cell.label,
                "seed": each.cell.seed,
                "state": each.state.value,
                "detail": each.detail,
                "seconds": dict(each.seconds),
                "estimated_seconds": estimates.get(each.cell.name),
            }
            for each in states
        ],
        "estimated_hours_left": sum(estimates.values()) / 3600 if estimates else None,
        "no_longer_part": list(left_out),
    }
