"""Fuse a ranking by vectors with one by words: models miss names and numbers that words find."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isogloss.fair_ranking import FUSION_CONSTANT, Scores, rank_in_languages, rank_rows

WINDOW = 100
"""Places of a list that count; a later place is as good as none."""


def fuse_lexically(scores: Scores, lexical: Scores, passage_languages: NDArray[np.int16]) -> Scores:
    """Give every passage a score of its place in the fused ranking.

    A passage has a place among all by its score and, if it shares a word with the query, one in its language
    by its lexical score: those of two languages cannot be compared. The languages of queries need not be
    known. The sum of the two inverse ranks counts; what has none stands behind by its score.

    Args:
        scores: ``[B, P]``: of each query and passage, without NaN; higher is better.
        lexical: ``[B, P]``: lexical scores, 0 or less where there is no word in common.
        passage_languages: ``[P]``.

    Returns:
        float32 ``[B, P]``: minus the place, from 1. Of two passages with equal scores the one with the
        smaller number comes first.

    Source: Cormack et al. 2009 (reciprocal rank fusion); one list of words for each language is ours.
    """
    pool = rank_rows(-scores)
    own = rank_in_languages(rank_rows(-lexical), passage_languages)
    fused = add_inverse_ranks(pool, np.where(lexical > 0, own, 0))
    return -rank_rows(-fused, pool).astype(np.float32)


def add_inverse_ranks(dense: NDArray[np.int64], lexical: NDArray[np.int64]) -> NDArray[np.float64]:
    """Add the inverse ranks of two lists.

    Args:
        dense: Ranks from 1; 0 for none.
        lexical: Ranks from 1; 0 for none.

    Returns:
        float64: the sums; a rank of 0, or after the window, adds nothing.
    """
    parts = (
        np.where((ranks > 0) & (ranks <= WINDOW), 1.0 / (FUSION_CONSTANT + ranks), 0.0)
        for ranks in (dense, lexical)
    )
    fused: NDArray[np.float64] = sum(parts, np.zeros(dense.shape))
    return fused
