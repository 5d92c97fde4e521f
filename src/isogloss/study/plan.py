"""Show the cells of a study: how far each is, and how long the rest will take."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from isogloss.comparison.numbers import count
from isogloss.corpus.description import align_table
from isogloss.study.grid import list_measurements
from isogloss.study.settings import EncoderConfig, StudyConfig
from isogloss.study.state import TRAINING, CellState, State

_NO_WORK = (State.DONE, State.NOT_AVAILABLE)
_TRAINING_SHARE = 2 / 3
"""Share of a cell's time that is training, until it is known; in studies/small.toml it is 0.66."""


def estimate_stages(
    study: StudyConfig, states: Sequence[CellState], guess: float = 0.0
) -> dict[str, dict[str, float]]:
    """Estimate how long the stages take that are still to do, a training or one measurement each.

    A stage takes as long as it took on average with the same encoder. One that is not known yet takes its
    part of what the known ones make likely or, where none is known, of the minutes that the study file
    states. A trial of the tuning is trained alone.

    Args:
        study: The study.
        states: How far each cell is.
        guess: Seconds of a cell of which nothing is known or stated; 0 leaves such cells out.

    Returns:
        Cell -> stage -> seconds of what is left of it, of the cells that are not done.
    """
    by_encoder = {each.name: _average_stages(study, states, each, guess) for each in study.encoders}
    return {
        each.cell.name: {
            stage: share * by_encoder[each.cell.encoder][stage] for stage, share in each.left.items()
        }
        for each in states
        if each.state is not State.DONE and by_encoder[each.cell.encoder]
    }


def _average_stages(
    study: StudyConfig, states: Sequence[CellState], encoder: EncoderConfig, guess: float
) -> dict[str, float]:
    """Estimate the seconds of each stage of a whole cell; nothing where they cannot be estimated."""
    measurements = [each.name for each in list_measurements(study)]
    shares = {TRAINING: _TRAINING_SHARE}
    shares |= dict.fromkeys(measurements, (1 - _TRAINING_SHARE) / max(len(measurements), 1))
    known: dict[str, list[float]] = {}
    for each in states:
        if each.cell.encoder == encoder.name:
            for stage in shares.keys() & each.seconds.keys():
                known.setdefault(stage, []).append(each.seconds[stage])
    means = {stage: fmean(seconds) for stage, seconds in known.items()}
    whole = sum(means.values()) / sum(shares[stage] for stage in means) if means else 60 * encoder.minutes
    whole = whole or guess
    return {stage: means.get(stage, share * whole) for stage, share in shares.items()} if whole else {}


def estimate_seconds(study: StudyConfig, states: Sequence[CellState]) -> dict[str, float]:
    """Estimate how long the cells take that are still to do and can be done.

    Args:
        study: The study.
        states: How far each cell is.

    Returns:
        Cell -> seconds, of the cells whose time can be estimated.
    """
    stages = estimate_stages(study, states)
    open_cells = (each.cell.name for each in states if each.state not in _NO_WORK)
    return {name: sum(stages[name].values()) for name in open_cells if name in stages}


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
