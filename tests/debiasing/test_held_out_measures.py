"""What is measured on held-out text, against the formulas written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from isogloss.debiased_model.measures import (
    LanguageVectors,
    find_translations,
    measure_held_out,
    share_between,
    share_removed,
    tell_languages,
)

Languages = dict[str, NDArray[np.float32]]


def draw(seed: int, count: int = 9, shift: float = 1.0) -> Languages:
    """Draw three languages that say the same, each moved and blurred in its own way."""
    rng = np.random.default_rng(seed)
    meaning = rng.standard_normal((count, 6))
    moved = {
        language: meaning + shift * rng.standard_normal(6) + 0.6 * rng.standard_normal((count, 6))
        for language in ("de", "en", "sw")
    }
    return {
        language: (own / np.linalg.norm(own, axis=1, keepdims=True)).astype(np.float32)
        for language, own in moved.items()
    }


@given(st.integers(0, 2**32 - 1))
def test_the_language_is_told_by_the_nearest_mean(seed: int) -> None:
    learned, held_out = draw(seed), draw(seed + 1)
    means = {language: own.astype(np.float64).mean(axis=0) for language, own in learned.items()}
    expected = {
        language: np.mean(
            [min(means, key=lambda name: float(np.linalg.norm(row - means[name]))) == language for row in own]
        )
        for language, own in held_out.items()
    }
    assert tell_languages(LanguageVectors(learned, held_out)) == pytest.approx(expected)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_translations_are_looked_for_in_all_ordered_pairs(seed: int) -> None:
    vectors = draw(seed)
    pairs = [(one, other) for one in vectors for other in vectors if one != other]
    right = {
        pair: np.mean((vectors[pair[0]] @ vectors[pair[1]].T).argmax(axis=1) == np.arange(9))
        for pair in pairs
    }
    found = find_translations(vectors)
    for language in vectors:
        assert found[language] == pytest.approx(np.mean([right[pair] for pair in pairs if language in pair]))
    figures = measure_held_out(
        LanguageVectors(vectors, vectors), LanguageVectors(vectors, vectors), 0.0, aligned=True
    )
    assert figures.found is not None
    assert figures.found.before == figures.found.after == pytest.approx(np.mean(list(right.values())))
    assert figures.found_by_chance == pytest.approx(1 / 9)
    assert figures.told_by_chance == pytest.approx(1 / 3)


@given(st.integers(0, 2**32 - 1))
def test_shares_of_the_variance(seed: int) -> None:
    vectors = draw(seed)
    whole = np.concatenate([own.astype(np.float64) for own in vectors.values()])
    means = np.stack([own.astype(np.float64).mean(axis=0) for own in vectors.values()])
    variance = ((whole - whole.mean(axis=0)) ** 2).sum(axis=1).mean()
    between = ((means - whole.mean(axis=0)) ** 2).sum(axis=1).mean()
    assert share_between(vectors) == pytest.approx(between / variance)
    halved = {language: own.astype(np.float64) * [0, 1, 1, 1, 1, 1] for language, own in vectors.items()}
    first = ((whole[:, 0] - whole[:, 0].mean()) ** 2).mean()
    assert share_removed(vectors, halved) == pytest.approx(first / variance)


def test_vectors_without_variance_have_no_shares() -> None:
    same = {language: np.ones((3, 4), dtype=np.float32) for language in ("de", "en")}
    assert share_between(same) == 0
    assert share_removed(same, {language: own.astype(np.float64) for language, own in same.items()}) == 0


def test_texts_that_are_not_aligned_have_no_translations() -> None:
    vectors = LanguageVectors(draw(1), draw(2))
    figures = measure_held_out(vectors, vectors, 0.25, aligned=False)
    assert (figures.found, figures.found_by_chance, figures.removed) == (None, None, 0.25)
    assert all(own.found is None for own in figures.languages.values())
