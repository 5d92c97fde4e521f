"""The row numbers that a data loader gets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_corpora import make_corpus, plans

from isogloss.batching import BatchPlan, PlanSampler, choose_strategy


@settings(max_examples=40)
@given(plans(), st.integers(0, 3))
def test_row_numbers_name_the_rows_of_the_epoch(plan: BatchPlan, epoch: int) -> None:
    sampler = PlanSampler(plan)
    sampler.set_epoch(epoch)
    batches = list(sampler)
    assert len(batches) == len(sampler) == plan.steps_per_epoch
    for step, rows in enumerate(batches):
        batch = plan.batch(epoch, step)
        numbers, slots = zip(*(divmod(row, plan.batch_size) for row in rows), strict=True)
        assert set(numbers) == {epoch * plan.steps_per_epoch + step}
        assert list(slots) == list(range(len(batch)))


def test_no_two_epochs_share_a_row_number() -> None:
    sampler = PlanSampler(BatchPlan([make_corpus(50)], choose_strategy("hybrid"), 7))
    seen: set[int] = set()
    for epoch in range(4):
        sampler.set_epoch(epoch)
        rows = {row for batch in sampler for row in batch}
        assert not seen & rows
        seen |= rows


@pytest.mark.parametrize("count", [1, 8, 20])
def test_fixed_batches_are_the_first_ones_in_every_epoch(count: int) -> None:
    plan = BatchPlan([make_corpus(50)], choose_strategy("hybrid"), 7)
    assert plan.steps_per_epoch == 8
    sampler = PlanSampler(plan, fixed=count)
    first = list(sampler)
    sampler.set_epoch(5)
    assert list(sampler) == first
    assert len(sampler) == len(first) == count
    for number, rows in enumerate(first):
        batch = plan.batch(*divmod(number, 8))
        assert rows == [number * 7 + slot for slot in range(len(batch))]


def test_a_sampler_looks_like_a_batch_sampler() -> None:
    sampler = PlanSampler(BatchPlan([make_corpus(50)], choose_strategy("hybrid"), 7))
    assert (sampler.batch_size, sampler.drop_last) == (7, False)
