"""``isogloss train``: results on stdout, all else on stderr, known errors on one line."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import tomli_w
from training_runs import Interrupted, Settings, StopAt

from isogloss.cli.main import main
from isogloss.config import dump_config
from isogloss.training import run
from isogloss.training.run import train


@pytest.fixture
def config_file(settings: Settings, tmp_path: Path) -> Path:
    file = tmp_path / "run.toml"
    file.write_text(tomli_w.dumps(dump_config(settings())), encoding="utf-8")
    return file


def test_it_prints_what_was_done(
    config_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["train", str(config_file), "--out", str(tmp_path / "run"), "--set", "trainer.max_steps=6"]) == 0
    )
    printed = capfd.readouterr()
    assert printed.err == ""
    lines = dict(line.split("  ", maxsplit=1) for line in printed.out.splitlines())
    assert list(lines) == ["steps", "training loss", "validation loss", "cut texts", "time", "model"]
    assert lines["steps"].strip().startswith("6, model of step ")
    assert lines["model"].strip() == str(tmp_path / "run" / "model")
    shares = json.loads((tmp_path / "run" / "provenance.json").read_text())["truncated"]
    told = f"{shares['queries']:.2%} of the queries, {shares['passages']:.2%} of the passages"
    assert lines["cut texts"].strip() == told


def test_it_prints_json(config_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", str(config_file), "--out", str(tmp_path / "run"), "--json"]
    assert main([*arguments, "--set", "trainer.max_steps=2"]) == 0
    content = json.loads(capfd.readouterr().out)
    assert content["steps"] == 2
    assert content["model"] == str(tmp_path / "run" / "model")
    assert set(content["truncation"]) == {"queries", "cut_queries", "passages", "cut_passages"}


def test_it_resumes(
    settings: Settings, config_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Interrupted):
        train(settings(), tmp_path / "run", callbacks=(StopAt(5),))
    arguments = ["train", str(config_file), "--out", str(tmp_path / "run")]
    assert main(arguments) == 2
    assert "--resume" in capfd.readouterr().err
    assert main([*arguments, "--resume"]) == 0
    assert "steps            12" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("trainer.learning_rte=1", "did you mean 'trainer.learning_rate'?"),
        ("trainer.seed=1", "'trainer.seed' is decided by 'seed'"),
        ("loss.name=eq1", "needs explicit negatives"),
        ("model.name=nobody/nothing", "cannot be loaded"),
        ("batches.sizes=3", "unknown setting 'batches.sizes'"),
    ],
)
def test_known_errors_are_one_line_and_exit_code_2(
    config_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], setting: str, message: str
) -> None:
    assert main(["train", str(config_file), "--out", str(tmp_path / "run"), "--set", setting]) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("isogloss: error: ")
    assert printed.err.count("\n") == 1
    assert message in printed.err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_terminal_gets_a_progress_bar_and_stdout_stays_clean(config_file: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "isogloss", "train", str(config_file), "--out", str(tmp_path / "run")]
    ended = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "TERM": "xterm"}, timeout=300
    )
    os.close(theirs)
    shown = os.read(ours, 1_000_000).decode()
    os.close(ours)
    assert ended.returncode == 0
    assert "training" in shown
    assert "12/12" in shown
    assert ended.stdout.decode().startswith("steps            12")


@pytest.mark.parametrize("started", [True, False])
def test_an_interrupt_names_the_way_to_go_on(
    config_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    started: bool,
) -> None:
    def stop(*arguments: object, **options: object) -> None:
        if started:
            (tmp_path / "run" / "checkpoints").mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "train", stop)
    assert main(["train", str(config_file), "--out", str(tmp_path / "run")]) == 130
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == "isogloss: interrupted"
    assert any("--resume" in line for line in lines) == started
