"""The stock trainer's arguments: what ``[trainer]`` sets, and what isogloss decides."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformerTrainingArguments

from isogloss.batching import BatchPlan
from isogloss.config import TomlValue, TrainConfig
from isogloss.errors import ConfigError
from isogloss.training.processes import ProcessPlace, check_shares, find_place
from isogloss.training.retrieval import LOSS, METRICS
from isogloss.training.rows import NEGATIVE_COLUMN, PASSAGE_COLUMN, QUERY_COLUMN, sample_planned_batches

PAPER_SETTINGS = {"learning_rate": 3e-5, "weight_decay": 1e-2}
"""AdamW's settings in arXiv 2408.10536, section 4; the schedule, not stated there, stays the trainer's."""

DECIDED: Mapping[str, str] = {
    "output_dir": "--out",
    "seed": "'seed'",
    "data_seed": "'seed'",
    "per_device_train_batch_size": "'batches.size'",
    "per_device_eval_batch_size": "'batches.size'",
    "auto_find_batch_size": "'batches.size'",
    "batch_sampler": "the table 'batches'",
    "multi_dataset_batch_sampler": "the table 'batches'",
    "dataloader_drop_last": "the batch plan",
    "ignore_data_skip": "the batch plan",
    "prompts": "'model.query_prefix' and 'model.passage_prefix'",
    "router_mapping": "isogloss",
    "remove_unused_columns": "isogloss",
    "resume_from_checkpoint": "--resume",
    "restore_callback_states_from_checkpoint": "--resume",
    "eval_strategy": "'validation.every'",
    "eval_steps": "'validation.every'",
    "load_best_model_at_end": "'validation.share': with validation, the best model is kept",
    "metric_for_best_model": "'validation.metric'",
    "greater_is_better": "'validation.metric'",
}
"""Settings of the trainer that ``[trainer]`` may not name, and what decides each."""

_LEAST = {"learning_rate": 0.0, "weight_decay": 0.0, "max_steps": 1, "gradient_accumulation_steps": 1}
"""Settings of the trainer that make no sense below a number; the trainer itself takes some of them."""

_PLAIN_TYPES: Mapping[object, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
}


def build_arguments(
    config: TrainConfig, checkpoints: Path, *, validate: bool
) -> SentenceTransformerTrainingArguments:
    """Build the trainer's arguments from ``[trainer]`` and what isogloss decides.

    Args:
        config: The run's settings.
        checkpoints: Where checkpoints go.
        validate: Whether there are validation batches.

    Returns:
        The arguments.

    Raises:
        ConfigError: ``[trainer]`` names a setting that isogloss decides or that does not exist, a value does
            not fit, the processes cannot share the batches, or one process would train on several devices.
    """
    _check_trainer_table(config.trainer, validate=validate)
    place = find_place()
    check_shares(config.batches.size, place.processes)
    _check_devices(place, use_cpu=config.trainer.get("use_cpu") is True)
    settings: dict[str, Any] = {
        "logging_steps": 10,
        "save_total_limit": 2,
        "save_steps": config.validation.every,
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": torch.cuda.is_available(),
        **PAPER_SETTINGS,
        **config.trainer,
        "output_dir": str(checkpoints),
        "seed": config.seed,
        "per_device_train_batch_size": config.batches.size,
        "per_device_eval_batch_size": config.batches.size,
        "batch_sampler": sample_planned_batches,
        "remove_unused_columns": False,
        # Early stopping counts on after a resumed run as if it had not been interrupted.
        "restore_callback_states_from_checkpoint": True,
        "prompts": {
            QUERY_COLUMN: config.model.query_prefix,
            PASSAGE_COLUMN: config.model.passage_prefix,
            NEGATIVE_COLUMN: config.model.passage_prefix,
        },
        "router_mapping": {QUERY_COLUMN: "query", PASSAGE_COLUMN: "document", NEGATIVE_COLUMN: "document"},
    }
    if place.processes > 1:
        # sentence-transformers would set it with a warning; planned batches have no incomplete last one.
        settings["dataloader_drop_last"] = True
        if not torch.accelerator.is_available():
            settings["use_cpu"] = True  # without it, accelerate would train unconnected copies
    if validate:
        settings |= {
            "eval_strategy": "steps",
            "eval_steps": config.validation.every,
            "load_best_model_at_end": True,
            **_name_metric(config.validation.metric),
        }
    try:
        arguments = SentenceTransformerTrainingArguments(**settings)
    except (TypeError, ValueError, ImportError) as error:
        raise ConfigError(f"[trainer]: {str(error).strip().splitlines()[0]}") from error
    if arguments.world_size != place.processes:
        raise ConfigError(
            f"{place.processes} processes were started, but here they do not find each other; set "
            "'trainer.use_cpu' to true, or 'trainer.ddp_backend' to what the devices need"
        )
    if arguments.n_gpu > 1:
        raise ConfigError(
            f"one process trains on one device; here are {arguments.n_gpu}. Give each a process with "
            f"--processes {arguments.n_gpu}, or show one alone with CUDA_VISIBLE_DEVICES=0"
        )
    return arguments


def _name_metric(name: str) -> dict[str, object]:
    """Name the metric that decides as the trainer does, and say which of its values are better."""
    if name == LOSS:
        return {"metric_for_best_model": "eval_loss", "greater_is_better": False}
    metric = METRICS[name]
    return {"metric_for_best_model": f"eval_{metric.key}", "greater_is_better": metric.rises}


def count_epochs(arguments: SentenceTransformerTrainingArguments, plan: BatchPlan) -> int:
    """Count the epochs that the trainer may ask the plan for.

    Args:
        arguments: The trainer's arguments.
        plan: The plan.

    Returns:
        At least 1.
    """
    if arguments.max_steps > 0:
        batches = arguments.max_steps * arguments.gradient_accumulation_steps
        return -(-batches // plan.steps_per_epoch)
    return max(1, -int(-arguments.num_train_epochs // 1))


def _check_devices(place: ProcessPlace, *, use_cpu: bool) -> None:
    """Check that each process finds a GPU of its own, where there are any."""
    devices = 0 if use_cpu else torch.cuda.device_count()
    if place.processes > 1 and 0 < devices < place.on_machine:
        raise ConfigError(
            f"{place.on_machine} processes need as many GPUs; here are {devices}. Take fewer processes, or "
            "set 'trainer.use_cpu' to true"
        )


def _check_trainer_table(trainer: Mapping[str, TomlValue], *, validate: bool) -> None:
    known = {
        field.name: field.type
        for field in dataclasses.fields(SentenceTransformerTrainingArguments)
        if field.init
    }
    for key, least in _LEAST.items():
        value = trainer.get(key)
        unset = key == "max_steps" and value == -1  # the trainer's way to say that epochs decide
        if isinstance(value, int | float) and value < least and not unset:
            raise ConfigError(f"'trainer.{key}' is at least {least}; got {value}")
    for key, value in trainer.items():
        if key in DECIDED:
            raise ConfigError(f"'trainer.{key}' is decided by {DECIDED[key]}; take it out")
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean 'trainer.{near[0]}'?" if near else "[trainer] takes training arguments"
            raise ConfigError(f"unknown setting 'trainer.{key}' ({hint})")
        fitting, wording = _PLAIN_TYPES.get(known[key], ((object, bool), ""))
        # A TOML true is no number, though Python counts it as one.
        if not isinstance(value, fitting) or (isinstance(value, bool) and bool not in fitting):
            raise ConfigError(f"'trainer.{key}' should be {wording}; got {value!r}")
    strategy = trainer.get("save_strategy", "steps")
    if validate and strategy not in ("steps", "best"):
        raise ConfigError(
            f"'trainer.save_strategy' = {strategy!r} keeps no checkpoint of the best model; take it out, or "
            "set 'validation.share' to 0"
        )
