"""Take each language's own direction out of the vectors of a benchmark.

The language of each text must be known, so that no layer of a model can do it. Both ways learn from the
texts that are ranked (without judgements), so they need some hundred texts of each language.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from isogloss.debiasing.subspace import find_first_direction
from isogloss.errors import DataError, ModelError

Vectors = NDArray[np.float32]


class Debiasing(StrEnum):
    """Say how language is taken out of embeddings."""

    CENTRE = "centre"
    """Subtract the mean of the language's passages from its passages and queries."""
    LIR = "lir"
    """Take the first principal direction of the language's passages out of its passages and queries."""


def debias_vectors(
    queries: Vectors,
    passages: Vectors,
    query_languages: NDArray[np.int16],
    passage_languages: NDArray[np.int16],
    method: Debiasing,
) -> tuple[Vectors, Vectors]:
    """Take language out of the vectors of a benchmark.

    Args:
        queries: float32 ``[Q, d]``, rows of length 1.
        passages: float32 ``[P, d]``, rows of length 1.
        query_languages: ``[Q]``.
        passage_languages: ``[P]``.
        method: How.

    Returns:
        Queries and passages, float32, rows of length 1; equal rows stay equal.

    Raises:
        DataError: A language has queries but no passages.
        ModelError: Nothing is left of a vector.

    Source: centring per language: arXiv 2606.18801 (which shifts passages alone; here queries as well);
        LIR: arXiv 2109.04727, with one component.
    """
    parts = queries.astype(np.float64), passages.astype(np.float64)
    for language in np.union1d(query_languages, passage_languages):
        own = parts[1][passage_languages == language]
        if not len(own):
            raise DataError("a language has queries but no passages, so that its mean is unknown")
        for vectors, languages in zip(parts, (query_languages, passage_languages), strict=True):
            chosen = languages == language
            vectors[chosen] = _transform(vectors[chosen], own, method)
    return _normalise(parts[0], "query"), _normalise(parts[1], "passage")


def _transform(
    vectors: NDArray[np.float64], own: NDArray[np.float64], method: Debiasing
) -> NDArray[np.float64]:
    """Apply what a language's passages teach to some of its vectors."""
    if method is Debiasing.CENTRE:
        centred: NDArray[np.float64] = vectors - own.mean(axis=0)
        return centred
    first = find_first_direction(own)
    return vectors - np.outer(vectors @ first, first)


def _normalise(vectors: NDArray[np.float64], what: str) -> Vectors:
    """Bring rows to length 1."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    empty = np.flatnonzero(norms[:, 0] < 1e-6)
    if len(empty):
        raise ModelError(
            f"nothing is left of the vector of {what} number {empty[0]} without its language's direction; "
            "that needs more texts of the language"
        )
    unit: Vectors = (vectors / norms).astype(np.float32)
    return unit
