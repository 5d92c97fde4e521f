"""Train on a few items of some corpora, such as those of a language that is otherwise held back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from isogloss.config import CorpusConfig
from isogloss.corpus import Corpus, StoredCorpus
from isogloss.errors import ConfigError


def find_limits(configs: Sequence[CorpusConfig], corpora: Sequence[Corpus]) -> dict[str, int]:
    """Find the corpora of which few items are trained on.

    Args:
        configs: The settings of the corpora.
        corpora: The corpora as read, in the same order.

    Returns:
        Name of the corpus -> how many, from 0.

    Raises:
        ConfigError: A number is below 0, a corpus is a stored one, or all corpora are limited.
    """
    limits: dict[str, int] = {}
    for entry, corpus in zip(configs, corpora, strict=True):
        if entry.items is None:
            continue
        if entry.items < 0:
            raise ConfigError(f"'corpora.items' is a number of items from 0; got {entry.items}")
        if isinstance(corpus, StoredCorpus):
            raise ConfigError(
                f"{corpus.name}: 'items' needs a corpus in memory, not a stored one; name the files that it "
                "was stored from"
            )
        limits[corpus.name] = entry.items
    if limits and len(limits) == len(corpora):
        raise ConfigError(
            "every corpus has 'items'; take it out of one at least, which is trained on whole and gives the "
            "articles for validation"
        )
    return limits


def take_items(
    corpora: Sequence[Corpus], limits: Mapping[str, int], held_out: Sequence[Corpus], seed: int
) -> tuple[Corpus, ...]:
    """Take a number of items of each corpus, the fewer always among the more.

    A hash of seed and item id orders the items, so that the choice varies with the seed as a training does,
    and is the same for every strategy.

    Args:
        corpora: The corpora that have a limit.
        limits: How many items of each, from 0.
        held_out: What is held out of other corpora for validation; articles of that name are passed over.
        seed: The training's seed.

    Returns:
        The smaller corpora; those without an item are left out.

    Raises:
        ConfigError: A corpus has fewer items.

    Source: ours.
    """
    names = {name for corpus in held_out for name in corpus.list_article_names()}
    taken = []
    for corpus in corpora:
        rest = corpus.separate_articles(names)[0].load()
        limit = limits[corpus.name]
        if limit > rest.item_count:
            raise ConfigError(
                f"{corpus.name}: 'items' asks for {limit:,}, and {rest.item_count:,} can be trained on"
            )
        ranked = sorted((_rank(seed, name), item) for item, name in enumerate(rest.item_ids))
        if limit:
            taken.append(rest.subset(np.asarray([item for _, item in ranked[:limit]], dtype=np.int64)))
    return tuple(taken)


def _rank(seed: int, item: str) -> bytes:
    """Give an item's place in the order of a seed."""
    return hashlib.sha256(f"{seed}:{item}".encode()).digest()
