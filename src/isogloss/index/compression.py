"""The vectors of a segment on disk, whole or compressed, and getting them back.

``vectors.npy``: float32, float16 or int8 ``[n, d]``. ``scales.npy``, beside int8: float32 ``[n]``, what the
whole numbers of a row are multiplied by. ``bits.npy``, for ``binary``: uint64 ``[n, ceil(d / 64)]``,
the signs.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss.encoding.vector_files import map_npy
from isogloss.errors import DataError
from isogloss.index.manifest import REBUILD, Compression

VECTORS, SCALES, BITS = "vectors.npy", "scales.npy", "bits.npy"
CANDIDATES_PER_HIT = 50
"""How many passages of the most equal signs are scored for each passage that is wanted."""
_WORD = 64
_STEPS = 127
_SPARE_BITS = 12
"""Last bits of a scale that are zero: so scale times 127 is exact, and what is read is written as it was."""
_HALF_BITS = np.int32(0x0FFFE000 - 2**31)
"""Sign, exponent and fraction of a float16, moved to where float32 has them."""
_HALF_EXPONENT = np.float32(2.0**112)
_HALF_MOST = np.float32(65504)
_DTYPES = {"float32": "<f4", "float16": "<f2", "int8": "|i1", "binary": "|i1"}
Rows = slice | NDArray[np.int64]


class StoredVectors:
    """Read the vectors of a segment, which are mapped into memory.

    Attributes:
        compression: How they are stored.
    """

    def __init__(self, folder: Path, names: Collection[str], rows: int, dimensions: int) -> None:
        """Open the files; their heads are checked, their content is not.

        Args:
            folder: The segment's folder.
            names: The segment's files.
            rows: How many vectors there are.
            dimensions: Their length.

        Raises:
            DataError: A file is not what the index says.
        """
        self._raw = _map(folder / VECTORS, ("<f4", "<f2", "|i1"), (rows, dimensions))
        kinds: dict[str, Compression] = {"<f4": "float32", "<f2": "float16", "|i1": "int8"}
        self.compression: Compression = kinds[self._raw.dtype.str]
        self._scales: NDArray[np.float32] | None = None
        self._bits: NDArray[np.uint64] | None = None
        if self.compression == "int8":
            self._scales = _map(folder / SCALES, ("<f4",), (rows,)).astype(np.float32, copy=False)
        if BITS in names:
            self.compression = "binary"
            words = _map(folder / BITS, ("<u8",), (rows, -(-dimensions // _WORD)))
            self._bits = words.astype(np.uint64, copy=False)

    def decode(self, rows: Rows) -> NDArray[np.float32]:
        """Read vectors.

        Args:
            rows: A slice of rows, or int64 ``[n]``.

        Returns:
            float32 ``[n, d]``: of length 1 but for what compression changes.
        """
        decoded = _widen(self._raw[rows])
        return decoded if self._scales is None else decoded * self._scales[rows][:, np.newaxis]

    def multiply(self, queries: NDArray[np.float32], rows: slice) -> NDArray[np.float32]:
        """Multiply queries with vectors; whole numbers are scaled after the product, which is faster.

        Args:
            queries: float32 ``[q, d]``.
            rows: A slice of rows.

        Returns:
            float32 ``[q, n]``: what the product with the decoded vectors gives but for rounding.
        """
        with np.errstate(invalid="ignore"):  # of a damaged file: whoever asks sees the NaN
            products: NDArray[np.float32] = queries @ _widen(self._raw[rows]).T
        return products if self._scales is None else products * self._scales[rows]

    def find_alike(
        self, query: NDArray[np.float32], rows: NDArray[np.int64], wanted: int
    ) -> NDArray[np.int64]:
        """Find the rows whose signs differ least from a query's.

        Args:
            query: float32 ``[d]``.
            rows: int64 ``[n]``: where to look.
            wanted: How many to find, from 1.

        Returns:
            int64: rows, in the given order; more than wanted where the last of them ties, fewer where there
            are fewer.

        Raises:
            ValueError: The vectors are stored without signs.

        Source: Yamada et al., arXiv 2106.00882 (binary passage retriever), candidates by Hamming distance
            that are scored again; signs of ready vectors are taken, nothing is learned.
        """
        if self._bits is None:
            raise ValueError("the vectors are stored without signs")
        if len(rows) <= wanted:
            return rows
        own = self._bits if len(rows) == len(self._bits) else self._bits[rows]
        distances = np.zeros(len(rows), dtype=np.uint16)
        for words, signs in zip(own.T, _pack_signs(query[np.newaxis])[0], strict=True):
            distances += np.bitwise_count(words ^ signs)
        least = np.partition(distances, wanted - 1)[wanted - 1]
        found: NDArray[np.int64] = rows[distances <= least]
        return found


class VectorWriter:
    """Write the vectors of a segment, some at a time."""

    def __init__(self, folder: Path, rows: int, dimensions: int, compression: Compression) -> None:
        """Open the files.

        Args:
            folder: The segment's folder.
            rows: How many vectors will come.
            dimensions: Their length.
            compression: How to store them.
        """
        shapes: dict[str, tuple[str, tuple[int, ...]]] = {VECTORS: (_DTYPES[compression], (rows, dimensions))}
        if compression in ("int8", "binary"):
            shapes[SCALES] = ("<f4", (rows,))
        if compression == "binary":
            shapes[BITS] = ("<u8", (rows, -(-dimensions // _WORD)))
        self._streams = {name: (folder / name).open("wb") for name in shapes}
        for name, (kind, shape) in shapes.items():
            header = {"descr": kind, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(self._streams[name], header)
        self._kind = _DTYPES[compression]

    def append(self, vectors: NDArray[np.float32]) -> None:
        """Write vectors.

        Args:
            vectors: float32 ``[n, d]``.
        """
        stored: dict[str, NDArray[np.generic]] = {VECTORS: vectors}
        if SCALES in self._streams:
            stored[VECTORS], stored[SCALES] = quantise(vectors)
        if BITS in self._streams:
            stored[BITS] = _pack_signs(vectors)
        stored[VECTORS] = stored[VECTORS].astype(self._kind, copy=False)
        for name, values in stored.items():
            self._streams[name].write(np.ascontiguousarray(values).data)

    def close(self) -> tuple[str, ...]:
        """Finish the files.

        Returns:
            Their names.
        """
        for stream in self._streams.values():
            stream.close()
        return tuple(self._streams)


def quantise(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Write vectors in whole numbers of -127 to 127, each vector with a scale of its own.

    Args:
        vectors: float32 ``[n, d]``, none of them all zero.

    Returns:
        int8 ``[n, d]`` and float32 ``[n]``: their product is within half a scale of the vectors, and
        quantised again gives the same numbers.

    Source: ours; symmetric rounding by the largest number of each vector.
    """
    largest = np.abs(vectors).max(axis=1, initial=0) / np.float32(_STEPS)
    low = np.int32((1 << _SPARE_BITS) - 1)
    scales = ((largest.astype(np.float32).view(np.int32) + low) & ~low).view(np.float32)
    return np.rint(vectors / scales[:, np.newaxis]).astype(np.int8), scales


def _widen(stored: NDArray[np.generic]) -> NDArray[np.float32]:
    """Turn stored numbers into float32."""
    if stored.dtype != np.float16:
        return stored.astype(np.float32, copy=False)
    # The bits moved to where float32 has them, and the exponent's other zero made good: six times as fast as
    # NumPy's own way, which is needed for NaN and infinities alone.
    bits = stored.view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= _HALF_BITS
    wide = bits.view(np.float32)
    wide *= _HALF_EXPONENT
    whole = not wide.size or (wide.max() <= _HALF_MOST and wide.min() >= -_HALF_MOST)
    return wide if whole else stored.astype(np.float32)


def _pack_signs(vectors: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Pack which numbers are above zero, 64 a word."""
    count, dimensions = vectors.shape
    padded = np.zeros((count, -(-dimensions // _WORD) * _WORD), dtype=np.bool_)
    padded[:, :dimensions] = vectors > 0
    return np.packbits(padded, axis=1).view("<u8")


def _map(path: Path, kinds: Collection[str], shape: tuple[int, ...]) -> NDArray[np.generic]:
    stored: NDArray[np.generic] = map_npy(path).view(np.ndarray)
    if stored.shape != shape or stored.dtype.str not in kinds:
        raise DataError(
            f"has the shape {list(stored.shape)} of {stored.dtype}: it was changed or damaged after it was "
            f"written; {REBUILD}",
            path,
        )
    return stored
