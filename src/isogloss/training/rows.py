"""Planned rows as texts, in the dataset form that the sentence-transformers trainer takes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

from isogloss.answers import Answers, find_right_answers
from isogloss.batching import Batch, BatchPlan, PlanSampler, find_false_negatives
from isogloss.errors import PlanError
from isogloss.types import PassageUnit

if TYPE_CHECKING:
    from datasets import Dataset

QUERY_COLUMN, PASSAGE_COLUMN, NEGATIVE_COLUMN = "query", "passage", "negative"
LABEL_COLUMN = "label"
"""What the trainer hands to the loss beside the texts."""

_FINGERPRINTING = ContextVar("fingerprinting", default=False)


@dataclass
class RowTexts:
    """Turn row numbers of a ``PlanSampler`` into texts; a transform for ``datasets.Dataset``.

    Args:
        plan: The plan.
        unit: The text that stands for a passage.
        fixed_batches: Number of batches where the dataset is a fixed validation set.
        processes: Number of processes that share each batch; must divide the plan's batch size.
        name_answers: Whether to say which other candidates of a batch answer a row's query.
    """

    plan: BatchPlan
    unit: PassageUnit = PassageUnit.SENTENCE
    fixed_batches: int | None = None
    processes: int = 1
    name_answers: bool = False

    def __call__(self, rows: Mapping[str, Sequence[int]]) -> dict[str, list[str] | list[list[int]]]:
        """Look up the texts of some rows.

        Args:
            rows: Row numbers under ``row``.

        Returns:
            Texts under ``query``, ``passage`` and, where the plan has negatives, ``negative``. Where several
            processes share the batches, or answers are to be named, ``label`` holds a list for each row: its
            place in its batch, and -1 for a row that the batch does not have; then the candidates that
            ``find_false_negatives`` finds for it, filled up with -1 to one length for all rows of the batch.
        """
        columns: dict[str, list[str]] = {QUERY_COLUMN: [], PASSAGE_COLUMN: []}
        labels: list[list[int]] = []
        if self.plan.negatives is not None:
            columns[NEGATIVE_COLUMN] = []
        batch: Batch | None = None
        for row in rows["row"]:
            number, slot = divmod(int(row), self.plan.batch_size)
            epoch, step = divmod(number, self.plan.steps_per_epoch)
            if batch is None or (batch.epoch, batch.step) != (epoch, step):
                batch = self.plan.batch(epoch, step)
                answers = self._list_answers(batch)
            # Some batches are shorter; a reader that asks for a row they lack gets their last.
            for column, text in self.row_texts(batch, min(slot, len(batch) - 1)).items():
                columns[column].append(text)
            here = slot < len(batch)
            labels.append([slot, *answers[slot]] if here else [-1] * (1 + len(answers[0])))
        if self.processes == 1 and not self.name_answers:
            return dict(columns)
        return {**columns, LABEL_COLUMN: labels}

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[object, ...]:
        """Stand for itself by a random name while ``datasets`` hashes it; be pickled as usual otherwise."""
        return (str, (uuid.uuid4().hex,)) if _FINGERPRINTING.get() else super().__reduce_ex__(protocol)

    def _list_answers(self, batch: Batch) -> list[list[int]]:
        """List for each row the other candidates that answer its query, all lists of one length."""
        if not self.name_answers:
            return [[]] * len(batch)
        rows, places = find_false_negatives(self._answers[batch.corpus], batch)
        found: list[list[int]] = [[] for _ in range(len(batch))]
        for row, place in zip(rows.tolist(), places.tolist(), strict=True):
            found[row].append(place)
        width = max(map(len, found))
        return [[*entry, *[-1] * (width - len(entry))] for entry in found]

    @cached_property
    def _answers(self) -> tuple[Answers, ...]:
        return tuple(find_right_answers(corpus, self.unit) for corpus in self.plan.corpora)

    def row_texts(self, batch: Batch, slot: int) -> dict[str, str]:
        """Look up the texts of one row.

        Args:
            batch: A batch of the plan.
            slot: The row's place in it.

        Returns:
            The text of each column; prefixes are the model's and are put before by the trainer.
        """
        corpus = self.plan.corpora[batch.corpus]
        item = int(batch.items[slot])
        query = corpus.rendering(item, corpus.languages[batch.query_languages[slot]])
        passage = corpus.rendering(item, corpus.languages[batch.passage_languages[slot]])
        texts = {
            QUERY_COLUMN: query.question,
            PASSAGE_COLUMN: passage.passage_text(self.unit),
        }
        if batch.negative_items is not None and batch.negative_languages is not None:
            language = corpus.languages[batch.negative_languages[slot]]
            negative = corpus.rendering(int(batch.negative_items[slot]), language)
            texts[NEGATIVE_COLUMN] = negative.passage_text(self.unit)
        return texts


class SharedSampler:
    """Cut each planned batch into one share per process, and yield the shares in the order of the processes.

    ``accelerate`` deals whole batches to the processes in turn; dealt so, process r gets share r of every
    planned batch. (Its own ``split_batches`` skips every batch that is not full.) The shares of a batch are
    equally long: the last ones are filled up with rows that the batch does not have, which ``RowTexts``
    marks and the loss leaves out.

    Args:
        sampler: The sampler of whole batches.
        processes: Number of processes; must divide the plan's batch size.

    Source: ours.
    """

    batch_size = None  # which tells accelerate that lengths vary
    drop_last = False

    def __init__(self, sampler: PlanSampler, processes: int) -> None:
        self.batch_sampler = sampler
        self.processes = processes

    def __len__(self) -> int:
        return len(self.batch_sampler) * self.processes

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.batch_sampler:
            share = -(-len(batch) // self.processes)
            for first in range(batch[0], batch[0] + share * self.processes, share):
                yield list(range(first, first + share))

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch to yield next.

        Args:
            epoch: Epoch, from 0.
        """
        self.batch_sampler.set_epoch(epoch)


def planned_dataset(texts: RowTexts, batches: int) -> Dataset:
    """Make the dataset whose rows are those of the plan's first batches.

    Args:
        texts: The transform that looks rows up.
        batches: How many batches from the first, over all epochs.

    Returns:
        A dataset of row numbers, shown as texts. Only a ``PlanSampler`` knows which rows form a batch.
    """
    from datasets import Dataset

    rows = np.arange(batches * texts.plan.batch_size, dtype=np.int64)
    # A hash of the whole text, for a cache that planned rows never use, took longer than reading it; and
    # whoever interrupted that was not heard.
    token = _FINGERPRINTING.set(True)
    try:
        return Dataset.from_dict({"row": rows}).with_transform(texts)
    finally:
        _FINGERPRINTING.reset(token)


def sample_planned_batches(
    dataset: Dataset,
    *,
    batch_size: int,
    drop_last: bool = False,  # noqa: ARG001 - part of the trainer's call
    valid_label_columns: Sequence[str] | None = None,  # noqa: ARG001
    generator: object | None = None,  # noqa: ARG001
    seed: int = 0,  # noqa: ARG001
) -> PlanSampler | SharedSampler:
    """Sample the batches that a planned dataset holds; the ``batch_sampler`` of a trainer's arguments.

    The plan is found in the dataset, so that nothing needs to be bound here: trainers store this function by
    its name in each checkpoint.

    Args:
        dataset: A dataset made by ``planned_dataset``.
        batch_size: Rows per batch; must be the plan's.
        drop_last: Not used: a plan has no incomplete batch to drop.
        valid_label_columns: Not used: planned rows have no labels.
        generator: Not used: a plan has a seed of its own.
        seed: Not used, likewise.

    Returns:
        The sampler; one of shares where processes share the batches.

    Raises:
        PlanError: The dataset is not planned, or the batch size differs from the plan's.
    """
    texts = dataset.format["format_kwargs"].get("transform")
    if not isinstance(texts, RowTexts):
        raise PlanError("this dataset holds no batch plan; make it with planned_dataset")
    if batch_size != texts.plan.batch_size:
        raise PlanError(
            f"the trainer asks for batches of {batch_size}, the plan has {texts.plan.batch_size}; set "
            "per_device_train_batch_size and per_device_eval_batch_size to the plan's batch size"
        )
    sampler = PlanSampler(texts.plan, texts.fixed_batches)
    return sampler if texts.processes == 1 else SharedSampler(sampler, texts.processes)
