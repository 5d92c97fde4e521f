"""Do what a study asks for, cell by cell; whatever is done already is left alone."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from isogloss.benchmarks import Layout
from isogloss.config import TrainConfig, dump_config
from isogloss.debiasing import Debiasing
from isogloss.demo_corpus import write_demo_corpus
from isogloss.errors import ConfigError, IsoglossError
from isogloss.evaluation.job import run_job
from isogloss.evaluation.request import Job
from isogloss.files import hold_lock, replace_folder, try_lock
from isogloss.pretraining.run import pretrain
from isogloss.progress import show_progress
from isogloss.results import RESULTS_FILE
from isogloss.study.folder import (
    START,
    StudyFolder,
    choose_trial,
    list_missing,
    open_study,
    remove_checkpoints,
)
from isogloss.study.grid import Cell, build_training, list_cells, list_trials
from isogloss.study.plan import estimate_stages
from isogloss.study.settings import EncoderConfig, StudyBenchmark, StudyConfig, demo_folder
from isogloss.study.state import TRAINING, State, check_cell, find_state, list_states
from isogloss.study.ticks import CellTicks, StudyTicks, TrainingTicks
from isogloss.training.plans import TrainingData, read_training_data
from isogloss.training.run import train
from isogloss.training.start import load_start
from isogloss.types import PassageUnit

_TICKS = 100
"""Ticks of the progress bar for each cell on average; each gets its part by the time that it takes."""
_GUESS = 600.0
"""Seconds of a cell of which nothing is known: how far it moves the bar beside cells that are known."""
_WHOLE = "study"
"""What is held while the study is begun or opened."""
_PAUSE = 1.0
"""Seconds until it is seen whether another process has finished what the next cell needs."""


@dataclass(frozen=True)
class StudyOutcome:
    """Say what one call did.

    Attributes:
        done: Cells that were finished, by name.
        failed: Cell -> why it failed.
        unavailable: Encoder -> why it cannot be had, so that its cells are passed over.
        left: Cells still to do, by name; those of encoders that cannot be had are not among them.
    """

    done: tuple[str, ...]
    failed: dict[str, str]
    unavailable: dict[str, str]
    left: tuple[str, ...]


def run_study(
    study: StudyConfig, out: Path, *, only: str | None = None, hours: float | None = None
) -> StudyOutcome:
    """Do the cells of a study that are not done, one after the other.

    Several processes may do so at once, also on machines that share the folder: each takes the next cell
    that no other has taken, and ends when none is left. A cell that was interrupted at any moment, by a kill
    too, goes on where it stopped. A cell that fails is recorded and tried again by the next call; the others
    go on.

    Args:
        study: The study.
        out: Its folder.
        only: Pattern of the names of the cells to do, such as ``*/hybrid-*``; None for all.
        hours: No cell is begun after so much time; None for no limit.

    Returns:
        What was done.

    Raises:
        ConfigError: The folder belongs to another study, no cell has a name like the pattern, or a run in the
            place of a cell does not fit.
    """
    deadline = None if hours is None else time.monotonic() + 3600 * hours
    cells = choose_cells(study, only)
    folder = StudyFolder(out)
    out.mkdir(parents=True, exist_ok=True)
    with hold_lock(folder.lock(_WHOLE)):  # others hold it for a moment only, when they begin
        open_study(study, folder)
    left = estimate_stages(study, list_states(study, folder), _GUESS)
    todo = [cell for cell in cells if cell.name in left]
    runner = _Runner(study, folder)
    total = _TICKS * len(todo)
    with show_progress(study.name, total) as advance:
        ticks = StudyTicks(advance, total, {cell.name: left[cell.name] for cell in todo})
        _do_cells(runner, todo, ticks, deadline)
    open_cells = tuple(
        cell.name
        for cell in todo
        if cell.name not in runner.failed
        and cell.encoder not in runner.unavailable
        and find_state(study, folder, cell).state is not State.DONE
    )
    return StudyOutcome(tuple(runner.done), runner.failed, runner.unavailable, open_cells)


def choose_cells(study: StudyConfig, only: str | None) -> list[Cell]:
    """Choose the cells that have a name like a pattern, with the trials that their settings come from.

    Args:
        study: The study.
        only: The pattern, with ``*`` and ``?``; None for all.

    Returns:
        Trials, then cells, in the order in which they are done.

    Raises:
        ConfigError: There is no such cell.
    """
    trials, cells = list_trials(study), list_cells(study)
    pattern = only or "*"
    wanted = [cell for cell in cells if fnmatchcase(cell.name, pattern)]
    tuned = {(cell.encoder, cell.strategy) for cell in wanted}
    needed = [
        cell for cell in trials if (cell.encoder, cell.strategy) in tuned or fnmatchcase(cell.name, pattern)
    ]
    if not (wanted or needed):
        raise ConfigError(
            f"--only {only}: no cell of the study has such a name; --plan lists them, such as {cells[0].name}"
        )
    return [*needed, *wanted]


def _do_cells(runner: _Runner, todo: list[Cell], ticks: StudyTicks, deadline: float | None) -> None:
    """Do cells until none is left that no other process has taken."""
    waiting = list(todo)
    while waiting and (deadline is None or time.monotonic() < deadline):
        # From the first again each time: what it needed may have been done elsewhere meanwhile.
        for cell in waiting:
            if any(_needs(cell, other) for other in waiting):
                continue
            with try_lock(runner.folder.lock(cell.name)) as held:
                if held:
                    waiting.remove(cell)
                    runner.finish(cell, ticks.begin(cell.name), f"{len(todo) - len(waiting)} of {len(todo)}")
                    break
        else:
            if not any(_needs(cell, other) for cell in waiting for other in waiting):
                _say(f"other processes do what is left: {', '.join(cell.name for cell in waiting)}")
                return
            time.sleep(_PAUSE)


def _needs(cell: Cell, other: Cell) -> bool:
    """Tell whether a cell's settings come from a trial that is still to be done, perhaps elsewhere."""
    return (
        cell.trial is None
        and other.trial is not None
        and (cell.encoder, cell.strategy) == (other.encoder, other.strategy)
    )


class _Runner:
    """Finish cells, and remember which encoders are there and what failed."""

    def __init__(self, study: StudyConfig, folder: StudyFolder) -> None:
        self.study = study
        self.folder = folder
        self.done: list[str] = []
        self.failed: dict[str, str] = {}
        self.unavailable: dict[str, str] = {}
        self._ready: set[str] = set()
        self._data: TrainingData | None = None

    def finish(self, cell: Cell, ticks: CellTicks, place: str) -> None:
        """Do what is left of a cell, which another process may have done by now; a failure is recorded."""
        state = find_state(self.study, self.folder, cell).state
        if state is not State.DONE and self._get_ready(cell.encoder):
            began = time.monotonic()
            if self._try(cell.name, lambda: self._finish(cell, ticks)):
                self.done.append(cell.name)
                _say(f"{cell.name} done in {(time.monotonic() - began) / 60:.1f} min ({place})")
        ticks.finish()

    def _try(self, name: str, work: Callable[[], None]) -> bool:
        """Do some work and tell whether it went well; if not, record why."""
        reason = _find_fault(work)
        self.folder.write_failure(name, reason)
        if reason:
            self.failed[name] = reason
            _say(f"{name} failed: {reason}")
        return not reason

    def _finish(self, cell: Cell, ticks: CellTicks) -> None:
        check_cell(self.study, self.folder, cell)
        run, encoder = self.folder.run(cell), self.study.encoder(cell.encoder)
        chosen = choose_trial(self.study, self.folder, cell)
        if chosen is None:
            raise ConfigError("a trial of its tuning has failed, so its settings are not known")
        config = build_training(self.study, cell, self.folder.encoder(encoder), chosen)
        if not run.model.is_dir():
            began = time.monotonic()
            data = self._read_data(config)
            train(config, run.path, resume=True, callbacks=(TrainingTicks(ticks),), data=data)
            self.folder.add_timing(cell, TRAINING, time.monotonic() - began)
        remove_checkpoints(run)
        ticks.reach(TRAINING)
        faults = []
        for each in list_missing(self.study, self.folder, cell):
            began = time.monotonic()
            out = self.folder.results(cell, each)
            job = _build_job(str(run.path), each.benchmark, config, out, cell.label, each.debias)
            if fault := _find_fault(lambda job=job: _measure(job)):  # type: ignore[misc]
                faults.append(f"{each.name}: {fault}")
            else:
                self.folder.add_timing(cell, each.name, time.monotonic() - began)
            ticks.reach(each.name)
        if faults:
            raise ConfigError("; ".join(faults))

    def _read_data(self, config: TrainConfig) -> TrainingData:
        """Read the training data and compare them with the benchmarks once, not once a cell."""
        if self._data is None:
            self._data = read_training_data(config)
        return self._data

    def _get_ready(self, name: str) -> bool:
        """Make an encoder ready, once, and tell whether it can be had."""
        if name not in self._ready and name not in self.unavailable:
            encoder = self.study.encoder(name)
            with hold_lock(self.folder.lock(f"encoder {name}")):  # whoever is first makes it for all
                reason = _find_fault(lambda: self._prepare(encoder))
            self.folder.write_failure(f"encoder {name}", reason)
            if reason:
                self.unavailable[name] = reason
                _say(f"encoder {name} is not available, so its cells are passed over: {reason}")
            else:
                self._ready.add(name)
                with try_lock(self.folder.lock(f"{name}/{START}")) as held:
                    if held:
                        self._measure_start(encoder)
        return name in self._ready

    def _prepare(self, encoder: EncoderConfig) -> None:
        """Write the corpus that it needs, and pre-train it or load it."""
        demo = demo_folder(self.folder.path)
        if str(demo) in json.dumps(dump_config(self.study), ensure_ascii=False) and not demo.is_dir():
            _say("writing the demonstration corpus")
            with replace_folder(demo) as temporary:
                write_demo_corpus(temporary)
        model = Path(self.folder.encoder(encoder))
        if encoder.pretrain is None:
            load_start(self._example(encoder).model)
        elif not model.is_dir():
            _say(f"pre-training the encoder {encoder.name}")
            pretrain(encoder.pretrain, model)

    def _measure_start(self, encoder: EncoderConfig) -> None:
        """Measure an encoder as it is before any training."""
        config = self._example(encoder)
        for benchmark in self.study.benchmarks:
            out = self.folder.start_results(encoder.name, benchmark)
            if not (out / RESULTS_FILE).is_file():
                job = _build_job(self.folder.encoder(encoder), benchmark, config, out, START)
                name = f"{encoder.name}/{START} on {benchmark.results}"
                self._try(name, lambda job=job: _measure(job))  # type: ignore[misc]

    def _example(self, encoder: EncoderConfig) -> TrainConfig:
        """Build the settings of one of its cells, which all encode alike."""
        cell = next(cell for cell in list_cells(self.study) if cell.encoder == encoder.name)
        return build_training(self.study, cell, self.folder.encoder(encoder))


def _build_job(
    model: str, benchmark: StudyBenchmark, config: TrainConfig, out: Path, label: str, debias: str = ""
) -> Job:
    """Ask for one measurement; of a model that is measured once, keeping the vectors would gain little."""
    untrained = label == START
    # A benchmark without the unit of a run falls back to its own; so does one without the usual unit.
    own = untrained and config.unit is not PassageUnit.SENTENCE
    return Job(
        model=model,
        benchmark=benchmark.name,
        data=Path(benchmark.data),
        layout=None if benchmark.layout == "auto" else Layout(benchmark.layout),
        languages=benchmark.languages,
        articles=Path(benchmark.articles) if benchmark.articles else None,
        not_articles=Path(benchmark.not_articles) if benchmark.not_articles else None,
        unit=config.unit if own else None,
        query_prefix=config.model.query_prefix if untrained else None,
        passage_prefix=config.model.passage_prefix if untrained else None,
        debias=Debiasing(debias) if debias else None,
        bf16=config.trainer.get("bf16") is True,
        store=bool(benchmark.debias),
        out=out,
        label=label,
        quiet=True,
    )


def _measure(job: Job) -> None:
    run_job(job)


def _find_fault(work: Callable[[], None]) -> str:
    """Do some work; give the reason in one line if it fails, whatever the failure is."""
    try:
        work()
    except IsoglossError as error:
        return " ".join(str(error).split())
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split())
    return ""


def _say(text: str) -> None:
    print(f"isogloss: {text}", file=sys.stderr)  # noqa: T201
