"""Counter-based random numbers: each value is a pure function of its keys.

A generator with a state must be replayed to reach step 10,000; a hash of (seed, epoch, step) need not.
The mixing function is written out here, so that a plan stays the same under every version of numpy.

Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators" (SplitMix64's finaliser).
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_WORD = 2**64 - 1
_TURNS = 4


def hash_keys(stream: str, *keys: ArrayLike) -> NDArray[np.uint64]:
    """Hash integer keys to uniform 64-bit values.

    Args:
        stream: What the numbers are for; two streams are independent.
        *keys: Integers or integer arrays, broadcast against each other; negative values wrap.

    Returns:
        uint64 array of the broadcast shape.
    """
    start = zlib.crc32(stream.encode())
    first = 0
    # The leading keys are mostly single numbers, which Python mixes faster than numpy does.
    for key in keys[: len(keys) - 1]:
        if not isinstance(key, int):
            break
        start = hash_key(start, key)
        first += 1
    state = np.asarray(start, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for key in keys[first:]:
            state = _mix(state + _GOLDEN) ^ _mix(np.asarray(key).astype(np.uint64) * _MIX_1 + _GOLDEN)
            state = _mix(state)
    return state


def hash_key(state: int, key: int) -> int:
    """Hash one more integer key, as ``hash_keys`` does.

    Args:
        state: What the earlier keys gave, from 0 to 2**64 - 1.
        key: The key; a negative one wraps.

    Returns:
        From 0 to 2**64 - 1.
    """
    golden, mix_1 = int(_GOLDEN), int(_MIX_1)
    return _mix_one(_mix_one((state + golden) & _WORD) ^ _mix_one((key * mix_1 + golden) & _WORD))


def permute_index(index: int, size: int, key: int) -> int:
    """Say where a random permutation puts one place, without working out the others.

    Args:
        index: The place, from 0.
        size: Number of places.
        key: Names the permutation; any integer from 0 to 2**64 - 1.

    Returns:
        Its new place, from 0 to ``size`` - 1; each comes from one place only.

    Source: ours; every step is a bijection of the numbers of so many bits, and a number that is too large is
        put through again (cycle walking; Black and Rogaway 2002, "Ciphers with arbitrary finite domains").
    """
    bits = max(1, (size - 1).bit_length())
    every, half = (1 << bits) - 1, (bits + 1) // 2
    while True:
        for turn in range(_TURNS):
            ticket = _mix_one((key + turn * int(_GOLDEN)) & _WORD)
            index = (index * (ticket | 1) + (ticket >> 32)) & every
            index ^= index >> half
        if index < size:
            return index


def uniforms(stream: str, *keys: ArrayLike) -> NDArray[np.float64]:
    """Hash integer keys to uniform numbers in [0, 1).

    Args:
        stream: What the numbers are for; two streams are independent.
        *keys: Integers or integer arrays, broadcast against each other.

    Returns:
        float64 array of the broadcast shape, with 53 random bits.
    """
    return (hash_keys(stream, *keys) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    return value ^ (value >> np.uint64(31))


def _mix_one(value: int) -> int:
    value = ((value ^ (value >> 30)) * int(_MIX_1)) & _WORD
    value = ((value ^ (value >> 27)) * int(_MIX_2)) & _WORD
    return value ^ (value >> 31)
