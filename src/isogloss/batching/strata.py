"""Strata of corpora, dealt into batches pass by pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from isogloss.batching.hashing import hash_keys


class Pass(Protocol):
    """Hold the items of one pass in their order."""

    def deal(self, turn: int) -> NDArray[np.int64]:
        """List the items of one batch of the pass, counted from 0."""


@dataclass(frozen=True, eq=False)
class Stratum(ABC):
    """Deal the items of one stratum into batches without replacement, pass after pass.

    A pass has ``ceil(items / batch_size)`` batches. Items are listed with those of one passage side by side,
    in an order shuffled for each pass, and dealt to the batches like cards, so that neighbours in the list go
    to different batches: no batch holds a passage twice, and all batches of a pass are equally large to
    within one row. A passage with more items than the pass has batches gives as many as fit and continues in
    the next pass.

    Args:
        identity: A number that names the stratum among those of its plan.
        batch_size: Rows of a full batch, at least 1.
        seed: The plan's seed.

    Source: ours.
    """

    identity: int
    batch_size: int
    seed: int
    _kept: dict[int, Pass] = field(default_factory=dict, init=False, repr=False)

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    def batches_per_pass(self) -> int:
        """Count the batches in which every passage's share of the items is dealt once."""
        return -(-len(self) // self.batch_size)

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
        return self._kept[number].deal(turn)

    def spilled_passages(self) -> tuple[int, int]:
        """Count the passages that no single pass can use up.

        Returns:
            The number of passages with more items than a pass has batches, and the number of their items
            that each pass leaves for later ones.
        """
        over = self._group_sizes() - self.batches_per_pass
        return int((over > 0).sum()), int(over[over > 0].sum())

    @abstractmethod
    def _group_sizes(self) -> NDArray[np.int64]:
        """Count the items of each group; one with more items than a pass has batches is a single passage."""

    @abstractmethod
    def _shuffle_pass(self, number: int) -> Pass:
        """Put the items of a pass in order."""


class _Groups(NamedTuple):
    """The items sorted by passage, in an order inside each passage that is the same for all passes."""

    items: NDArray[np.int32]
    group: NDArray[np.int32]
    """Number of each item's passage, 0 to groups - 1."""
    sizes: NDArray[np.int64]
    """Items of each group."""


class _ListedPass(NamedTuple):
    listing: NDArray[np.int32]
    """The items of the pass, those of one passage side by side."""
    hands: NDArray[np.int64]
    """The hand that each batch of the pass takes."""

    def deal(self, turn: int) -> NDArray[np.int64]:
        return self.listing[self.hands[turn] :: len(self.hands)].astype(np.int64)


@dataclass(frozen=True, eq=False)
class ListedStratum(Stratum):
    """Deal the items of one stratum of a corpus in memory, listed for each pass.

    Args:
        items: int64 [n], the items of the stratum, each once.
        passages: int64 [n], the passage identity of each.

    Source: ours.
    """

    items: NDArray[np.int64]
    passages: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.items)

    def _group_sizes(self) -> NDArray[np.int64]:
        return self._groups.sizes

    @cached_property
    def _groups(self) -> _Groups:
        tickets = hash_keys("item", self.seed, self.identity, self.items)
        order = np.lexsort((tickets, self.passages))
        # Half the width, enough for any corpus in memory: these stay for every stratum of the plan.
        starts = np.flatnonzero(np.diff(self.passages[order], prepend=-1))
        sizes = np.diff(starts, append=len(order))
        group = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        return _Groups(self.items[order].astype(np.int32), group, sizes)

    def _shuffle_pass(self, number: int) -> _ListedPass:
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
        return _ListedPass(listing, hands)
