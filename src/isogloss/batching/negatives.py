"""Explicit negatives: one more passage for each row of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isogloss.batching.batch import Batch
from isogloss.batching.hashing import hash_keys
from isogloss.batching.languages import SpokenLanguages
from isogloss.corpus import Corpus, ParallelCorpus
from isogloss.corpus.lists import ItemLists, Items
from isogloss.errors import ConfigError, PlanError
from isogloss.hard_negatives.model import MinedNegatives

NEGATIVE_SOURCES = ("mined", "given", "article", "random")
NEGATIVE_LANGUAGES = ("passage", "query", "any")
_ANY = _NONE = -1
_AT_ONCE = 1 << 16
_FIRST_TRIES = 2
_TRIES = 16
"""Random tries before a list is searched as a whole: nearly every list yields within one or two."""


@dataclass(frozen=True)
class NegativeChoice:
    """Say where explicit negatives come from and in which language they stand.

    Args:
        source: ``mined`` (a model ranked them high), ``given`` (the corpus names them), ``article`` (another
            passage of the same article, where it has one) or ``random`` (any other passage). Where the first
            choice runs out, the next is taken.
        language: The language of the negative: the row's ``passage`` language, its ``query`` language, or
            ``any``: that in which it was mined, else any that the passage has.

    Raises:
        ConfigError: Source or language is unknown.

    Source: arXiv 2408.10536, eq. 1, has one negative per row and says neither how it is found nor its
        language; the choices are ours.
    """

    source: str = "given"
    language: str = "passage"

    def __post_init__(self) -> None:
        if self.source not in NEGATIVE_SOURCES:
            raise ConfigError(f"negatives come from {', '.join(NEGATIVE_SOURCES)}; got {self.source!r}")
        if self.language not in NEGATIVE_LANGUAGES:
            raise ConfigError(
                f"a negative's language is {', '.join(NEGATIVE_LANGUAGES)}; got {self.language!r}"
            )


@dataclass(frozen=True, eq=False)
class NegativePools:
    """Draw explicit negatives for the batches of one corpus.

    Other rows' negatives stand in a query's denominator too, so a negative shares its passage with no row of
    the batch, in whatever language. Among the candidates of a list all are equally likely.

    Args:
        corpus: The corpus that the batches are from.
        choice: Source and language of the negatives.
        seed: The plan's seed.
        mined: What was mined for the corpus, if anything was.

    Source: ours.
    """

    corpus: Corpus
    choice: NegativeChoice
    seed: int
    mined: MinedNegatives | None = None

    def draw(self, batch: Batch) -> Batch:
        """Give each row of a batch a negative.

        Args:
            batch: The batch.

        Returns:
            The batch with its negatives.

        Raises:
            PlanError: A row has no possible negative in the language asked for.
        """
        corpus, rows = self.corpus, np.arange(len(batch))
        taken = np.unique(corpus.passages_of(batch.items))
        wanted = self._wanted_languages(batch)
        keys = (self.seed, batch.epoch, batch.step, rows)
        tickets = hash_keys("negative", *keys[:3], rows[:, None], np.arange(_TRIES))
        items, languages, sources = np.full((3, len(batch)), _NONE, dtype=np.int64)
        left = rows
        for source, lists in self._list_stages(batch, wanted):
            places = self._pick(lists, left, taken, wanted, tickets)
            slots, places = left[places != _NONE], places[places != _NONE]
            items[slots] = lists.listing[places]
            sources[slots] = NEGATIVE_SOURCES.index(source)
            if source == "mined":
                languages[slots] = self._mined.entries[places, 3]
            left = np.flatnonzero(items == _NONE)
            if not len(left):
                break
        for slot in left.tolist():
            raise PlanError(self._explain_no_negative(int(batch.items[slot]), int(wanted[slot])))
        if self.choice.language == "any":
            spoken = SpokenLanguages(corpus.present_in(items))
            drawn = spoken.pick(hash_keys("negative language", *keys) % spoken.counts)
            languages = np.where(languages == _ANY, drawn, languages)
        else:
            languages = wanted
        return replace(batch, negative_items=items, negative_languages=languages, negative_sources=sources)

    def _wanted_languages(self, batch: Batch) -> NDArray[np.int64]:
        match self.choice.language:
            case "passage":
                return batch.passage_languages
            case "query":
                return batch.query_languages
            case _:
                return np.full(len(batch), _ANY, dtype=np.int64)

    def _list_stages(self, batch: Batch, wanted: NDArray[np.int64]) -> Iterator[tuple[str, ItemLists]]:
        """List where to look, the preferred source first: its name, and the items for each row."""
        for source in NEGATIVE_SOURCES[NEGATIVE_SOURCES.index(self.choice.source) :]:
            match source:
                case "mined":
                    if self.mined is not None:
                        # What was mined for the very question in the language wanted, then all of its item.
                        yield source, self._mined.of_questions(batch.items, batch.query_languages, wanted)
                        yield source, self._mined.of_items(batch.items)
                case "given":
                    yield source, self.corpus.given_negatives(batch.items)
                case "article":
                    yield source, self.corpus.items_of_articles(batch.items)
                case _:
                    yield source, self._speakers.of_languages(np.maximum(wanted, 0))

    @cached_property
    def _mined(self) -> _MinedLists:
        if self.mined is None or not isinstance(self.corpus, ParallelCorpus):
            raise PlanError(f"{self.corpus.name}: mined negatives need a corpus in memory, not a stored one")
        return _MinedLists(self.mined.number(self.corpus), len(self.corpus.languages))

    @cached_property
    def _speakers(self) -> _Speakers:
        """The items of each language; all where any language will do."""
        count = len(self.corpus.languages)
        languages = [None] if self.choice.language == "any" else range(count)
        return _Speakers([self.corpus.items_in(language) for language in languages])

    def _pick(
        self,
        lists: ItemLists,
        rows: NDArray[np.int64],
        taken: NDArray[np.int64],
        languages: NDArray[np.int64],
        tickets: NDArray[np.uint64],
    ) -> NDArray[np.int64]:
        """Pick for each row a place, if any, of an item in its language whose passage is not taken."""
        picked = np.full(len(rows), _NONE, dtype=np.int64)
        starts, ends = lists.starts[rows], lists.ends[rows]
        left = np.flatnonzero(starts < ends)
        # Rejection keeps the draw uniform, at a cost that does not grow with the corpus; the first tries
        # are enough for nearly all rows.
        for tries in (_FIRST_TRIES, _TRIES):
            first, sizes = starts[left, None], (ends - starts)[left, None].astype(np.uint64)
            places = first + (tickets[rows[left], :tries] % sizes).astype(np.int64)
            tried = lists.listing[places.ravel()]
            fits = self._fit(tried, taken, np.repeat(languages[rows[left]], tries)).reshape(places.shape)
            found = fits.any(axis=1)
            picked[left[found]] = places[found, fits[found].argmax(axis=1)]
            left = left[~found]
            if not len(left):
                break
        for place in left.tolist():
            row = rows[place]
            picked[place] = self._search(lists, row, taken, languages[row], int(tickets[row, 0]))
        return picked

    def _search(
        self, lists: ItemLists, row: np.int64, taken: NDArray[np.int64], language: np.int64, ticket: int
    ) -> int:
        """Pick a place among all of a row's list, a part of it at a time."""
        every = []
        start, end = int(lists.starts[row]), int(lists.ends[row])
        for first in range(start, end, _AT_ONCE):
            places = np.arange(first, min(first + _AT_ONCE, end))
            fits = self._fit(lists.listing[places], taken, np.full(len(places), language))
            every.append(places[fits])
        left = ticket % max(1, sum(map(len, every)))
        for part in every:
            if left < len(part):
                return int(part[left])
            left -= len(part)
        return _NONE

    def _fit(
        self, items: NDArray[np.int64], taken: NDArray[np.int64], languages: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Tell which items stand in their language and are of a passage that is not taken."""
        passages = self.corpus.passages_of(items)
        free = taken.take(np.searchsorted(taken, passages), mode="clip") != passages
        present = self.corpus.present_in(items)
        spoken = present[np.arange(len(items)), np.maximum(languages, 0)]
        fits: NDArray[np.bool_] = free & np.where(languages == _ANY, present.any(axis=1), spoken)
        return fits

    def _explain_no_negative(self, item: int, language: int) -> str:
        where = "" if language == _ANY else f" in {self.corpus.languages[language]!r}"
        remedy = "" if language == _ANY else ", or set batches.negative_language to 'any'"
        return (
            f"no explicit negative for item {self.corpus.item_id(item)!r} of {self.corpus.name}: "
            f"every passage{where} is in its batch already; lower batches.size{remedy}"
        )


@dataclass(frozen=True, eq=False)
class _MinedLists:
    """List what was mined, by item, query language and the negative's language."""

    entries: NDArray[np.int64]
    """As ``MinedNegatives.number`` gives them."""
    languages: int

    def of_questions(
        self, items: NDArray[np.int64], queries: NDArray[np.int64], wanted: NDArray[np.int64]
    ) -> ItemLists:
        """List what was mined for questions in the language wanted."""
        first = self._number(items, queries, np.maximum(wanted, 0))
        end = np.where(wanted == _ANY, self._number(items, queries + 1, 0), first + 1)
        return self._between(first, end)

    def of_items(self, items: NDArray[np.int64]) -> ItemLists:
        """List what was mined for items, in whatever languages."""
        return self._between(self._number(items, 0, 0), self._number(items + 1, 0, 0))

    def _between(self, first: NDArray[np.int64], end: NDArray[np.int64]) -> ItemLists:
        starts, ends = (np.searchsorted(self._keys, edge).astype(np.int64) for edge in (first, end))
        return ItemLists(self.entries[:, 2], starts, ends)

    @cached_property
    def _keys(self) -> NDArray[np.int64]:
        return self._number(self.entries[:, 0], self.entries[:, 1], self.entries[:, 3])

    def _number(
        self, items: NDArray[np.int64], queries: NDArray[np.int64] | int, languages: NDArray[np.int64] | int
    ) -> NDArray[np.int64]:
        return (items * self.languages + queries) * self.languages + languages


@dataclass(frozen=True, eq=False)
class _Speakers:
    """List the items of several languages, one language after the other."""

    columns: Sequence[Items]

    @cached_property
    def edges(self) -> NDArray[np.int64]:
        """Where each language starts, and the length of all."""
        return np.cumsum([0, *map(len, self.columns)]).astype(np.int64)

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        columns = np.searchsorted(self.edges, places, side="right") - 1
        items = np.empty_like(places)
        for column in np.unique(columns).tolist():
            here = columns == column
            items[here] = self.columns[column][places[here] - self.edges[column]]
        return items

    def of_languages(self, languages: NDArray[np.int64]) -> ItemLists:
        """List the items of each language, by its place among the columns."""
        return ItemLists(self, self.edges[languages], self.edges[languages + 1])
