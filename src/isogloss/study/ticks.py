"""Move a study's progress bar by the estimated time of what is done, so that the time left is honest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from isogloss.progress import Advance, ignore_progress
from isogloss.study.state import TRAINING
from isogloss.training.callbacks import StepCount

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

Stages = Mapping[str, float]
"""Stage of a cell -> estimated seconds of what is left of it."""


class StudyTicks:
    """Turn seconds of estimated work into whole ticks of a bar.

    Args:
        advance: Called with the number of ticks since the last call; they end at ``total``.
        total: Ticks of the whole bar.
        cells: Cell -> what is left of it.
    """

    def __init__(self, advance: Advance, total: int, cells: Mapping[str, Stages]) -> None:
        self._advance = advance
        self._total = total
        self._cells = cells
        self._whole = sum(sum(stages.values()) for stages in cells.values())
        self._seconds = 0.0
        self._told = 0

    def begin(self, cell: str) -> CellTicks:
        """Begin with a cell.

        Args:
            cell: Its name.

        Returns:
            What is to be told how far it is.
        """
        return CellTicks(self._add, self._cells[cell])

    def _add(self, seconds: float) -> None:
        self._seconds += seconds
        # Sums of shares end a hair below the whole.
        reached = int(self._total * self._seconds / self._whole + 1e-6)
        if reached > self._told:
            self._advance(reached - self._told)
            self._told = reached


class CellTicks:
    """Count what is done of one cell.

    Args:
        add: Called with the estimated seconds of what was done since the last call.
        left: What is left of the cell.
    """

    def __init__(self, add: Callable[[float], None], left: Stages) -> None:
        self._add = add
        self._left = dict(left)
        self._done = dict.fromkeys(left, 0.0)

    def reach(self, stage: str, share: float = 1.0) -> None:
        """Say how far a stage is.

        Args:
            stage: The stage; one that was done before counts nothing.
            share: Share that is done of what was left of it, from 0 to 1.
        """
        seconds = self._left.get(stage, 0.0) * min(share, 1.0)
        if seconds > self._done.get(stage, 0.0):
            self._add(seconds - self._done[stage])
            self._done[stage] = seconds

    def finish(self) -> None:
        """Say that no more is done of the cell, be it finished, failed or done elsewhere."""
        for stage in self._left:
            self.reach(stage)


class TrainingTicks(StepCount):
    """Tell the progress bar how far a cell's training is.

    Args:
        ticks: What counts for the cell.
    """

    def __init__(self, ticks: CellTicks) -> None:
        super().__init__(ignore_progress)
        self._ticks = ticks
        self._resumed = 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Take the steps of an earlier call as done before."""
        super().on_train_begin(args, state, control, **kwargs)
        self._resumed = state.global_step

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Tell of the step."""
        super().on_step_end(args, state, control, **kwargs)
        left = max(state.max_steps - self._resumed, 1)
        self._ticks.reach(TRAINING, (state.global_step - self._resumed) / left)
