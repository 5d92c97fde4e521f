"""Ways to rank what was found: as it is, or with a fair share for every language."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from isogloss.retriever import Hit

_DEPTH = 10
"""A ranking that passes over passages looks at so many times the passages that are wanted."""


@dataclass(frozen=True)
class Ranking:
    """Hold one way to rank.

    Args:
        description: What it does, for people.
        depth: How many times the wanted passages must be found for it.
        choose: Takes passages by falling score, how many are wanted and how many languages are searched.
    """

    description: str
    depth: int
    choose: Callable[[Sequence[Hit], int, int], list[Hit]]


def keep_best(hits: Sequence[Hit], k: int, languages: int) -> list[Hit]:
    """Keep the passages of the highest scores.

    Args:
        hits: Passages by falling score.
        k: How many are wanted.
        languages: Number of languages searched; not used.

    Returns:
        The first k.
    """
    del languages
    return list(hits[:k])


def share_among_languages(hits: Sequence[Hit], k: int, languages: int) -> list[Hit]:
    """Let no language have more than its share of the list while others have passages for it.

    The first pass takes passages by falling score while their language has fewer than k / languages, rounded
    up; what is then missing is filled with the best of the rest.

    Args:
        hits: Passages by falling score.
        k: How many are wanted.
        languages: Number of languages searched, at least 1.

    Returns:
        At most k passages, by falling score.

    Source: ours.
    """
    share = math.ceil(k / max(1, languages))
    taken: Counter[str] = Counter()
    chosen: list[int] = []
    for place, hit in enumerate(hits):
        if len(chosen) < k and taken[hit.language] < share:
            taken[hit.language] += 1
            chosen.append(place)
    rest = (place for place in range(len(hits)) if place not in set(chosen))
    chosen += [place for place, _ in zip(rest, range(k - len(chosen)), strict=False)]
    return [hits[place] for place in sorted(chosen)]


RANKINGS: Mapping[str, Ranking] = {
    "none": Ranking("by score alone", 1, keep_best),
    "quota": Ranking("a like share for every language", _DEPTH, share_among_languages),
}
"""Every way to rank, by the name that a request gives."""
