"""Columns of bits that are counted and searched without being unpacked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WORD = np.dtype("<u8")
WORDS_PER_BLOCK = 8
BLOCK = 64 * WORDS_PER_BLOCK
"""Bits of a block: the set bits before each block are known, those inside it are counted."""

_BYTES = np.arange(256, dtype=np.uint8)
_BITS_OF_BYTE = np.unpackbits(_BYTES[:, None], axis=1, bitorder="little")
_PLACES = np.argsort(_BITS_OF_BYTE == 0, axis=1, kind="stable").astype(np.int64).ravel()
"""At 8 b + k: place of the k-th set bit of the byte b."""
_UP_TO = np.triu(np.ones((8, 8), dtype=np.float32))
"""Times a row of eight counts: the sums up to each of them, exact, and faster than a cumulative sum."""


@dataclass(frozen=True, eq=False)
class BitColumn:
    """Hold a set of places as bits, and find the k-th of them or count those before a place.

    Works as a list of the places in ascending order, of which only those asked for are worked out: about
    a cache line is read for each.

    Args:
        words: The bits, place p in bit p % 64 of word p // 64 of its block. Shape: (blocks, 8), uint64.
        ranks: Set bits before each block, and of all. Shape: (blocks + 1,), int64.
        mask: Where given, only bits that are set here too count. Shape: (blocks, 8), uint64.

    Source: Jacobson 1989, "Space-efficient static trees and graphs" (rank and select); the one
        level of counts is ours.
    """

    words: NDArray[np.uint64]
    ranks: NDArray[np.int64]
    mask: NDArray[np.uint64] | None = None

    def __len__(self) -> int:
        return int(self.ranks[-1])

    def __getitem__(self, ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        """List the places with these ranks.

        Args:
            ranks: How many set places are before each, 0 to ``len(self) - 1``. Shape: (n,), int64.

        Returns:
            The places. Shape: (n,), int64.
        """
        block = np.searchsorted(self.ranks, ranks, side="right") - 1
        words = self._take(block)
        at, word, left = _find(np.bitwise_count(words), ranks - self.ranks.take(block))
        octets = words.take(at).astype(WORD, copy=False).view(np.uint8).reshape(-1, 8)
        at, byte, left = _find(np.bitwise_count(octets), left)
        bit = _PLACES.take(8 * octets.take(at).astype(np.int64) + left)
        return BLOCK * block + 64 * word + 8 * byte + bit

    def rank(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Count the set places before each of some places.

        Args:
            places: 0 to the number of all places. Shape: (n,), int64.

        Returns:
            The counts. Shape: (n,), int64.
        """
        # The end of the last block is asked for as the end, not as the start of a block that is not there.
        block = np.minimum(places // BLOCK, len(self.words) - 1)
        bit = places - BLOCK * block
        words = self._take(block)
        # Bits to count in each word: all of those before the place's, none of those after.
        counted = np.clip(bit[:, None] - 64 * np.arange(WORDS_PER_BLOCK), 0, 64).astype(np.uint64)
        full = counted == 64
        below = (np.uint64(1) << np.where(full, np.uint64(0), counted)) - np.uint64(1)
        words = np.where(full, words, words & below)
        inside: NDArray[np.int64] = np.bitwise_count(words).sum(axis=1, dtype=np.int64)
        return self.ranks[block] + inside

    def rank_one(self, place: int) -> int:
        """Count the set places before one place, at a tenth of the cost of asking for an array.

        Args:
            place: 0 to one less than the number of all places.

        Returns:
            The count.
        """
        block, bit = divmod(place, BLOCK)
        word, bit = divmod(bit, 64)
        words = self.words[block, : word + 1]
        if self.mask is not None:
            words = words & self.mask[block, : word + 1]
        *before, last = words.tolist()
        last &= (1 << bit) - 1
        return int(self.ranks[block]) + sum(map(int.bit_count, before)) + int(last).bit_count()

    def holds(self, places: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which of some places are set.

        Args:
            places: 0 to one less than the number of all places. Shape: (n,), int64.

        Returns:
            One answer for each place. Shape: (n,), bool.
        """
        block, word, bit = split_places(places)
        words = self.words[block, word]
        if self.mask is not None:
            words = words & self.mask[block, word]
        return (words >> bit & np.uint64(1)).astype(np.bool_)

    def _take(self, block: NDArray[np.int64]) -> NDArray[np.uint64]:
        words = self.words[block]
        return words if self.mask is None else words & self.mask[block]


def split_places(
    places: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
    """Split places into block, word of the block, and bit of the word.

    Args:
        places: From 0. Shape: (n,), int64.

    Returns:
        The three, each of shape (n,); the bits as uint64, to shift by.
    """
    return places // BLOCK, places // 64 % WORDS_PER_BLOCK, (places % 64).astype(np.uint64)


def pack_bits(flags: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Pack flags into words, filling up the last block with zeros.

    Args:
        flags: One flag for each place. Shape: (places,), bool.

    Returns:
        The words. Shape: (blocks, 8), uint64; at least one block.
    """
    blocks = max(1, -(-len(flags) // BLOCK))
    padded = np.zeros(blocks * BLOCK, dtype=np.bool_)
    padded[: len(flags)] = flags
    return np.packbits(padded, bitorder="little").view(WORD).reshape(blocks, WORDS_PER_BLOCK)


def count_blocks(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Count the set bits of each block.

    Args:
        words: Words, those of a block along the last axis.

    Returns:
        The counts, without the last axis; int64.
    """
    counts: NDArray[np.int64] = np.bitwise_count(words).sum(axis=-1, dtype=np.int64)
    return counts


def accumulate_ranks(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the set bits before each block.

    Args:
        counts: Set bits of each block, blocks along the last axis; int64.

    Returns:
        The sums of all earlier blocks, and of all blocks: one more along the last axis; int64.
    """
    ranks = np.zeros((*counts.shape[:-1], counts.shape[-1] + 1), dtype=np.int64)
    np.cumsum(counts, axis=-1, out=ranks[..., 1:])
    return ranks


def _find(
    counts: NDArray[np.uint8], left: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find which of each row's eight parts holds its k-th set bit.

    Args:
        counts: Set bits of each part. Shape: (n, 8), uint8.
        left: For each row, how many set bits come before the one looked for. Shape: (n,), int64.

    Returns:
        Where the part stands in the raveled counts, its place in its row, and how many bits of the part come
        before the one looked for.
    """
    through = counts.astype(np.float32) @ _UP_TO
    part = (through <= left[:, None]).argmin(axis=1)
    at = np.arange(0, 8 * len(left), 8) + part
    return at, part, left - through.take(at).astype(np.int64) + counts.take(at)
