"""Describe the parts of a run that its model's card tells the world about: no paths, no keys."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from transformers import TrainingArguments

from isogloss.config import CorpusConfig
from isogloss.corpus import Corpus
from isogloss.training.plans import RunPlans

_DECIDING = (
    "learning_rate",
    "weight_decay",
    "lr_scheduler_type",
    "warmup_steps",
    "gradient_accumulation_steps",
    "max_grad_norm",
    "optim",
    "bf16",
    "fp16",
)
"""Arguments of the trainer that decide the weights; among the others are paths and access tokens."""


def describe_arguments(arguments: TrainingArguments) -> dict[str, object]:
    """Describe how the weights were optimised.

    Args:
        arguments: The trainer's arguments.

    Returns:
        JSON-able content: name of the argument -> value.
    """
    values = {name: getattr(arguments, name) for name in _DECIDING}
    return {name: value.value if isinstance(value, Enum) else value for name, value in values.items()}


def describe_corpus(config: CorpusConfig, corpus: Corpus, plans: RunPlans) -> dict[str, object]:
    """Describe one corpus without saying where it lies.

    Args:
        config: Its settings.
        corpus: The corpus as read.
        plans: The run's plans.

    Returns:
        JSON-able content; files by their names alone, ``dataset`` is the name of one of the hub.
    """
    hub = any(file.startswith("hf:") for file in corpus.files) and not Path(config.path).exists()
    held_out = plans.validation.corpora if plans.validation else ()
    trained, held = (
        sum(part.item_count for part in parts if part.name == corpus.name)
        for parts in (plans.train.corpora, held_out)
    )
    return {
        "name": corpus.name,
        "dataset": config.path if hub else None,
        "languages": list(corpus.languages),
        "items": corpus.item_count,
        "trained": trained,
        "held_out": held,
        "files": {
            file.removeprefix("hf:") if hub else _name_file(file, config.path): digest
            for file, digest in corpus.files.items()
        },
    }


def _name_file(file: str, corpus: str) -> str:
    """Name a file by its place in the corpus's folder."""
    path = Path(file)
    inside = path.relative_to(corpus) if path.is_relative_to(corpus) else Path()
    return inside.as_posix() if inside.parts else path.name
