"""Read vectors that were computed elsewhere: arrays of queries and passages with a file of ids for each."""

from __future__ import annotations

import tokenize
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss.corpus.source import read_source
from isogloss.encoding.batches import Kind
from isogloss.encoding.tensor_files import map_tensors
from isogloss.errors import DataError

TENSOR = "vectors"
"""The tensor's name in a safetensors file."""
_NAMES: Mapping[Kind, tuple[str, str]] = {
    "query": ("queries", "query_ids.txt"),
    "passage": ("passages", "passage_ids.txt"),
}
_CHECKED_AT_ONCE = 8192
_NPY_MAGIC = b"\x93NUMPY"


@dataclass(frozen=True)
class VectorTable:
    """Hold one kind's vectors, mapped into memory.

    Attributes:
        path: The file of vectors.
        ids_path: The file of ids.
        rows: Id -> row.
        vectors: float16, float32 or float64 ``[n, d]``, as stored.
    """

    path: Path
    ids_path: Path
    rows: Mapping[str, int]
    vectors: NDArray[np.floating]

    def take(self, ids: Sequence[str]) -> NDArray[np.float32]:
        """Read vectors, and scale them to length 1.

        Args:
            ids: The wanted ids.

        Returns:
            float32 ``[len(ids), d]``.

        Raises:
            DataError: An id is missing, or its vector is zero or holds NaN or an infinity.
        """
        missing = [name for name in ids if name not in self.rows]
        if missing:
            raise DataError(f"{len(missing)} id(s) are missing, first {missing[0]!r}", self.ids_path)
        rows = np.asarray([self.rows[name] for name in ids], dtype=np.int64)
        taken = np.empty((len(rows), self.vectors.shape[1]), dtype=np.float32)
        for start in range(0, len(rows), _CHECKED_AT_ONCE):
            chosen = rows[start : start + _CHECKED_AT_ONCE]
            # Scaled by the greatest entry first: squares of float64 may overflow, or vanish.
            with np.errstate(invalid="ignore"):  # a NaN is refused below, with its row
                raw = np.asarray(self.vectors[chosen], dtype=np.float64)
            greatest = np.abs(raw).max(axis=1, keepdims=True)
            broken = np.flatnonzero(~np.isfinite(greatest[:, 0]) | (greatest[:, 0] == 0))
            if len(broken):
                row, what = int(chosen[broken[0]]), greatest[broken[0], 0]
                fault = "is zero" if what == 0 else "holds NaN or an infinity"
                name = ids[start + int(broken[0])]
                raise DataError(f"the vector of {name!r} {fault}", self.path, f"row {row + 1}")
            raw /= greatest
            taken[start : start + len(chosen)] = raw / np.linalg.norm(raw, axis=1, keepdims=True)
        return taken


@dataclass(frozen=True)
class VectorFiles:
    """Hold the vectors of a folder.

    Attributes:
        folder: The folder.
        tables: ``query`` and ``passage`` -> its vectors.
    """

    folder: Path
    tables: Mapping[Kind, VectorTable]

    def take(self, kind: Kind, ids: Sequence[str]) -> NDArray[np.float32]:
        """Read vectors by id.

        Args:
            kind: ``query`` or ``passage``.
            ids: The wanted ids.

        Returns:
            float32 ``[len(ids), d]``, each row of length 1.

        Raises:
            DataError: An id is missing, or its vector is zero or holds NaN or an infinity.
        """
        return self.tables[kind].take(ids)


def load_vectors(folder: Path) -> VectorFiles:
    """Find vectors that were computed elsewhere; a row is read when it is taken.

    The folder holds ``queries.npy`` or ``queries.safetensors`` (a tensor ``vectors``) with ``query_ids.txt``,
    and ``passages.npy`` or ``passages.safetensors`` with ``passage_ids.txt``: one id a line, in the order of
    the rows. Vectors are float16, float32 or float64, of any length but zero.

    Args:
        folder: The folder.

    Returns:
        The vectors.

    Raises:
        DataError: A file is missing, damaged, of another shape or type, or the ids do not fit; Python
            objects in an array (pickles) are never read.
    """
    tables = {kind: _load_table(folder, *names) for kind, names in _NAMES.items()}
    queries, passages = tables["query"], tables["passage"]
    if queries.vectors.shape[1] != passages.vectors.shape[1]:
        raise DataError(
            f"vectors of length {passages.vectors.shape[1]}, but those of {queries.path.name} have length "
            f"{queries.vectors.shape[1]}",
            passages.path,
        )
    return VectorFiles(folder, tables)


def _load_table(folder: Path, stem: str, ids_name: str) -> VectorTable:
    """Read one kind's ids, and map its vectors."""
    there = [path for suffix in (".npy", ".safetensors") if (path := folder / f"{stem}{suffix}").is_file()]
    if len(there) != 1:
        found = "both are there" if there else "neither is there"
        raise DataError(f"{stem}.npy or {stem}.safetensors is wanted; {found}", folder)
    path = there[0]
    vectors = map_npy(path) if path.suffix == ".npy" else _map_safetensors(path)
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise DataError(f"vectors of shape [n, d] are wanted, not {list(vectors.shape)}", path)
    if vectors.dtype.kind != "f" or vectors.dtype.itemsize > 8:
        raise DataError(f"float16, float32 or float64 is wanted, not {vectors.dtype}", path)
    ids = _read_ids(folder / ids_name)
    if len(ids) != len(vectors):
        raise DataError(f"{len(ids)} ids, but {path.name} has {len(vectors)} rows", folder / ids_name)
    return VectorTable(path, folder / ids_name, ids, vectors)


def map_npy(path: Path) -> NDArray[np.floating]:
    """Map a NumPy file into memory.

    Args:
        path: The file.

    Returns:
        Its array, whose shape and dtype the caller has to check.

    Raises:
        DataError: The file cannot be read, is not whole, or holds Python objects.
    """
    try:
        with path.open("rb") as stream:
            if stream.read(len(_NPY_MAGIC)) != _NPY_MAGIC:  # NumPy would take it for an archive, or a pickle
                raise DataError("is no whole NumPy array of numbers (it starts as none)", path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of a header that NumPy has to mend
            array: NDArray[np.floating] = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", path) from error
    except (ValueError, EOFError, OverflowError, SyntaxError, tokenize.TokenError, Warning) as error:
        raise DataError(f"is no whole NumPy array of numbers ({error})", path) from error
    return array


def _map_safetensors(path: Path) -> NDArray[np.floating]:
    """Map the tensor of a safetensors file."""
    tensors = map_tensors(path).tensors
    if TENSOR not in tensors:
        names = ", ".join(sorted(tensors)) or "none"
        raise DataError(f"has no tensor {TENSOR!r} (it has: {names})", path)
    return tensors[TENSOR]  # type: ignore[return-value]  # the caller checks the numbers


def _read_ids(path: Path) -> dict[str, int]:
    """Read ids, one a line."""
    rows: dict[str, int] = {}
    lines = read_source(path).text.split("\n")
    if lines[-1] == "":
        del lines[-1]
    for number, line in enumerate(lines, start=1):
        name = line.removesuffix("\r")
        if not name.strip():
            raise DataError("the id is empty", path, f"line {number}")
        if name in rows:
            raise DataError(f"the id {name!r} is also in line {rows[name] + 1}", path, f"line {number}")
        rows[name] = number - 1
    return rows
