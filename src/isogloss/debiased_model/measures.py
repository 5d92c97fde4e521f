"""Measure on held-out text what taking directions out of vectors does to language, and to meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isogloss.sentence_ranking import rank_sentences

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Change:
    """Hold a figure before and after.

    Args:
        before: Of the model's own vectors.
        after: Of the vectors without language.
    """

    before: float
    after: float


@dataclass(frozen=True)
class LanguageFigures:
    """Hold what was measured of one language.

    Args:
        learned: Number of texts that were learned from.
        held_out: Number of texts that were measured on.
        told: Share of its held-out texts whose language is told by the nearest of the languages' means.
        found: Share of texts whose translation is the nearest text, mean over the ordered pairs that the
            language is part of; None where texts are not aligned.
    """

    learned: int
    held_out: int
    told: Change
    found: Change | None


@dataclass(frozen=True)
class HeldOutFigures:
    """Hold what was measured on held-out texts; each language counts the same.

    Args:
        removed: Share of the variance of the vectors that is taken out, 0 to 1.
        between: Share of the variance that is between the languages' means, 0 to 1.
        told: Mean over languages of the share whose language is told by the nearest mean, 0 to 1.
        told_by_chance: What guessing gives.
        found: Mean over ordered pairs of the share whose translation is the nearest text, 0 to 1; None where
            texts are not aligned.
        found_by_chance: What guessing gives; None where texts are not aligned.
        languages: What was measured of each language.
    """

    removed: float
    between: Change
    told: Change
    told_by_chance: float
    found: Change | None
    found_by_chance: float | None
    languages: Mapping[str, LanguageFigures]


@dataclass(frozen=True)
class LanguageVectors:
    """Hold vectors of two parts of text, by language.

    Args:
        learned: Language -> float32 ``[n, d]``, rows of length 1, of the texts that were learned from.
        held_out: Language -> float32 ``[m, d]``, rows of length 1, of those held out; the same languages in
            the same order.
    """

    learned: Mapping[str, Vectors]
    held_out: Mapping[str, Vectors]


def measure_held_out(
    before: LanguageVectors, after: LanguageVectors, removed: float, *, aligned: bool
) -> HeldOutFigures:
    """Measure how well languages are told apart, and translations found, before and after.

    Args:
        before: The model's own vectors.
        after: The same texts' vectors without language.
        removed: Share of the variance that was taken out of the held-out vectors, see ``share_removed``.
        aligned: Whether row i of the held-out vectors says the same in each language.

    Returns:
        The figures.

    Source: nearest mean: Rocchio's classifier by Euclidean distance; retrieval: XTREME (arXiv 2003.11080),
        Tatoeba, here over all ordered pairs.
    """
    languages = tuple(before.held_out)
    told = [tell_languages(vectors) for vectors in (before, after)]
    found = [find_translations(vectors.held_out) for vectors in (before, after)] if aligned else None
    count = len(before.held_out[languages[0]])
    return HeldOutFigures(
        removed=removed,
        between=Change(*(share_between(vectors.held_out) for vectors in (before, after))),
        told=_average(told, languages),
        told_by_chance=1 / len(languages),
        found=None if found is None else _average(found, languages),
        found_by_chance=1 / count if aligned else None,
        languages={
            language: LanguageFigures(
                learned=len(before.learned[language]),
                held_out=len(before.held_out[language]),
                told=Change(*(shares[language] for shares in told)),
                found=None if found is None else Change(*(shares[language] for shares in found)),
            )
            for language in languages
        },
    )


def tell_languages(vectors: LanguageVectors) -> dict[str, float]:
    """Tell the language of held-out texts by the nearest of the means of the texts learned from.

    Args:
        vectors: Both parts.

    Returns:
        Language -> share of its held-out texts that are told right, 0 to 1.
    """
    means = np.stack([own.astype(np.float64).mean(axis=0) for own in vectors.learned.values()])
    half = (means**2).sum(axis=1) / 2
    return {
        language: float(np.mean((own @ means.T - half).argmax(axis=1) == number))
        for number, (language, own) in enumerate(vectors.held_out.items())
    }


def find_translations(vectors: Mapping[str, Vectors]) -> dict[str, float]:
    """Look for each text's translation as the nearest text of another language.

    Args:
        vectors: Language -> float32 ``[m, d]``, rows of length 1; row i says the same in each.

    Returns:
        Language -> share of texts whose translation is found, mean over the ordered pairs that the language
        is part of, 0 to 1.
    """
    ranked = rank_sentences(vectors)
    right = (ranked.ranks == 1).mean(axis=0)
    return {
        language: float(
            np.mean([share for pair, share in zip(ranked.pairs, right, strict=True) if language in pair])
        )
        for language in vectors
    }


def share_between(vectors: Mapping[str, Vectors]) -> float:
    """Tell which share of the variance is between the means of languages.

    Args:
        vectors: Language -> ``[m, d]``.

    Returns:
        The share, 0 to 1; 0 where all vectors are the same.
    """
    between, within = _split_variance(vectors)
    whole = between + within
    return between / whole if whole > 0 else 0.0


def share_removed(before: Mapping[str, Vectors], after: Mapping[str, NDArray[np.float64]]) -> float:
    """Tell which share of the variance a projection takes out; each language counts the same.

    Args:
        before: Language -> ``[m, d]``.
        after: The same, projected but not normalised.

    Returns:
        The share, 0 to 1; 0 where there is no variance.
    """
    whole, left = (sum(_split_variance(part)) for part in (before, after))
    return 1 - left / whole if whole > 0 else 0.0


def _split_variance(
    vectors: Mapping[str, Vectors] | Mapping[str, NDArray[np.float64]],
) -> tuple[float, float]:
    """Give the variance between the means of languages, and the mean of that within a language."""
    exact = [own.astype(np.float64) for own in vectors.values()]
    between = np.stack([own.mean(axis=0) for own in exact]).var(axis=0).sum()
    return float(between), float(np.mean([own.var(axis=0).sum() for own in exact]))


def _average(shares: list[dict[str, float]], languages: tuple[str, ...]) -> Change:
    return Change(*(float(np.mean([own[language] for language in languages])) for own in shares))
