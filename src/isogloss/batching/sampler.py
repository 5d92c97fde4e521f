"""Give the plan's batches to a trainer's data loader."""

from __future__ import annotations

from collections.abc import Iterator

from isogloss.batching.plan import BatchPlan


class PlanSampler:
    """Yield, for each step of the current epoch, the row numbers of its batch.

    Works wherever PyTorch takes a ``batch_sampler``. A row number is
    ``(epoch * steps + step) * batch_size + slot``: it names a batch of the plan and a place in it, so that
    whoever looks the row up needs no state.

    Args:
        plan: The plan.
        fixed: Number of batches to yield, the same in every epoch, for validation; those of the current epoch
            when not given.

    Source: ours.
    """

    def __init__(self, plan: BatchPlan, fixed: int | None = None) -> None:
        self.plan = plan
        self.fixed = fixed
        self.epoch = 0
        self.batch_size = plan.batch_size
        self.drop_last = False

    def __len__(self) -> int:
        return self.plan.steps_per_epoch if self.fixed is None else self.fixed

    def __iter__(self) -> Iterator[list[int]]:
        first = 0 if self.fixed is not None else self.epoch * len(self)
        for number in range(first, first + len(self)):
            rows = len(self.plan.batch(*divmod(number, self.plan.steps_per_epoch)))
            yield list(range(number * self.batch_size, number * self.batch_size + rows))

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch to yield next.

        Args:
            epoch: Epoch, from 0.
        """
        self.epoch = epoch
