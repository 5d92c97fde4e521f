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


def hash_keys(stream: str, *keys: ArrayLike) -> NDArray[np.uint64]:
    """Hash integer keys to uniform 64-bit values.

    Args:
        stream: What the numbers are for; two streams are independent.
        *keys: Integers or integer arrays, broadcast against each other; negative values wrap.

    Returns:
        uint64 array of the broadcast shape.
    """
    state = np.asarray(zlib.crc32(stream.encode()), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for key in keys:
            state = _mix(state + _GOLDEN) ^ _mix(np.asarray(key).astype(np.uint64) * _MIX_1 + _GOLDEN)
            state = _mix(state)
    return state


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
