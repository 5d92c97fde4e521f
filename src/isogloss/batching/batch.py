"""One planned batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isogloss.batching.strategy import Kind


@dataclass(frozen=True, eq=False)
class Batch:
    """Hold the rows of one global batch, to be cut for the devices afterwards.

    Args:
        epoch: Epoch, from 0.
        step: Step in the epoch, from 0.
        kind: What the languages of the rows have in common.
        corpus: Index of the corpus that every row is from.
        items: int64 [rows] items of that corpus; no two of one passage.
        query_languages: int64 [rows] indices into the corpus's languages.
        passage_languages: int64 [rows] indices into the corpus's languages.
        negative_items: int64 [rows] items whose passages are the explicit negatives, or none.
        negative_languages: int64 [rows] indices into the corpus's languages, or none.
        negative_sources: int64 [rows] indices into ``NEGATIVE_SOURCES``, or none.
    """

    epoch: int
    step: int
    kind: Kind
    corpus: int
    items: NDArray[np.int64]
    query_languages: NDArray[np.int64]
    passage_languages: NDArray[np.int64]
    negative_items: NDArray[np.int64] | None = None
    negative_languages: NDArray[np.int64] | None = None
    negative_sources: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.items)
