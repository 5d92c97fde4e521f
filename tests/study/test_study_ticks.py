"""The bar of a study: ticks rise, end at the total, and the time left is the time that is left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_files import read_rivers, write_study
from transformers import TrainerControl, TrainerState, TrainingArguments

from isogloss import progress
from isogloss.cli.main import main
from isogloss.config import TomlValue
from isogloss.progress import Advance
from isogloss.study import run as study_run
from isogloss.study.folder import StudyFolder
from isogloss.study.grid import list_cells, list_trials
from isogloss.study.plan import estimate_seconds, estimate_stages
from isogloss.study.settings import StudyConfig
from isogloss.study.state import CellState, State, list_states
from isogloss.study.ticks import StudyTicks, TrainingTicks
from isogloss.training.checkpoints import measure_progress

TUNED: dict[str, TomlValue] = {
    "grid": {"seeds": [1], "strategies": ["hybrid", "x-y"]},
    "tuning": {"seed": 9, "trials": [{"trainer": {"learning_rate": 1e-3}}]},
}
STAGES = st.dictionaries(st.sampled_from(["training", "a", "b", "c"]), st.floats(1e-3, 1e5), min_size=1)


@given(st.lists(STAGES, min_size=1, max_size=6), st.integers(1, 2000), st.data())
def test_ticks_rise_and_end_at_the_total(
    cells: list[dict[str, float]], total: int, data: st.DataObject
) -> None:
    told: list[int] = []
    ticks = StudyTicks(told.append, total, {str(number): stages for number, stages in enumerate(cells)})
    whole, seconds = sum(sum(stages.values()) for stages in cells), 0.0
    for number, stages in enumerate(cells):
        cell = ticks.begin(str(number))
        for stage in ("training", "a", "b", "c", "a stage that was done before"):
            for share in sorted(data.draw(st.lists(st.floats(0, 1.5), max_size=3))):
                cell.reach(stage, share)
        cell.finish()
        cell.finish()
        seconds += sum(stages.values())
        assert sum(told) == pytest.approx(total * seconds / whole, abs=1.001)
    assert all(tick > 0 for tick in told)
    assert sum(told) == total


def test_the_time_left_is_the_time_that_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trials, whole cells and one that lacks a measurement, each as long as it was estimated to be."""
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    trial, whole = {"training": 380.0}, {"training": 460.0, "xquad-r": 50.0, "native": 190.0}
    cells = {"trial1": trial, "trial2": trial, "one": whole, "two": whole, "begun": {"native": 190.0}}
    seconds = sum(sum(stages.values()) for stages in cells.values())
    with progress.show_progress("study", 500) as advance:
        ticks = StudyTicks(advance, 500, cells)
        for name, stages in cells.items():
            cell = ticks.begin(name)
            for stage, length in stages.items():
                for step in range(1, 11):
                    clock[0] += length / 10
                    cell.reach(stage, step / 10)
                    lines = capsys.readouterr().err.splitlines()
                    if lines and clock[0] > 300:  # ticks are whole: the first few are coarse
                        left = float(lines[-1].split("about ")[1].split(" min")[0])
                        assert left == pytest.approx((seconds - clock[0]) / 60, rel=0.02, abs=0.3)
    assert clock[0] == pytest.approx(seconds)


def test_a_resumed_training_counts_its_own_steps_alone(tmp_path: Path) -> None:
    told: list[int] = []
    cell = StudyTicks(told.append, 100, {"cell": {"training": 30.0, "rivers": 10.0}}).begin("cell")
    callback = TrainingTicks(cell)
    arguments, control = TrainingArguments(output_dir=str(tmp_path), report_to=[]), TrainerControl()
    state = TrainerState(global_step=150, max_steps=250)
    callback.on_train_begin(arguments, state, control)
    for step, reached in ((151, 0), (175, 18), (200, 37), (250, 75)):
        state.global_step = step
        callback.on_step_end(arguments, state, control)
        assert sum(told) == reached
    cell.reach("training")  # what stops early is over too
    assert sum(told) == 75
    cell.finish()
    assert sum(told) == 100


def list_untouched(study: StudyConfig, folder: Path) -> list[CellState]:
    return list_states(study, StudyFolder(folder))


def test_stages_are_estimated_by_what_was_measured(tmp_path: Path) -> None:
    minutes: dict[str, TomlValue] = {"encoders": [{"name": "tiny", "model": "none", "minutes": 12.0}]}
    study = read_rivers(tmp_path, {**TUNED, **minutes})
    states = list_untouched(study, tmp_path / "out")
    trial, cell = list_trials(study)[0].name, list_cells(study)[0].name
    stages = estimate_stages(study, states)
    assert stages[trial] == pytest.approx({"training": 480.0})
    assert stages[cell] == pytest.approx({"training": 480.0, "rivers": 240.0})
    assert sum(estimate_seconds(study, states).values()) == pytest.approx(2 * 480 + 2 * 720)
    # A trial is done: what it took is known, and what its measuring would take is two to one.
    states[0] = CellState(states[0].cell, State.DONE, seconds={"training": 100.0})
    assert estimate_stages(study, states)[cell] == pytest.approx({"training": 100.0, "rivers": 50.0})
    assert trial not in estimate_stages(study, states)
    # Of a cell that is trained, the measurement is left; what it takes was measured elsewhere.
    states[2] = CellState(states[2].cell, State.DONE, seconds={"training": 140.0, "rivers": 20.0})
    states[3] = CellState(states[3].cell, State.PARTIAL, seconds={"training": 120.0}, left={"rivers": 1.0})
    assert estimate_stages(study, states)[states[3].cell.name] == pytest.approx({"rivers": 20.0})
    assert estimate_stages(study, states)[states[1].cell.name] == pytest.approx({"training": 120.0})


def test_nothing_is_estimated_from_nothing(tmp_path: Path) -> None:
    study = read_rivers(tmp_path, TUNED)
    states = list_untouched(study, tmp_path / "out")
    assert estimate_stages(study, states) == estimate_seconds(study, states) == {}
    guessed = estimate_stages(study, states, 90.0)
    assert [sum(stages.values()) for stages in guessed.values()] == pytest.approx([60, 60, 90, 90])


def test_a_training_that_has_begun_counts_its_checkpoints(tmp_path: Path) -> None:
    study = read_rivers(tmp_path, TUNED)
    cell = list_trials(study)[0]
    checkpoints = StudyFolder(tmp_path / "out").run(cell).checkpoints
    assert measure_progress(checkpoints) == 0.0
    for step, text in ((3, '{"global_step": 3, "max_steps": 12}'), (6, '{"global_step": 6'), (9, "{}")):
        (checkpoints / f"checkpoint-{step}").mkdir(parents=True)
        (checkpoints / f"checkpoint-{step}" / "trainer_state.json").write_text(text)
    assert measure_progress(checkpoints) == 0.25
    assert list_untouched(study, tmp_path / "out")[0].left == {"training": 0.75}
    (checkpoints / "checkpoint-12").mkdir()
    (checkpoints / "checkpoint-12" / "trainer_state.json").write_text('{"global_step": 12, "max_steps": 12}')
    assert 0 < list_untouched(study, tmp_path / "out")[0].left["training"] < 0.1


def test_a_real_study_ticks_to_its_end_and_a_trial_less_than_a_cell(
    xlmr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[tuple[int, list[int]]] = []
    reached: dict[str, int] = {}

    @contextmanager
    def record(_title: str, total: int) -> Iterator[Advance]:
        bars.append((total, []))
        yield bars[-1][1].append

    finish = study_run._Runner.finish

    def finish_and_count(runner: object, cell: object, ticks: object, place: str) -> None:
        before = sum(bars[-1][1])
        finish(runner, cell, ticks, place)  # type: ignore[arg-type]
        reached[str(cell.name)] = sum(bars[-1][1]) - before  # type: ignore[attr-defined]

    monkeypatch.setattr(study_run, "show_progress", record)
    monkeypatch.setattr(study_run._Runner, "finish", finish_and_count)
    changes: dict[str, TomlValue] = {**TUNED, "grid": {"seeds": [1], "strategies": ["hybrid"]}}
    study, out = write_study(tmp_path, xlmr, changes), tmp_path / "out"
    assert main(["reproduce", str(study), "--out", str(out)]) == 0
    ((total, told),) = bars
    assert total == sum(told) == 200
    assert min(told) > 0
    assert reached == {"tiny/tuning/hybrid-trial1": 80, "tiny/hybrid-seed1": 120}  # 2 to 3
    assert len(told) >= 5  # two steps of each training, and a measurement
    # What is to be measured again alone fills the bar alone.
    (out / "runs/tiny/hybrid-seed1/results/rivers/results.json").unlink()
    assert main(["reproduce", str(study), "--out", str(out)]) == 0
    assert bars[1] == (100, [100])
    timing = json.loads((out / "runs/tiny/hybrid-seed1/timing.json").read_text())
    assert set(timing) == {"training", "rivers"}
