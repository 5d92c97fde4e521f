"""TensorBoard and wandb, by the trainer's own integration: what they record, and where they are missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import tomli_w
from sentence_transformers import SentenceTransformerTrainingArguments
from training_runs import Settings, losses_of
from transformers.integrations import integration_utils

from isogloss.cli.main import main
from isogloss.config import BatchesConfig, TrainConfig, ValidationConfig, dump_config
from isogloss.errors import ConfigError
from isogloss.training.arguments import build_arguments
from isogloss.training.rows import sample_planned_batches
from isogloss.training.run import train

MIXED = BatchesConfig(strategy="hybrid", alpha=0.25, size=8)


def write_config(config: TrainConfig, folder: Path) -> Path:
    file = folder / "run.toml"
    file.write_text(tomli_w.dumps(dump_config(config)), encoding="utf-8")
    return file


def test_tensorboard_gets_losses_and_settings(
    settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = write_config(settings(batches=MIXED, max_steps=4), tmp_path)
    words = ["train", str(file), "--out", str(tmp_path / "run"), "--set", "trainer.report_to=tensorboard"]
    assert main([*words, "--json"]) == 0
    printed = capfd.readouterr()
    assert printed.err == ""
    assert json.loads(printed.out)["steps"] == 4

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the reader, about its own dependencies
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        (events,) = (tmp_path / "run").rglob("events.out.tfevents.*")
        reader = EventAccumulator(str(events))
        reader.Reload()
        shown = {event.step: event.value for event in reader.Scalars("train/loss")}
        (text,) = reader.Tensors("args/text_summary")
    assert shown == pytest.approx(losses_of(tmp_path / "run"), rel=1e-6)
    recorded = json.loads(text.tensor_proto.string_val[0])
    own = recorded["isogloss"]
    assert (own["batches"]["strategy"], own["batches"]["alpha"], own["seed"]) == ("hybrid", 0.25, 3)
    assert own["model"]["name"] == settings.base.model.name
    assert recorded["learning_rate"] == 1e-3


def test_the_stock_arguments_leave_a_sampler_out_and_ours_name_what_it_does(
    settings: Settings, tmp_path: Path
) -> None:
    stock = SentenceTransformerTrainingArguments(
        output_dir=str(tmp_path), batch_sampler=sample_planned_batches, use_cpu=True
    ).to_dict()
    ours = build_arguments(settings(batches=MIXED), tmp_path, validate=False).to_dict()
    assert "batch_sampler" not in stock
    assert not [value for value in stock.values() if value == MIXED.alpha]
    assert ours["isogloss"]["batches"]["alpha"] == MIXED.alpha
    json.dumps(ours)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tensorboard", r"'trainer\.report_to' = 'tensorboard' needs a package: pip install tensorboard"),
        ("wandb", r"'trainer\.report_to' = 'wandb' needs a package: pip install wandb"),
        ("trackio", r"'trainer\.report_to' = 'trackio' needs a package: .*pip install trackio"),
        ("paper", r"'trainer\.report_to': paper is not supported, only .*tensorboard.*wandb"),
    ],
)
@pytest.mark.parametrize("as_list", [False, True])
def test_a_logger_that_is_missing_is_asked_for_before_anything_is_written(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    message: str,
    as_list: bool,
) -> None:
    monkeypatch.setattr(integration_utils, f"is_{name}_available", lambda: False, raising=False)
    with pytest.raises(ConfigError, match=message) as caught:
        train(settings(report_to=[name] if as_list else name), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.skipif(find_spec("wandb") is None, reason="wandb is not installed; it is no part of the tests")
def test_wandb_records_offline(settings: Settings, tmp_path: Path) -> None:
    config = replace(
        settings(batches=MIXED, max_steps=4, report_to="wandb", validation=ValidationConfig(share=0.0))
    )
    file = write_config(config, tmp_path)
    code = (
        "import sys\n"
        "import wandb\n"
        "from isogloss.cli.main import main\n"
        "finish = wandb.finish\n"
        "def tell():\n"
        "    sys.stderr.write('recorded ' + repr(dict(wandb.run.config)['isogloss']) + '\\n')\n"
        "    finish()\n"
        "wandb.finish = tell\n"
        f"sys.exit(main(['train', {str(file)!r}, '--out', {str(tmp_path / 'run')!r}, '--json']))\n"
    )
    places = {"WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, **places},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == 4
    assert "'strategy': 'hybrid', 'alpha': 0.25" in done.stderr
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))
