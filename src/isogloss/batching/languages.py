"""Draw among the languages that each item has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class SpokenLanguages:
    """Find the k-th language of each of some items.

    Args:
        present: Whether each item has each language. Shape: (n, languages), bool.
    """

    def __init__(self, present: NDArray[np.bool_]) -> None:
        # How many languages each item has up to each one. As a product of matrices, whose small sums are
        # exact, this takes a fifth of the time of a sort.
        self._through = present.astype(np.float32) @ np.triu(np.ones((present.shape[1],) * 2, np.float32))

    @property
    def counts(self) -> NDArray[np.uint64]:
        """Count the languages of each item.

        Returns:
            uint64 [n].
        """
        return self._through[:, -1].astype(np.uint64)

    def pick(self, numbers: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Pick a language of each item.

        Args:
            numbers: Which of its languages, from 0 and below its count. Shape: (n,), uint64.

        Returns:
            Their indices; int64 [n].
        """
        picked: NDArray[np.int64] = (self._through <= numbers.astype(np.float32)[:, None]).argmin(axis=1)
        return picked
