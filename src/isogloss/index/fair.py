"""Search fairly: find the first places of the rankings that ``fair_ranking`` defines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.fair_ranking import Fairness, Moments, is_fused_depth, order_fairly

_FIRST_DEPTH = 4
"""Fused rankings look at so many times the wanted passages first: up to 28 wanted, that is always enough."""


class Place(NamedTuple):
    """Say where a passage that was found stands in an index.

    Attributes:
        score: Cosine of its vector and the query's.
        id: Its id.
        segment: Number of its segment.
        row: Its row there.
    """

    score: float
    id: str
    segment: int
    row: int


Find = Callable[[NDArray[np.float32], int, Sequence[str]], list[list[Place]]]
"""Finds the best k places in some languages for each query, by falling score, then id."""
Measure = Callable[[NDArray[np.float32], Sequence[str]], Moments]
"""Tells how each query's scores are spread over all passages of each language."""


def rank_places(
    find: Find,
    measure: Measure,
    language_of: Callable[[Place], str],
    queries: NDArray[np.float32],
    k: int,
    languages: Sequence[str],
    ranking: Fairness,
) -> list[list[Place]]:
    """Find the first k places of a ranking.

    Args:
        find: Finds the best places by score.
        measure: Tells how scores are spread.
        language_of: Tells a place's language.
        queries: float32 ``[q, d]``.
        k: How many are wanted, from 1.
        languages: The languages to search.
        ranking: How to rank.

    Returns:
        The places for each query, best first; all where there are fewer than k.

    Source: see ``fair_ranking.order_fairly``; what part of the passages decides the first k is ours.
    """
    if ranking is Fairness.NONE:
        return find(queries, k, languages)
    if ranking is Fairness.FUSED:
        return _fuse(find, language_of, queries, k, languages)
    lists = [find(queries, k, [language]) for language in languages]
    moments = measure(queries, languages) if ranking is Fairness.CALIBRATED else None
    ranked = []
    for query in range(len(queries)):
        places = [(place, number) for number, found in enumerate(lists) for place in found[query]]
        places.sort(key=lambda entry: (-entry[0].score, entry[0].id))
        own = moments and Moments(*(values[query : query + 1] for values in moments))
        ranked.append(
            _order([place for place, _ in places], [number for _, number in places], k, ranking, own)
        )
    return ranked


def _fuse(
    find: Find,
    language_of: Callable[[Place], str],
    queries: NDArray[np.float32],
    k: int,
    languages: Sequence[str],
) -> list[list[Place]]:
    """Find more and more places of the pool, until none that is missing could be among the first k."""
    numbers = {language: number for number, language in enumerate(languages)}
    ranked: dict[int, list[Place]] = {}
    depth = _FIRST_DEPTH * k
    while waiting := [query for query in range(len(queries)) if query not in ranked]:
        for query, places in zip(waiting, find(queries[waiting], depth, languages), strict=True):
            own = [numbers[language_of(place)] for place in places]
            whole = len(places) < depth
            if whole or is_fused_depth(np.asarray(own, dtype=np.int16), len(languages), k):
                ranked[query] = _order(places, own, k, Fairness.FUSED, None)
        depth *= 2
    return [ranked[query] for query in range(len(queries))]


def _order(
    places: Sequence[Place], languages: Sequence[int], k: int, ranking: Fairness, moments: Moments | None
) -> list[Place]:
    """Order places, which come by falling score, as the ranking does, and keep the first k."""
    scores = np.array([[place.score for place in places]])
    ordered = order_fairly(scores, np.asarray(languages, dtype=np.int16), ranking, moments)[0]
    return [places[number] for number in np.argsort(-ordered, kind="stable")[:k]]
