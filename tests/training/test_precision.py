"""bf16, gradient checkpointing and the rest of [trainer]: what reaches the training, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from sentence_transformers import SentenceTransformer
from training_runs import Consumed, Settings, largest_difference, losses_of
from transformers import modeling_utils
from transformers.modeling_layers import GradientCheckpointingLayer

from isogloss.config import LoraConfig, LossConfig, ModelConfig, TomlValue, TrainConfig, ValidationConfig
from isogloss.errors import ConfigError
from isogloss.training.arguments import REFUSED, build_arguments
from isogloss.training.loss import ContrastiveLoss
from isogloss.training.run import train
from isogloss.training.sharding import check_sharding, prepare_sharding
from isogloss.training.start import load_start

NO_VALIDATION = ValidationConfig(share=0.0)


def short(settings: Settings, model: Path | None = None, **trainer: TomlValue) -> TrainConfig:
    """Make settings of a run of four steps that writes no checkpoint."""
    own = replace(settings.base.model, name=str(model)) if model else None
    return settings(model=own, validation=NO_VALIDATION, max_steps=4, save_strategy="no", **trainer)


def dtypes_of(model: Path) -> set[str]:
    with safe_open(str(model / "model.safetensors"), framework="numpy") as file:
        return {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118 - no mapping


def test_bf16_computes_in_16_bits_and_keeps_weights_of_32(
    settings: Settings, still: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[torch.dtype] = set()
    layer = GradientCheckpointingLayer.__call__

    def spy(self: GradientCheckpointingLayer, *arguments: object, **options: object) -> object:
        hidden = layer(self, *arguments, **options)
        seen.add(torch.nn.functional.linear(torch.ones(1, 1), torch.ones(1, 1)).dtype)
        return hidden

    monkeypatch.setattr(GradientCheckpointingLayer, "__call__", spy)
    for name in ("bf16", "whole"):
        seen.clear()
        train(short(settings, still, bf16=name == "bf16"), tmp_path / name)
        assert seen == {torch.bfloat16 if name == "bf16" else torch.float32}
    losses = [losses_of(tmp_path / name) for name in ("bf16", "whole")]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], abs=0.05)
    assert dtypes_of(tmp_path / "bf16" / "model") == {"F32"}


@pytest.mark.parametrize("name", ["infonce", "eq1"])
def test_scores_are_taken_in_32_bits_under_autocast(xlmr: Path, name: str) -> None:
    loss = ContrastiveLoss(load_start(ModelConfig(str(xlmr))), LossConfig(name=name))
    generator = torch.Generator().manual_seed(0)
    embeddings = [torch.randn(16, 8, generator=generator, requires_grad=True) for _ in range(3)]
    expected = loss.compute_loss_from_embeddings(embeddings)
    slopes = torch.autograd.grad(expected, embeddings)
    with torch.autocast("cpu", torch.bfloat16):
        assert (embeddings[0] @ embeddings[1].T).dtype is torch.bfloat16
        under = loss.compute_loss_from_embeddings(embeddings)
    assert under.dtype is torch.float32
    assert torch.equal(under, expected)
    for own, other in zip(torch.autograd.grad(under, embeddings), slopes, strict=True):
        assert torch.equal(own, other)


def test_fp16_is_refused_on_a_cpu(settings: Settings, tmp_path: Path) -> None:
    """The stock trainer takes it, and trains in 32 bits without a word."""
    with pytest.raises(ConfigError, match=r"'trainer\.fp16' needs a GPU; on the CPU take 'trainer\.bf16'"):
        train(short(settings, fp16=True), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_start_stored_in_16_bits_is_trained_in_32(labse: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    SentenceTransformer(str(labse), device="cpu").to(dtype).save_pretrained(str(tmp_path / "half"))
    assert {weights.dtype for weights in SentenceTransformer(str(tmp_path / "half")).parameters()} == {dtype}
    model = load_start(ModelConfig(str(tmp_path / "half")))
    assert {weights.dtype for weights in model.parameters()} == {torch.float32}


@pytest.fixture
def computed_again(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the layers whose forward pass is done again for their gradients."""
    counts: list[int] = []
    checkpoint: Callable[..., object] = modeling_utils.checkpoint

    def spy(*arguments: object, **options: object) -> object:
        counts.append(1)
        return checkpoint(*arguments, **options)

    monkeypatch.setattr(modeling_utils, "checkpoint", spy)
    return counts


@pytest.mark.parametrize("lora", [None, LoraConfig(rank=2, dropout=0.1)], ids=["all weights", "adapter"])
def test_gradient_checkpointing_gives_the_same_gradients(
    settings: Settings, tmp_path: Path, computed_again: list[int], lora: LoraConfig | None
) -> None:
    """With dropout, which must be the same when a layer is computed again."""
    for name in ("with", "without"):
        config = replace(short(settings, gradient_checkpointing=name == "with"), lora=lora)
        train(config, tmp_path / name)
        # Two layers for two columns, four times.
        assert len(computed_again) == 16
    norms = [read_norms(tmp_path / name) for name in ("with", "without")]
    assert norms[0] == pytest.approx(norms[1], rel=1e-5)
    assert min(norms[0]) > 0
    assert largest_difference(tmp_path / "with" / "model", tmp_path / "without" / "model") < 1e-5


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"nonsense": 1}, r"_kwargs' are arguments of torch\.utils\.checkpoint\.checkpoint.*: .*nonsense"),
        ({"use_reentrant": False, "nonsense": 1}, "unexpected keyword argument 'nonsense'"),
        ({"use_reentrant": False, "determinism_check": "strict"}, "determinism_check should be one of"),
        ({"use_reentrant": False, "context_fn": "none"}, "not callable"),
        ({"every_n_layers": 0}, r"\.every_n_layers' is a whole number from 1; got 0"),
        ("all", "should be a table; got 'all'"),
    ],
)
@pytest.mark.parametrize("name", ["gradient_checkpointing_kwargs", "activation_checkpointing_kwargs"])
def test_what_torch_cannot_compute_again_is_refused_before_anything_is_written(
    settings: Settings, tmp_path: Path, name: str, table: TomlValue, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        train(short(settings, gradient_checkpointing=True, **{name: table}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_gradient_checkpointing_takes_its_settings(
    settings: Settings, tmp_path: Path, computed_again: list[int]
) -> None:
    table: dict[str, TomlValue] = {"use_reentrant": False, "every_n_layers": 2}
    train(short(settings, gradient_checkpointing=True, gradient_checkpointing_kwargs=table), tmp_path / "run")
    # One of two layers for two columns, four times.
    assert len(computed_again) == 8


def read_norms(run: Path) -> list[float]:
    entries = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [entry["grad_norm"] for entry in entries if "grad_norm" in entry]


def test_tables_in_the_trainer_table_arrive_as_they_are(settings: Settings, tmp_path: Path) -> None:
    table: dict[str, TomlValue] = {
        "fsdp_config": {"transformer_layer_cls_to_wrap": ["XLMRobertaLayer"], "fsdp_offload": True},
        "activation_checkpointing_kwargs": {"use_reentrant": False, "every_n_layers": 2},
        "lr_scheduler_type": "cosine_with_restarts",
        "lr_scheduler_kwargs": {"num_cycles": 2},
        "optim": "adafactor",
        "optim_args": "scale_parameter=False",
        "learning_rate_mapping": {"pooler": 1e-5},
        "torch_compile": False,
        "torch_compile_mode": "reduce-overhead",
        "ddp_find_unused_parameters": True,
    }
    config = settings(**table)
    written = json.dumps(config.trainer)
    arguments = build_arguments(config, tmp_path, validate=False)
    expected = {**table, "torch_compile": True}  # which the mode turns on
    assert {name: getattr(arguments, name) for name in table} == expected
    configured = build_arguments(
        settings(accelerator_config={"non_blocking": True, "even_batches": False}), tmp_path, validate=False
    ).accelerator_config
    assert (configured.non_blocking, configured.even_batches) == (True, False)
    assert json.dumps(config.trainer) == written


@pytest.mark.parametrize("name", ["split_batches", "dispatch_batches"])
@pytest.mark.parametrize("as_file", [False, True])
def test_accelerates_own_ways_of_dealing_batches_are_refused(
    settings: Settings, tmp_path: Path, name: str, as_file: bool
) -> None:
    file = tmp_path / "accelerator.json"
    file.write_text(json.dumps({name: True}))
    table: dict[str, TomlValue] = {"accelerator_config": str(file) if as_file else {name: True}}
    with pytest.raises(ConfigError, match=rf"'trainer\.accelerator_config\.{name}' .* the planned ones"):
        train(settings(**table), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("key", sorted(REFUSED))
def test_what_cannot_work_is_refused_with_the_reason(settings: Settings, tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError, match=rf"'trainer\.{key}' .*; take it out"):
        build_arguments(settings(**{key: 1.0}), tmp_path, validate=False)


def test_the_package_of_an_optimizer_is_asked_for_in_one_line(
    settings: Settings, consumed: Consumed, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"\[trainer\]: .*`pip install -U bitsandbytes`") as caught:
        train(short(settings, optim="adamw_bnb_8bit"), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert consumed.trained == []


@dataclass
class Asked:
    """Stand for the arguments of a trainer on GPUs, which are not here."""

    fsdp_config: dict[str, TomlValue]
    world_size: int = 2
    fsdp: bool = True
    device: torch.device = torch.device("cuda")  # noqa: RUF009 - cannot change


@pytest.mark.parametrize(
    ("asked", "loss", "message"),
    [
        (Asked({}, world_size=1), LossConfig(), "shares a model among processes; start several"),
        (Asked({}, device=torch.device("cpu")), LossConfig(), "needs GPUs: on CPUs accelerate trains whole"),
        (Asked({"version": 1}), LossConfig(), "isogloss trains with FSDP2 alone"),
        (Asked({"xla": True}), LossConfig(), "isogloss trains with FSDP2 alone"),
        (Asked({"state_dict_type": "SHARDED_STATE_DICT"}), LossConfig(), "checkpoints hold whole models"),
        (Asked({}), LossConfig(learn_temperature=True), r"'loss\.learn_temperature' does not go with"),
    ],
)
def test_shards_are_refused_where_they_cannot_be(asked: Asked, loss: LossConfig, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_sharding(asked, loss)  # type: ignore[arg-type]
    check_sharding(Asked({"version": 2, "reshard_after_forward": True}), LossConfig())  # type: ignore[arg-type]


def test_layers_that_the_encoder_has_not_are_named(xlmr: Path) -> None:
    model = load_start(ModelConfig(str(xlmr)))
    asked = Asked({"transformer_layer_cls_to_wrap": ["XLMRobertaLayer", "BertLayer"]})
    with pytest.raises(ConfigError, match=r"has no 'BertLayer'; its layers are .*XLMRobertaLayer"):
        prepare_sharding(model, asked)  # type: ignore[arg-type]


def test_shards_need_several_processes(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="start several with --processes"):
        train(short(settings, fsdp=True), tmp_path / "run")
    assert not (tmp_path / "run").exists()
