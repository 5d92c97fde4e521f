"""A whole small study through the command line: run, skipped, interrupted, changed, reported."""

from __future__ import annotations

import io
import json
import shutil
import sys
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from filelock import FileLock
from study_files import write_study

from isogloss.cli.main import main
from isogloss.config import TomlValue, TrainConfig
from isogloss.results import read_results
from isogloss.study import run as study_run
from isogloss.study.folder import StudyFolder
from isogloss.study.grid import Cell
from isogloss.study.reading import read_study
from isogloss.study.run import run_study
from isogloss.training.run import TrainingOutcome
from isogloss.types import Setting

CURVE: dict[str, TomlValue] = {"grid": {"seeds": [1, 2], "alphas": [0.0, 0.4]}}
CELLS = 6 + 2
TUNED: dict[str, TomlValue] = {
    "grid": {"seeds": [1, 2], "alphas": [0.4, 0.6], "shares": [0.5], "share_strategies": ["x-y", "hybrid"]},
    "tuning": {
        "seed": 9,
        "trials": [{"trainer": {"learning_rate": 1e-3}}, {"trainer": {"learning_rate": 2e-3}}],
    },
}

ONE_TUNED: dict[str, TomlValue] = {
    "grid": {"seeds": [1], "strategies": ["hybrid"]},
    "tuning": TUNED["tuning"],
}


class Done(NamedTuple):
    """Name a study that was run to its end, and what the command printed."""

    study: Path
    out: Path
    printed: str
    said: str


def run_whole(folder: Path, model: Path, changes: dict[str, TomlValue]) -> Done:
    """Run a study to its end."""
    study = write_study(folder, model, changes)
    with pytest.MonkeyPatch.context() as patch:
        printed, said = io.StringIO(), io.StringIO()
        patch.setattr(sys, "stdout", printed)
        patch.setattr(sys, "stderr", said)
        code = main(["reproduce", str(study), "--out", str(folder / "out")])
    assert code == 0, said.getvalue()
    return Done(study, folder / "out", printed.getvalue(), said.getvalue())


@pytest.fixture(scope="module")
def done(xlmr: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    return run_whole(tmp_path_factory.mktemp("study"), xlmr, CURVE)


@pytest.fixture(scope="module")
def tuned(xlmr: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    return run_whole(tmp_path_factory.mktemp("tuned"), xlmr, TUNED)


def test_every_cell_is_an_ordinary_run_directory(done: Done) -> None:
    runs = sorted(path.parent for path in (done.out / "runs/tiny").glob("*/provenance.json"))
    assert len(runs) == CELLS
    for run in runs:
        record = json.loads((run / "provenance.json").read_text())
        assert run.name == f"{record['label']}-seed{record['seed']}"
        assert record["steps"] == sum(record["batches"].values()) == 2
        assert (run / "results/rivers/results.json").is_file()
        assert not (run / "checkpoints").exists()
    assert main(["compare", *map(str, runs), "--baseline", "hybrid", "--resamples", "100"]) == 0


@pytest.mark.slow
def test_all_strategies_have_the_same_trials_and_take_what_validation_chose(tuned: Done) -> None:
    report = json.loads((tuned.out / "report.json").read_text())
    by_strategy: dict[str, list[float]] = {}
    chosen: dict[str, int] = {}
    for each in report["tuning"]:
        strategy, _, number = each["trial"].removeprefix("tiny/tuning/").rpartition("-trial")
        by_strategy.setdefault(strategy, []).append(each["validation_loss"])
        if each["chosen"]:
            chosen[strategy] = int(number) - 1
    assert set(by_strategy) == {"x-x-mono", "x-y", "hybrid"}
    for strategy, losses in by_strategy.items():
        assert len(losses) == 2
        assert losses[chosen[strategy]] == min(losses)
        for cell in (tuned.out / "runs/tiny").glob(f"{strategy}-*seed*"):
            rate = [1e-3, 2e-3][chosen[strategy]]
            assert f"learning_rate = {rate}" in (cell / "config.toml").read_text()


@pytest.mark.slow
def test_a_smaller_share_trains_on_fewer_items_and_validates_on_the_same(tuned: Done) -> None:
    records = [
        json.loads((tuned.out / "runs/tiny" / name / "provenance.json").read_text())
        for name in ("x-y-seed1", "x-y-share0.5-seed1")
    ]
    assert records[0]["held_out_items"] == records[1]["held_out_items"]
    assert records[1]["items"]["train"] == pytest.approx(records[0]["items"]["train"] / 2, abs=2)


def test_a_second_call_does_nothing_again(done: Done, capsys: pytest.CaptureFixture[str]) -> None:
    files = {path: path.stat().st_mtime_ns for path in (done.out / "runs").rglob("*") if path.is_file()}
    assert main(["reproduce", str(done.study), "--out", str(done.out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["done"] == []
    assert files == {
        path: path.stat().st_mtime_ns for path in (done.out / "runs").rglob("*") if path.is_file()
    }


def test_what_is_printed_names_the_report(done: Done) -> None:
    assert done.printed.splitlines()[0] == f"{CELLS} done"
    files = ("report.md", "report.json", "report.html", "curves.csv", "tiny-rivers-alpha-curve.svg")
    assert done.printed.splitlines()[1:] == [str(done.out / name) for name in files]
    assert done.said.count(" done in ") == CELLS


def test_the_report_has_every_claim_with_its_command(done: Done, capsys: pytest.CaptureFixture[str]) -> None:
    report = json.loads((done.out / "report.json").read_text())
    rows = {row["id"]: row for row in report["claims"]}
    assert list(rows) == [
        *("1", "2", "3", "4", "5", "6", "7", "8:tiny", "9:XLM-R", "9:LaBSE", "10:tiny", "11:tiny"),
        *("12:tiny", "13:tiny", "14:tiny", "15:tiny"),
    ]
    assert rows["1"]["verdict"] in ("supported", "contradicted")  # two batches may be of one kind
    assert rows["4"]["verdict"] == rows["5"]["verdict"] == rows["6"]["verdict"] == "supported"
    assert rows["2"]["verdict"] == rows["9:XLM-R"]["verdict"] == "cannot be decided here"
    assert "no encoder that is XLM-R" in rows["9:XLM-R"]["reason"]
    assert "no runs of hybrid-0.6" in rows["13:tiny"]["reason"]
    assert "no runs of en-en" in rows["15:tiny"]["reason"]
    assert [len(rows[f"{name}:tiny"]["effects"]) for name in (8, 10, 11, 12)] == [2, 1, 9, 6]
    markdown = (done.out / "report.md").read_text()
    page = (done.out / "report.html").read_text()
    capsys.readouterr()
    for row in rows.values():
        assert row["command"].startswith(f"isogloss reproduce {done.study} --out {done.out} --claim ")
        assert row["statement"] in markdown
        assert row["statement"] in page.replace("&#x27;", "'")
    for name in ("1", "8:tiny", "9:XLM-R"):
        words = rows[name]["command"].split()[1:]
        assert main([*words, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == [rows[name]]
        assert main(words) == 0
        assert capsys.readouterr().out.startswith(f"claim {name}: {rows[name]['verdict']}\n")


def test_the_page_needs_nothing_else_and_draws_the_curves(done: Done) -> None:
    page = (done.out / "report.html").read_text()
    assert page.index('id="claims"') < page.index('id="curves"') < page.index('id="b1"')
    drawings = [f"<svg{part.split('</svg>')[0]}</svg>" for part in page.split("<svg")[1:]]
    (curve,) = [ET.fromstring(drawing) for drawing in drawings if "curve over" in drawing]
    seeds = len(curve.findall(".//{*}circle"))
    assert seeds == 4 * 4 * 2  # measures, places (0, 0.4, 0.5, 1), seeds
    assert len((done.out / "curves.csv").read_text().splitlines()) == 1 + seeds
    (file,) = done.out.glob("*.svg")
    alone = ET.parse(file).getroot()
    assert len(alone.findall(".//{*}circle")) == seeds
    (style,) = alone.findall("{*}style")
    assert ".figure .seed{" in (style.text or "")


def test_the_plan_tells_what_is_done(done: Done, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", str(done.study), "--out", str(done.out), "--plan", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert {cell["state"] for cell in plan["cells"]} == {"done"}
    assert len(plan["cells"]) == CELLS
    assert all(cell["seconds"]["training"] > 0 for cell in plan["cells"])


def copy_study(done: Done, folder: Path, model: Path, changes: dict[str, TomlValue]) -> tuple[Path, Path]:
    """Copy a finished study with another study file; the corpora stay in place."""
    out = folder / "out"
    folder.mkdir(exist_ok=True)
    shutil.copytree(done.out, out)
    study = write_study(done.study.parent, model, {**CURVE, **changes})
    moved = folder / "study.toml"
    moved.write_text(study.read_text())
    write_study(done.study.parent, model, CURVE)
    return moved, out


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"margins": {"resamples": 200, "equal": 0.5}}, "margins); margins are fixed before the first cell"),
        ({"training": {"loss": {"temperature": 0.1}}}, "(training)"),
        ({"tuning": {"seed": 9, "trials": [{"trainer": {"warmup_steps": 1}}]}}, "(tuning)"),
        ({"encoders": [{"name": "tiny", "model": "other"}]}, "encoders 'tiny'"),
        ({"benchmarks": [{"name": "rivers", "data": "elsewhere"}]}, "benchmarks 'rivers'"),
    ],
)
def test_a_changed_study_is_refused(
    done: Done,
    tmp_path: Path,
    xlmr: Path,
    changes: dict[str, TomlValue],
    named: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    study, out = copy_study(done, tmp_path, xlmr, changes)
    for options in ([], ["--plan"], ["--claim", "8"]):
        assert main(["reproduce", str(study), "--out", str(out), *options]) == 2
        told = capsys.readouterr().err
        assert told.startswith("isogloss: error: the study in ")
        assert named in told
        assert told.count("\n") == 1


def test_a_grid_may_grow_and_shrink(
    done: Done, tmp_path: Path, xlmr: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, out = copy_study(done, tmp_path, xlmr, {"grid": {"seeds": [1, 3], "strategies": ["hybrid"]}})
    assert main(["reproduce", str(study), "--out", str(out), "--plan"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["tiny/hybrid-seed1", "done"] in [line[:2] for line in lines]
    assert ["tiny/hybrid-seed3", "to", "do"] in [line[:3] for line in lines]
    assert ["no", "longer", "part", "of", "the", "study:", "tiny/hybrid-0.4-seed1,"] in [
        line[:7] for line in lines
    ]
    assert "1 done, 1 to do; about 0.0 h left" in [" ".join(line) for line in lines]


def write_numbers(path: Path) -> Path:
    """Write texts of few tokens that differ."""
    rows = [
        {"id": f"q{place}", "language": language, "question": f"{word} {number}?"}
        | {"passage": f"{number} {word}.", "passage_id": f"p{place}", "article": f"a{place}"}
        for place, number in enumerate(("1", "3", "4", "8", "18", "38", "43", "84"))
        for language, word in (("de", "Stadt"), ("el", "πόλη"), ("en", "town"))
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_baselines_may_be_added_to_a_finished_study(
    done: Done, tmp_path: Path, xlmr: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each cell is measured once more; the means stand beside the strategies."""
    tables = tomllib.loads(done.study.read_text(encoding="utf-8"))
    # Of the study's own benchmark all passages are the same after the cut; there is nothing but language.
    data = write_numbers(tmp_path / "numbers.jsonl")
    added = {"name": "numbers", "data": str(data), "layout": "parallel", "role": "shown"}
    study, out = copy_study(done, tmp_path, xlmr, {"benchmarks": [*tables["benchmarks"], added]})
    assert main(["reproduce", str(study), "--out", str(out)]) == 0
    before = json.loads((out / "report.json").read_text(encoding="utf-8"))
    capsys.readouterr()
    study, out = copy_study(
        Done(done.study, out, "", ""),
        tmp_path / "later",
        xlmr,
        {"benchmarks": [*tables["benchmarks"], {**added, "debias": ["centre"]}]},
    )
    models = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/*/model/model.safetensors")}
    assert main(["reproduce", str(study), "--out", str(out), "--plan"]) == 0
    assert "trained; to be measured on numbers, centre" in capsys.readouterr().out
    assert main(["reproduce", str(study), "--out", str(out)]) == 0
    assert {path: path.stat().st_mtime_ns for path in models} == models
    after = json.loads((out / "report.json").read_text(encoding="utf-8"))
    verdicts = [[(row["id"], row["verdict"]) for row in report["claims"]] for report in (before, after)]
    assert verdicts[0] == verdicts[1]
    seeds = [
        read_results(out / f"runs/tiny/hybrid-seed{seed}/debiased/centre/results/numbers") for seed in (1, 2)
    ]
    assert {each.info.label for each in seeds} == {"hybrid+centre"}
    mean = sum(each.table(Setting.MULTI, "mAP").macro() for each in seeds) / 2
    markdown = (out / "report.md").read_text(encoding="utf-8")
    rows = [line for line in markdown.splitlines() if "hybrid+centre" in line]
    assert rows
    assert any(f"{mean:.4f}" in row for row in rows)
    assert "hybrid-0.4+centre" not in markdown


def test_a_run_that_does_not_fit_is_named(
    done: Done, tmp_path: Path, xlmr: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, out = copy_study(done, tmp_path, xlmr, {})
    config = out / "runs/tiny/x-y-seed2/config.toml"
    config.write_text(config.read_text().replace("seed = 2", "seed = 5"))
    assert main(["reproduce", str(study), "--out", str(out)]) == 2
    assert "cell tiny/x-y-seed2 was trained with other settings (seed)" in capsys.readouterr().err


def test_other_training_data_are_named(
    done: Done, tmp_path: Path, xlmr: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, out = copy_study(done, tmp_path, xlmr, {})
    data = out / "runs/tiny/x-y-seed2/data.json"
    data.write_text(json.dumps(dict.fromkeys(json.loads(data.read_text()), "0" * 64)))
    assert main(["reproduce", str(study), "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert "cell tiny/x-y-seed2 was trained on another version of " in told
    assert told.count("\n") == 1


def test_a_study_is_done_in_pieces(xlmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study, out = write_study(tmp_path, xlmr), tmp_path / "out"
    command = ["reproduce", str(study), "--out", str(out)]
    assert main([*command, "--hours", "0"]) == 0
    assert capsys.readouterr().out.startswith("6 to do; no cell is finished yet")
    assert main([*command, "--only", "*/hybrid-seed1"]) == 0
    assert capsys.readouterr().out.startswith("1 done, 5 to do; about ")
    assert (out / "report.md").read_text().count("provisional until all cells are done") == 1
    assert main([*command, "--only", "nothing"]) == 2
    assert "no cell of the study has such a name" in capsys.readouterr().err


def test_a_failing_cell_is_recorded_and_the_others_go_on(
    xlmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    grid: dict[str, TomlValue] = {"seeds": [1], "strategies": ["x-y", "hybrid"]}
    study, out = write_study(tmp_path, xlmr, {"grid": grid}), tmp_path / "out"
    train = study_run.train

    def fail(config: TrainConfig, path: Path, **options: Any) -> TrainingOutcome:  # noqa: ANN401
        if config.batches.strategy == "x-y":
            raise RuntimeError("out of\nmemory")
        return train(config, path, **options)

    monkeypatch.setattr(study_run, "train", fail)
    command = ["reproduce", str(study), "--out", str(out)]
    assert main(command) == 1
    told = capsys.readouterr()
    assert told.err.splitlines()[-1] == "isogloss: error: tiny/x-y-seed1: RuntimeError: out of memory"
    assert told.out.startswith("1 done, 1 failed; about ")
    assert "Failed: tiny/x-y-seed1: RuntimeError: out of memory" in (out / "report.md").read_text()
    monkeypatch.undo()
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("2 done\n")


def test_an_encoder_that_cannot_be_had_is_no_error(
    xlmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoders: list[TomlValue] = [
        {"name": "xlm-r", "model": str(tmp_path / "not" / "there"), "published": "XLM-R"},
        {"name": "tiny", "model": str(xlmr)},
    ]
    study = write_study(
        tmp_path, xlmr, {"encoders": encoders, "grid": {"seeds": [1], "strategies": ["hybrid"]}}
    )
    out = tmp_path / "out"
    assert main(["reproduce", str(study), "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith("1 done, 1 not available\n")
    rows = {row["id"]: row for row in json.loads((out / "report.json").read_text())["claims"]}
    assert rows["9:XLM-R"]["verdict"] == rows["8:xlm-r"]["verdict"] == "cannot be decided here"
    assert "no such folder" in rows["9:XLM-R"]["reason"]
    assert "no run" in rows["8:tiny"]["reason"]


def test_processes_share_a_study_cell_by_cell(
    xlmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes: dict[str, TomlValue] = {
        "grid": {"seeds": [1], "strategies": ["x-x-mono", "hybrid"]},
        "training": {"trainer": {"bf16": True}},
    }
    study, out = write_study(tmp_path, xlmr, changes), tmp_path / "out"
    with FileLock(StudyFolder(out).lock("tiny/x-x-mono-seed1")):
        assert main(["reproduce", str(study), "--out", str(out)]) == 0
    printed, said = capsys.readouterr()
    assert printed.startswith("1 done, 1 to do")
    assert "other processes do what is left: tiny/x-x-mono-seed1" in said
    assert (out / "runs/tiny/hybrid-seed1/model").is_dir()
    assert not (out / "runs/tiny/x-x-mono-seed1").exists()
    assert read_results(out / "runs/tiny/hybrid-seed1/results/rivers").info.settings["bf16"] is True
    assert main(["reproduce", str(study), "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith("2 done\n")


def test_a_cell_waits_for_the_trial_that_another_process_does(
    xlmr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study, out = write_study(tmp_path, xlmr, ONE_TUNED), tmp_path / "out"
    assert main(["reproduce", str(study), "--out", str(out), "--hours", "0"]) == 0
    lock = FileLock(StudyFolder(out).lock("tiny/tuning/hybrid-trial2"))
    pauses: list[float] = []

    def let_go(seconds: float) -> None:
        if seconds == study_run._PAUSE:  # other libraries sleep as well
            pauses.append(seconds)
            lock.release()

    monkeypatch.setattr(study_run.time, "sleep", let_go)
    lock.acquire()
    assert main(["reproduce", str(study), "--out", str(out)]) == 0
    assert len(pauses) == 1
    assert capsys.readouterr().out.splitlines()[-4].startswith("3 done")


def test_what_another_process_has_made_possible_is_done_in_its_order(
    xlmr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, TomlValue] = {
        "grid": {"seeds": [1], "strategies": ["x-y", "hybrid"]},
        "tuning": {"seed": 9, "trials": [{"trainer": {"learning_rate": 1e-3}}]},
    }
    study, out = write_study(tmp_path, xlmr, changes), tmp_path / "out"
    lock = FileLock(StudyFolder(out).lock("tiny/tuning/x-y-trial1"))
    done: list[str] = []

    def finish(_runner: object, cell: Cell, _ticks: object, _place: str) -> None:
        done.append(cell.name.removeprefix("tiny/"))
        lock.release()

    monkeypatch.setattr(study_run._Runner, "finish", finish)
    lock.acquire()
    run_study(read_study(study, out), out)
    assert done == ["tuning/hybrid-trial1", "tuning/x-y-trial1", "x-y-seed1", "hybrid-seed1"]


def test_a_folder_of_something_else_is_refused_and_kept(
    xlmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = write_study(tmp_path, xlmr)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert main(["reproduce", str(study), "--out", str(tmp_path / "out")]) == 2
    assert "no study was begun there" in capsys.readouterr().err
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"
