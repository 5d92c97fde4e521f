"""A model in shards (FSDP2, two processes) is trained, saved, resumed and adapted as a whole one is."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from process_runs import Job, Killing, read_batches, run_together, run_training
from sentence_transformers import SentenceTransformer
from sharded_runs import train_in_shards
from training_runs import Settings, largest_difference, losses_of, weights_of

from isogloss.config import LoraConfig, TomlValue, TrainConfig
from isogloss.training.checkpoints import find_flaw
from tiny_models import SENTENCES

Make = Callable[..., TrainConfig]
LAYERS: dict[str, TomlValue] = {"transformer_layer_cls_to_wrap": ["XLMRobertaLayer"]}

pytestmark = pytest.mark.slow


@pytest.fixture
def make(settings: Settings, still: Path) -> Make:
    """Make settings of runs whose encoder has no dropout, in shards or not."""

    def make(*, layers: dict[str, TomlValue] | None = None, **trainer: TomlValue) -> TrainConfig:
        sharded: dict[str, TomlValue] = {} if layers is None else {"fsdp": True, "fsdp_config": layers}
        model = replace(settings.base.model, name=str(still))
        return settings(model=model, **{"learning_rate": 3e-5, **sharded, **trainer})

    return make


def run_in_shards(job: Job) -> list[int]:
    job.records.mkdir(parents=True)
    return run_together(train_in_shards, 2, job)


@pytest.mark.parametrize("layers", [LAYERS, {}], ids=["layer by layer", "as one unit"])
def test_shards_train_what_copies_train(make: Make, tmp_path: Path, layers: dict[str, TomlValue]) -> None:
    copies = Job(make(save_total_limit=3), tmp_path / "copies", tmp_path / "first")
    shards = Job(make(layers=layers, save_total_limit=3), tmp_path / "shards", tmp_path / "second")
    assert run_training(copies, 2) == [0, 0]
    assert run_in_shards(shards) == [0, 0]
    assert read_batches(shards, 2) == read_batches(copies, 2)
    assert losses_of(shards.out) == pytest.approx(losses_of(copies.out), abs=1e-5)
    assert largest_difference(shards.out / "model", copies.out / "model") < 1e-5
    described = json.loads((shards.out / "provenance.json").read_text())
    pooler = 32 * 32 + 32
    assert described["trained_parameters"] == described["parameters"] - pooler
    saved = sorted((shards.out / "checkpoints").iterdir())
    assert len(saved) == 3
    for folder in saved:
        assert find_flaw(folder) is None
        assert (folder / "pytorch_model_fsdp.bin").is_file()
    opened = [SentenceTransformer(str(folder)) for folder in (shards.out / "model", saved[0])]
    for model in opened:
        vectors = model.encode_query(list(SENTENCES))
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_a_killed_run_in_shards_goes_on_bit_by_bit(make: Make, tmp_path: Path) -> None:
    whole = Job(make(layers=LAYERS), tmp_path / "whole", tmp_path / "rows")
    assert run_in_shards(whole) == [0, 0]
    killed = Job(whole.config, tmp_path / "run", tmp_path / "first", killing=Killing("step", 11, 0.0))
    assert -signal.SIGKILL in run_in_shards(killed)
    assert not (killed.out / "model").exists()
    resumed = Job(whole.config, killed.out, tmp_path / "second", resume=True)
    assert run_in_shards(resumed) == [0, 0]
    assert read_batches(resumed, 2) == read_batches(whole, 2)[8:]
    assert weights_of(resumed.out / "model") == weights_of(whole.out / "model")


def test_the_best_adapter_in_shards_is_kept_and_merged(make: Make, tmp_path: Path) -> None:
    """At a rate at which the best step is not the last one."""
    lora = LoraConfig(rank=4)
    alone = Job(replace(make(learning_rate=1e-2), lora=lora), tmp_path / "alone", tmp_path / "first")
    config = replace(make(layers=LAYERS, learning_rate=1e-2), lora=lora)
    shards = Job(config, tmp_path / "shards", tmp_path / "second")
    assert run_training(alone) == [0]
    assert run_in_shards(shards) == [0, 0]
    described = [json.loads((job.out / "provenance.json").read_text()) for job in (alone, shards)]
    assert described[0]["best_step"] == described[1]["best_step"] < 12
    assert described[0]["trained_parameters"] == described[1]["trained_parameters"]
    assert largest_difference(shards.out / "model", alone.out / "model") < 1e-3
    best = shards.out / "checkpoints" / f"checkpoint-{described[1]['best_step']}"
    assert weights_of(shards.out / "adapter") == weights_of(best)


def test_shards_compute_in_16_bits_and_are_saved_in_32(make: Make, tmp_path: Path) -> None:
    jobs = [
        Job(make(layers=LAYERS, bf16=bf16, max_steps=4), tmp_path / f"run{bf16}", tmp_path / f"rows{bf16}")
        for bf16 in (False, True)
    ]
    assert [run_in_shards(job) for job in jobs] == [[0, 0], [0, 0]]
    losses = [losses_of(job.out) for job in jobs]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], abs=0.05)
    assert largest_difference(jobs[0].out / "model", jobs[1].out / "model") < 1e-3
