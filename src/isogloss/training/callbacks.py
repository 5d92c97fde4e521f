"""What the trainer must do besides, at epochs and checkpoints."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR
from transformers.utils import logging

from isogloss.progress import Advance, show_progress

if TYPE_CHECKING:
    from isogloss.training.loss import ContrastiveLoss

_LOSS_FILE = "loss.safetensors"


def calm_libraries() -> None:
    """Silence the libraries' own bars and notes: stdout is for results, stderr for our progress and errors."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()


class TrainingProgress(TrainerCallback):  # type: ignore[misc]
    """Show a bar with steps, loss and remaining time on stderr, when it is a terminal.

    Args:
        title: What is being trained.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._bar = ExitStack()
        self._advance: Advance | None = None
        self._done = 0

    def on_train_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **kwargs: object,  # noqa: ARG002
    ) -> None:
        """Open the bar.

        Args:
            args: The trainer's arguments.
            state: Its state.
            control: Its control.
            **kwargs: Not used.
        """
        self._advance = self._bar.enter_context(show_progress(self.title, state.max_steps))
        self._done = 0

    def on_step_end(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **kwargs: object,  # noqa: ARG002
    ) -> None:
        """Advance the bar.

        Args:
            args: The trainer's arguments.
            state: Its state.
            control: Its control.
            **kwargs: Not used.
        """
        if self._advance is not None:
            self._advance(state.global_step - self._done)
            self._done = state.global_step

    def on_train_end(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,  # noqa: ARG002
        control: TrainerControl,  # noqa: ARG002
        **kwargs: object,  # noqa: ARG002
    ) -> None:
        """Close the bar.

        Args:
            args: The trainer's arguments.
            state: Its state.
            control: Its control.
            **kwargs: Not used.
        """
        self._bar.close()


class PlanEpoch(TrainerCallback):  # type: ignore[misc]
    """Tell the plan's sampler which epoch begins, however deep the loader hides it.

    The stock trainer passes the epoch one wrapper deep only, so that a run resumed in the middle of a later epoch
    would replay the first one's order.
    """

    def on_epoch_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **kwargs: object,
    ) -> None:
        """Set the epoch on every sampler in the chain.

        Args:
            args: The trainer's arguments.
            state: Its state.
            control: Its control.
            **kwargs: Among them ``train_dataloader``.
        """
        sampler = getattr(kwargs.get("train_dataloader"), "batch_sampler", None)
        while sampler is not None:
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(int(state.epoch or 0))
            sampler = getattr(sampler, "batch_sampler", None)


class LossState(TrainerCallback):  # type: ignore[misc]
    """Keep a learned temperature in the checkpoints; the stock trainer saves the encoder alone.

    Args:
        loss: The loss in training.
    """

    def __init__(self, loss: ContrastiveLoss) -> None:
        self.loss = loss

    def on_save(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **kwargs: object,  # noqa: ARG002
    ) -> None:
        """Write the learned temperature beside the checkpoint's model.

        Args:
            args: The trainer's arguments.
            state: Its state.
            control: Its control.
            **kwargs: Not used.
        """
        folder = Path(args.output_dir or ".") / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
        if self.loss.config.learn_temperature and folder.is_dir() and state.is_world_process_zero:
            save_file({"log_scale": self.loss.log_scale.detach().cpu().reshape(1)}, folder / _LOSS_FILE)

    def load(self, checkpoint: Path) -> None:
        """Read the learned temperature of a checkpoint, if it has one.

        Args:
            checkpoint: Folder of the checkpoint.
        """
        if self.loss.config.learn_temperature and (checkpoint / _LOSS_FILE).is_file():
            with torch.no_grad():
                self.loss.log_scale.copy_(load_file(checkpoint / _LOSS_FILE)["log_scale"].reshape(()))
