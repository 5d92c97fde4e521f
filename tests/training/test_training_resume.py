"""A resumed run ends, bit by bit, where the uninterrupted one ends."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tomli_w
from safetensors.torch import load
from training_runs import Consumed, Interrupted, Settings, StopAt, losses_of, weights_of
from transformers import TrainerControl, TrainerState, TrainingArguments

from isogloss.batching import PlanSampler
from isogloss.config import CorpusConfig, LossConfig, TrainConfig, ValidationConfig, dump_config
from isogloss.errors import ConfigError
from isogloss.training.callbacks import PlanEpoch
from isogloss.training.checkpoints import LOSS_FILE, find_checkpoint, find_flaw, remove_torn
from isogloss.training.plans import plan_run
from isogloss.training.run import train

NO_VALIDATION = ValidationConfig(share=0.0)
LEARNED = LossConfig(temperature=0.02, learn_temperature=True)


def interrupt(config: TrainConfig, out: Path, step: int) -> None:
    with pytest.raises(Interrupted):
        train(config, out, callbacks=(StopAt(step),))


def resume_and_compare(
    config: TrainConfig, folder: Path, consumed: Consumed, stop: int, saved: int, accumulated: int = 1
) -> None:
    """Train once whole, once interrupted after ``stop`` with its last checkpoint at ``saved``."""
    whole = train(config, folder / "whole")
    batches = list(consumed.trained)
    consumed.trained.clear()
    interrupt(config, folder / "halves", stop)
    assert not (folder / "halves" / "model").exists()
    consumed.trained.clear()
    resumed = train(config, folder / "halves", resume=True)
    assert consumed.trained == batches[saved * accumulated :]
    assert weights_of(folder / "halves" / "model") == weights_of(folder / "whole" / "model")
    assert losses_of(folder / "halves") == losses_of(folder / "whole")
    assert (resumed.steps, resumed.best_step, resumed.validation_loss) == (
        whole.steps,
        whole.best_step,
        whole.validation_loss,
    )
    described = [json.loads((folder / name / "provenance.json").read_text()) for name in ("whole", "halves")]
    assert described[0]["temperature"] == described[1]["temperature"]


@pytest.mark.parametrize(("stop", "saved"), [(5, 4), (10, 8)], ids=["first epoch", "second epoch"])
def test_after_an_interruption_in_an_epoch(
    settings: Settings, consumed: Consumed, tmp_path: Path, stop: int, saved: int
) -> None:
    resume_and_compare(settings(), tmp_path, consumed, stop, saved)


def test_at_the_border_of_two_epochs(settings: Settings, consumed: Consumed, tmp_path: Path) -> None:
    config = settings(validation=NO_VALIDATION, save_steps=6)
    resume_and_compare(config, tmp_path, consumed, stop=8, saved=6)


@pytest.mark.slow
def test_with_gradient_accumulation(settings: Settings, consumed: Consumed, tmp_path: Path) -> None:
    config = settings(validation=NO_VALIDATION, gradient_accumulation_steps=2, max_steps=8, save_steps=4)
    resume_and_compare(config, tmp_path, consumed, stop=5, saved=4, accumulated=2)


@pytest.mark.slow
def test_with_mini_batches_encoded_twice(settings: Settings, consumed: Consumed, tmp_path: Path) -> None:
    config = settings(loss=LossConfig(mini_batch_tokens=64), max_steps=8)
    resume_and_compare(config, tmp_path, consumed, stop=6, saved=4)


@pytest.mark.slow
def test_with_a_learned_temperature(settings: Settings, consumed: Consumed, tmp_path: Path) -> None:
    config = settings(loss=LEARNED, learning_rate_mapping={"log_scale": 0.05})
    resume_and_compare(config, tmp_path, consumed, stop=7, saved=4)
    stored = json.loads((tmp_path / "whole" / "provenance.json").read_text())
    assert stored["temperature"] > 0.021


@pytest.mark.slow
def test_with_early_stopping(settings: Settings, consumed: Consumed, tmp_path: Path) -> None:
    """The evaluations without progress before the interruption count after it."""
    config = settings(
        validation=ValidationConfig(share=0.2, batches=2, every=2, patience=3),
        learning_rate=0.0,
        max_steps=40,
    )
    resume_and_compare(config, tmp_path, consumed, stop=5, saved=4)
    assert max(losses_of(tmp_path / "whole")) == 8


@pytest.mark.parametrize("patience", [0, 1], ids=["all steps", "early stopping"])
def test_a_run_killed_after_its_last_step_trains_no_further_one(
    settings: Settings, consumed: Consumed, tmp_path: Path, patience: int
) -> None:
    """The last checkpoint was written, the model not."""
    validation = ValidationConfig(share=0.2, batches=2, every=2, patience=patience)
    config = settings(validation=validation, learning_rate=0.0 if patience else 1e-3, max_steps=7)
    whole = train(config, tmp_path / "run")
    assert whole.steps == (4 if patience else 7)
    weights, losses = weights_of(whole.model), losses_of(tmp_path / "run")
    shutil.rmtree(whole.model)
    consumed.trained.clear()
    resumed = train(config, tmp_path / "run", resume=True)
    assert consumed.trained == []
    assert (resumed.steps, resumed.best_step) == (whole.steps, whole.best_step)
    assert (weights_of(resumed.model), losses_of(tmp_path / "run")) == (weights, losses)


@pytest.mark.slow
def test_after_a_kill(settings: Settings, tmp_path: Path) -> None:
    """SIGKILL leaves no time to clean up."""
    config = settings()
    file = tmp_path / "run.toml"
    file.write_text(tomli_w.dumps(dump_config(config)), encoding="utf-8")
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from transformers import TrainerCallback\n"
        "from isogloss.config import TrainConfig, parse_config, read_toml\n"
        "from isogloss.training.run import train\n"
        "class Kill(TrainerCallback):\n"
        "    def on_step_end(self, args, state, control, **kwargs):\n"
        "        if state.global_step == 7:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "config = parse_config(TrainConfig, read_toml(Path(sys.argv[1])), sys.argv[1])\n"
        "train(config, Path(sys.argv[2]), callbacks=(Kill(),))\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, str(file), str(tmp_path / "killed")],
        capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert killed.stdout == b""
    train(config, tmp_path / "killed", resume=True)
    train(config, tmp_path / "whole")
    assert weights_of(tmp_path / "killed" / "model") == weights_of(tmp_path / "whole" / "model")


@pytest.fixture(scope="module")
def stopped(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainConfig, Path]:
    """A run that stopped after step 9, with checkpoints at 4 and 8."""
    config = settings(loss=LEARNED)
    out = tmp_path_factory.mktemp("stopped") / "run"
    interrupt(config, out, 9)
    return config, out


@pytest.mark.parametrize(
    "torn",
    [
        "trainer_state.json",
        "model.safetensors",
        "optimizer.pt",
        "scheduler.pt",
        "rng_state.pth",
        "loss.safetensors",
        "modules.json",
    ],
)
@pytest.mark.parametrize("how", ["missing", "cut"])
def test_a_torn_checkpoint_is_passed_over(
    stopped: tuple[TrainConfig, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], torn: str, how: str
) -> None:
    checkpoints = tmp_path / "checkpoints"
    shutil.copytree(stopped[1] / "checkpoints", checkpoints)
    last = checkpoints / "checkpoint-8"
    assert find_checkpoint(checkpoints, [LOSS_FILE]) == last
    content = (last / torn).read_bytes()
    (last / torn).unlink()
    if how == "cut":
        (last / torn).write_bytes(content[: len(content) * 2 // 3])
    flaw = find_flaw(last, [LOSS_FILE])
    weights = (torn, how) == ("model.safetensors", "missing")
    assert flaw == (
        "the model's weights are missing" if weights else f"{torn} is {how.replace('cut', 'torn')}"
    )
    assert find_checkpoint(checkpoints, [LOSS_FILE]) == checkpoints / "checkpoint-4"
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"isogloss: passing over {last}: {flaw}\n"


def test_a_run_resumes_from_the_checkpoint_before_a_torn_one(
    stopped: tuple[TrainConfig, Path], tmp_path: Path, consumed: Consumed
) -> None:
    config, out = stopped
    shutil.copytree(out, tmp_path / "moved")
    (tmp_path / "moved" / "checkpoints" / "checkpoint-8" / "trainer_state.json").write_text('{"global_')
    train(config, tmp_path / "moved", resume=True)
    assert len(consumed.trained) == 12 - 4
    train(config, tmp_path / "whole")
    assert weights_of(tmp_path / "moved" / "model") == weights_of(tmp_path / "whole" / "model")


def test_torn_checkpoints_are_cleared_away_before_a_run_goes_on(
    stopped: tuple[TrainConfig, Path], tmp_path: Path
) -> None:
    """Else a second kill could leave a checkpoint made of two: whole by its files, and wrong."""
    checkpoints = tmp_path / "checkpoints"
    shutil.copytree(stopped[1] / "checkpoints", checkpoints)
    (checkpoints / "checkpoint-8" / "scheduler.pt").unlink()
    remove_torn(checkpoints, [LOSS_FILE])
    assert [folder.name for folder in checkpoints.iterdir()] == ["checkpoint-4"]


def test_the_random_state_of_each_process_is_needed(
    stopped: tuple[TrainConfig, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoint-8"
    shutil.copytree(stopped[1] / "checkpoints" / "checkpoint-8", folder)
    state = (folder / "rng_state.pth").rename(folder / "rng_state_0.pth")
    shutil.copy(state, folder / "rng_state_2.pth")
    assert find_flaw(folder) == "rng_state_1.pth is missing"
    shutil.copy(state, folder / "rng_state_1.pth")
    assert find_flaw(folder) is None


def test_a_moved_run_still_keeps_its_best_model(settings: Settings, tmp_path: Path) -> None:
    """The best so far is named in a checkpoint by a path that no longer is, and nothing better follows."""
    config = settings(loss=LEARNED, save_strategy="best")
    interrupt(config, tmp_path / "run", 9)
    moved = tmp_path / "moved"
    (tmp_path / "run").rename(moved)
    last = find_checkpoint(moved / "checkpoints")
    assert last is not None
    state = json.loads((last / "trainer_state.json").read_text())
    assert not Path(state["best_model_checkpoint"]).exists()
    state["best_metric"] = 0.0
    (last / "trainer_state.json").write_text(json.dumps(state))
    outcome = train(config, moved, resume=True)
    assert (outcome.steps, outcome.best_step) == (12, state["global_step"])
    best = weights_of(last)
    scale = load(best.pop("loss.safetensors"))["log_scale"]
    assert weights_of(moved / "model") == best
    described = json.loads((moved / "provenance.json").read_text())
    assert described["temperature"] == pytest.approx(math.exp(-float(scale)))


class Chain:
    """Stand for a loader, or a wrapper that a library puts around a batch sampler."""

    def __init__(self, batch_sampler: object) -> None:
        self.batch_sampler = batch_sampler


def test_the_epoch_reaches_the_sampler_through_any_wrappers(settings: Settings, tmp_path: Path) -> None:
    sampler = PlanSampler(plan_run(settings()).train)
    arguments = TrainingArguments(str(tmp_path), use_cpu=True)
    for epoch in (0.0, 1.0, 2.4):
        PlanEpoch().on_epoch_begin(
            arguments,
            TrainerState(epoch=epoch),
            TrainerControl(),
            train_dataloader=Chain(Chain(Chain(sampler))),
        )
        assert sampler.epoch == int(epoch)


@pytest.mark.slow
def test_a_run_stopped_before_its_first_checkpoint_starts_again(
    settings: Settings, tmp_path: Path, consumed: Consumed
) -> None:
    config = settings()
    interrupt(config, tmp_path / "run", 2)
    assert find_checkpoint(tmp_path / "run" / "checkpoints") is None
    consumed.trained.clear()
    train(config, tmp_path / "run", resume=True)
    assert len(consumed.trained) == 12
    train(config, tmp_path / "whole")
    assert weights_of(tmp_path / "run" / "model") == weights_of(tmp_path / "whole" / "model")


def test_resume_refuses_finished_runs_and_other_settings(
    stopped: tuple[TrainConfig, Path], tmp_path: Path
) -> None:
    config, out = stopped
    changed = replace(config, seed=4, loss=replace(config.loss, temperature=0.2))
    with pytest.raises(ConfigError, match=r"was started with other settings \(loss\.temperature, seed\)"):
        train(changed, out, resume=True)
    with pytest.raises(ConfigError, match="is not an empty folder; choose another, or --resume"):
        train(config, out)
    finished = tmp_path / "finished"
    shutil.copytree(out, finished)
    train(config, finished, resume=True)
    before = weights_of(finished / "model")
    with pytest.raises(ConfigError, match="is finished; its model is in"):
        train(config, finished, resume=True)
    assert weights_of(finished / "model") == before


def test_resume_refuses_changed_data(settings: Settings, corpus_path: Path, tmp_path: Path) -> None:
    own = tmp_path / "rivers.jsonl"
    shutil.copy(corpus_path, own)
    config = replace(settings(), corpora=(CorpusConfig(str(own)),))
    interrupt(config, tmp_path / "run", 2)
    own.write_bytes(own.read_bytes() + b"\n")
    with pytest.raises(ConfigError, match=r"was started with another version of .*rivers\.jsonl"):
        train(config, tmp_path / "run", resume=True)


def test_resume_needs_a_run(settings: Settings, tmp_path: Path) -> None:
    """A folder of something else is no run to resume; a free one is where a run starts."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not an empty folder"):
        train(settings(), tmp_path, resume=True)
    outcome = train(settings(max_steps=1), tmp_path / "new", resume=True)
    assert outcome.steps == 1


def test_a_run_killed_before_its_settings_were_written_starts(settings: Settings, tmp_path: Path) -> None:
    """The settings' file is made, empty, before anything else: a kill may come right then, or just after."""
    for left in ({"config.toml": ""}, {"config.toml": "", "data.json": "{}"}):
        out = tmp_path / str(len(left))
        out.mkdir()
        for name, text in left.items():
            (out / name).write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match="is not an empty folder"):
            train(settings(), out)
        train(settings(), out, resume=True)
        assert (out / "model").is_dir()
        assert (out / "config.toml").stat().st_size > 0
