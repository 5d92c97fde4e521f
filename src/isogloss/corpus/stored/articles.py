"""The articles of a stored corpus, in the order in which some are held out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.corpus.parts import check_share, explain_one_article
from isogloss.corpus.stored.index import ItemIndex
from isogloss.corpus.stored.texts import ArrowRows

HOLD_OUT_SEED = 0
"""Articles are stored in the order in which this seed visits them to hold some out."""

_AT_ONCE = 1 << 16


class StoredArticle(NamedTuple):
    """Hold the articles of one name, which follow each other in the store."""

    name: str
    first: int
    end: int
    articles: int
    """How many of them have items."""
    items: int


@dataclass(frozen=True, eq=False)
class StoredArticles:
    """List the articles that have items, those of one name as one.

    Args:
        names: Name of each article of the store.
        index: The items that count.
    """

    names: ArrowRows
    index: ItemIndex

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """The items of each article of the store that count; int64."""
        articles, anywhere = self.index.articles, self.index.anywhere
        through = np.full(len(articles), len(anywhere), dtype=np.int64)
        for start in range(1, len(articles), _AT_ONCE):
            end = min(start + _AT_ONCE, len(articles))
            through[start - 1 : end - 1] = anywhere.rank(articles[np.arange(start, end)])
        return np.diff(through, prepend=0)

    def __iter__(self) -> Iterator[StoredArticle]:
        waiting: StoredArticle | None = None
        for number, name in enumerate(self.names.texts(0)):
            items = int(self.sizes[number])
            if waiting is not None and waiting.name == name:
                articles, items = waiting.articles + (items > 0), waiting.items + items
                waiting = StoredArticle(name, waiting.first, number + 1, articles, items)
                continue
            if waiting is not None and waiting.items:
                yield waiting
            waiting = StoredArticle(name, number, number + 1, int(items > 0), items)
        if waiting is not None and waiting.items:
            yield waiting

    def choose(self, share: float, items: int, corpus: str) -> NDArray[np.bool_]:
        """Choose articles to hold out, as ``choose_articles`` does with the seed of the store.

        Args:
            share: Share of the items to hold out, above 0 and below 1.
            items: Number of items that count.
            corpus: What the corpus is called.

        Returns:
            Whether each article of the store is chosen; bool.

        Raises:
            ConfigError: ``share`` is not between 0 and 1.
            DataError: There is one article only.
        """
        check_share(share)
        chosen = np.zeros(len(self.names), dtype=np.bool_)
        target, total, walked = share * items, 0, 0
        for article in self:
            walked += 1
            if abs(total + article.items - target) < abs(total - target):
                chosen[article.first : article.end] = True
                total += article.items
            # No article is small enough for what is left.
            if target - total <= 0.5 and walked > 1:
                break
        if walked < 2:
            raise explain_one_article(corpus)
        if total in (0, items):
            smallest = min(self, key=lambda article: article.items)
            chosen[smallest.first : smallest.end] = total == 0
        return chosen
