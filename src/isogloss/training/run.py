"""Train one run: from settings to a model directory."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from accelerate.utils import broadcast_object_list
from safetensors import SafetensorError
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from transformers import EarlyStoppingCallback, PrinterCallback, TrainerCallback, set_seed

from isogloss.batching.strategy import DEFAULT_ALPHA
from isogloss.config import TrainConfig
from isogloss.errors import ModelError
from isogloss.files import replace_folder
from isogloss.run_directory import RunDirectory
from isogloss.training.arguments import build_arguments, count_epochs
from isogloss.training.callbacks import BestCheckpoint, LossState, PlanEpoch, calm_libraries, wait_for_all
from isogloss.training.checkpoints import find_checkpoint, remove_torn
from isogloss.training.loss import ContrastiveLoss
from isogloss.training.plans import RunPlans, list_trained_languages, plan_run
from isogloss.training.processes import LostProcessError, find_place, speaks_of_lost_process
from isogloss.training.rows import RowTexts, planned_dataset
from isogloss.training.start import load_start
from isogloss.training.truncation import TruncationCount, count_truncated


@dataclass(frozen=True)
class TrainingOutcome:
    """Say what a finished run did.

    Args:
        model: Folder of the model.
        steps: Optimizer steps done.
        best_step: The step whose model was kept, if validation chose one.
        train_loss: Mean training loss in nats; after a resumed run, of the steps since it was resumed.
        validation_loss: Validation loss of the kept model in nats, if there was validation.
        truncation: Share of texts cut at the length limits.
        seconds: Time of training, loading and saving included, since the run was last started.
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

    Nothing is written before settings, data and model have been read without error. A resumed run continues
    from its last whole checkpoint, or from the start if it has none, and ends bit by bit where the
    uninterrupted one would have ended, on the same machine and libraries.

    Under a launcher that starts several processes, such as ``torchrun``, each calls this; they share every
    batch, and the first one writes the directory.

    Args:
        config: The run's settings.
        out: The run directory to make.
        resume: Whether to continue the interrupted run that the directory holds, if it holds one.
        callbacks: Further callbacks of the trainer, such as a progress display.

    Returns:
        What was done.

    Raises:
        ConfigError: A setting is wrong, the directory is not free, or the run to resume is finished or has
            other settings.
        DataError: A corpus or benchmark cannot be read, or they share items and the policy is to refuse.
        PlanError: The batches asked for cannot be made from the corpora.
        ModelError: The encoder cannot be loaded, or training diverged.
        LostProcessError: Another process of the training has ended.
    """
    try:
        with calm_libraries():
            return _train(config, RunDirectory(out), resume, callbacks)
    except SafetensorError as error:
        raise ModelError(f"{out}: the model cannot be written or read: {error}") from error
    except RuntimeError as error:
        if find_place().processes == 1 or not speaks_of_lost_process(error):
            raise
        reason = str(error).strip().splitlines()[0]
        raise LostProcessError(f"another process of the training has ended ({reason})") from error


def _train(
    config: TrainConfig, directory: RunDirectory, resume: bool, callbacks: tuple[TrainerCallback, ...]
) -> TrainingOutcome:
    start = time.monotonic()
    leads = find_place().rank == 0
    if leads:
        directory.check(config, resume=resume)
    plans = plan_run(config)
    if leads and plans.overlap is not None:
        for line in plans.overlap.to_lines():
            print(f"isogloss: {line}", file=sys.stderr)  # noqa: T201
    _try_plans(plans, config.validation.batches)
    arguments = build_arguments(config, directory.checkpoints, validate=plans.validation is not None)
    set_seed(config.seed)
    model = load_start(config.model)
    loss = ContrastiveLoss(model, config.loss)
    truncation, checkpoint = _open_together(config, plans, model, directory, resume)
    trainer = build_trainer(config, plans, loss, arguments, callbacks)
    if not leads:
        # All have begun with the same weights; their dropout is of their own.
        set_seed((config.seed + arguments.process_index) % 2**32)
    if checkpoint is not None:
        LossState(loss).load(checkpoint)
    result = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    check_finite(model)
    outcome = TrainingOutcome(
        model=directory.model,
        steps=trainer.state.global_step,
        best_step=trainer.state.best_global_step or None,
        train_loss=float(result.training_loss),
        validation_loss=trainer.state.best_metric,
        truncation=truncation,
        seconds=time.monotonic() - start,
    )
    if leads:
        directory.write_log(trainer.state.log_history)
        directory.write_provenance(describe_run(config, plans, trainer, outcome))
        with replace_folder(directory.model) as temporary:
            model.save_pretrained(str(temporary))
    wait_for_all()
    return outcome


def _open_together(
    config: TrainConfig, plans: RunPlans, model: SentenceTransformer, directory: RunDirectory, resume: bool
) -> tuple[TruncationCount, Path | None]:
    """Open the run directory in the first process; the others wait, and hear where to go on."""
    told: list[tuple[TruncationCount, Path | None] | None] = [None]
    if find_place().rank == 0:
        truncation = count_truncated(model, plans.train.corpora, config.unit)
        # Another version of a benchmark would drop other items.
        compared = plans.overlap.files if plans.overlap else {}
        directory.open(config, {**list_files(plans), **compared}, resume=resume)
        checkpoint = None
        if resume:
            learned = config.loss.learn_temperature
            checkpoint = find_checkpoint(directory.checkpoints, with_loss=learned)
            remove_torn(directory.checkpoints, with_loss=learned)
        told = [(truncation, checkpoint)]
    (opened,) = broadcast_object_list(told)
    found: tuple[TruncationCount, Path | None] = opened
    return found


def _try_plans(plans: RunPlans, validation_batches: int) -> None:
    """Plan the first batches, so that negatives that cannot be found are known before anything is written."""
    plans.train.batch(0, 0)
    if plans.validation is not None:
        for number in range(validation_batches):
            plans.validation.batch(*divmod(number, plans.validation.steps_per_epoch))


def check_finite(model: SentenceTransformer) -> None:
    """Check that training did not diverge.

    Args:
        model: The trained encoder.

    Raises:
        ModelError: A weight is not finite.
    """
    for name, weights in model.named_parameters():
        if not bool(torch.isfinite(weights).all()):
            raise ModelError(
                f"training diverged: {name} holds numbers that are not finite; lower the learning rate or "
                "raise the warmup, and start in another folder"
            )


class PlannedTrainer(SentenceTransformerTrainer):
    """Differ from the stock trainer in what it does around the steps.

    It leaves out the model card, which samples and plans a thousand rows before the first step; it keeps the
    processes together while they write a checkpoint; and resumed from a checkpoint of the last step it trains
    no further one.
    """

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add nothing."""

    def _run_epoch(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        """Train an epoch, unless the run had reached its end and was killed before its model was written."""
        stored = cast("dict[str, Any]", self.state.stateful_callbacks).get("TrainerControl", {})
        if stored.get("args", {}).get("should_training_stop"):
            self.control.should_training_stop = True
            return
        super()._run_epoch(*arguments, **options)  # type: ignore[no-untyped-call]

    def _save_rng_state(self, output_dir: str) -> None:
        """Complete no checkpoint, and remove none, before all processes have written their part of it."""
        super()._save_rng_state(output_dir)
        wait_for_all()


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
    processes, mask = arguments.world_size, config.loss.mask_false_negatives
    validation = None
    if plans.validation is not None:
        texts = RowTexts(plans.validation, config.unit, config.validation.batches, processes, mask)
        validation = planned_dataset(texts, config.validation.batches)
    stopping: list[TrainerCallback] = []
    if validation is not None and config.validation.patience:
        stopping.append(EarlyStoppingCallback(early_stopping_patience=config.validation.patience))
    trainer = PlannedTrainer(
        model=loss.model,
        args=arguments,
        train_dataset=planned_dataset(
            RowTexts(plans.train, config.unit, processes=processes, name_answers=mask),
            epochs * plans.train.steps_per_epoch,
        ),
        eval_dataset=validation,
        loss=loss,
        callbacks=[PlanEpoch(), BestCheckpoint(), LossState(loss), *stopping, *callbacks],
    )
    # It prints losses to stdout, where results belong; they are in the run's log.
    trainer.remove_callback(PrinterCallback)
    return trainer


def list_files(plans: RunPlans) -> dict[str, str]:
    """List the files that a run's corpora and their mined negatives were read from.

    Args:
        plans: The run's plans.

    Returns:
        Path -> SHA-256.
    """
    read = [corpus.files for corpus in plans.corpora] + [mined.files for mined in plans.mined.values()]
    return {path: digest for files in read for path, digest in files.items()}


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
    usual = strategy.name != "hybrid" or strategy.alpha == DEFAULT_ALPHA
    return {
        "label": strategy.name if usual else f"hybrid-{strategy.alpha:g}",
        "strategy": strategy.name,
        "alpha": strategy.alpha,
        "seed": config.seed,
        "start": config.model.name,
        "unit": config.unit.value,
        "languages": list_trained_languages(plans.train),
        "items": {corpus.name: len(corpus.item_ids) for corpus in plans.train.corpora},
        "held_out_items": {corpus.name: len(corpus.item_ids) for corpus in plans.validation.corpora}
        if plans.validation
        else {},
        "files": list_files(plans),
        "overlap": plans.overlap.to_dict() if plans.overlap else "not checked",
        "blemishes": sum(len(corpus.blemishes) for corpus in plans.corpora),
        "truncated": outcome.truncation.shares(),
        "temperature": loss.temperature if isinstance(loss, ContrastiveLoss) else None,
        "steps": outcome.steps,
        "best_step": outcome.best_step,
        "train_loss": outcome.train_loss,
        "validation_loss": outcome.validation_loss,
        "seconds": round(outcome.seconds, 1),
        "processes": trainer.args.world_size,
        "device": str(trainer.model.device),
        "threads": torch.get_num_threads(),
    }
