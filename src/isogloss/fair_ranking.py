"""Rank the pool of all languages so that no language crowds out the others.

A strategy orders the passages of all languages anew, for each query, and never changes the order within a
language: what is found within one language stays as good or bad as it was.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import ConfigError

Scores = NDArray[np.float32]
FUSION_CONSTANT = 60
"""Added to ranks before they are inverted; the published choice."""


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


def order_fairly(scores: Scores, passage_languages: NDArray[np.int16], strategy: Fairness) -> Scores:
    """Give every passage a score of its place in a fair ranking.

    Args:
        scores: float32 ``[B, P]``: of each query and passage, without NaN; higher is better.
        passage_languages: ``[P]``.
        strategy: How to rank.

    Returns:
        float32 ``[B, P]``: the scores themselves for ``NONE``, else minus the place, from 1, in the new
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
    pool = _rank_rows(-scores)
    if strategy is Fairness.CALIBRATED:
        calibrated = -_calibrate(scores, passage_languages)
        return -_rank_rows(calibrated, pool).astype(np.float32)
    own = _rank_in_languages(pool, passage_languages)
    if strategy is Fairness.QUOTA:
        return -_rank_rows(own, pool).astype(np.float32)
    fused = 1.0 / (FUSION_CONSTANT + pool) + 1.0 / (FUSION_CONSTANT + own)
    return -_rank_rows(-fused, pool).astype(np.float32)


def _rank_rows(keys: NDArray[np.generic], ties: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """Rank each row from 1 by rising keys, equal ones by the second keys, else by place."""
    order = np.argsort(keys, axis=1, kind="stable") if ties is None else np.lexsort((ties, keys), axis=1)
    ranks = np.empty(order.shape, dtype=np.int64)
    np.put_along_axis(ranks, order, np.arange(1, order.shape[1] + 1), axis=1)
    return ranks


def _rank_in_languages(pool: NDArray[np.int64], languages: NDArray[np.int16]) -> NDArray[np.int64]:
    """Rank each row's passages within each language by their ranks among all."""
    own = np.empty_like(pool)
    for language in np.unique(languages):
        columns = np.flatnonzero(languages == language)
        own[:, columns] = _rank_rows(pool[:, columns])
    return own


def _calibrate(scores: Scores, languages: NDArray[np.int16]) -> NDArray[np.float64]:
    """Bring each row's scores in each language to mean 0 and, where they differ, deviation 1."""
    calibrated = np.empty(scores.shape, dtype=np.float64)
    for language in np.unique(languages):
        columns = np.flatnonzero(languages == language)
        own = scores[:, columns].astype(np.float64)
        own -= own.mean(axis=1, keepdims=True)
        spread = own.std(axis=1, keepdims=True)
        calibrated[:, columns] = own / np.where(spread > 0, spread, 1.0)
    return calibrated
