"""Measure language bias: how a ranking over all languages spreads the translations of one answer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RANK_DISTANCE = "rank distance"
"""The measure's name; lower is better."""


def rank_distance(ranks: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Subtract the highest from the lowest place of a query's relevant passages in the multilingual ranking.

    Args:
        ranks: Ranks (from 1) of the relevant passages in the pool of all languages, ascending inside a
            ranking.
        offsets: Where each ranking starts in ``ranks``.

    Returns:
        Shape ``[n]``, float64, in ranks. With r relevant passages among n it lies between r - 1 (they
        stand together) and n - 1. NaN where fewer than two passages are relevant.

    Source: arXiv 2408.10536, evaluation of language bias; the mean is taken over the queries of a language,
        then over languages.
    """
    values = np.full(len(offsets) - 1, np.nan)
    several = np.diff(offsets) > 1
    values[several] = ranks[offsets[1:][several] - 1] - ranks[offsets[:-1][several]]
    return values


def expected_rank_distance(relevant: int, pool: int) -> float:
    """Compute the mean rank distance of a random ranking.

    Args:
        relevant: Number r of relevant passages.
        pool: Number n of passages in the pool.

    Returns:
        ``(n + 1)(r - 1) / (r + 1)``; NaN where fewer than two passages are relevant.

    Source: ours (the expected range of r ranks drawn without replacement).
    """
    return (pool + 1) * (relevant - 1) / (relevant + 1) if relevant > 1 else float("nan")
