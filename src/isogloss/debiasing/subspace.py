"""Find the directions in which languages differ, so that one projection removes them from all texts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import ConfigError, ModelError

Vectors = NDArray[np.float32]
Doubles = NDArray[np.float64]

_LEAST_SPREAD = 1e-6
"""Singular values below this are rounding: of unit vectors, what they belong to is no direction."""


class Subspace(StrEnum):
    """Say which directions belong to language."""

    LSAR = "lsar"
    """Those in which the languages' means differ from their common mean, largest differences first."""
    LIR = "lir"
    """The first principal direction of each language, not centred, what they share first."""


def count_most(method: Subspace, languages: int, dimension: int) -> int:
    """Tell how many directions a method can find.

    Args:
        method: The method.
        languages: Number of languages.
        dimension: Length of the vectors.

    Returns:
        The number: one less than languages, or as many; always less than the dimension.
    """
    found = languages - 1 if method is Subspace.LSAR else languages
    return min(found, dimension - 1)


def check_components(method: Subspace, components: int | None, languages: int, dimension: int) -> None:
    """Refuse a number of directions that a method cannot find.

    Args:
        method: The method.
        components: The number; None for as many as there are.
        languages: Number of languages.
        dimension: Length of the vectors.

    Raises:
        ConfigError: There are not as many, or the number is below 1.
    """
    most = count_most(method, languages, dimension)
    if components is not None and not 1 <= components <= most:
        raise ConfigError(
            f"{method} finds 1 to {most} components in {languages} languages and {dimension} dimensions; "
            f"got {components}"
        )


def find_subspace(
    vectors: Mapping[str, Vectors], method: Subspace = Subspace.LSAR, components: int | None = None
) -> Doubles:
    """Find the directions that belong to language; neither order of languages nor of texts matters.

    Each language counts the same, however many texts it has.

    Args:
        vectors: Language -> float32 ``[n, d]``, rows of length 1.
        method: How.
        components: How many directions, from 1; as many as there are when not given.

    Returns:
        float64 ``[components, d]``, orthonormal rows, the strongest first.

    Raises:
        ConfigError: There are fewer than two languages, or fewer directions than asked for.
        ModelError: The model gives all languages the same mean.

    Source: LSAR: arXiv 2401.05792, section 3.2. Its algorithm goes on to make the common vector orthogonal to
        the subspace, which does not change the subspace: that is spanned by the first singular vectors of the
        centred means. LIR: arXiv 2109.04727, where each language loses its own direction; one projection for
        all languages, which takes out what these directions span, is ours.
    """
    if len(vectors) < 2:
        raise ConfigError("languages differ from each other: give text in two languages at least")
    ordered = [vectors[language].astype(np.float64) for language in sorted(vectors)]
    dimension = ordered[0].shape[1]
    check_components(method, components, len(ordered), dimension)
    if method is Subspace.LSAR:
        means = np.stack([own.mean(axis=0) for own in ordered])
        directions = means - means.mean(axis=0)
    else:
        directions = np.stack([find_first_direction(own) for own in ordered])
    _, spread, found = np.linalg.svd(directions, full_matrices=False)
    most = count_most(method, len(ordered), dimension)
    real = min(most, int(np.count_nonzero(spread > _LEAST_SPREAD)))
    if real == 0:
        raise ModelError("the mean vector of every language is the same; there is no language to take out")
    if components is not None and components > real:
        raise ConfigError(
            f"the languages differ in {real} directions alone; ask for {real} components at most"
        )
    basis: Doubles = found[: real if components is None else components]
    return basis


def find_first_direction(own: Doubles) -> Doubles:
    """Find the direction in which vectors are longest together, without centring them.

    Args:
        own: float64 ``[n, d]``.

    Returns:
        float64 ``[d]`` of length 1; its sign is arbitrary.
    """
    # The first right singular vector, from the small side: d x d however many texts there are.
    _, directions = np.linalg.eigh(own.T @ own)
    first: Doubles = directions[:, -1]
    return first


def project(vectors: Vectors, basis: Doubles) -> Doubles:
    """Take directions out of vectors; nothing else changes, lengths shrink.

    Args:
        vectors: float32 ``[n, d]``.
        basis: float64 ``[components, d]``, orthonormal rows.

    Returns:
        float64 ``[n, d]``, orthogonal to the directions, not normalised.
    """
    exact = vectors.astype(np.float64)
    projected: Doubles = exact - (exact @ basis.T) @ basis
    return projected
