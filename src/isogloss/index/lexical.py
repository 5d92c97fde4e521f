"""Search by vectors and words: the first places of the ranking that ``lexical_fusion`` defines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from isogloss.index.bm25 import IndexWords
from isogloss.index.fair import Find, Place
from isogloss.lexical_fusion import WINDOW, add_inverse_ranks

Score = Callable[[NDArray[np.float32], int, Sequence[int]], list[float]]
"""Scores some rows of a segment, by its number, for a query."""


def rank_with_words(
    find: Find,
    score: Score,
    words: IndexWords,
    queries: NDArray[np.float32],
    texts: Sequence[str],
    k: int,
    languages: Sequence[str],
) -> list[list[Place]]:
    """Find the first k places of the ranking by vectors and words.

    Args:
        find: Finds the best places by vectors.
        score: Scores rows by vectors.
        words: Finds places by words.
        queries: float32 ``[q, d]``.
        texts: The queries' texts.
        k: How many are wanted, from 1.
        languages: The languages to search.

    Returns:
        The places for each query, best first; all where there are fewer than k.

    Source: see ``lexical_fusion.fuse_lexically``.
    """
    ranked = []
    for query, text, dense in zip(queries, texts, find(queries, max(k, WINDOW), languages), strict=True):
        ranks = {place[2:]: rank for rank, place in enumerate(dense, start=1)}
        places = {place[2:]: place for place in dense}
        own: dict[tuple[int, int], int] = {}
        for language in languages:
            for rank, hit in enumerate(words.rank(text, language, WINDOW), start=1):
                own[hit.segment, hit.row] = rank
                if hit[2:] not in places:
                    (value,) = score(query, hit.segment, [hit.row])
                    places[hit[2:]] = Place(value, hit.id, hit.segment, hit.row)
        fused = add_inverse_ranks(
            np.array([ranks.get(key, 0) for key in places], dtype=np.int64),
            np.array([own.get(key, 0) for key in places], dtype=np.int64),
        )
        order = sorted(
            zip(fused.tolist(), places.values(), strict=True),
            key=lambda entry: (-entry[0], -entry[1].score, entry[1].id),
        )
        ranked.append([place for _, place in order[:k]])
    return ranked
