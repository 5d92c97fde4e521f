"""The folder of a study: what lies where, and the settings that it began with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import tomli_w

from isogloss.config import TomlValue, dump_config, parse_config, read_toml
from isogloss.errors import ConfigError
from isogloss.files import write_text
from isogloss.results import RESULTS_FILE
from isogloss.run_directory import RunDirectory
from isogloss.study.grid import Cell, Measurement, list_measurements, list_trials
from isogloss.study.settings import EncoderConfig, GridConfig, StudyBenchmark, StudyConfig

START = "start"
"""Label of the encoder as it is before any training."""
_FIXED = ("training", "tuning", "margins")
"""What no study may change once it has begun; its grid may grow."""
_FREE = {"minutes", "debias"}
"""Of encoders and benchmarks what may change: hints for estimates, and baselines beside the cells."""


@dataclass(frozen=True)
class StudyFolder:
    """Know what lies where in the folder of a study.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def record(self) -> Path:
        """Name the file of the settings that the study began with."""
        return self.path / "study.toml"

    def lock(self, name: str) -> Path:
        """Name the file that a process holds while it works on a cell, an encoder or the study as a whole."""
        return self.path / ".locks" / name.replace("/", "-")

    def encoder(self, encoder: EncoderConfig) -> str:
        """Name the encoder to start from: what the study names, or the folder of the one it pre-trains."""
        return encoder.model or str(self.path / "encoders" / encoder.name)

    def run(self, cell: Cell) -> RunDirectory:
        """Name the run directory of a cell."""
        return RunDirectory(self.path / "runs" / cell.name)

    def start_results(self, encoder: str, benchmark: StudyBenchmark) -> Path:
        """Name the folder of an untrained encoder's results."""
        return self.path / "runs" / encoder / START / "results" / benchmark.results

    def results(self, cell: Cell, measurement: Measurement) -> Path:
        """Name the folder of a cell's results, where `isogloss evaluate` would put them as well."""
        run = self.run(cell)
        base = run.path / "debiased" / measurement.debias if measurement.debias else run.path
        return base / run.results.name / measurement.benchmark.results

    def failure(self, name: str) -> Path:
        """Name the file that says why a cell, or an encoder, failed."""
        return self.path / "failures" / f"{name.replace('/', '-')}.txt"

    def timing(self, cell: Cell) -> Path:
        """Name the file of a cell's seconds by stage."""
        return self.run(cell).path / "timing.json"

    def read_failure(self, name: str) -> str:
        """Read why a cell, or an encoder, failed; empty when it did not."""
        file = self.failure(name)
        return file.read_text(encoding="utf-8").strip() if file.is_file() else ""

    def write_failure(self, name: str, reason: str) -> None:
        """Write why a cell, or an encoder, failed; an empty reason takes back an earlier failure."""
        if reason:
            write_text(self.failure(name), f"{reason}\n")
        else:
            self.failure(name).unlink(missing_ok=True)

    def read_timing(self, cell: Cell) -> dict[str, float]:
        """Read how long a cell took by stage; nothing where that is not known."""
        try:
            stored = json.loads(self.timing(cell).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return (
            {str(stage): float(seconds) for stage, seconds in stored.items()}
            if isinstance(stored, dict)
            else {}
        )

    def add_timing(self, cell: Cell, stage: str, seconds: float) -> None:
        """Write how long one stage of a cell took."""
        write_text(self.timing(cell), json.dumps({**self.read_timing(cell), stage: round(seconds, 1)}) + "\n")


def open_study(study: StudyConfig, folder: StudyFolder) -> None:
    """Begin a study in a folder, or check that the one begun there is this one.

    Strategies, seeds, alphas, shares, encoders and benchmarks may be added or left out later, and
    ``margins.resamples`` may be raised, which makes p and intervals finer and moves no bound; the report says
    so. What every cell has in common, an encoder or benchmark of the same name, and the other margins may
    not change.

    Args:
        study: The study.
        folder: Its folder.

    Raises:
        ConfigError: The folder holds something else, or the study was begun with other settings.
    """
    if not folder.record.is_file():
        if folder.path.exists() and (not folder.path.is_dir() or any(_list_foreign(folder))):
            raise ConfigError(
                f"{folder.path} is not an empty folder, and no study was begun there; choose another"
            )
        write_text(folder.record, tomli_w.dumps(dump_config(study)))
        return
    check_study(study, folder)


def _list_foreign(folder: StudyFolder) -> Iterator[Path]:
    return (path for path in folder.path.iterdir() if path.name != ".locks")


def check_study(study: StudyConfig, folder: StudyFolder) -> None:
    """Check that the study begun in a folder, if any, has the same settings where they must be the same.

    Args:
        study: The study.
        folder: Its folder.

    Raises:
        ConfigError: They differ; the settings are named.
    """
    if not folder.record.is_file():
        return
    stored = _read_record(folder)
    before, after = dump_config(stored), dump_config(study)
    if study.margins.resamples > stored.margins.resamples:
        after = dump_config(
            replace(study, margins=replace(study.margins, resamples=stored.margins.resamples))
        )
    changed = [name for name in _FIXED if before.get(name) != after.get(name)]
    for kind, ours, theirs in _pair_members(study, stored):
        changed += [
            f"{kind} {name!r}" for name in ours if name in theirs and not _alike(ours[name], theirs[name])
        ]
    if changed:
        fixed = "; margins are fixed before the first cell" if "margins" in changed else ""
        raise ConfigError(
            f"the study in {folder.path} was begun with other settings ({', '.join(changed)}){fixed}; put "
            "them back, or start a study in another folder by --out"
        )


def list_changes(study: StudyConfig, folder: StudyFolder) -> list[str]:
    """List what was added or left out since the study began: verdicts may have been seen before.

    Args:
        study: The study.
        folder: Its folder.

    Returns:
        A line each; none where nothing changed, or the study has not begun.
    """
    if not folder.record.is_file():
        return []
    stored = _read_record(folder)
    pairs: list[tuple[str, Collection[object], Collection[object]]] = [
        *_pair_members(study, stored),
        *(
            (f"grid.{axis.name}", getattr(study.grid, axis.name), getattr(stored.grid, axis.name))
            for axis in fields(GridConfig)
        ),
    ]
    lines = []
    for kind, ours, theirs in pairs:
        for done, some, others in (("added", ours, theirs), ("left out", theirs, ours)):
            if names := [str(each) for each in some if each not in others]:
                lines.append(f"{kind} {done}: {', '.join(names)}")
    if (resamples := study.margins.resamples) != stored.margins.resamples:
        lines.append(f"margins.resamples raised: {resamples:,}, {stored.margins.resamples:,} before")
    return lines


def _read_record(folder: StudyFolder) -> StudyConfig:
    """Read the settings that the study began with."""
    return parse_config(StudyConfig, read_toml(folder.record), str(folder.record))


_Members = Mapping[str, EncoderConfig] | Mapping[str, StudyBenchmark]


def _pair_members(one: StudyConfig, other: StudyConfig) -> Iterator[tuple[str, _Members, _Members]]:
    """List the encoders and the benchmarks of two studies by name."""
    encoders = [{each.name: each for each in study.encoders} for study in (one, other)]
    benchmarks = [{each.results: each for each in study.benchmarks} for study in (one, other)]
    yield "encoders", encoders[0], encoders[1]
    yield "benchmarks", benchmarks[0], benchmarks[1]


def _alike(one: EncoderConfig | StudyBenchmark, other: EncoderConfig | StudyBenchmark) -> bool:
    """Compare what decides results."""
    tables = [dump_config(each) for each in (one, other)]
    return all(tables[0].get(key) == tables[1].get(key) for key in {*tables[0], *tables[1]} - _FREE)


def choose_trial(study: StudyConfig, folder: StudyFolder, cell: Cell) -> dict[str, TomlValue] | None:
    """Choose the trial with the lowest validation loss for a cell's encoder and strategy.

    Args:
        study: The study.
        folder: Its folder.
        cell: The cell; a trial gets what it tries.

    Returns:
        What to set, empty where nothing is tuned; None while a trial is not finished.
    """
    if not study.tuning.trials:
        return {}
    if cell.trial is not None:
        return dict(study.tuning.trials[cell.trial])
    losses = [
        read_validation_loss(folder.run(trial))
        for trial in list_trials(study)
        if (trial.encoder, trial.strategy) == (cell.encoder, cell.strategy)
    ]
    known = [loss for loss in losses if loss is not None]
    if len(known) < len(losses):
        return None
    return dict(study.tuning.trials[losses.index(min(known))])


def read_validation_loss(run: RunDirectory) -> float | None:
    """Read the validation loss of a finished run's model.

    Args:
        run: The run directory.

    Returns:
        The loss in nats; None while there is none.
    """
    loss = read_provenance(run).get("validation_loss")
    return float(loss) if isinstance(loss, int | float) and run.model.is_dir() else None


def read_provenance(run: RunDirectory) -> dict[str, object]:
    """Read where a finished run's model is from.

    Args:
        run: The run directory.

    Returns:
        The content of its provenance file; empty where there is none.
    """
    try:
        stored = json.loads(run.provenance.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


def list_missing(study: StudyConfig, folder: StudyFolder, cell: Cell) -> list[Measurement]:
    """List how a cell's model is still to be measured.

    Args:
        study: The study.
        folder: Its folder.
        cell: The cell; trials are not measured.

    Returns:
        The measurements.
    """
    if cell.trial is not None:
        return []
    asked = list_measurements(study)
    return [each for each in asked if not (folder.results(cell, each) / RESULTS_FILE).is_file()]


def remove_checkpoints(run: RunDirectory) -> None:
    """Remove the checkpoints of a finished run, which nothing reads again.

    Args:
        run: The run directory.
    """
    shutil.rmtree(run.checkpoints, ignore_errors=True)
