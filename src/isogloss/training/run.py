"""Train one run: from settings to a model directory."""

from __future__ import annotations

import copy
import re
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate.utils import broadcast_object_list
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from transformers import EarlyStoppingCallback, PrinterCallback, TrainerCallback, set_seed

from isogloss.batching.strategy import DEFAULT_ALPHA
from isogloss.config import TrainConfig
from isogloss.errors import ConfigError, ModelError, first_line
from isogloss.files import replace_folder
from isogloss.model_card import compose_card, read_license, read_record, write_card
from isogloss.run_directory import RunDirectory
from isogloss.training.arguments import build_arguments, count_epochs
from isogloss.training.callbacks import BestCheckpoint, LossState, PlanEpoch, calm_libraries, wait_for_all
from isogloss.training.checkpoints import LOSS_FILE, find_checkpoint, remove_torn
from isogloss.training.evaluator import RetrievalEvaluator, find_validation, take_metrics
from isogloss.training.library_errors import tell_library_errors
from isogloss.training.lora import ADAPTER_FILES, add_adapter, count_parameters, merge_adapter, save_adapter
from isogloss.training.loss import ContrastiveLoss
from isogloss.training.plans import RunPlans, TrainingData, count_kinds, list_trained_languages, plan_run
from isogloss.training.processes import find_place
from isogloss.training.provenance import describe_arguments, describe_corpus
from isogloss.training.retrieval import describe_validation
from isogloss.training.rows import RowTexts, planned_dataset
from isogloss.training.sharding import prepare_sharding
from isogloss.training.start import load_start
from isogloss.training.trainer import PlannedTrainer
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
        retrieval: Metrics of the kept model on the retrieval set, by the names of ``validation.metric``: mAP
            from 0 to 1, rank distance in ranks; empty without one.
        retrieval_chance: What a random ranking scores in each of them.
        truncation: Share of texts cut at the length limits.
        trained_parameters: Numbers that training could change; with an adapter, those of the adapter.
        parameters: Numbers that the model consists of.
        seconds: Time of training, loading and saving included, since the run was last started.
    """

    model: Path
    steps: int
    best_step: int | None
    train_loss: float
    validation_loss: float | None
    retrieval: Mapping[str, float]
    retrieval_chance: Mapping[str, float]
    truncation: TruncationCount
    trained_parameters: int
    parameters: int
    seconds: float


def train(
    config: TrainConfig,
    out: Path,
    *,
    resume: bool = False,
    callbacks: tuple[TrainerCallback, ...] = (),
    data: TrainingData | None = None,
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
        data: The corpora, read already for several runs; they are read when not given.

    Returns:
        What was done.

    Raises:
        ConfigError: A setting is wrong, or names a package or service that cannot be had; the directory is
            not free, or the run to resume is finished or has other settings.
        DataError: A corpus or benchmark cannot be read, or they share items and the policy is to refuse.
        PlanError: The batches asked for cannot be made from the corpora.
        ModelError: The encoder cannot be loaded, training diverged, or the device has too little memory.
        LostProcessError: Another process of the training has ended.
    """
    with tell_library_errors(out), calm_libraries():
        return _train(config, RunDirectory(out), resume, callbacks, data)


def _train(
    config: TrainConfig,
    directory: RunDirectory,
    resume: bool,
    callbacks: tuple[TrainerCallback, ...],
    data: TrainingData | None,
) -> TrainingOutcome:
    start = time.monotonic()
    leads = find_place().rank == 0
    if leads:
        directory.check(config, resume=resume)
    plans = plan_run(config, data)
    if leads and plans.overlap is not None:
        for line in plans.overlap.to_lines():
            print(f"isogloss: {line}", file=sys.stderr)  # noqa: T201
    _try_plans(plans, config.validation.batches)
    arguments = build_arguments(config, directory.checkpoints, validate=plans.validation is not None)
    model = _prepare_model(config, arguments)
    loss = ContrastiveLoss(model, config.loss)
    truncation, checkpoint = _open_together(config, plans, model, directory, resume)
    trainer = _prepare_trainer(config, plans, loss, arguments, callbacks)
    if not leads:
        # All have begun with the same weights; their dropout is of their own.
        set_seed((config.seed + arguments.process_index) % 2**32)
    if checkpoint is not None:
        LossState(loss).load(checkpoint)
    result = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    check_finite(model)
    outcome = _sum_up(
        trainer, plans, directory.model, result.training_loss, truncation, time.monotonic() - start
    )
    whole = trainer.gather_model()
    if leads:
        directory.write_log(trainer.state.log_history)
        directory.write_provenance(describe_run(config, plans, trainer, outcome))
        _save_model(whole, directory, adapted=config.lora is not None)
    wait_for_all()
    return outcome


def _sum_up(
    trainer: PlannedTrainer,
    plans: RunPlans,
    folder: Path,
    train_loss: float,
    truncation: TruncationCount,
    seconds: float,
) -> TrainingOutcome:
    """Say what was done, before an adapter is merged."""
    kept = find_validation(trainer.state)
    trained, parameters = count_parameters(trainer.model)
    return TrainingOutcome(
        model=folder,
        steps=trainer.state.global_step,
        best_step=trainer.state.best_global_step or None,
        train_loss=train_loss,
        validation_loss=kept.get("eval_loss"),
        retrieval=take_metrics(kept),
        retrieval_chance=plans.retrieval.chance if plans.retrieval else {},
        truncation=truncation,
        trained_parameters=trained,
        parameters=parameters,
        seconds=seconds,
    )


def _prepare_model(
    config: TrainConfig, arguments: SentenceTransformerTrainingArguments
) -> SentenceTransformer:
    """Load the start, and make it what is trained."""
    set_seed(config.seed)
    model = load_start(config.model)
    if config.lora is not None:
        add_adapter(model, config.lora)
    if arguments.fsdp:
        prepare_sharding(model, arguments)
    return model


def _prepare_trainer(
    config: TrainConfig,
    plans: RunPlans,
    loss: ContrastiveLoss,
    arguments: SentenceTransformerTrainingArguments,
    callbacks: tuple[TrainerCallback, ...],
) -> PlannedTrainer:
    """Build the trainer with its optimizer, whose package may be missing; with it, --resume starts a run."""
    try:
        trainer = build_trainer(config, plans, loss, arguments, callbacks)
        trainer.create_optimizer()
    except (ImportError, ValueError, re.error) as error:
        raise ConfigError(f"[trainer]: {first_line(error)}") from error
    return trainer


def _save_model(model: SentenceTransformer, directory: RunDirectory, *, adapted: bool) -> None:
    """Write the model with its card; an adapter is written on its own before, and merged."""
    if adapted:
        # Left by a run that was killed before its model was written.
        shutil.rmtree(directory.adapter, ignore_errors=True)
        with replace_folder(directory.adapter) as temporary:
            save_adapter(model, temporary)
        merge_adapter(model)
    with replace_folder(directory.model) as temporary:
        model.save_pretrained(str(temporary), create_model_card=False)
        write_card(temporary, compose_card(read_record(directory.path)))


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
            parts = [LOSS_FILE] * config.loss.learn_temperature + [*ADAPTER_FILES] * (config.lora is not None)
            checkpoint = find_checkpoint(directory.checkpoints, parts)
            remove_torn(directory.checkpoints, parts)
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


def build_trainer(
    config: TrainConfig,
    plans: RunPlans,
    loss: ContrastiveLoss,
    arguments: SentenceTransformerTrainingArguments,
    callbacks: tuple[TrainerCallback, ...] = (),
) -> PlannedTrainer:
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
    whole: SentenceTransformer | None = None
    if arguments.fsdp and arguments.process_index == 0:
        whole = copy.deepcopy(loss.model).cpu()
    trainer = PlannedTrainer(
        model=loss.model,
        args=arguments,
        train_dataset=planned_dataset(
            RowTexts(plans.train, config.unit, processes=processes, name_answers=mask),
            epochs * plans.train.steps_per_epoch,
        ),
        eval_dataset=validation,
        evaluator=RetrievalEvaluator(plans.retrieval) if plans.retrieval else None,
        loss=loss,
        callbacks=[PlanEpoch(), BestCheckpoint(), LossState(loss), *stopping, *callbacks],
    )
    trainer.whole = whole
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
        "base_model": None if Path(config.model.name).is_dir() else config.model.name,
        "start_license": read_license(config.model.name),
        "unit": config.unit.value,
        "languages": list_trained_languages(plans.train),
        "items": {corpus.name: corpus.item_count for corpus in plans.train.corpora},
        "held_out_items": {corpus.name: corpus.item_count for corpus in plans.validation.corpora}
        if plans.validation
        else {},
        "files": list_files(plans),
        "corpora": [
            describe_corpus(*pair, plans) for pair in zip(config.corpora, plans.corpora, strict=True)
        ],
        "trainer": describe_arguments(trainer.args),
        "overlap": plans.overlap.to_dict() if plans.overlap else "not checked",
        "blemishes": sum(len(corpus.blemishes) for corpus in plans.corpora),
        "truncated": outcome.truncation.shares(),
        "temperature": loss.temperature if isinstance(loss, ContrastiveLoss) else None,
        "data_share": config.data_share,
        "batches": count_kinds(plans.train, outcome.steps * trainer.args.gradient_accumulation_steps),
        "steps": outcome.steps,
        "best_step": outcome.best_step,
        "trained_parameters": outcome.trained_parameters,
        "parameters": outcome.parameters,
        "train_loss": outcome.train_loss,
        "validation_loss": outcome.validation_loss,
        "validation": describe_validation(plans.retrieval, config.validation.metric, outcome.retrieval),
        "seconds": round(outcome.seconds, 1),
        "processes": trainer.args.world_size,
        "device": str(trainer.model.device),
        "threads": torch.get_num_threads(),
    }
