"""Choose the parts of a corpus: languages, and articles to hold out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from isogloss.errors import ConfigError, DataError


def check_languages(name: str, known: Sequence[str], asked: Sequence[str]) -> tuple[str, ...]:
    """Check that a corpus has the languages asked for.

    Args:
        name: What the corpus is called.
        known: Its languages.
        asked: Those asked for, in any order.

    Returns:
        Those asked for, sorted, each once.

    Raises:
        DataError: The corpus lacks one of them, or none is named.
    """
    kept = tuple(sorted(set(asked)))
    unknown = [language for language in kept if language not in known]
    if unknown or not kept:
        missing, there = ", ".join(unknown) or "none", ", ".join(known)
        raise DataError(f"corpus {name!r} lacks the languages asked for ({missing}); it has {there}")
    return kept


def check_share(share: float) -> None:
    """Check the share of items to hold out.

    Args:
        share: The share.

    Raises:
        ConfigError: It is not above 0 and below 1.
    """
    if not 0 < share < 1:
        raise ConfigError(f"the share to hold out must be above 0 and below 1, not {share}")


def move_negatives(
    negatives: Mapping[int, tuple[int, ...]], kept: Sequence[int]
) -> dict[int, tuple[int, ...]]:
    """Number given negatives as the items are numbered that are kept.

    Args:
        negatives: For some items, the items whose passages are their given negatives, ascending.
        kept: The items to keep, ascending.

    Returns:
        The same by the places of the items in ``kept``, without those that are not kept.
    """
    place = {item: index for index, item in enumerate(kept)}
    moved: dict[int, tuple[int, ...]] = {}
    for item in kept:
        staying = tuple(place[other] for other in negatives.get(item, ()) if other in place)
        if staying:
            moved[place[item]] = staying
    return moved


def explain_one_article(name: str) -> DataError:
    """Say that a corpus has no article to hold out.

    Args:
        name: What the corpus is called.

    Returns:
        The error to raise.
    """
    return DataError(f"corpus {name!r} has no second article to hold out; give it article titles")


def choose_articles(name: str, sizes: Mapping[str, int], share: float, seed: int) -> set[str]:
    """Choose articles that have about a share of the items.

    Args:
        name: What the corpus is called.
        sizes: Items of each article.
        share: Share of the items to choose, above 0 and below 1.
        seed: Another seed, another order in which the articles are visited.

    Returns:
        Their names: at least one, and not all.

    Raises:
        ConfigError: ``share`` is not between 0 and 1.
        DataError: There is one article only.
    """
    check_share(share)
    if len(sizes) < 2:
        raise explain_one_article(name)
    target = share * sum(sizes.values())
    order = sorted(sizes, key=lambda title: (hashlib.sha256(f"{seed}:{title}".encode()).digest(), title))
    chosen: set[str] = set()
    total = 0
    for title in order:
        if abs(total + sizes[title] - target) < abs(total - target):
            chosen.add(title)
            total += sizes[title]
    # Small corpora: keep at least one article on either side.
    smallest = min(order, key=lambda title: sizes[title])
    if not chosen:
        chosen.add(smallest)
    elif len(chosen) == len(order):
        chosen.remove(smallest)
    return chosen
