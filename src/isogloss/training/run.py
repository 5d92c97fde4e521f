"""Train one run: from settings to a model directory."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from transformers import EarlyStoppingCallback, PrinterCallback, TrainerCallback, set_seed
from transformers.trainer_utils import get_last_checkpoint

from isogloss.batching import BatchPlan
from isogloss.config import TrainConfig
from isogloss.errors import ConfigError
from isogloss.files import replace_folder
from isogloss.run_directory import RunDirectory
from isogloss.training.callbacks import LossState, PlanEpoch, calm_libraries
from isogloss.training.loss import ContrastiveLoss
from isogloss.training.plans import RunPlans, plan_run
from isogloss.training.rows import (
    NEGATIVE_COLUMN,
    PASSAGE_COLUMN,
    QUERY_COLUMN,
    RowTexts,
    planned_dataset,
    sample_planned_batches,
)
from isogloss.training.start import load_start
from isogloss.training.truncation import TruncationCount, count_truncated

PAPER_SETTINGS = {"learning_rate": 3e-5, "weight_decay": 1e-2}
"""AdamW's settings in arXiv 2408.10536, section 4; the schedule is not stated there and stays the trainer's."""

_OURS = {
    "output_dir": "the run directory",
    "seed": "'seed'",
    "data_seed": "'seed'",
    "per_device_train_batch_size": "'batches.size'",
    "per_device_eval_batch_size": "'batches.size'",
    "batch_sampler": "the table 'batches'",
    "multi_dataset_batch_sampler": "the table 'batches'",
    "dataloader_drop_last": "the batch plan",
    "prompts": "'model.query_prefix' and 'model.passage_prefix'",
    "router_mapping": "isogloss",
    "remove_unused_columns": "isogloss",
    "eval_strategy": "'validation.every'",
    "eval_steps": "'validation.every'",
}


@dataclass(frozen=True)
class TrainingOutcome:
    """Say what a finished run did.

    Args:
        model: Folder of the model.
        steps: Optimizer steps done.
        best_step: The step whose model was kept, if validation chose one.
        train_loss: Mean training loss in nats.
        validation_loss: Validation loss of the kept model in nats, if there was validation.
        truncation: Share of texts cut at the length limits.
        seconds: Time of training, loading and saving included.
    """

    model: Path
    steps: int
    best_step: int | None
    train_loss: float
    validation_loss: float | None
    truncation: TruncationCount
    seconds: float


def train(
    config: TrainConfig, out: Path, *, resume: bool = False, callbacks: tuple[TrainerCallback, ...] = ()
) -> TrainingOutcome:
    """Train one encoder and write its run directory.

    Args:
        config: The run's settings.
        out: The run directory to make.
        resume: Whether to continue from the last checkpoint of an interrupted run.
        callbacks: Further callbacks of the trainer, such as a progress display.

    Returns:
        What was done.

    Raises:
        ConfigError: A setting is wrong, or the directory is not free.
    """
    start = time.monotonic()
    directory = RunDirectory(out)
    calm_libraries()
    directory.check(config, resume=resume)
    plans = plan_run(config)
    set_seed(config.seed)
    model = load_start(config.model)
    arguments = build_arguments(config, directory.checkpoints, validate=plans.validation is not None)
    loss = ContrastiveLoss(model, config.loss)
    truncation = count_truncated(model, plans.train.corpora, config.unit)
    directory.open(config)
    trainer = build_trainer(config, plans, loss, arguments, callbacks)
    checkpoint = find_checkpoint(directory) if resume else None
    if checkpoint is not None:
        LossState(loss).load(checkpoint)
    result = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    outcome = TrainingOutcome(
        model=directory.model,
        steps=trainer.state.global_step,
        best_step=trainer.state.best_global_step or None,
        train_loss=float(result.training_loss),
        validation_loss=trainer.state.best_metric,
        truncation=truncation,
        seconds=time.monotonic() - start,
    )
    directory.write_log(trainer.state.log_history)
    directory.write_provenance(describe_run(config, plans, trainer, outcome))
    with replace_folder(directory.model) as temporary:
        loss.model.save_pretrained(str(temporary))
    return outcome


class PlannedTrainer(SentenceTransformerTrainer):  # type: ignore[misc]
    """Leave out the stock model card, which samples and plans a thousand rows before the first step."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add nothing.

        Args:
            default_args_dict: Not used.
        """


def build_trainer(
    config: TrainConfig,
    plans: RunPlans,
    loss: ContrastiveLoss,
    arguments: SentenceTransformerTrainingArguments,
    callbacks: tuple[TrainerCallback, ...] = (),
) -> SentenceTransformerTrainer:
    """Build the stock trainer over planned batches.

    Args:
        config: The run's settings.
        plans: Its plans.
        loss: The loss, with the encoder to train.
        arguments: The trainer's arguments.
        callbacks: Further callbacks.

    Returns:
        A trainer, ready to train.
    """
    epochs = count_epochs(arguments, plans.train)
    validation = None
    if plans.validation is not None:
        texts = RowTexts(plans.validation, config.unit, fixed_batches=config.validation.batches)
        validation = planned_dataset(texts, config.validation.batches)
    stopping: list[TrainerCallback] = []
    if validation is not None and config.validation.patience:
        stopping.append(EarlyStoppingCallback(early_stopping_patience=config.validation.patience))
    trainer = PlannedTrainer(
        model=loss.model,
        args=arguments,
        train_dataset=planned_dataset(
            RowTexts(plans.train, config.unit), epochs * plans.train.steps_per_epoch
        ),
        eval_dataset=validation,
        loss=loss,
        callbacks=[PlanEpoch(), LossState(loss), *stopping, *callbacks],
    )
    # It prints losses to stdout, where results belong; they are in the run's log.
    trainer.remove_callback(PrinterCallback)
    return trainer


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
        ConfigError: ``[trainer]`` names a setting that isogloss decides or that does not exist.
    """
    for key in config.trainer:
        if key in _OURS:
            raise ConfigError(f"'trainer.{key}' is decided by {_OURS[key]}; take it out of [trainer]")
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
        "prompts": {
            QUERY_COLUMN: config.model.query_prefix,
            PASSAGE_COLUMN: config.model.passage_prefix,
            NEGATIVE_COLUMN: config.model.passage_prefix,
        },
        "router_mapping": {QUERY_COLUMN: "query", PASSAGE_COLUMN: "document", NEGATIVE_COLUMN: "document"},
    }
    if validate:
        settings |= {"eval_strategy": "steps", "eval_steps": config.validation.every}
        if settings.get("save_strategy", "steps") == "steps":
            settings |= {"load_best_model_at_end": True, "metric_for_best_model": "eval_loss"}
    try:
        return SentenceTransformerTrainingArguments(**settings)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"[trainer]: {str(error).splitlines()[0]}") from error


def find_checkpoint(directory: RunDirectory) -> Path | None:
    """Find the last checkpoint of an interrupted run.

    Args:
        directory: The run.

    Returns:
        Its folder; none when the run stopped before the first one.
    """
    if not directory.checkpoints.is_dir():
        return None
    found = get_last_checkpoint(str(directory.checkpoints))
    return Path(found) if found else None


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


def describe_run(
    config: TrainConfig, plans: RunPlans, trainer: SentenceTransformerTrainer, outcome: TrainingOutcome
) -> dict[str, object]:
    """Describe where a model is from.

    Args:
        config: The run's settings.
        plans: Its plans.
        trainer: The trainer that ran.
        outcome: What it did.

    Returns:
        JSON-able content for the provenance file.
    """
    strategy = plans.train.strategy
    loss = trainer.loss
    return {
        "label": strategy.name
        if strategy.name != "hybrid" or strategy.alpha == 0.5
        else f"hybrid-{strategy.alpha:g}",
        "strategy": strategy.name,
        "alpha": strategy.alpha,
        "seed": config.seed,
        "start": config.model.name,
        "unit": config.unit.value,
        "languages": sorted({language for corpus in plans.train.corpora for language in corpus.languages}),
        "items": {corpus.name: len(corpus.item_ids) for corpus in plans.train.corpora},
        "held_out_items": {corpus.name: len(corpus.item_ids) for corpus in plans.validation.corpora}
        if plans.validation
        else {},
        "files": {path: digest for corpus in plans.corpora for path, digest in corpus.files.items()},
        "blemishes": sum(len(corpus.blemishes) for corpus in plans.corpora),
        "truncated": outcome.truncation.shares(),
        "temperature": loss.temperature if isinstance(loss, ContrastiveLoss) else None,
        "steps": outcome.steps,
        "best_step": outcome.best_step,
        "train_loss": outcome.train_loss,
        "validation_loss": outcome.validation_loss,
        "seconds": round(outcome.seconds, 1),
        "device": str(trainer.model.device),
        "threads": torch.get_num_threads(),
    }
