"""The stock trainer's arguments: what ``[trainer]`` sets, and what isogloss decides."""

from __future__ import annotations

import copy
import dataclasses
import difflib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import DynamoBackend
from sentence_transformers import SentenceTransformerTrainingArguments
from torch.utils.checkpoint import checkpoint
from transformers import SchedulerType, get_scheduler
from transformers.integrations.integration_utils import get_reporting_integration_callbacks

from isogloss.batching import BatchPlan
from isogloss.config import TomlValue, TrainConfig, dump_config
from isogloss.errors import ConfigError, first_line
from isogloss.training.processes import ProcessPlace, check_shares, find_place
from isogloss.training.retrieval import LOSS, METRICS
from isogloss.training.rows import NEGATIVE_COLUMN, PASSAGE_COLUMN, QUERY_COLUMN, sample_planned_batches
from isogloss.training.sharding import check_sharding

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
    "label_names": "isogloss",
    "resume_from_checkpoint": "--resume",
    "restore_callback_states_from_checkpoint": "--resume",
    "eval_strategy": "'validation.every'",
    "eval_steps": "'validation.every'",
    "load_best_model_at_end": "'validation.share': with validation, the best model is kept",
    "metric_for_best_model": "'validation.metric'",
    "greater_is_better": "'validation.metric'",
}
"""Settings of the trainer that ``[trainer]`` may not name, and what decides each."""

REFUSED: Mapping[str, str] = {
    "hub_token": "would stand readable in files and logs; set HF_TOKEN in the environment",
    "neftune_noise_alpha": "reaches no model of sentence-transformers",
    "parallelism_config": "cuts batches and models in ways that planned batches do not know",
}
"""Settings of the trainer that cannot work here, and why."""

_LEAST = {
    "learning_rate": 0.0,
    "weight_decay": 0.0,
    "max_steps": 1,
    "gradient_accumulation_steps": 1,
    "eval_accumulation_steps": 1,
    "dataloader_num_workers": 0,
    "dataloader_prefetch_factor": 1,
}
"""Settings of the trainer that make no sense below a number; the trainer itself takes some of them."""

_OF_LAYERS = ("every_n_layers", "offload")
"""Settings of gradient checkpointing that transformers reads itself; torch gets the others."""

_COMPILE_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")

_PLAIN_TYPES: Mapping[object, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
}


@dataclass
class PlannedArguments(SentenceTransformerTrainingArguments):
    """Carry a run's settings besides the trainer's, for whatever ``report_to`` records them.

    The stock arguments name neither strategy nor alpha: where they are written, a sampler of one's own is
    left out.
    """

    isogloss: dict[str, TomlValue] = field(default_factory=dict)
    """The run's settings, as in its configuration file."""


def build_arguments(config: TrainConfig, checkpoints: Path, *, validate: bool) -> PlannedArguments:
    """Build the trainer's arguments from ``[trainer]`` and what isogloss decides.

    Args:
        config: The run's settings.
        checkpoints: Where checkpoints go.
        validate: Whether there are validation batches.

    Returns:
        The arguments.

    Raises:
        ConfigError: ``[trainer]`` names a setting that isogloss decides or that does not exist, a value does
            not fit or cannot be had here, the processes cannot share the batches, or one process would train
            on several devices.
    """
    _check_trainer_table(config.trainer, validate=validate)
    _check_compilation(config.trainer)
    place = find_place()
    check_shares(config.batches.size, place.processes)
    _check_devices(place, use_cpu=config.trainer.get("use_cpu") is True)
    settings: dict[str, Any] = {
        **_suggest_settings(config),
        # The arguments write into tables of theirs, such as fsdp_config.
        **copy.deepcopy(dict(config.trainer)),
        **_decide_settings(config, checkpoints),
    }
    if not torch.accelerator.is_available():
        # Without it, accelerate would train unconnected copies, and refuse bf16.
        settings["use_cpu"] = True
    if place.processes > 1:
        # sentence-transformers would set it with a warning; planned batches have no incomplete last one.
        settings["dataloader_drop_last"] = True
    if validate:
        settings |= {
            "eval_strategy": "steps",
            "eval_steps": config.validation.every,
            "load_best_model_at_end": True,
            **_name_metric(config.validation.metric),
        }
    try:
        arguments = PlannedArguments(**settings)
    except (TypeError, ValueError, ImportError, OSError) as error:
        raise ConfigError(f"[trainer]: {first_line(error)}") from error
    _check_processes(arguments, place)
    for check in (_check_precision, _check_recomputing, _check_dealing, _check_schedule, _check_loggers):
        check(arguments)
    check_sharding(arguments, config.loss)
    return arguments


def _suggest_settings(config: TrainConfig) -> dict[str, Any]:
    """Give the settings that ``[trainer]`` may change."""
    return {
        "logging_steps": 10,
        "save_total_limit": 2,
        "save_steps": config.validation.every,
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": torch.cuda.is_available(),
        **PAPER_SETTINGS,
    }


def _decide_settings(config: TrainConfig, checkpoints: Path) -> dict[str, Any]:
    """Give the settings that ``[trainer]`` may not change."""
    return {
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
        "isogloss": dump_config(config),
    }


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


def _check_processes(arguments: PlannedArguments, place: ProcessPlace) -> None:
    """Check that the processes have found each other, and that each has one device."""
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


def _check_precision(arguments: PlannedArguments) -> None:
    """Check for fp16 on a CPU, which trains in 32 bits there without a word."""
    if arguments.fp16 and arguments.device.type == "cpu":
        raise ConfigError("'trainer.fp16' needs a GPU; on the CPU take 'trainer.bf16', or neither")


def _check_recomputing(arguments: PlannedArguments) -> None:
    """Check that layers can be computed again as asked; torch would say so at the first step."""
    settings: object = arguments.gradient_checkpointing_kwargs or {}
    if not isinstance(settings, dict):
        raise ConfigError(f"'trainer.gradient_checkpointing_kwargs' should be a table; got {settings!r}")
    every = settings.get("every_n_layers", 1)
    if not isinstance(every, int) or every < 1:
        raise ConfigError(
            f"'trainer.gradient_checkpointing_kwargs.every_n_layers' is a whole number from 1; got {every!r}"
        )
    of_torch = {name: value for name, value in settings.items() if name not in _OF_LAYERS}
    try:
        with warnings.catch_warnings(action="ignore"):
            checkpoint(torch.sin, torch.zeros(1, requires_grad=True), **of_torch)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            "'trainer.gradient_checkpointing_kwargs' are arguments of torch.utils.checkpoint.checkpoint, "
            f"such as use_reentrant: {first_line(error)}"
        ) from error


def _check_dealing(arguments: PlannedArguments) -> None:
    """Check that accelerate is not told to deal batches in ways of its own, and that they can be loaded."""
    if arguments.dataloader_persistent_workers and not arguments.dataloader_num_workers:
        raise ConfigError(
            "'trainer.dataloader_persistent_workers' needs 'trainer.dataloader_num_workers' above 0"
        )
    for name, harm in (
        ("split_batches", "skips every batch that is not full"),
        ("dispatch_batches", "cuts the shares of the processes again"),
    ):
        if getattr(arguments.accelerator_config, name):
            raise ConfigError(
                f"'trainer.accelerator_config.{name}' {harm}, so that batches would not be the planned ones; "
                "take it out"
            )


def _check_schedule(arguments: PlannedArguments) -> None:
    """Check that the schedule takes its settings: the trainer makes it when the run has been opened."""
    steps = max(arguments.max_steps, 1)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=arguments.learning_rate)
    try:
        get_scheduler(
            arguments.lr_scheduler_type,
            optimizer,
            num_warmup_steps=arguments.get_warmup_steps(steps),
            num_training_steps=steps,
            scheduler_specific_kwargs=arguments.lr_scheduler_kwargs,  # type: ignore[arg-type] # read by now
        )
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ConfigError(
            f"'trainer.lr_scheduler_kwargs' do not suit the schedule "
            f"'{SchedulerType(arguments.lr_scheduler_type).value}': {first_line(error)}"
        ) from error


def _check_compilation(trainer: Mapping[str, TomlValue]) -> None:
    """Check that torch has what is to compile the model; the arguments would set it for the whole process."""
    backend, mode = trainer.get("torch_compile_backend"), trainer.get("torch_compile_mode")
    if backend is not None:
        known = {entry.value.lower() for entry in DynamoBackend}
        usable = [name for name in torch.compiler.list_backends(exclude_tags=()) if name in known]
        if str(backend).lower() not in usable:
            raise ConfigError(
                f"'trainer.torch_compile_backend' is one of {', '.join(usable)} here; got {backend!r}"
            )
    if mode is not None and mode not in _COMPILE_MODES:
        raise ConfigError(f"'trainer.torch_compile_mode' is one of {', '.join(_COMPILE_MODES)}; got {mode!r}")


def _check_loggers(arguments: PlannedArguments) -> None:
    """Check that what is to record the run exists and is installed, before anything is written."""
    for name in arguments.report_to or ():
        try:
            (callback,) = get_reporting_integration_callbacks([name])  # type: ignore[no-untyped-call]
            callback()
        except ValueError as error:
            raise ConfigError(f"'trainer.report_to': {error}") from error
        except (RuntimeError, ImportError) as error:
            hint = f"pip install {name}" if name in ("tensorboard", "wandb") else str(error)
            raise ConfigError(f"'trainer.report_to' = {name!r} needs a package: {hint}") from error


def _check_trainer_table(trainer: Mapping[str, TomlValue], *, validate: bool) -> None:
    known = {
        entry.name: entry for entry in dataclasses.fields(SentenceTransformerTrainingArguments) if entry.init
    }
    for key, least in _LEAST.items():
        value = trainer.get(key)
        unset = key == "max_steps" and value == -1  # the trainer's way to say that epochs decide
        if isinstance(value, int | float) and value < least and not unset:
            raise ConfigError(f"'trainer.{key}' is at least {least}; got {value}")
    epochs = trainer.get("num_train_epochs", 1)
    if isinstance(epochs, int | float) and not epochs > 0:
        raise ConfigError(f"'trainer.num_train_epochs' is above 0; got {epochs}")
    for key, value in trainer.items():
        if key in DECIDED:
            raise ConfigError(f"'trainer.{key}' is decided by {DECIDED[key]}; take it out")
        if key in REFUSED:
            raise ConfigError(f"'trainer.{key}' {REFUSED[key]}; take it out")
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean 'trainer.{near[0]}'?" if near else "[trainer] takes training arguments"
            raise ConfigError(f"unknown setting 'trainer.{key}' ({hint})")
        fitting, wording = _PLAIN_TYPES.get(known[key].type, ((object, bool), ""))
        # A TOML true is no number, though Python counts it as one.
        if not isinstance(value, fitting) or (isinstance(value, bool) and bool not in fitting):
            raise ConfigError(f"'trainer.{key}' should be {wording}; got {value!r}")
        choices = list(known[key].metadata.get("choices", ()))
        if choices and value not in choices:
            raise ConfigError(f"'trainer.{key}' is one of {', '.join(choices)}; got {value!r}")
    strategy = trainer.get("save_strategy", "steps")
    if validate and strategy not in ("steps", "best"):
        raise ConfigError(
            f"'trainer.save_strategy' = {strategy!r} keeps no checkpoint of the best model; take it out, or "
            "set 'validation.share' to 0"
        )
