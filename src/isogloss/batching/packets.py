"""One stratum of a stored corpus, dealt into batches without a list of its items."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isogloss.batching.hashing import hash_keys, permute_index
from isogloss.batching.strata import Stratum
from isogloss.corpus import StoredCorpus
from isogloss.corpus.stored.bits import BitColumn

MOST_PACKETS = 1 << 15
"""Packets that a stratum is cut into at most, apart from those cut further because a pass is short."""

# Primes above the size of any packet: times one of them, the places of a packet are all different.
_STRIDES = 2**31 - np.array([1, 19, 61, 69, 85, 99, 105, 151, 159, 171, 225, 249, 295, 325, 379, 399])
_AT_ONCE = 1 << 14


@dataclass(frozen=True, eq=False)
class PacketStratum(Stratum):
    """Deal the items of one stratum of a stored corpus.

    The stratum is cut into packets of whole passages that follow each other in the store; small strata have
    one packet for each passage. A pass lists the packets in an order shuffled for it, and the items of each
    in an order of their own. A packet has no more items than the pass has batches, or is one passage; so
    dealing the list like cards keeps the items of a passage apart. The list is never written down: an item's
    packet is found by search among the packets' starts, its place in the packet by arithmetic, and the item
    by its rank in the index.

    Args:
        corpus: The corpus.
        items: The items of the stratum.

    Source: ours.
    """

    corpus: StoredCorpus
    items: BitColumn

    def __len__(self) -> int:
        return len(self.items)

    def _group_sizes(self) -> NDArray[np.int64]:
        return np.diff(self.cuts)

    @cached_property
    def cuts(self) -> NDArray[np.int64]:
        """The place of each packet's first item among the items of the stratum, and their number."""
        count, batches = len(self.items), self.batches_per_pass
        step = min(-(-count // MOST_PACKETS), max(1, batches // 2))
        cuts = self._cut_at(0, count, step)
        large = np.flatnonzero(np.diff(cuts) > batches) if step > 1 else ()
        finer = [self._cut_at(int(cuts[packet]), int(cuts[packet + 1]), 1) for packet in large]
        return np.unique(np.concatenate([cuts, *finer]))

    def _cut_at(self, start: int, end: int, step: int) -> NDArray[np.int64]:
        """Cut a part of the stratum at the passages that hold every so many items."""
        found = [np.array([start, end])]
        for first in range(start, end, step * _AT_ONCE):
            places = np.arange(first, min(end, first + step * _AT_ONCE), step)
            passages = self.corpus.index.passages
            opening = passages[self.corpus.passages_of(self.items[places])]
            found.append(np.unique(self.items.rank(opening)))
        return np.unique(np.concatenate(found))

    @cached_property
    def has_large(self) -> bool:
        """Tell whether some passage has more items than a pass has batches."""
        return self.spilled_passages()[0] > 0

    def _shuffle_pass(self, number: int) -> _PacketPass:
        tickets = hash_keys("packet", self.seed, self.identity, number, np.arange(len(self.cuts) - 1))
        packets = np.argsort(tickets)
        sizes = np.minimum(np.diff(self.cuts), self.batches_per_pass)
        starts = np.concatenate([[0], np.cumsum(sizes[packets])])
        key = int(hash_keys("hands", self.seed, self.identity, number))
        return _PacketPass(self, number, packets, starts, tickets, key)


@dataclass(frozen=True, eq=False)
class _PacketPass:
    stratum: PacketStratum
    number: int
    packets: NDArray[np.int64]
    """The packets in their order in the list of the pass."""
    starts: NDArray[np.int64]
    """Where each of them starts in the list; the last entry is the length of the list."""
    tickets: NDArray[np.uint64]
    """A random number for each packet."""
    key: int
    """Names the order of the hands."""

    def deal(self, turn: int) -> NDArray[np.int64]:
        cuts, batches = self.stratum.cuts, self.stratum.batches_per_pass
        places = np.arange(permute_index(turn, batches, self.key), self.starts[-1], batches)
        at = np.searchsorted(self.starts, places, side="right") - 1
        packet = self.packets.take(at)
        inside = places - self.starts.take(at)
        first = cuts.take(packet)
        sizes = cuts.take(packet + 1) - first
        ticket = self.tickets.take(packet)
        stride = _STRIDES.take((ticket >> np.uint64(48)).astype(np.int64) % len(_STRIDES))
        shuffled = (inside * stride + (ticket >> np.uint64(33)).astype(np.int64)) % sizes
        if self.stratum.has_large:
            # A passage with more items than batches gives the next `batches` of its items, going round.
            going_round = (inside + self.number * batches) % sizes
            shuffled = np.where(sizes > batches, going_round, shuffled)
        return self.stratum.items[first + shuffled]
