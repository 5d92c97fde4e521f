"""One stratum of a corpus, dealt into batches pass by pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.batching.hashing import hash_keys


class _Groups(NamedTuple):
    """The items sorted by passage, in an order inside each passage that is the same for all passes."""

    items: NDArray[np.int32]
    group: NDArray[np.int32]
    """Number of each item's passage, 0 to groups - 1."""
    sizes: NDArray[np.int64]
    """Items of each group."""


class _Pass(NamedTuple):
    listing: NDArray[np.int32]
    """The items of the pass, those of one passage side by side."""
    hands: NDArray[np.int64]
    """The hand that each batch of the pass takes."""


@dataclass(frozen=True, eq=False)
class Stratum:
    """Deal the items of one stratum into batches without replacement, pass after pass.

    A pass has ``ceil(items / batch_size)`` batches. Items are listed grouped by passage, the groups shuffled
    for each pass, and dealt to the batches like cards, so that neighbours in the list go to different
    batches: no batch holds a passage twice, and all batches of a pass are equally large to within one row.
    A passage with more items than the pass has batches gives as many as fit and continues in the next pass.

    Args:
        identity: A number that names the stratum among those of its plan.
        items: int64 [n], the items of the stratum, each once.
        passages: int64 [n], the passage identity of each.
        batch_size: Rows of a full batch, at least 1.
        seed: The plan's seed.

    Source: ours.
    """

    identity: int
    items: NDArray[np.int64]
    passages: NDArray[np.int64]
    batch_size: int
    seed: int
    _kept: dict[int, _Pass] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def batches_per_pass(self) -> int:
        """Count the batches in which every passage's share of the items is dealt once."""
        return -(-len(self.items) // self.batch_size)

    def deal(self, visit: int) -> NDArray[np.int64]:
        """List the items of one batch.

        Args:
            visit: How many batches were taken from this stratum before, from 0.

        Returns:
            int64 [<= batch_size] items, no two of one passage.
        """
        number, turn = divmod(visit, self.batches_per_pass)
        if number not in self._kept:
            # One pass is in use at a time, two where a pass ends inside an epoch.
            if len(self._kept) >= 2:
                del self._kept[min(self._kept)]
            self._kept[number] = self._shuffle_pass(number)
        listing, hands = self._kept[number]
        return listing[hands[turn] :: self.batches_per_pass].astype(np.int64)

    def spilled_passages(self) -> tuple[int, int]:
        """Count the passages that no single pass can use up.

        Returns:
            The number of passages with more items than a pass has batches, and the number of their items
            that each pass leaves for later ones.
        """
        over = self._groups.sizes - self.batches_per_pass
        return int((over > 0).sum()), int(over[over > 0].sum())

    @cached_property
    def _groups(self) -> _Groups:
        tickets = hash_keys("item", self.seed, self.identity, self.items)
        order = np.lexsort((tickets, self.passages))
        # Half the width, enough for any corpus in memory: these stay for every stratum of the plan.
        starts = np.flatnonzero(np.diff(self.passages[order], prepend=-1))
        sizes = np.diff(starts, append=len(order))
        group = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        return _Groups(self.items[order].astype(np.int32), group, sizes)

    def _shuffle_pass(self, number: int) -> _Pass:
        items, group, sizes = self._groups
        batches = self.batches_per_pass
        if sizes.max() > batches:
            # A passage with more items than batches gives the next `batches` of its items, going round.
            place = np.arange(len(items)) - (np.cumsum(sizes) - sizes)[group]
            turn = (place - number * batches) % sizes[group]
            dealt = turn < batches
            items, group = items[dealt], group[dealt]
        group_tickets = hash_keys("group", self.seed, self.identity, number, np.arange(len(sizes)))
        ranks = np.argsort(np.argsort(group_tickets)).astype(np.int32)
        item_tickets = hash_keys("row", self.seed, self.identity, number, items)
        listing = items[np.lexsort((item_tickets, ranks[group]))]
        # Neighbours in the list go to neighbouring hands; taking the hands in random order keeps questions on
        # one passage from following each other step by step.
        hands = np.argsort(hash_keys("hand", self.seed, self.identity, number, np.arange(batches)))
        return _Pass(listing, hands)
