"""A low-rank adapter: what is trained, what is saved, and that the merged model is the adapted one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import tomli_w
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer
from test_training_resume import resume_and_compare
from training_runs import Consumed, Settings, weights_of

from isogloss.cli.main import main
from isogloss.config import LoraConfig, LossConfig, ModelConfig, TrainConfig, ValidationConfig, dump_config
from isogloss.errors import ConfigError, ModelError
from isogloss.training.checkpoints import find_checkpoint, find_flaw
from isogloss.training.lora import ADAPTER_FILES, add_adapter, count_parameters, merge_adapter
from isogloss.training.run import TrainingOutcome, train
from isogloss.training.start import load_start
from tiny_models import HIDDEN, SENTENCES

RANK = 4
LORA = LoraConfig(rank=RANK, alpha=6.0, dropout=0.1)
LINEAR = {
    f"encoder.layer.{layer}.{name}"
    for layer in range(2)
    for name in (
        *(f"attention.self.{part}" for part in ("query", "key", "value")),
        "attention.output.dense",
        "intermediate.dense",
        "output.dense",
    )
}
"""The linear layers of the tiny encoders, their pooler apart."""


def adapt(config: TrainConfig, lora: LoraConfig = LORA, **trainer: float) -> TrainConfig:
    return replace(config, lora=lora, trainer={**config.trainer, "learning_rate": 2e-2, **trainer})


@dataclass
class Adapted:
    """Hold a finished run with an adapter."""

    config: TrainConfig
    path: Path
    outcome: TrainingOutcome


@pytest.fixture(scope="module")
def adapted(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Adapted:
    config = adapt(settings(loss=LossConfig(learn_temperature=True)))
    path = tmp_path_factory.mktemp("adapted") / "run"
    return Adapted(config, path, train(config, path))


@pytest.fixture(scope="module")
def adapted_labse(settings: Settings, labse: Path, tmp_path_factory: pytest.TempPathFactory) -> Adapted:
    model = ModelConfig(str(labse), query_length=24, passage_length=32)
    config = adapt(settings(model=model), max_steps=5)
    path = tmp_path_factory.mktemp("labse") / "run"
    return Adapted(config, path, train(config, path))


def read_weights(model: Path) -> dict[str, NDArray[np.float32]]:
    weights: dict[str, NDArray[np.float32]] = load_file(model / "model.safetensors")
    return weights


def encode(model: SentenceTransformer) -> NDArray[np.float32]:
    model.eval()
    sides = [model.encode_query(list(SENTENCES)), model.encode_document(list(SENTENCES))]
    return np.concatenate(sides)


@pytest.mark.parametrize("which", ["adapted", "adapted_labse"])
def test_merged_weights_are_the_starts_plus_the_product_of_the_adapter(
    which: str, request: pytest.FixtureRequest
) -> None:
    """Worked out here from the files alone; no weight changes that has no adapter."""
    run: Adapted = request.getfixturevalue(which)
    start, merged = read_weights(Path(run.config.model.name)), read_weights(run.path / "model")
    adapter = load_file(run.path / "adapter" / "adapter_model.safetensors")
    assert len(adapter) == 2 * len(LINEAR)
    assert {name: entry.shape for name, entry in merged.items()} == {
        name: entry.shape for name, entry in start.items()
    }
    for name, weights in merged.items():
        layer = name.removesuffix(".weight")
        expected = start[name]
        if layer in LINEAR:
            factors = [adapter[f"base_model.model.{layer}.lora_{side}.weight"] for side in "BA"]
            expected = expected + LORA.alpha / RANK * factors[0] @ factors[1]
            assert np.abs(weights - start[name]).max() > 1e-4
            np.testing.assert_allclose(weights, expected, atol=1e-6)
        else:
            np.testing.assert_array_equal(weights, expected)


@pytest.mark.parametrize("which", ["adapted", "adapted_labse"])
def test_the_merged_model_gives_the_vectors_of_start_and_adapter(
    which: str, request: pytest.FixtureRequest
) -> None:
    run: Adapted = request.getfixturevalue(which)
    start = load_start(run.config.model)
    before = encode(start)
    start.load_adapter(str(run.path / "adapter"))
    opened = SentenceTransformer(str(run.path / "model"))
    np.testing.assert_allclose(encode(opened), encode(start), atol=1e-5)
    assert np.abs(encode(opened) - before).max() > 1e-2


def test_the_model_is_an_ordinary_folder_and_the_adapter_is_small(adapted: Adapted) -> None:
    inside = [path.name for path in (adapted.path / "model").rglob("*")]
    assert not [name for name in inside if name.startswith("adapter")]
    files = {path.name: path.stat().st_size for path in (adapted.path / "adapter").iterdir()}
    assert set(ADAPTER_FILES) <= set(files)
    assert not [name for name in files if name.endswith((".bin", ".pt"))]
    assert sum(files.values()) < 40_000
    assert read_weights(adapted.path / "model")["embeddings.word_embeddings.weight"].dtype == np.float32


@pytest.mark.slow
def test_the_model_opens_where_there_is_no_peft(adapted: Adapted) -> None:
    code = (
        "import sys; sys.modules['peft'] = None\n"
        "from sentence_transformers import SentenceTransformer\n"
        f"model = SentenceTransformer({str(adapted.path / 'model')!r})\n"
        f"print(model.encode_query({SENTENCES[0]!r}).tolist())\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200)
    assert shown.returncode == 0, shown.stderr
    expected = SentenceTransformer(str(adapted.path / "model")).encode_query(SENTENCES[0])
    np.testing.assert_allclose(json.loads(shown.stdout), expected, atol=1e-6)


def test_the_trained_numbers_are_counted(adapted: Adapted) -> None:
    """Each layer of n x m numbers has rank * (n + m) in its adapter."""
    square, wide = RANK * 2 * HIDDEN, RANK * (HIDDEN + 64)
    provenance = json.loads((adapted.path / "provenance.json").read_text())
    whole = sum(entry.size for entry in read_weights(adapted.path / "model").values())
    assert provenance["trained_parameters"] == adapted.outcome.trained_parameters == 8 * square + 4 * wide
    assert provenance["parameters"] == adapted.outcome.parameters == whole
    assert provenance["temperature"] != 0.05


def test_a_full_training_counts_all_numbers(settings: Settings) -> None:
    assert len(set(count_parameters(load_start(settings().model)))) == 1


def test_the_best_adapter_is_kept(settings: Settings, tmp_path: Path) -> None:
    """At a rate at which the loss soon rises, the best step is not the last."""
    config = adapt(
        settings(validation=ValidationConfig(share=0.2, batches=3, every=2, patience=2)),
        learning_rate=0.5,
        max_steps=40,
    )
    outcome = train(config, tmp_path / "run")
    assert outcome.best_step == outcome.steps - 4
    best = tmp_path / "run" / "checkpoints" / f"checkpoint-{outcome.best_step}"
    kept = [
        weights_of(folder)["adapter_model.safetensors"] for folder in (best, tmp_path / "run" / "adapter")
    ]
    assert kept[0] == kept[1]


@pytest.mark.slow
def test_a_resumed_run_ends_where_the_uninterrupted_one_ends(
    settings: Settings, consumed: Consumed, tmp_path: Path
) -> None:
    config = adapt(settings(loss=LossConfig(learn_temperature=True)))
    resume_and_compare(config, tmp_path, consumed, stop=10, saved=8)
    adapters = [weights_of(tmp_path / run / "adapter") for run in ("whole", "halves")]
    assert adapters[0] == adapters[1]


def test_a_run_killed_between_adapter_and_model_goes_on(adapted_labse: Adapted, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(adapted_labse.path, run)
    shutil.rmtree(run / "model")
    (run / "adapter" / "adapter_model.safetensors").write_bytes(b"of another time")
    train(adapted_labse.config, run, resume=True)
    assert weights_of(run / "model") == weights_of(adapted_labse.path / "model")
    assert weights_of(run / "adapter") == weights_of(adapted_labse.path / "adapter")


@pytest.mark.parametrize("torn", ADAPTER_FILES)
def test_a_checkpoint_without_its_adapter_is_torn(adapted_labse: Adapted, tmp_path: Path, torn: str) -> None:
    """LaBSE's head is in it and whole, which alone would be no model."""
    folder = tmp_path / "checkpoint-5"
    shutil.copytree(adapted_labse.path / "checkpoints" / "checkpoint-5", folder)
    assert (folder / "2_Dense" / "model.safetensors").is_file()
    assert find_checkpoint(tmp_path, ADAPTER_FILES) == folder
    content = (folder / torn).read_bytes()
    (folder / torn).write_bytes(content[: len(content) // 2])
    assert find_flaw(folder, ADAPTER_FILES) == f"{torn} is torn"
    (folder / torn).unlink()
    assert find_flaw(folder, ADAPTER_FILES) == f"{torn} is missing"


def test_labses_head_is_kept_as_it_is(adapted_labse: Adapted, labse: Path) -> None:
    head = "2_Dense/model.safetensors"
    assert weights_of(adapted_labse.path / "model")[head] == weights_of(labse)[head]


def test_named_targets_alone_get_an_adapter(settings: Settings) -> None:
    model = load_start(settings().model)
    add_adapter(model, LoraConfig(rank=2, targets=("query", "attention.output.dense")))
    trained = {name for name, weights in model.named_parameters() if weights.requires_grad}
    ends = ("attention.self.query", "attention.output.dense")
    assert {name.split(".lora_")[0].removeprefix("0.model.") for name in trained} == {
        name for name in LINEAR if name.endswith(ends)
    }
    merge_adapter(model)
    assert all(weights.requires_grad for weights in model.parameters())


@pytest.mark.parametrize(
    ("lora", "message"),
    [
        (LoraConfig(rank=0), r"'lora\.rank' is at least 1; got 0"),
        (LoraConfig(alpha=0.0), r"'lora\.alpha' is above 0; got 0"),
        (LoraConfig(dropout=1.0), r"'lora\.dropout' is at least 0 and below 1; got 1"),
        (
            LoraConfig(targets=("query", "q_proj")),
            r"'lora\.targets': the encoder has no linear layer 'q_proj'; it has dense, key, query, value",
        ),
        (LoraConfig(targets=("",)), r"'lora\.targets': the encoder has no linear layer ''"),
        (LoraConfig(targets=("pooler.dense",)), r"'lora\.targets': the encoder has no linear layer"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_written(
    settings: Settings, tmp_path: Path, lora: LoraConfig, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        train(replace(settings(), lora=lora), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_without_peft_it_says_how_to_install_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ConfigError, match=r"LoRA needs the package peft: pip install 'isogloss\[lora\]'"):
        train(replace(settings(), lora=LORA), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_adapter_is_no_start(adapted: Adapted, settings: Settings) -> None:
    (checkpoint, *_) = (adapted.path / "checkpoints").iterdir()
    model = replace(settings().model, name=str(checkpoint))
    with pytest.raises(ModelError, match="is an adapter, which stands on another model; name a whole one"):
        load_start(model)


def test_a_run_that_diverges_is_no_result(settings: Settings, tmp_path: Path) -> None:
    config = adapt(
        settings(validation=ValidationConfig(share=0.0), max_grad_norm=0.0), learning_rate=1e38, max_steps=6
    )
    with pytest.raises(ModelError, match=r"training diverged: .*lora_"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run" / "adapter").exists()


def test_weights_that_are_not_finite_are_not_merged(settings: Settings) -> None:
    model = load_start(settings().model)
    add_adapter(model, LORA)
    with torch.no_grad():
        next(weights for name, weights in model.named_parameters() if ".lora_B" in name).fill_(float("inf"))
    with pytest.raises(ModelError, match="the adapter cannot be merged into encoder"):
        merge_adapter(model)


def test_the_command_trains_an_adapter_and_says_how_much_was_trained(
    settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.toml"
    file.write_text(tomli_w.dumps(dump_config(settings(max_steps=4))), encoding="utf-8")
    words = ["train", str(file), "--out", str(tmp_path / "run"), "--set", "lora.rank=2"]
    assert main(words) == 0
    printed = capfd.readouterr()
    assert printed.err == ""
    model = sum(entry.size for entry in read_weights(tmp_path / "run" / "model").values())
    assert f"\ntrained          1,792 of {model:,} parameters\n" in printed.out
    assert main([*words, "--set", 'lora.targets=["q_proj"]', "--resume"]) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
