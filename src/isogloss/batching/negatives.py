"""Explicit negatives: one more passage for each row of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isogloss.batching.batch import Batch
from isogloss.batching.hashing import hash_keys
from isogloss.batching.languages import SpokenLanguages
from isogloss.corpus import Corpus, ParallelCorpus
from isogloss.corpus.stored.bits import BitColumn
from isogloss.corpus.stored.model import ItemRange
from isogloss.errors import ConfigError, PlanError
from isogloss.hard_negatives.model import MinedNegatives


@dataclass(frozen=True, eq=False)
class MinedPool:
    """Hold what was mined for a question, and in which language.

    Args:
        entries: Item, query language, negative item and its language. Shape: (n, 4), int64.
    """

    entries: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """List the negative items at some places.

        Args:
            places: Places, from 0. Shape: (m,), int64.

        Returns:
            The items. Shape: (m,), int64.
        """
        items: NDArray[np.int64] = self.entries[places, 2]
        return items


Pool = NDArray[np.int64] | BitColumn | ItemRange | MinedPool
"""Items to draw from; of a stored corpus, those asked for are worked out."""

NEGATIVE_SOURCES = ("mined", "given", "article", "random")
NEGATIVE_LANGUAGES = ("passage", "query", "any")
_ANY = _NONE = -1
_AT_ONCE = 1 << 16
_FIRST_TRIES = 2
_TRIES = 16
"""Random tries before a pool is searched as a whole: nearly every pool yields within one or two."""


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
    the batch, in whatever language. Among the candidates of a pool all are equally likely.

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
    _speakers: dict[int, Pool] = field(default_factory=dict, init=False, repr=False)

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
        for source, list_pools in self._list_stages(batch, wanted):
            left = np.flatnonzero(items == _NONE)
            pools = [list_pools(slot) for slot in left.tolist()]
            places = self._pick(pools, taken, wanted[left], tickets[left])
            for slot, pool, place in zip(left.tolist(), pools, places.tolist(), strict=True):
                if place != _NONE:
                    items[slot] = pool[np.array([place])][0]
                    sources[slot] = NEGATIVE_SOURCES.index(source)
                    if isinstance(pool, MinedPool):
                        languages[slot] = pool.entries[place, 3]
        for slot in np.flatnonzero(items == _NONE).tolist():
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

    def _list_stages(
        self, batch: Batch, wanted: NDArray[np.int64]
    ) -> Iterator[tuple[str, Callable[[int], Pool]]]:
        """List where to look, the preferred source first: its name, and what gives a row's items."""
        for source in NEGATIVE_SOURCES[NEGATIVE_SOURCES.index(self.choice.source) :]:
            match source:
                case "mined":
                    # What was mined for the very question in the language wanted, then all of its item.
                    yield (
                        source,
                        lambda row: self._list_mined(
                            batch.items[row], batch.query_languages[row], wanted[row]
                        ),
                    )
                    yield source, lambda row: self._list_mined(batch.items[row])
                case "given":
                    yield (
                        source,
                        lambda row: np.array(
                            self.corpus.given_negatives(int(batch.items[row])), dtype=np.int64
                        ),
                    )
                case "article":
                    yield source, self.corpus.items_of_articles(batch.items).__getitem__
                case _:
                    yield source, lambda row: self._items_in(int(wanted[row]))

    def _list_mined(
        self, item: np.int64, query: np.int64 | None = None, language: np.int64 | None = None
    ) -> MinedPool:
        entries, starts = self._mined
        own = entries[starts[item] : starts[item + 1]]
        if query is not None:
            own = own[own[:, 1] == query]
        if language is not None and language != _ANY:
            own = own[own[:, 3] == language]
        return MinedPool(own)

    @cached_property
    def _mined(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What was mined, in the order of the items, and where each item starts."""
        entries = np.zeros((0, 4), dtype=np.int64)
        if self.mined is not None and isinstance(self.corpus, ParallelCorpus):
            entries = self.mined.number(self.corpus)
        edges = np.arange(self.corpus.number_count + 1)
        return entries, np.searchsorted(entries[:, 0], edges).astype(np.int64)

    def _pick(
        self,
        pools: Sequence[Pool],
        taken: NDArray[np.int64],
        languages: NDArray[np.int64],
        tickets: NDArray[np.uint64],
    ) -> NDArray[np.int64]:
        """Pick the place in each pool of an item in the language whose passage is not taken, if any."""
        picked = np.full(len(pools), _NONE, dtype=np.int64)
        sizes = np.array([len(pool) for pool in pools], dtype=np.uint64)
        # Rejection keeps the draw uniform, at a cost that does not grow with the corpus; the first tries
        # are enough for nearly all rows.
        for tries in (_FIRST_TRIES, _TRIES):
            left = np.flatnonzero((picked == _NONE) & (sizes > 0))
            places = (tickets[left, :tries] % sizes[left, None]).astype(np.int64)
            tried = _take(pools, left, places)
            fits = self._fit(tried.ravel(), taken, np.repeat(languages[left], tries)).reshape(tried.shape)
            found = fits.any(axis=1)
            picked[left[found]] = places[found, fits[found].argmax(axis=1)]
        for row in left[~found].tolist():
            picked[row] = self._search(pools[row], taken, languages[row], int(tickets[row, 0]))
        return picked

    def _search(self, pool: Pool, taken: NDArray[np.int64], language: np.int64, ticket: int) -> int:
        """Pick a place among all of a pool, a part of it at a time."""
        every = []
        for start in range(0, len(pool), _AT_ONCE):
            places = np.arange(start, min(start + _AT_ONCE, len(pool)))
            every.append(places[self._fit(pool[places], taken, np.full(len(places), language))])
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

    def _items_in(self, language: int) -> Pool:
        if language not in self._speakers:
            self._speakers[language] = self.corpus.items_in(None if language == _ANY else language)
        return self._speakers[language]

    def _explain_no_negative(self, item: int, language: int) -> str:
        where = "" if language == _ANY else f" in {self.corpus.languages[language]!r}"
        remedy = "" if language == _ANY else ", or set batches.negative_language to 'any'"
        return (
            f"no explicit negative for item {self.corpus.item_id(item)!r} of {self.corpus.name}: "
            f"every passage{where} is in its batch already; lower batches.size{remedy}"
        )


def _take(pools: Sequence[Pool], rows: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Look up some places of each row's pool; rows of one pool together."""
    taken = np.empty_like(places)
    rows_of: dict[int, list[int]] = {}
    for at, row in enumerate(rows.tolist()):
        rows_of.setdefault(id(pools[row]), []).append(at)
    for shared in rows_of.values():
        pool = pools[int(rows[shared[0]])]
        taken[shared] = pool[places[shared].ravel()].reshape(len(shared), -1)
    return taken
