"""The ways to rank that the service offers, by the name that a request gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from isogloss.fair_ranking import Fairness
from isogloss.server.systems import Searcher


class Ranking(NamedTuple):
    """Say how passages are ranked.

    Attributes:
        description: What people read about it.
        fairness: How passages of several languages are ranked together.
        lexical: Whether words count beside vectors.
    """

    description: str
    fairness: str = Fairness.NONE.value
    lexical: bool = False


RANKINGS: Mapping[str, Ranking] = {
    Fairness.NONE.value: Ranking("by score alone"),
    "words": Ranking("by score and by words", lexical=True),
    Fairness.QUOTA.value: Ranking("a like share for every language", Fairness.QUOTA.value),
    Fairness.CALIBRATED.value: Ranking(
        "by scores made comparable between languages", Fairness.CALIBRATED.value
    ),
    Fairness.FUSED.value: Ranking("by rank among all and rank in the language", Fairness.FUSED.value),
}
"""Every way to rank; ``list_rankings`` tells which of them a collection has."""


def list_rankings(searcher: Searcher) -> tuple[str, ...]:
    """List the ways to rank that a collection has: words may not be counted in it, an engine may have none.

    Args:
        searcher: What finds passages.

    Returns:
        Names in ``RANKINGS``.
    """
    return tuple(
        name for name, each in RANKINGS.items() if searcher.can_rank(each.fairness, lexical=each.lexical)
    )
