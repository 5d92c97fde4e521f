"""A stored corpus: planned and trained from files, of which only what is asked for is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss.corpus.lists import ItemLists, find_equal
from isogloss.corpus.model import ParallelCorpus, Rendering, frozen, number_by_first_use
from isogloss.corpus.parts import check_languages, choose_articles
from isogloss.corpus.stored.articles import HOLD_OUT_SEED, StoredArticles
from isogloss.corpus.stored.bits import BitColumn
from isogloss.corpus.stored.files import MANIFEST, StoredBlemishes, StoredFiles, open_files
from isogloss.corpus.stored.index import ItemIndex
from isogloss.errors import DataError

_PART = 20_000
"""Items that are loaded at a time where all texts are read."""


@dataclass(frozen=True, eq=False)
class StoredCorpus:
    """Read a parallel corpus from its stored files, item by item.

    Items are numbered in the order of the store, which is not that of their ids: those of an article stand
    together, and in it those of a passage. A part of a corpus keeps the numbers of the whole.

    Args:
        name: What to call the corpus.
        languages: Language codes, sorted.
        index: Which item is in which language.
        stored: The files.
    """

    name: str
    languages: tuple[str, ...]
    index: ItemIndex = field(repr=False)
    stored: StoredFiles = field(repr=False)

    @property
    def item_count(self) -> int:
        """Count the items."""
        return len(self.index.anywhere)

    @property
    def number_count(self) -> int:
        """Count the item numbers, those of items that are left out included."""
        return self.index.items

    @property
    def article_count(self) -> int:
        """Count the articles that have items."""
        return int(np.count_nonzero(self._articles.sizes))

    @property
    def files(self) -> Mapping[str, str]:
        """Name the manifest, which lists all other files with their digests, and give its SHA-256."""
        return {str(self.stored.folder / MANIFEST): self.stored.digest}

    @property
    def blemishes(self) -> StoredBlemishes:
        """The flaws of the files that the corpus was read from, of its languages."""
        return StoredBlemishes(self.stored, self.languages)

    def item_id(self, item: int) -> str:
        """Look up the id of an item.

        Args:
            item: Number of the item.

        Returns:
            Its question id.
        """
        return self.stored.ids.text(0, item)

    def rendering(self, item: int, language: str) -> Rendering:
        """Look up one item in one language.

        Args:
            item: Number of the item.
            language: Language code.

        Returns:
            The question, passage and answer in that language.

        Raises:
            DataError: The corpus lacks the language, or the item does, or a file is damaged.
        """
        if language not in self.languages:
            known = ", ".join(self.languages)
            raise DataError(f"corpus {self.name!r} has no language {language!r}; it has {known}")
        if not self.index.speakers[self.languages.index(language)].holds(np.array([item]))[0]:
            raise DataError(f"item {self.item_id(item)!r} of corpus {self.name!r} is not in {language!r}")
        return self._read(item, language)

    def items_in(self, language: int | None = None) -> BitColumn:
        """List the items in a language.

        Args:
            language: Index into ``languages``; any of them when None.

        Returns:
            Their numbers, ascending; worked out where they are asked for.
        """
        return self.index.anywhere if language is None else self.index.speakers[language]

    def items_across(self) -> BitColumn:
        """List the items in at least two languages.

        Returns:
            Their numbers, ascending; worked out where they are asked for.
        """
        return self.index.several

    def present_in(self, items: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell the languages of some items.

        Args:
            items: Item numbers. Shape: (n,), int64.

        Returns:
            Whether each item has each language. Shape: (n, languages), bool.
        """
        return self.index.present(items)

    def passages_of(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """Tell the passage of some items.

        Args:
            items: Item numbers. Shape: (n,), int64.

        Returns:
            The number of each one's passage. Shape: (n,), int64.
        """
        return self.index.passages.rank(items + 1) - 1

    def items_of_articles(self, items: NDArray[np.int64]) -> ItemLists:
        """List the items of each item's article.

        Args:
            items: Item numbers. Shape: (n,), int64.

        Returns:
            For each, the numbers of the items, ascending; it is one of them.
        """
        anywhere = self.index.anywhere
        bounds = self._bounds(self.index.articles, self.index.articles.rank(items + 1) - 1)
        return ItemLists(anywhere, *map(anywhere.rank, bounds))

    def given_negatives(self, items: NDArray[np.int64]) -> ItemLists:
        """List the items whose passages are each item's given negatives.

        Args:
            items: Item numbers. Shape: (n,), int64.

        Returns:
            For each, item numbers, ascending; items that are left out of the corpus are among them, and in
            no language.
        """
        of, others = self.stored.negatives
        return find_equal(of, items, others)

    def paired_languages(self) -> tuple[str, ...]:
        """List the languages of the items that are in at least two.

        Returns:
            Language codes, sorted.
        """
        found = self.index.paired().tolist()
        return tuple(language for language, there in zip(self.languages, found, strict=True) if there)

    def select_languages(self, languages: Sequence[str]) -> StoredCorpus:
        """Keep some languages, and the items that have at least one of them.

        Args:
            languages: Codes of the languages to keep, in any order.

        Returns:
            The smaller corpus. Passages and articles found through the other languages stay joined.

        Raises:
            DataError: The corpus lacks one of the languages, or none is named.
        """
        kept = check_languages(self.name, self.languages, languages)
        columns = [self.index.languages[self.languages.index(language)] for language in kept]
        return replace(self, languages=kept, index=self.index.narrow(columns))

    def separate_articles(self, names: AbstractSet[str]) -> tuple[StoredCorpus, StoredCorpus]:
        """Separate the items of some articles from the others.

        Args:
            names: Article names; those that the corpus lacks are passed over.

        Returns:
            The items of other articles, and those of the named ones; either may be empty.
        """
        chosen = np.fromiter(
            (name in names for name in self.stored.article_names.texts(0)),
            dtype=np.bool_,
            count=len(self.stored.article_names),
        )
        return self._separate(chosen)

    def split_articles(self, share: float, seed: int = HOLD_OUT_SEED) -> tuple[StoredCorpus, StoredCorpus]:
        """Hold out whole articles: those that ``ParallelCorpus.split_articles`` would hold out.

        Args:
            share: Share of the items to hold out, above 0 and below 1.
            seed: Another seed, another order. With the one that the store is ordered for, the names of the
                articles are not held in memory.

        Returns:
            The rest, and the held-out part.

        Raises:
            ConfigError: ``share`` is not between 0 and 1.
            DataError: The corpus has one article only.
        """
        if seed == HOLD_OUT_SEED:
            return self._separate(self._articles.choose(share, self.item_count, self.name))
        sizes = {article.name: article.items for article in self._articles}
        return self.separate_articles(choose_articles(self.name, sizes, share, seed))

    def list_article_names(self) -> Iterator[str]:
        """Read the names of the articles that have items.

        Yields:
            Each name; one that several articles have comes once for each.
        """
        for article in self._articles:
            for _ in range(article.articles):
                yield article.name

    def has_second_article(self) -> bool:
        """Tell whether articles can be held out.

        Returns:
            Whether the articles have at least two names.
        """
        return len([*islice(self._articles, 2)]) == 2

    def without_items(self, ids: AbstractSet[str]) -> StoredCorpus:
        """Leave some items out.

        Args:
            ids: Ids of the items; those that the corpus lacks are passed over.

        Returns:
            The other items; none may be left.
        """
        dropped = np.fromiter(
            (item for item, name in enumerate(self.stored.ids.texts(0)) if name in ids), dtype=np.int64
        )
        kept = np.full(self.index.words.shape[:2], ~np.uint64(0), dtype=np.uint64)
        np.bitwise_and.at(
            kept.reshape(-1), dropped // 64, ~(np.uint64(1) << (dropped % 64).astype(np.uint64))
        )
        return replace(self, index=self.index.narrow(self.index.languages, kept))

    def load(self) -> ParallelCorpus:
        """Read the whole corpus into memory.

        Returns:
            The corpus that the same files give when they are read without being stored.
        """
        anywhere = self.index.anywhere
        loaded = self.load_items(anywhere[np.arange(len(anywhere))])
        return replace(loaded, blemishes=tuple(self.blemishes))

    def parts(self, items: int = _PART) -> Iterator[ParallelCorpus]:
        """Read the corpus into memory part by part.

        Args:
            items: Items of a part, at least 1; one with a large passage may have more.

        Yields:
            Corpora with the items of some passages each, without blemishes.
        """
        anywhere, passages = self.index.anywhere, self.index.passages
        start, count = 0, len(anywhere)
        while start < count:
            end = min(start + items, count)
            if end < count:
                # Back to where the passage of the next item begins; on to its end if it fills the part.
                bounds = self._bounds(passages, self.passages_of(anywhere[np.array([end])]))
                back, on = anywhere.rank(np.concatenate(bounds)).tolist()
                end = back if back > start else on
            yield self.load_items(anywhere[np.arange(start, end)])
            start = end

    def load_items(self, items: NDArray[np.int64]) -> ParallelCorpus:
        """Read some items into memory.

        Args:
            items: Their numbers, ascending, each once. Shape: (n,), int64.

        Returns:
            A corpus of these items, without blemishes.
        """
        named = sorted((self.item_id(item), item) for item in items.tolist())
        order = np.array([item for _, item in named], dtype=np.int64)
        passages, _ = number_by_first_use(self.passages_of(order))
        articles, origins = number_by_first_use(self.index.articles.rank(order + 1) - 1)
        present = self.present_in(order)
        place = {item: index for index, (_, item) in enumerate(named)}
        given = self.given_negatives(order)
        negatives = {
            index: tuple(sorted(place[other] for other in given.row(index).tolist() if other in place))
            for index in np.flatnonzero(given.starts < given.ends).tolist()
        }
        shared: dict[str, str] = {}
        columns: dict[str, tuple[Rendering | None, ...]] = {}
        for column, language in enumerate(self.languages):
            spoken = present[:, column].tolist()
            columns[language] = tuple(
                self._read(item, language, shared) if there else None
                for (_, item), there in zip(named, spoken, strict=True)
            )
        return ParallelCorpus(
            name=self.name,
            languages=self.languages,
            item_ids=tuple(name for name, _ in named),
            passages=passages,
            articles=articles,
            article_names=tuple(self.stored.article_names.text(0, number) for number in origins.tolist()),
            present=frozen(present),
            renderings=columns,
            negatives={item: others for item, others in negatives.items() if others},
            blemishes=(),
            files=self.files,
        )

    def _read(self, item: int, language: str, shared: dict[str, str] | None = None) -> Rendering:
        questions = self.stored.questions[language]
        row = self.stored.columns[language].rank_one(item)
        passage = self.stored.passages[language].text(0, questions.number(3, row))
        if shared is not None:
            passage = shared.setdefault(passage, passage)
        return Rendering(
            question=questions.text(0, row),
            passage=passage,
            answer=questions.text(1, row),
            answer_start=questions.number(2, row),
            sentence=(questions.number(4, row), questions.number(5, row)),
        )

    def _separate(self, chosen: NDArray[np.bool_]) -> tuple[StoredCorpus, StoredCorpus]:
        marks = self.index.mark_articles(chosen)
        return (
            replace(self, index=self.index.narrow(self.index.languages, ~marks)),
            replace(self, index=self.index.narrow(self.index.languages, marks)),
        )

    @cached_property
    def _articles(self) -> StoredArticles:
        return StoredArticles(self.stored.article_names, self.index)

    def _bounds(
        self, column: BitColumn, numbers: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give the first item of some passages or articles, and the one after the last."""
        after = column[np.minimum(numbers + 1, len(column) - 1)]
        return column[numbers], np.where(numbers + 1 == len(column), self.index.items, after)


Corpus = ParallelCorpus | StoredCorpus
"""A corpus that batches can be planned and trained from."""


def open_store(
    folder: Path, *, languages: Sequence[str] | None = None, name: str | None = None
) -> StoredCorpus:
    """Open a stored corpus.

    Args:
        folder: The folder that ``isogloss data store`` made.
        languages: Languages to keep; all when None.
        name: What to call the corpus; the name that it was stored under when None.

    Returns:
        The corpus; its texts are read where they are used.

    Raises:
        DataError: The folder holds no whole stored corpus, or it lacks a language.
    """
    files = open_files(folder)
    corpus = StoredCorpus(name or files.manifest.name, files.manifest.languages, files.index, files)
    return corpus if languages is None else corpus.select_languages(languages)
