"""``isogloss train``: results on stdout, all else on stderr, known errors on one line."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import tomli_w
import torch
from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]
from training_runs import Interrupted, Settings, StopAt, largest_difference, losses_of

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
    retrieval = ["validation mAP", "rank distance"]
    assert list(lines) == [
        "steps",
        "training loss",
        "validation loss",
        *retrieval,
        "cut texts",
        "time",
        "model",
    ]
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
        ("trainer.lr_scheduler_kwargs={nonsense = 1}", "do not suit the schedule 'linear': "),
        ("trainer.lr_scheduler_type=warmup_stable_decay", "'num_decay_steps'"),
        ("trainer.dataloader_num_workers=-1", "'trainer.dataloader_num_workers' is at least 0; got -1"),
        ("trainer.torch_compile_backend=nonsense", "'trainer.torch_compile_backend' is one of "),
        ("trainer.torch_compile_mode=nonsense", "'trainer.torch_compile_mode' is one of default, "),
        ("trainer.hub_token=hf_secret", "set HF_TOKEN"),
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


class WandbError(Exception):
    """As wandb's own, of which its other errors are."""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (HTTPError("[Errno -2] Name or service not known"), "the hub cannot be used ([Errno -2] Name"),
        (WandbError("No API key configured."), "'trainer.report_to' = 'wandb': No API key configured."),
        (ImportError("liger-kernel is missing\nmore"), "[trainer]: liger-kernel is missing"),
        (torch.OutOfMemoryError("CUDA out of memory."), "not enough memory on the device"),
    ],
)
def test_what_fails_for_a_known_reason_while_it_trains_is_one_line(
    config_file: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    told: str,
) -> None:
    monkeypatch.setitem(
        sys.modules, "wandb", SimpleNamespace(errors=SimpleNamespace(Error=WandbError), run=None)
    )
    monkeypatch.setattr(run, "plan_run", Mock(side_effect=error))
    assert main(["train", str(config_file), "--out", str(tmp_path / "run")]) == 2
    printed = capfd.readouterr()
    assert printed.err.startswith("isogloss: error: ")
    assert printed.err.count("\n") == 1
    assert told in printed.err
    monkeypatch.setattr(run, "plan_run", Mock(side_effect=TypeError("a fault of ours")))
    with pytest.raises(TypeError, match="a fault of ours"):
        main(["train", str(config_file), "--out", str(tmp_path / "run")])


@pytest.mark.parametrize("pattern", ["(", "no parameter"])
def test_a_pattern_of_rates_that_cannot_be_used_is_one_line(
    config_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], pattern: str
) -> None:
    setting = f'trainer.learning_rate_mapping={{"{pattern}" = 1e-3}}'
    assert main(["train", str(config_file), "--out", str(tmp_path / "run"), "--set", setting]) == 2
    printed = capfd.readouterr()
    assert printed.err.startswith("isogloss: error: [trainer]: ")
    assert printed.err.count("\n") == 1


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


@pytest.mark.slow
def test_two_processes_train_what_one_trains(
    settings: Settings, still: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = settings(model=replace(settings.base.model, name=str(still)), max_steps=6)
    file = tmp_path / "run.toml"
    file.write_text(tomli_w.dumps(dump_config(config)), encoding="utf-8")
    assert main(["train", str(file), "--out", str(tmp_path / "two"), "--processes", "2"]) == 0
    printed = capfd.readouterr()
    assert printed.err == ""
    assert printed.out.startswith("steps            6, model of step ")
    assert printed.out.count("\n") == 8
    train(config, tmp_path / "one")
    assert losses_of(tmp_path / "two") == pytest.approx(losses_of(tmp_path / "one"), abs=1e-4)
    assert largest_difference(tmp_path / "two" / "model", tmp_path / "one" / "model") < 1e-3
    described = [json.loads((tmp_path / run / "provenance.json").read_text()) for run in ("one", "two")]
    assert [entry["processes"] for entry in described] == [1, 2]
    assert described[0]["truncated"] == described[1]["truncated"]
    configs = [(tmp_path / run / "config.toml").read_bytes() for run in ("one", "two")]
    assert configs[0] == configs[1]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("3", "'batches.size' = 8 cannot be shared evenly by 3 processes; take 1, 2, 4 processes"),
        ("0", "a training needs at least 1 process; got 0"),
    ],
)
def test_a_number_of_processes_that_does_not_fit_is_refused_before_any_starts(
    config_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], number: str, message: str
) -> None:
    arguments = ["train", str(config_file), "--out", str(tmp_path / "run"), "--processes", number]
    assert main(arguments) == 2
    printed = capfd.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_the_launchers_number_stands(
    config_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    arguments = ["train", str(config_file), "--out", str(tmp_path / "run"), "--processes", "4"]
    assert main(arguments) == 2
    assert "--processes 4, but a launcher has started 2; leave --processes out" in capfd.readouterr().err


@pytest.mark.slow
def test_it_trains_under_torchrun(config_file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    ended = subprocess.run(
        [*command, "isogloss", "train", str(config_file), "--out", str(tmp_path / "run")],
        capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr.decode()
    assert ended.stdout.decode().count("steps            12") == 1
    assert json.loads((tmp_path / "run" / "provenance.json").read_text())["processes"] == 2


@pytest.mark.slow
def test_a_killed_process_ends_the_other_and_is_one_line(config_file: Path, tmp_path: Path) -> None:
    words = ["train", str(config_file), "--out", str(tmp_path / "run"), "--processes", "2"]
    command = [sys.executable, "-m", "isogloss", *words]
    longer = [*command, "--set", "trainer.max_steps=2000"]
    started = subprocess.Popen(longer, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + 200
    while not list((tmp_path / "run" / "checkpoints").glob("*/trainer_state.json")):
        assert time.monotonic() < end
        assert started.poll() is None
        time.sleep(0.1)
    os.kill(find_worker(started.pid, rank=1), signal.SIGKILL)
    printed, errors = started.communicate(timeout=100)
    assert started.returncode == 2
    assert (printed, errors) == (b"", b"isogloss: error: process 2 of 2 was ended by SIGKILL\n")


def find_worker(starter: int, rank: int) -> int:
    """Find one of the processes that another has started."""
    for entry in Path("/proc").iterdir():
        started = entry.name.isdecimal() and f"\nPPid:\t{starter}\n" in read(entry / "status").decode()
        if started and f"\0RANK={rank}\0".encode() in b"\0" + read(entry / "environ"):
            return int(entry.name)
    raise AssertionError(f"{starter} has no process of rank {rank}")


def read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # the process has ended meanwhile
        return b""


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
