"""Lists of items, of which only what is asked for is worked out."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from isogloss.corpus.stored.bits import BitColumn

Items = NDArray[np.int64] | BitColumn
"""Item numbers, ascending; those of a stored corpus are worked out where they are asked for."""


class Listing(Protocol):
    """Look items up by their places: an array, or what stands for one."""

    def __getitem__(self, places: NDArray[np.int64], /) -> NDArray[np.int64]:
        """List the items at some places."""


class ItemLists(NamedTuple):
    """Hold a list of items for each of some rows, as parts of one listing.

    Args:
        listing: What the lists are parts of.
        starts: Place of each list's first item in it. Shape: (rows,), int64.
        ends: The place after each list's last item. Shape: (rows,), int64.
    """

    listing: Listing
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def row(self, number: int) -> NDArray[np.int64]:
        """List the items of one row.

        Args:
            number: The row, from 0.

        Returns:
            Its items. Shape: (n,), int64.
        """
        return self.listing[np.arange(self.starts[number], self.ends[number])]


def find_equal(ordered: NDArray[np.int64], numbers: NDArray[np.int64], others: Listing) -> ItemLists:
    """List for each of some numbers what goes with it.

    Args:
        ordered: Numbers, ascending, repeats allowed. Shape: (n,), int64.
        numbers: The numbers to look for. Shape: (rows,), int64.
        others: What goes with each of ``ordered``.

    Returns:
        A list for each of ``numbers``.
    """
    starts, ends = (np.searchsorted(ordered, numbers, side=side) for side in ("left", "right"))
    return ItemLists(others, starts.astype(np.int64), ends.astype(np.int64))
