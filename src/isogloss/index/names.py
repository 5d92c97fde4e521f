"""Find rows by name: a sorted table of hashes instead of a dictionary of strings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from isogloss.encoding.space import hash_texts

NAME_DTYPE = np.dtype([("key", "S16"), ("row", "<u4"), ("document", "?")])
NameTable = NDArray[np.void]
"""Of dtype ``NAME_DTYPE``, sorted by key: BLAKE2b of a name (16 bytes), a row of that name, and whether it is
the name of the row's document. Names are told apart by their hashes alone: of 128 bits, no two are alike."""


def make_table(names: Sequence[tuple[str, ...]]) -> NameTable:
    """List the names of some rows.

    Args:
        names: The names of each row: its id, then perhaps its document.

    Returns:
        The table.
    """
    flat = [(name, row, place > 0) for row, own in enumerate(names) for place, name in enumerate(own)]
    table = np.empty(len(flat), dtype=NAME_DTYPE)
    if flat:
        texts, rows, documents = zip(*flat, strict=True)
        table["key"], table["row"], table["document"] = hash_texts(texts), rows, documents
    return table[np.argsort(table["key"], kind="stable")]


def find_rows(table: NameTable, names: Iterable[str]) -> NDArray[np.int64]:
    """Find the rows of some names.

    Args:
        table: The names of a segment.
        names: The wanted names.

    Returns:
        int64, ascending, each row once.
    """
    return np.unique(table["row"][_find_entries(table, hash_texts(list(dict.fromkeys(names))))]).astype(
        np.int64
    )


def find_shared(one: NameTable, other: NameTable) -> tuple[int, int] | None:
    """Find two rows that may not stand in one index: one's id is a name of the other.

    Args:
        one: The names of a segment.
        other: The names of another segment, or of the same: then two different rows are looked for.

    Returns:
        A row of each; None where there are none. Rows of one document share its name rightfully.
    """
    if one is other:
        return _find_repeated(one)
    keys = np.intersect1d(one["key"], other["key"])
    for key in keys:
        first, second = (table[_find_entries(table, np.asarray([key]))] for table in (one, other))
        if not (first["document"].all() and second["document"].all()):
            return int(first["row"][0]), int(second["row"][0])
    return None


def _find_repeated(table: NameTable) -> tuple[int, int] | None:
    equal = table["key"][1:] == table["key"][:-1]
    # Of equal keys the ids may stand anywhere: only where all are documents' are they no fault.
    for place in np.flatnonzero(equal & ~(table["document"][1:] & table["document"][:-1])):
        first, second = sorted((int(table["row"][place]), int(table["row"][place + 1])))
        return first, second
    return None


def _find_entries(table: NameTable, keys: NDArray[np.bytes_]) -> NDArray[np.int64]:
    """List the places in a table that hold one of some keys."""
    own = np.ascontiguousarray(table["key"])
    starts, ends = np.searchsorted(own, keys, side="left"), np.searchsorted(own, keys, side="right")
    counts = ends - starts
    offsets = np.repeat(starts - (np.cumsum(counts) - counts), counts)
    places: NDArray[np.int64] = offsets + np.arange(counts.sum())
    return places
