"""The second phase: train an encoder to find each line's translation among those of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from sentence_transformers import SentenceTransformer
from transformers import TrainerCallback

from isogloss.batching import BatchPlan, choose_strategy
from isogloss.config import (
    BatchesConfig,
    CorpusConfig,
    LossConfig,
    ModelConfig,
    TomlValue,
    TrainConfig,
    ValidationConfig,
)
from isogloss.pretraining.phases import count_warmup, log_every, save_arguments
from isogloss.pretraining.settings import PretrainConfig
from isogloss.pretraining.text import AlignedText
from isogloss.pretraining.unfinished import LogEntry
from isogloss.training.arguments import build_arguments
from isogloss.training.checkpoints import find_checkpoint, remove_torn
from isogloss.training.loss import ContrastiveLoss
from isogloss.training.plans import RunPlans
from isogloss.training.run import build_trainer

PHASE = "ranking"


def rank_translations(
    model: SentenceTransformer,
    texts: Sequence[AlignedText],
    config: PretrainConfig,
    checkpoints: Path,
    callbacks: tuple[TrainerCallback, ...] = (),
) -> list[LogEntry]:
    """Train an encoder to find each line's translation, in place; from its last checkpoint if it has one.

    Args:
        model: The encoder.
        texts: The text; texts of one language have nothing to rank.
        config: Steps, batch, learning rate, temperature and seed.
        checkpoints: Folder of the checkpoints.
        callbacks: Further callbacks of the trainer.

    Returns:
        The trainer's log.

    Source: Feng et al. 2022, arXiv 2007.01852.
    """
    settings = config.ranking
    if not settings.steps:
        return []
    corpora = tuple(text.as_corpus() for text in texts if len(text.languages) > 1)
    plan = BatchPlan(
        corpora,
        choose_strategy("x-y"),
        settings.batch,
        seed=config.seed,
        corpus_exponent=settings.text_exponent,
    )
    saving = cast("dict[str, TomlValue]", save_arguments(settings.steps, config.checkpoint_steps))
    run = TrainConfig(
        model=ModelConfig(name="", query_prefix="", passage_prefix=""),
        corpora=tuple(CorpusConfig(path=corpus.name) for corpus in corpora),
        batches=BatchesConfig(strategy="x-y", size=settings.batch, corpus_exponent=settings.text_exponent),
        loss=LossConfig(temperature=settings.temperature),
        validation=ValidationConfig(share=0.0),
        seed=config.seed,
        trainer={
            "max_steps": settings.steps,
            "learning_rate": settings.learning_rate,
            "warmup_steps": count_warmup(settings.steps),
            "logging_steps": log_every(settings.steps),
            **saving,
        },
    )
    arguments = build_arguments(run, checkpoints, validate=False)
    loss = ContrastiveLoss(model, run.loss)
    trainer = build_trainer(run, RunPlans(plan, None, corpora), loss, arguments, callbacks)
    checkpoint = find_checkpoint(checkpoints)
    remove_torn(checkpoints)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return [{"phase": PHASE, **entry} for entry in trainer.state.log_history]
