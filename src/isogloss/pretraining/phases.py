"""What the phases of pre-training have in common."""

# ruff: noqa: ARG002 - the trainer calls every callback with the same arguments

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from isogloss.pretraining.unfinished import LogEntry, UnfinishedRun
from isogloss.run_directory import write_log


class SaveArguments(TypedDict, total=False):
    """Say when the trainer writes checkpoints."""

    save_strategy: str
    save_steps: int
    save_total_limit: int


def save_arguments(steps: int, every: int) -> SaveArguments:
    """Say when the trainer writes checkpoints: every so many steps and after the last one.

    Args:
        steps: Steps of the phase.
        every: Steps between two checkpoints; 0 for none.

    Returns:
        Arguments of the trainer. A phase of no more steps than that writes none.
    """
    if every == 0 or steps <= every:
        return {"save_strategy": "no"}
    # Two, since the last one may be torn.
    return {"save_strategy": "steps", "save_steps": every, "save_total_limit": 2}


def count_warmup(steps: int) -> int:
    """Count the steps over which the learning rate rises.

    Args:
        steps: Steps of the phase.

    Returns:
        A tenth of them, at least 1.
    """
    return max(1, steps // 10)


def log_every(steps: int) -> int:
    """Tell how often the loss is noted.

    Args:
        steps: Steps of the phase.

    Returns:
        Steps between two notes: a hundred notes at most in all, about.
    """
    return max(1, steps // 100)


class LossCurve(TrainerCallback):
    """Write the losses while they come, so that a long run can be watched.

    Args:
        run: Where the run stands.
        phase: Name of the phase.
        before: The log of the phases before.
    """

    def __init__(self, run: UnfinishedRun, phase: str, before: Sequence[LogEntry] = ()) -> None:
        self.run = run
        self.phase = phase
        self.before = list(before)

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Write all losses so far."""
        own: list[LogEntry] = [{"phase": self.phase, **entry} for entry in state.log_history]
        write_log(self.run.log, [*self.before, *own])
