"""What the trainer must do besides: epochs, learned temperature, checkpoints and progress."""

# ruff: noqa: ARG002 - the trainer calls every callback with the same arguments

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

import torch
from safetensors.torch import load_file, save_file
from sentence_transformers.util import get_world_size
from torch import distributed
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.utils import logging

from isogloss.progress import Advance, show_progress
from isogloss.training.checkpoints import LOSS_FILE, checkpoint_folder
from isogloss.training.loss import ContrastiveLoss


def wait_for_all() -> None:
    """Wait until every process of the training has come here."""
    if get_world_size() > 1:
        distributed.barrier()


@contextmanager
def calm_libraries() -> Iterator[None]:
    """Silence the libraries' own bars and notes: stdout is for results, stderr for our progress and errors.

    Yields:
        Nothing; what was shown before is shown again afterwards.
    """
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            # The trainer sets on several processes what the accelerate of today calls otherwise.
            warnings.filterwarnings("ignore", ".*broadcast_buffers", FutureWarning)
            # sentence-transformers knows it by this name alone, the transformers of today by another one too.
            warnings.filterwarnings("ignore", ".*gradient_checkpointing", FutureWarning)
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


class StepCount(TrainerCallback):
    """Tell a progress bar of every step.

    Args:
        advance: Called with the number of steps done since the last call.
    """

    def __init__(self, advance: Advance) -> None:
        self.advance = advance
        self._done = 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Count the steps of each training from 0; those before a resumed one are told at its first step."""
        self._done = 0

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Tell of the steps since the last call."""
        self.advance(state.global_step - self._done)
        self._done = state.global_step


class TrainingProgress(StepCount):
    """Show a bar with steps and remaining time on stderr for each training, when stderr is a terminal.

    Use it as a context manager, so that an interrupted training gives the terminal back.

    Args:
        title: What is being trained.
    """

    def __init__(self, title: str) -> None:
        super().__init__(_ignore)
        self.title = title
        self._bar = ExitStack()

    def __enter__(self) -> TrainingProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Open the bar."""
        super().on_train_begin(args, state, control, **kwargs)
        self._bar.close()
        self.advance = self._bar.enter_context(show_progress(self.title, state.max_steps))

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Close the bar."""
        self._bar.close()
        self.advance = _ignore


class PlanEpoch(TrainerCallback):
    """Tell the plan's sampler which epoch begins, however deep the loader hides it.

    The stock trainer passes the epoch one wrapper deep only, so that a run resumed in the middle of a later
    epoch would replay the first one's order.
    """

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Set the epoch on every sampler in the chain."""
        sampler = getattr(kwargs.get("train_dataloader"), "batch_sampler", None)
        while sampler is not None:
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(int(state.epoch or 0))
            sampler = getattr(sampler, "batch_sampler", None)


class LossState(TrainerCallback):
    """Keep a learned temperature in the checkpoints, and equal in all processes.

    The stock trainer saves the encoder alone, and averages the gradients of the encoder alone.

    Args:
        loss: The loss in training.
    """

    def __init__(self, loss: ContrastiveLoss) -> None:
        self.loss = loss

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Average the temperature's gradient over the processes."""
        self.loss.average_temperature_gradient()

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Write the learned temperature beside the checkpoint's model."""
        folder = checkpoint_folder(Path(args.output_dir or "."), state.global_step)
        if self.loss.config.learn_temperature and folder.is_dir() and state.is_world_process_zero:
            save_file({"log_scale": self.loss.log_scale.detach().cpu().reshape(1)}, folder / LOSS_FILE)
        wait_for_all()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Take the temperature that belongs to the best model, which the trainer has just loaded."""
        if args.load_best_model_at_end and state.best_model_checkpoint is not None:
            self.load(Path(state.best_model_checkpoint))

    def load(self, checkpoint: Path) -> None:
        """Read the learned temperature of a checkpoint, if it has one.

        Args:
            checkpoint: Folder of the checkpoint.
        """
        if self.loss.config.learn_temperature and (checkpoint / LOSS_FILE).is_file():
            with torch.no_grad():
                self.loss.log_scale.copy_(load_file(checkpoint / LOSS_FILE)["log_scale"].reshape(()))


class BestCheckpoint(TrainerCallback):
    """Find the best model so far again when a run is resumed.

    A checkpoint names it by the path that it had then; the run directory may have moved since, or the command
    may run in another folder.
    """

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Look for the best step's checkpoint beside the others."""
        if state.best_global_step:
            folder = checkpoint_folder(Path(args.output_dir or "."), state.best_global_step)
            if folder.is_dir():
                state.best_model_checkpoint = str(folder)


def _ignore(count: int) -> None:
    """Show nothing."""
