"""Rank the pool of all languages so that no language crowds out the others.

A strategy orders the passages of all languages anew, for each query, and never changes the order within a
language: what is found within one language stays as good or bad as it was.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import ConfigError

Scores = NDArray[np.float32] | NDArray[np.float64]
FUSION_CONSTANT = 60
"""Added to ranks before they are inverted; the published choice."""
_LEAST_DEVIATION = 1e-6
"""A smaller deviation is rounding: single precision tells no closer cosines apart."""
_DECIMALS = 9
"""Of standard scores."""


class Fairness(StrEnum):
    """Say how the passages of all languages are ranked together."""

    NONE = "none"
    """By score alone."""
    QUOTA = "quota"
    """A round gives each language one place, the best first; then the next round."""
    CALIBRATED = "calibrated"
    """By score minus the mean of the query's scores in the passage's language, over their deviation."""
    FUSED = "fused"
    """By the sum of two inverse ranks: that among all languages, and that in the passage's own."""


class Moments(NamedTuple):
    """Hold how each query's scores are spread in each language.

    Attributes:
        means: float64 ``[B, L]``.
        deviations: float64 ``[B, L]``: standard deviations, 0 or more.
    """

    means: NDArray[np.float64]
    deviations: NDArray[np.float64]


def order_fairly(
    scores: Scores,
    passage_languages: NDArray[np.int16],
    strategy: Fairness,
    moments: Moments | None = None,
) -> Scores:
    """Give every passage a score of its place in a fair ranking.

    The first k of a ranking follow from a part of the passages: for the quota and for calibration (with the
    moments of all) from the best k of each language, for fusion from as many of the best of all as
    ``is_fused_depth`` finds enough. No strategy changes the order within a language, so no other passage
    can come among them.

    Args:
        scores: ``[B, P]``: of each query and passage, without NaN; higher is better.
        passage_languages: ``[P]``, from 0.
        strategy: How to rank.
        moments: Mean and deviation of each query's scores in each language, for calibration where not all
            scores are given; those of the scores when None.

    Returns:
        ``[B, P]``: the scores themselves for ``NONE``, else float32: minus the place, from 1, in the new
        ranking. Of two passages with equal scores the one with the smaller number comes first.

    Raises:
        ConfigError: There are more passages than float32 can number.

    Source: quota: ours, rounds of one place a language. Calibrated: standard scores as in Montague and
        Aslam 2001 ("Relevance score normalization for metasearch"), over languages in place of engines.
        Fused: Cormack et al. 2009 (reciprocal rank fusion), of the pool's ranks and the languages' own.
    """
    if strategy is Fairness.NONE:
        return scores
    if scores.shape[1] >= 1 << 24:
        raise ConfigError(f"a fair ranking of {scores.shape[1]:,} passages at once is not possible")
    pool = rank_rows(-scores)
    if strategy is Fairness.CALIBRATED:
        known = moments or _measure(scores, passage_languages)
        calibrated = _calibrate(scores, passage_languages, known)
        return -rank_rows(-calibrated, pool).astype(np.float32)
    own = rank_in_languages(pool, passage_languages)
    if strategy is Fairness.QUOTA:
        return -rank_rows(own, pool).astype(np.float32)
    return -rank_rows(-_fuse(pool, own), pool).astype(np.float32)


def is_fused_depth(passage_languages: NDArray[np.int16], language_count: int, k: int) -> bool:
    """Tell whether the first k of a query's fused ranking are among the best passages of all languages.

    Args:
        passage_languages: ``[D]``: the languages of the best D passages of all, best first.
        language_count: Number of languages that are ranked; others may have passages too.
        k: How many are wanted, from 1.

    Returns:
        Whether no passage after these can come before the k-th best of them: each has a later rank among
        all, and a later rank in its own language.

    Source: ours.
    """
    depth = len(passage_languages)
    if depth < k:
        return False
    pool = np.arange(1, depth + 1)[np.newaxis]
    known = _fuse(pool, rank_in_languages(pool, passage_languages))[0]
    seen = np.bincount(passage_languages, minlength=language_count)
    beyond = _fuse(np.array(depth + 1), np.array(seen.min() + 1))
    return bool(np.partition(known, depth - k)[depth - k] >= beyond)


def _fuse(pool: NDArray[np.int64], own: NDArray[np.int64]) -> NDArray[np.float64]:
    fused: NDArray[np.float64] = 1.0 / (FUSION_CONSTANT + pool) + 1.0 / (FUSION_CONSTANT + own)
    return fused


def rank_rows(keys: NDArray[np.generic], ties: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """Rank the places of each row by rising keys.

    Args:
        keys: ``[B, P]``.
        ties: ``[B, P]``: decides between equal keys; the place decides when None.

    Returns:
        int64 ``[B, P]``: ranks from 1.
    """
    order = np.argsort(keys, axis=1, kind="stable") if ties is None else np.lexsort((ties, keys), axis=1)
    ranks = np.empty(order.shape, dtype=np.int64)
    np.put_along_axis(ranks, order, np.arange(1, order.shape[1] + 1), axis=1)
    return ranks


def rank_in_languages(pool: NDArray[np.int64], languages: NDArray[np.int16]) -> NDArray[np.int64]:
    """Rank each row's passages within each language.

    Args:
        pool: ``[B, P]``: ranks among all.
        languages: ``[P]``.

    Returns:
        int64 ``[B, P]``: ranks from 1.
    """
    own = np.empty_like(pool)
    for language in np.unique(languages):
        columns = np.flatnonzero(languages == language)
        own[:, columns] = rank_rows(pool[:, columns])
    return own


def _measure(scores: Scores, languages: NDArray[np.int16]) -> Moments:
    """Compute mean and deviation of each row's scores in each language."""
    count = int(languages.max(initial=-1)) + 1
    moments = Moments(np.zeros((len(scores), count)), np.zeros((len(scores), count)))
    for language in np.unique(languages):
        own = scores[:, languages == language].astype(np.float64)
        moments.means[:, language] = own.mean(axis=1)
        moments.deviations[:, language] = own.std(axis=1)
    return moments


def _calibrate(scores: Scores, languages: NDArray[np.int16], moments: Moments) -> NDArray[np.float64]:
    """Bring each row's scores in each language to mean 0 and, where they differ, deviation 1."""
    spread = np.where(moments.deviations > _LEAST_DEVIATION, moments.deviations, 1.0)
    calibrated = scores.astype(np.float64) - moments.means[:, languages]
    calibrated /= spread[:, languages]
    # What differs less is equal but for rounding, as the standard scores of lone passages are: all 0.
    return calibrated.round(_DECIMALS)
