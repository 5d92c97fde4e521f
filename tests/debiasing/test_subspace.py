"""Directions of languages: the published algorithm, planted directions, and what a projection keeps."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from isogloss.debiasing import Subspace, check_components, find_subspace, project
from isogloss.errors import ConfigError, ModelError

Doubles = NDArray[np.float64]
SHAPES = st.tuples(st.integers(2, 6), st.integers(7, 12), st.integers(0, 2**32 - 1))
"""Languages, dimension, seed."""


def unit(vectors: Doubles) -> NDArray[np.float32]:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def draw_languages(languages: int, dimension: int, seed: int) -> dict[str, NDArray[np.float32]]:
    """Draw 12 to 30 vectors of each language about a mean of its own."""
    rng = np.random.default_rng(seed)
    return {
        f"l{number}": unit(
            rng.standard_normal((rng.integers(12, 31), dimension)) + 2 * rng.standard_normal(dimension)
        )
        for number in range(languages)
    }


def projector(basis: Doubles) -> Doubles:
    matrix: Doubles = np.eye(basis.shape[1]) - basis.T @ basis
    return matrix


def published_lsar(vectors: dict[str, NDArray[np.float32]], rank: int) -> Doubles:
    """Follow the paper's algorithm to its end: best fit, its common vector, its specific directions."""
    means = np.stack([own.astype(np.float64).mean(axis=0) for own in vectors.values()], axis=1)
    ones = np.ones(means.shape[1])
    common = means @ ones / len(ones)
    left, spread, right = np.linalg.svd(means - np.outer(common, ones), full_matrices=False)
    fit = np.outer(common, ones) + (left[:, :rank] * spread[:rank]) @ right[:rank]
    orthogonal = np.linalg.pinv(fit).T @ ones
    orthogonal /= orthogonal @ orthogonal
    specific, _, _ = np.linalg.svd(fit - np.outer(orthogonal, ones), full_matrices=False)
    basis: Doubles = specific[:, :rank].T
    assert np.abs(basis @ orthogonal).max() < 1e-6
    return basis


@given(SHAPES, st.data())
def test_lsar_is_the_published_algorithm(shape: tuple[int, int, int], data: st.DataObject) -> None:
    vectors = draw_languages(*shape)
    rank = data.draw(st.integers(1, shape[0] - 1))
    found = projector(find_subspace(vectors, Subspace.LSAR, rank))
    np.testing.assert_allclose(found, projector(published_lsar(vectors, rank)), atol=1e-6)


@given(SHAPES, st.sampled_from(Subspace), st.data())
def test_a_projection_is_symmetric_idempotent_and_of_its_rank(
    shape: tuple[int, int, int], method: Subspace, data: st.DataObject
) -> None:
    most = shape[0] - 1 if method is Subspace.LSAR else shape[0]
    components = data.draw(st.none() | st.integers(1, most))
    basis = find_subspace(draw_languages(*shape), method, components)
    assert basis.shape == (most if components is None else components, shape[1])
    np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-12)
    matrix = projector(basis)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    np.testing.assert_allclose(matrix @ matrix, matrix, atol=1e-12)
    assert np.linalg.matrix_rank(matrix, tol=1e-6) == shape[1] - len(basis)


@given(SHAPES)
def test_the_means_of_languages_become_equal(shape: tuple[int, int, int]) -> None:
    vectors = draw_languages(*shape)
    basis = find_subspace(vectors, Subspace.LSAR)
    means = np.stack([project(own, basis).mean(axis=0) for own in vectors.values()])
    np.testing.assert_allclose(means, np.broadcast_to(means[0], means.shape), atol=1e-12)


@given(SHAPES)
def test_lir_leaves_nothing_of_the_languages_first_directions(shape: tuple[int, int, int]) -> None:
    vectors = draw_languages(*shape)
    basis = find_subspace(vectors, Subspace.LIR)
    for own in vectors.values():
        first = np.linalg.svd(own.astype(np.float64), full_matrices=False)[2][:1]
        np.testing.assert_allclose(project(first.astype(np.float32), basis), 0, atol=1e-6)


@settings(max_examples=50)
@given(SHAPES, st.sampled_from(Subspace), st.randoms(use_true_random=False))
def test_order_does_not_matter(shape: tuple[int, int, int], method: Subspace, chance: random.Random) -> None:
    vectors = draw_languages(*shape)
    names = list(vectors)
    chance.shuffle(names)
    shuffled = {
        name: vectors[name][chance.sample(range(len(vectors[name])), len(vectors[name]))] for name in names
    }
    one, other = (projector(find_subspace(given, method)) for given in (vectors, shuffled))
    np.testing.assert_allclose(one, other, atol=1e-9)
    again = find_subspace(vectors, method)
    assert np.array_equal(again, find_subspace(vectors, method))


def test_each_language_counts_the_same() -> None:
    vectors = draw_languages(3, 8, 5)
    doubled = vectors | {"l0": np.concatenate([vectors["l0"]] * 3)}
    for method in Subspace:
        one, other = (projector(find_subspace(given, method, 1)) for given in (vectors, doubled))
        np.testing.assert_allclose(one, other, atol=1e-9)


def test_planted_directions_are_found() -> None:
    """Four languages moved in three directions that carry no meaning: those come back, and the texts too."""
    rng = np.random.default_rng(11)
    axes = np.linalg.qr(rng.standard_normal((40, 40)))[0]
    meaning = rng.standard_normal((4000, 37)) @ axes[:, 3:].T
    shifts = 6 * rng.standard_normal((4, 3)) @ axes[:, :3].T
    vectors = {f"l{number}": unit(meaning + shift) for number, shift in enumerate(shifts)}
    basis = find_subspace(vectors, Subspace.LSAR)
    np.testing.assert_allclose(np.linalg.svd(basis @ axes[:, :3])[1], 1, atol=2e-3)
    for own in vectors.values():
        cosines = np.sum(unit(project(own, basis)) * unit(meaning), axis=1)
        assert cosines.min() > 0.99


def test_inputs_are_not_changed() -> None:
    vectors = draw_languages(3, 8, 1)
    copies = {language: own.copy() for language, own in vectors.items()}
    for method in Subspace:
        project(vectors["l0"], find_subspace(vectors, method))
    assert all(np.array_equal(vectors[language], copies[language]) for language in vectors)


@pytest.mark.parametrize(
    ("method", "languages", "dimension", "components", "told"),
    [
        (Subspace.LSAR, 4, 9, 4, "lsar finds 1 to 3 components in 4 languages and 9 dimensions; got 4"),
        (Subspace.LSAR, 4, 9, 0, "lsar finds 1 to 3 components in 4 languages and 9 dimensions; got 0"),
        (Subspace.LSAR, 9, 5, 5, "lsar finds 1 to 4 components in 9 languages and 5 dimensions; got 5"),
        (Subspace.LIR, 4, 9, 5, "lir finds 1 to 4 components in 4 languages and 9 dimensions; got 5"),
        (Subspace.LIR, 4, 4, 4, "lir finds 1 to 3 components in 4 languages and 4 dimensions; got 4"),
    ],
)
def test_impossible_numbers_of_components_are_refused(
    method: Subspace, languages: int, dimension: int, components: int, told: str
) -> None:
    for check in (
        lambda: check_components(method, components, languages, dimension),
        lambda: find_subspace(draw_languages(languages, dimension, 0), method, components),
    ):
        with pytest.raises(ConfigError) as caught:
            check()
        assert str(caught.value) == told


def test_languages_that_do_not_differ_are_refused() -> None:
    own = draw_languages(1, 8, 0)["l0"]
    with pytest.raises(ConfigError, match="two languages at least"):
        find_subspace({"a": own})
    with pytest.raises(ModelError, match="there is no language to take out"):
        find_subspace({"a": own, "b": own[::-1]})
    other = draw_languages(1, 8, 1)["l0"]
    with pytest.raises(ConfigError, match="differ in 1 directions alone"):
        find_subspace({"a": own, "b": other, "c": other}, Subspace.LSAR, 2)
    assert len(find_subspace({"a": own, "b": other, "c": other})) == 1
