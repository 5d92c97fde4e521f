"""Search by vectors and words: the first places of the ranking that ``lexical_fusion`` defines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from isogloss.index.bm25 import IndexWords
from isogloss.index.fair import Find, Place
from isogloss.lexical_fusion import WINDOW, add_inverse_ranks

Locate = Callable[[NDArray[np.float32], int, Sequence[int]], list[Place]]
"""Makes places of some rows of a segment, by its number, for a query."""


def rank_with_words(
    find: Find,
    locate: Locate,
    words: IndexWords,
    queries: NDArray[np.float32],
    texts: Sequence[str],
    k: int,
    languages: Sequence[str],
) -> list[list[Place]]:
    """Find the first k places of the ranking by vectors and words.

    Args:
        find: Finds the best places by vectors.
        locate: Makes places of rows.
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
        own = {
            hit[1:]: rank
            for language in languages
            for rank, hit in enumerate(words.rank(text, language, WINDOW), start=1)
        }
        # The first k by vectors stand before all that words alone give a rank after k.
        missing = sorted(key for key, rank in own.items() if rank <= k and key not in ranks)
        places = [*dense]
        for number, group in groupby(missing, key=itemgetter(0)):
            places += locate(query, number, [row for _, row in group])
        fused = add_inverse_ranks(
            np.array([ranks.get(place[2:], 0) for place in places], dtype=np.int64),
            np.array([own.get(place[2:], 0) for place in places], dtype=np.int64),
        )
        order = sorted(
            zip(fused.tolist(), places, strict=True),
            key=lambda entry: (-entry[0], -entry[1].score, entry[1].id),
        )
        ranked.append([place for _, place in order[:k]])
    return ranked
