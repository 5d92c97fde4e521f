"""A corpus of questions and passages that are parallel over languages by question id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from isogloss.corpus.lists import ItemLists, find_equal
from isogloss.corpus.parts import check_languages, choose_articles, move_negatives
from isogloss.corpus.record import Blemish
from isogloss.errors import DataError
from isogloss.types import PassageUnit

Scalar = TypeVar("Scalar", bound=np.generic)


class Rendering(NamedTuple):
    """Hold one item in one language.

    Args:
        question: The question.
        passage: The whole paragraph that answers it.
        answer: The answer's text; empty when unknown.
        answer_start: Code point offset of the answer in ``passage``; -1 when unknown.
        sentence: ``[start, end)`` in ``passage`` of the sentence that holds ``answer_start``, without
            surrounding white space; the whole passage when ``answer_start`` is unknown.
    """

    question: str
    passage: str
    answer: str
    answer_start: int
    sentence: tuple[int, int]

    def passage_text(self, unit: PassageUnit) -> str:
        """Write the text that stands for the passage.

        Args:
            unit: The answer sentence, that sentence with its paragraph, or the paragraph.

        Returns:
            The text to encode.
        """
        start, end = self.sentence
        return unit.text(self.passage[start:end], self.passage)


@dataclass(frozen=True, eq=False)
class ParallelCorpus:
    """Hold items (one question and its passage) in several languages, some missing in some items.

    Args:
        name: What to call the corpus.
        languages: Language codes, sorted.
        item_ids: Question ids, sorted, each once; the index of an item is its place here.
        passages: Passage of each item, 0 to P - 1, numbered by first use. Shape: (items,), int64.
        articles: Article of each item, 0 to A - 1, numbered by first use. Shape: (items,), int64.
        article_names: Name of each article. Length: A.
        present: Whether an item has a language. Shape: (items, languages), bool.
        renderings: For each language, one entry per item; None where the item lacks it.
        negatives: For some items, the items whose passages are their given negatives, ascending.
        blemishes: Flaws of the files as they were read, of these languages; a subset of the items keeps
            them all.
        files: Path of each file as read, with the SHA-256 of its bytes; ``hf:NAME`` with the
            fingerprint for a Hugging Face dataset.
    """

    name: str
    languages: tuple[str, ...]
    item_ids: tuple[str, ...] = field(repr=False)
    passages: NDArray[np.int64]
    articles: NDArray[np.int64]
    article_names: tuple[str, ...] = field(repr=False)
    present: NDArray[np.bool_]
    renderings: Mapping[str, Sequence[Rendering | None]] = field(repr=False)
    negatives: Mapping[int, tuple[int, ...]] = field(repr=False)
    blemishes: tuple[Blemish, ...] = field(repr=False)
    files: Mapping[str, str]

    @property
    def item_count(self) -> int:
        """Count the items."""
        return len(self.item_ids)

    @property
    def number_count(self) -> int:
        """Count the item numbers: one for each item."""
        return len(self.item_ids)

    @property
    def article_count(self) -> int:
        """Count the articles."""
        return len(self.article_names)

    def item_id(self, item: int) -> str:
        """Look up the id of an item.

        Args:
            item: Index of the item.

        Returns:
            Its question id.
        """
        return self.item_ids[item]

    def items_in(self, language: int | None = None) -> NDArray[np.int64]:
        """List the items in a language.

        Args:
            language: Index into ``languages``; any of them when None.

        Returns:
            int64 [items] indices, ascending.
        """
        present = self.present
        return np.flatnonzero(present.any(axis=1) if language is None else present[:, language])

    def items_across(self) -> NDArray[np.int64]:
        """List the items in at least two languages.

        Returns:
            int64 [items] indices, ascending.
        """
        return np.flatnonzero(np.count_nonzero(self.present, axis=1) >= 2)

    def present_in(self, items: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell the languages of some items.

        Args:
            items: Indices of items. Shape: (n,), int64.

        Returns:
            Whether each item has each language. Shape: (n, languages), bool.
        """
        return self.present[items]

    def passages_of(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """Tell the passage of some items.

        Args:
            items: Indices of items. Shape: (n,), int64.

        Returns:
            The number of each one's passage. Shape: (n,), int64.
        """
        return self.passages[items]

    def items_of_articles(self, items: NDArray[np.int64]) -> ItemLists:
        """List the items of each item's article.

        Args:
            items: Indices of items. Shape: (n,), int64.

        Returns:
            For each, the indices of the items, ascending; it is one of them.
        """
        order, articles = self._by_article
        return find_equal(articles, self.articles[items], order)

    def given_negatives(self, items: NDArray[np.int64]) -> ItemLists:
        """List the items whose passages are each item's given negatives.

        Args:
            items: Indices of items. Shape: (n,), int64.

        Returns:
            For each, indices of items, ascending.
        """
        of, others = self._given
        return find_equal(of, items, others)

    def paired_languages(self) -> tuple[str, ...]:
        """List the languages of the items that are in at least two.

        Returns:
            Language codes, sorted.
        """
        found = self.present[self.items_across()]
        return tuple(language for place, language in enumerate(self.languages) if found[:, place].any())

    def list_article_names(self) -> Iterator[str]:
        """List the names of the articles.

        Yields:
            Each name; one that several articles have comes once for each.
        """
        yield from self.article_names

    def has_second_article(self) -> bool:
        """Tell whether articles can be held out.

        Returns:
            Whether the articles have at least two names.
        """
        return len(set(self.article_names)) > 1

    def parts(self) -> Iterator[ParallelCorpus]:
        """Give the corpus as parts that fit into memory: here there is one.

        Yields:
            The corpus.
        """
        yield self

    def rendering(self, item: int, language: str) -> Rendering:
        """Look up one item in one language.

        Args:
            item: Index of the item, 0 to items - 1.
            language: Language code.

        Returns:
            The question, passage and answer in that language.

        Raises:
            DataError: The corpus lacks the language, or the item does.
        """
        if language not in self.renderings:
            known = ", ".join(self.languages)
            raise DataError(f"corpus {self.name!r} has no language {language!r}; it has {known}")
        found = self.renderings[language][item]
        if found is None:
            raise DataError(f"item {self.item_ids[item]!r} of corpus {self.name!r} is not in {language!r}")
        return found

    def load(self) -> ParallelCorpus:
        """Give the corpus in memory, as a stored one does.

        Returns:
            This corpus.
        """
        return self

    def subset(self, items: NDArray[np.int64]) -> ParallelCorpus:
        """Keep some items.

        Args:
            items: Indices of the items to keep, in any order; repeats count once. Shape: (kept,), int64.

        Returns:
            A corpus of the same languages. Items that shared a passage or an article still do; the
            numbers start at 0 again. Negatives that leave the corpus are dropped.

        Raises:
            IndexError: An index is outside the corpus.
            TypeError: ``items`` does not hold integers (a mask needs ``np.flatnonzero``).
        """
        kept = np.asarray(items)
        if kept.size and kept.dtype.kind not in "iu":
            raise TypeError(f"items must be integer indices, not {kept.dtype}")
        kept = np.unique(kept.astype(np.int64))
        if kept.size and (kept[0] < 0 or kept[-1] >= len(self.item_ids)):
            raise IndexError(f"items must lie in 0 to {len(self.item_ids) - 1}")
        indices: list[int] = kept.tolist()
        passages, _ = number_by_first_use(self.passages[kept])
        articles, origins = number_by_first_use(self.articles[kept])
        return replace(
            self,
            item_ids=tuple(self.item_ids[item] for item in indices),
            passages=passages,
            articles=articles,
            article_names=tuple(self.article_names[article] for article in origins.tolist()),
            present=frozen(self.present[kept]),
            renderings={
                language: tuple(column[item] for item in indices)
                for language, column in self.renderings.items()
            },
            negatives=move_negatives(self.negatives, indices),
        )

    def select_languages(self, languages: Sequence[str]) -> ParallelCorpus:
        """Keep some languages, and the items that have at least one of them.

        Args:
            languages: Codes of the languages to keep, in any order.

        Returns:
            The smaller corpus. Passages and articles found through the other languages stay joined.

        Raises:
            DataError: The corpus lacks one of the languages, or none is named.
        """
        kept = check_languages(self.name, self.languages, languages)
        present = self.present[:, [self.languages.index(language) for language in kept]]
        narrowed = replace(
            self,
            languages=kept,
            present=frozen(present),
            renderings={language: self.renderings[language] for language in kept},
            blemishes=tuple(row for row in self.blemishes if not row.language or row.language in kept),
        )
        return narrowed.subset(np.flatnonzero(present.any(axis=1)).astype(np.int64))

    def separate_articles(self, names: AbstractSet[str]) -> tuple[ParallelCorpus, ParallelCorpus]:
        """Separate the items of some articles from the others.

        Args:
            names: Article names; those that the corpus lacks are passed over.

        Returns:
            The items of other articles, and those of the named ones; either may be empty.
        """
        mask = np.array(
            [self.article_names[article] in names for article in self.articles.tolist()], dtype=np.bool_
        )
        return self.subset(np.flatnonzero(~mask)), self.subset(np.flatnonzero(mask))

    def without_items(self, ids: AbstractSet[str]) -> ParallelCorpus:
        """Leave some items out.

        Args:
            ids: Ids of the items; those that the corpus lacks are passed over.

        Returns:
            The other items; none may be left.
        """
        kept = [item for item, name in enumerate(self.item_ids) if name not in ids]
        return self.subset(np.array(kept, dtype=np.int64))

    def split_articles(self, share: float, seed: int = 0) -> tuple[ParallelCorpus, ParallelCorpus]:
        """Hold out whole articles.

        Articles are visited in the order of a hash of their names, and each is held out when that brings
        the held-out items nearer to ``share``. Articles of one name stay together.

        Args:
            share: Share of the items to hold out, above 0 and below 1; met as nearly as whole articles
                allow, with at least one article on either side.
            seed: Another seed, another order.

        Returns:
            The rest, and the held-out part.

        Raises:
            ConfigError: ``share`` is not between 0 and 1.
            DataError: The corpus has one article only.

        Source: ours.
        """
        sizes = Counter(self.article_names[article] for article in self.articles.tolist())
        return self.separate_articles(choose_articles(self.name, sizes, share, seed))

    @cached_property
    def _by_article(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The items in the order of their articles, and the article of each."""
        order = np.argsort(self.articles, kind="stable").astype(np.int64)
        return order, self.articles[order]

    @cached_property
    def _given(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The items with given negatives, ascending, each as often as it has some; and those negatives."""
        pairs = [(item, other) for item, others in sorted(self.negatives.items()) for other in others]
        of, others = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        return of, others


def number_by_first_use(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number labels 0, 1, 2 ... in the order in which they first occur.

    Args:
        labels: Any integers. Shape: (items,), int64.

    Returns:
        The new number of each item, and the label that each number stands for.
    """
    values, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return frozen(rank[inverse].astype(np.int64)), values[order]


def frozen(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """Copy an array into one that cannot be written to.

    Args:
        array: Any array.

    Returns:
        A read-only copy.
    """
    copy = array.copy()
    copy.setflags(write=False)
    return copy
