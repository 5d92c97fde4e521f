"""Check vectors that come to an index, whichever engine keeps them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import ModelError
from isogloss.passages import Passage

_UNIT_TOLERANCE = 1e-3


def check_vectors(passages: Sequence[Passage], vectors: NDArray[np.float32], dimensions: int) -> None:
    """Refuse passages' vectors that do not fit an index.

    Args:
        passages: The passages.
        vectors: float32 ``[n, d]``, a row for each passage, of length 1.
        dimensions: The length of the index's vectors.

    Raises:
        ModelError: The vectors are of another shape or type, or not of length 1.
    """
    shape = (len(passages), dimensions)
    if vectors.dtype != np.float32 or vectors.shape != shape:
        raise ModelError(
            f"vectors of float32 and shape {list(shape)} are wanted, not {vectors.dtype} of shape "
            f"{list(vectors.shape)}"
        )
    squares = np.einsum("ij,ij->i", vectors, vectors)
    wrong = np.flatnonzero(~(np.abs(squares - 1) < _UNIT_TOLERANCE))
    if len(wrong):
        length = math.sqrt(squares[wrong[0]])
        name = passages[wrong[0]].id
        raise ModelError(f"the vector of {name!r} has the length {length:.3g}; scale vectors to length 1")


def check_queries(vectors: NDArray[np.float32], dimensions: int) -> None:
    """Refuse queries' vectors that cannot be searched.

    Args:
        vectors: float32 ``[q, d]``, each row of length 1.
        dimensions: The length of the index's vectors.

    Raises:
        ModelError: The vectors are of another length or type, or hold NaN or an infinity.
    """
    if vectors.dtype != np.float32 or vectors.ndim != 2 or vectors.shape[1] != dimensions:
        raise ModelError(
            f"queries of float32 and length {dimensions} can be searched, not {vectors.dtype} of shape "
            f"{list(vectors.shape)}"
        )
    if not np.isfinite(vectors).all():
        raise ModelError("a query's vector holds NaN or an infinity")
