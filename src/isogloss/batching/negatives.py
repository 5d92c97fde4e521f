"""Explicit negatives: one more passage for each row of a batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.batching.batch import Batch
from isogloss.batching.hashing import hash_keys
from isogloss.corpus import ParallelCorpus
from isogloss.errors import ConfigError, PlanError
from isogloss.hard_negatives.model import MinedNegatives

NEGATIVE_SOURCES = ("mined", "given", "article", "random")
NEGATIVE_LANGUAGES = ("passage", "query", "any")
_ANY = -1
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


class _Pool(NamedTuple):
    """Hold the items to look among, and the language in which each was mined, if they were."""

    source: str
    items: NDArray[np.int64]
    languages: NDArray[np.int64] | None = None


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

    corpus: ParallelCorpus
    choice: NegativeChoice
    seed: int
    mined: MinedNegatives | None = None
    _speakers: dict[int, NDArray[np.int64]] = field(default_factory=dict, init=False, repr=False)

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
        taken = np.zeros(self._passage_count, dtype=np.bool_)
        taken[corpus.passages[batch.items]] = True
        wanted = self._wanted_languages(batch).tolist()
        keys = (self.seed, batch.epoch, batch.step, rows)
        tickets = hash_keys("negative", *keys[:3], rows[:, None], np.arange(_TRIES))
        chosen = [
            self._choose(item, query_language, wanted[slot], taken, tickets[slot])
            for slot, (item, query_language) in enumerate(
                zip(batch.items.tolist(), batch.query_languages.tolist(), strict=True)
            )
        ]
        items, languages, sources = np.array(chosen, dtype=np.int64).T
        if self.choice.language != "any":
            languages = self._wanted_languages(batch)
        else:
            present = corpus.present[items]
            spoken = np.argsort(~present, axis=1, kind="stable").astype(np.int64)
            counts = np.count_nonzero(present, axis=1).astype(np.uint64)
            column = (hash_keys("negative language", *keys) % counts).astype(np.int64)
            languages = np.where(languages == _ANY, spoken[rows, column], languages)
        return replace(batch, negative_items=items, negative_languages=languages, negative_sources=sources)

    def _choose(
        self,
        item: int,
        query_language: int,
        language: int,
        taken: NDArray[np.bool_],
        tickets: NDArray[np.uint64],
    ) -> tuple[int, int, int]:
        """Choose one row's negative: its item, the language in which it was mined if it was, its source."""
        for pool in self._list_pools(item, query_language, language):
            place = self._pick(pool.items, taken, language, tickets)
            if place is not None:
                mined_in = _ANY if pool.languages is None else int(pool.languages[place])
                return int(pool.items[place]), mined_in, NEGATIVE_SOURCES.index(pool.source)
        raise PlanError(self._explain_no_negative(item, language))

    def _wanted_languages(self, batch: Batch) -> NDArray[np.int64]:
        match self.choice.language:
            case "passage":
                return batch.passage_languages
            case "query":
                return batch.query_languages
            case _:
                return np.full(len(batch), _ANY, dtype=np.int64)

    def _list_pools(self, item: int, query_language: int, language: int) -> Iterator[_Pool]:
        """List the items to look among, the preferred source first."""
        for source in NEGATIVE_SOURCES[NEGATIVE_SOURCES.index(self.choice.source) :]:
            if source == "mined":
                yield from self._list_mined(item, query_language, language)
            elif source == "given":
                yield _Pool(source, np.array(self.corpus.negatives.get(item, ()), dtype=np.int64))
            elif source == "article":
                order, starts = self._articles
                article = int(self.corpus.articles[item])
                yield _Pool(source, order[starts[article] : starts[article + 1]])
            else:
                yield _Pool(source, self._items_in(language))

    def _list_mined(self, item: int, query_language: int, language: int) -> Iterator[_Pool]:
        """List what was mined for the row's query in the language wanted, then all of its item."""
        entries, starts = self._mined
        own = entries[starts[item] : starts[item + 1]]
        exact = own[:, 1] == query_language
        if language != _ANY:
            exact &= own[:, 3] == language
        for chosen in (own[exact], own):
            yield _Pool("mined", chosen[:, 2], chosen[:, 3])

    def _pick(
        self, pool: NDArray[np.int64], taken: NDArray[np.bool_], language: int, tickets: NDArray[np.uint64]
    ) -> int | None:
        """Pick the place in a pool of an item that stands in the language and whose passage is not taken."""
        if not len(pool):
            return None
        # Rejection keeps the draw uniform, at a cost that does not grow with the corpus.
        tried = (tickets % np.uint64(len(pool))).astype(np.int64)
        fitting = tried[self._fits(pool[tried], taken, language)]
        if not len(fitting):
            every = np.flatnonzero(self._fits(pool, taken, language))
            if not len(every):
                return None
            fitting = every[[int(tickets[0]) % len(every)]]
        return int(fitting[0])

    def _fits(self, items: NDArray[np.int64], taken: NDArray[np.bool_], language: int) -> NDArray[np.bool_]:
        fits: NDArray[np.bool_] = ~taken[self.corpus.passages[items]]
        return fits if language == _ANY else fits & self.corpus.present[items, language]

    @cached_property
    def _mined(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What was mined, in the order of the items, and where each item starts."""
        entries = np.zeros((0, 4), dtype=np.int64) if self.mined is None else self.mined.number(self.corpus)
        edges = np.arange(len(self.corpus.item_ids) + 1)
        return entries, np.searchsorted(entries[:, 0], edges).astype(np.int64)

    def _items_in(self, language: int) -> NDArray[np.int64]:
        if language not in self._speakers:
            present = self.corpus.present
            spoken = present.any(axis=1) if language == _ANY else present[:, language]
            self._speakers[language] = np.flatnonzero(spoken).astype(np.int64)
        return self._speakers[language]

    @cached_property
    def _articles(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The items in the order of their articles, and where each article starts."""
        order = np.argsort(self.corpus.articles, kind="stable").astype(np.int64)
        edges = np.arange(len(self.corpus.article_names) + 1)
        return order, np.searchsorted(self.corpus.articles[order], edges).astype(np.int64)

    @cached_property
    def _passage_count(self) -> int:
        return int(self.corpus.passages.max()) + 1

    def _explain_no_negative(self, item: int, language: int) -> str:
        where = "" if language == _ANY else f" in {self.corpus.languages[language]!r}"
        remedy = "" if language == _ANY else ", or set batches.negative_language to 'any'"
        return (
            f"no explicit negative for item {self.corpus.item_ids[item]!r} of {self.corpus.name}: "
            f"every passage{where} is in its batch already; lower batches.size{remedy}"
        )
