"""How far the cells of a study are, and whether what lies in their places is theirs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path

from isogloss.config import TrainConfig, dump_config, parse_config, read_toml
from isogloss.errors import ConfigError
from isogloss.run_directory import RunDirectory
from isogloss.study.folder import StudyFolder, choose_trial, list_missing
from isogloss.study.grid import Cell, build_training, list_cells, list_trials
from isogloss.study.settings import StudyConfig
from isogloss.training.checkpoints import measure_progress

TRAINING = "training"
"""The first stage of a cell; the others are its measurements, by name."""
_LEAST = 0.01
"""Share of a training that is left after its last step: the model is still to be written."""


class State(StrEnum):
    """Say how far a cell is."""

    DONE = "done"
    PARTIAL = "partial"
    TO_DO = "to do"
    FAILED = "failed"
    NOT_AVAILABLE = "not available"


@dataclass(frozen=True)
class CellState:
    """Say how far a cell is, and what there is to say about it.

    Attributes:
        cell: The cell.
        state: How far it is.
        detail: Why it failed or cannot be had, or what is missing.
        seconds: How long it took by stage, as far as it is done.
        left: Stage -> share of it that is still to do.
    """

    cell: Cell
    state: State
    detail: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    left: Mapping[str, float] = field(default_factory=dict)


def find_state(study: StudyConfig, folder: StudyFolder, cell: Cell) -> CellState:
    """Say how far a cell is.

    Args:
        study: The study.
        folder: Its folder.
        cell: The cell.

    Returns:
        Its state.

    Raises:
        ConfigError: There is a run in its place that has other settings, or was trained on other data.
    """
    run, seconds = folder.run(cell), folder.read_timing(cell)
    trained = run.model.is_dir()
    check_cell(study, folder, cell)
    missing = list_missing(study, folder, cell)
    if trained and not missing:
        return CellState(cell, State.DONE, seconds=seconds)
    left = {} if trained else {TRAINING: max(_LEAST, 1.0 - measure_progress(run.checkpoints))}
    left |= {each.name: 1.0 for each in missing}
    if reason := folder.read_failure(f"encoder {cell.encoder}"):
        return CellState(cell, State.NOT_AVAILABLE, reason, seconds, left)
    if reason := folder.read_failure(cell.name):
        return CellState(cell, State.FAILED, reason, seconds, left)
    if trained:
        names = ", ".join(each.name for each in missing)
        return CellState(cell, State.PARTIAL, f"trained; to be measured on {names}", seconds, left)
    if run.config.is_file():
        return CellState(cell, State.PARTIAL, "training has begun", seconds, left)
    return CellState(cell, State.TO_DO, left=left)


def check_cell(study: StudyConfig, folder: StudyFolder, cell: Cell) -> None:
    """Check that the run in a cell's place, if there is one, is this study's.

    Args:
        study: The study.
        folder: Its folder.
        cell: The cell.

    Raises:
        ConfigError: It has other settings, or its training data have changed or are gone.
    """
    run = folder.run(cell)
    if not (run.config.is_file() and run.config.stat().st_size):
        return
    stored = parse_config(TrainConfig, read_toml(run.config), str(run.config))
    chosen = choose_trial(study, folder, cell)
    if chosen is None:
        raise ConfigError(
            f"{run.path} is there, but not all trials of the tuning that decide its settings; move it away, "
            "or start the study in another folder by --out"
        )
    expected = build_training(study, cell, folder.encoder(study.encoder(cell.encoder)), chosen)
    if stored != expected:
        before, after = dump_config(stored), dump_config(expected)
        changed = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
        raise ConfigError(
            f"cell {cell.name} was trained with other settings ({', '.join(changed)}); move {run.path} away "
            "to train it again, or start the study in another folder by --out"
        )
    for path, digest in _read_digests(run).items():
        if any(path.startswith(corpus.path) for corpus in expected.corpora) and _digest(path) != digest:
            raise ConfigError(
                f"cell {cell.name} was trained on another version of {path}; put it back, or move {run.path} "
                "away to train it again"
            )


def _read_digests(run: RunDirectory) -> dict[str, str]:
    try:
        stored = json.loads(run.data.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # killed before it was written: training reads the data again
    return stored if isinstance(stored, dict) else {}


def _digest(path: str) -> str | None:
    """Hash a file; None where there is none."""
    try:
        status = Path(path).stat()
        return _digest_version(path, status.st_mtime_ns, status.st_size)
    except OSError:
        return None


@cache
def _digest_version(path: str, _time: int, _size: int) -> str:
    """Hash a file, once for all the cells that share it."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def list_states(study: StudyConfig, folder: StudyFolder) -> list[CellState]:
    """Say how far each trial and each cell of the grid is.

    Args:
        study: The study.
        folder: Its folder.

    Returns:
        The states, in the order in which cells are done.

    Raises:
        ConfigError: A run in a cell's place does not fit the study.
    """
    return [find_state(study, folder, cell) for cell in (*list_trials(study), *list_cells(study))]


def list_left_out(study: StudyConfig, folder: StudyFolder) -> list[str]:
    """List the runs in a study's folder that are no longer part of its grid.

    Args:
        study: The study.
        folder: Its folder.

    Returns:
        Their names.
    """
    known = {cell.name for cell in (*list_trials(study), *list_cells(study))}
    runs = folder.path / "runs"
    found = (
        path.parent.relative_to(runs).as_posix()
        for path in (*runs.glob("*/*/config.toml"), *runs.glob("*/tuning/*/config.toml"))
    )
    return sorted(name for name in found if name not in known)
