"""Candidates of a batch that answer another row's query."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isogloss.answers import Answers
from isogloss.batching.batch import Batch


def find_false_negatives(answers: Answers, batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the candidates that would be negatives of a query although they answer it.

    Args:
        answers: What answers what in the batch's corpus.
        batch: The batch.

    Returns:
        Row of each query, and place of the candidate among the batch's passages and then its explicit
        negatives, counted from 0; both int64 of one length, ordered by row and then place. The row's own
        passage is not among them.

    Source: ours.
    """
    explicit = [] if batch.negative_items is None else [batch.negative_items]
    rows, places = answers.pair(batch.items, np.concatenate([batch.items, *explicit]))
    others = rows != places
    return rows[others], places[others]
