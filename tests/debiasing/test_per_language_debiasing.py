from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from isogloss.debiasing import Debiasing, debias_vectors
from isogloss.errors import DataError, ModelError


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def parallel_texts(seed: int, shift: float = 3.0) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Two languages that say the same 40 things, each moved in a direction of its own."""
    rng = np.random.default_rng(seed)
    meaning = rng.standard_normal((40, 8))
    moved = [meaning + shift * rng.standard_normal(8) for _ in range(2)]
    return unit(np.concatenate(moved)), np.repeat([0, 1], 40).astype(np.int16)


def nearest_is_translation(queries: NDArray[np.float32], passages: NDArray[np.float32]) -> float:
    return float(np.mean((queries[:40] @ passages[40:].T).argmax(axis=1) == np.arange(40)))


@pytest.mark.parametrize("method", list(Debiasing))
def test_translations_come_nearer(method: Debiasing) -> None:
    vectors, languages = parallel_texts(1)
    queries, passages = debias_vectors(vectors, vectors, languages, languages, method)
    before = nearest_is_translation(vectors, vectors)
    after = nearest_is_translation(queries, passages)
    assert after > before + 0.2
    np.testing.assert_allclose(np.linalg.norm(queries, axis=1), 1, rtol=1e-6)
    assert queries.dtype == passages.dtype == np.float32


def test_centring_is_the_formula() -> None:
    vectors, languages = parallel_texts(2)
    queries, passages = debias_vectors(vectors[:3], vectors, languages[:3], languages, Debiasing.CENTRE)
    mean = vectors[:40].astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(queries, unit(vectors[:3] - mean), atol=1e-6)
    np.testing.assert_allclose(passages[:40], unit(vectors[:40] - mean), atol=1e-6)


def test_lir_takes_out_the_first_singular_direction() -> None:
    vectors, languages = parallel_texts(3)
    _, passages = debias_vectors(vectors, vectors, languages, languages, Debiasing.LIR)
    for language in (0, 1):
        own = vectors[languages == language].astype(np.float64)
        first = np.linalg.svd(own, full_matrices=False)[2][0]
        np.testing.assert_allclose(passages[languages == language] @ first, 0, atol=1e-6)
        np.testing.assert_allclose(
            passages[languages == language], unit(own - np.outer(own @ first, first)), atol=1e-5
        )


@given(st.integers(0, 1000), st.sampled_from(list(Debiasing)))
def test_equal_texts_stay_equal_and_order_does_not_matter(seed: int, method: Debiasing) -> None:
    vectors, languages = parallel_texts(seed)
    vectors[5] = vectors[7]
    _, passages = debias_vectors(vectors, vectors, languages, languages, method)
    assert (passages[5] == passages[7]).all()
    order = np.random.default_rng(seed).permutation(80)
    _, moved = debias_vectors(vectors, vectors[order], languages, languages[order], method)
    np.testing.assert_allclose(moved, passages[order], atol=1e-5)


def test_a_language_of_one_text_is_refused() -> None:
    vectors, languages = parallel_texts(4)
    for method in Debiasing:
        with pytest.raises(ModelError, match="nothing is left of the vector of passage number 0"):
            debias_vectors(vectors[:0], vectors[[0, 40, 41]], languages[:0], languages[[0, 40, 41]], method)


def test_queries_without_passages_are_refused() -> None:
    vectors, languages = parallel_texts(4)
    with pytest.raises(DataError, match="queries but no passages"):
        debias_vectors(vectors, vectors[:40], languages, languages[:40], Debiasing.CENTRE)
