"""The schedule of a plan: kind, corpus and language of each step, drawn before any row is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.batching.hashing import uniforms
from isogloss.batching.strategy import Kind, Strategy
from isogloss.corpus import Corpus
from isogloss.corpus.lists import Items

CROSS, MIXED = -2, -1
"""Stand for the language where a stratum has no single one."""


class StratumKey(NamedTuple):
    """Name the part of a corpus that one kind of batch is drawn from."""

    corpus: int
    language: int
    """Index into the corpus's languages, or ``MIXED``, or ``CROSS``."""

    @property
    def kind(self) -> Kind:
        """Say what kind of batch is drawn from the stratum."""
        return {CROSS: Kind.CROSS, MIXED: Kind.MIXED}.get(self.language, Kind.MONO)


class _Epoch(NamedTuple):
    strata: NDArray[np.int64]
    """Place in ``keys`` of each step's stratum."""
    visits: NDArray[np.int64]
    """How many earlier steps of the epoch draw from the same stratum."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """Draw the stratum of each step as a pure function of (seed, epoch, step).

    Args:
        corpora: The corpora to draw from.
        strategy: The batching strategy.
        steps: Steps of one epoch.
        seed: Seed of every draw.
        corpus_exponent: Corpora are drawn in proportion to (items that fit the kind) ** exponent.
        by_size: Whether languages are drawn in proportion to their items, not uniformly.

    Source: arXiv 2408.10536, section 3 (kind with probability alpha, language uniformly) and abstract (corpus
        by size); the counting of visits is ours.
    """

    corpora: Sequence[Corpus]
    strategy: Strategy
    steps: int
    seed: int
    corpus_exponent: float
    by_size: bool
    _counts: list[NDArray[np.int64]] = field(default_factory=list, init=False, repr=False)
    _kept: dict[int, _Epoch] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        """List the kinds of batch that the strategy can draw."""
        if self.strategy.mixed:
            return (Kind.MIXED,)
        shares = ((Kind.MONO, self.strategy.alpha), (Kind.CROSS, 1.0 - self.strategy.alpha))
        return tuple(kind for kind, share in shares if share > 0)

    @cached_property
    def keys(self) -> tuple[StratumKey, ...]:
        """List all strata of the corpora, whether the strategy draws from them or not."""
        return tuple(
            StratumKey(number, language)
            for number, corpus in enumerate(self.corpora)
            for language in range(CROSS, len(corpus.languages))
        )

    @cached_property
    def corpus_weights(self) -> dict[Kind, NDArray[np.float64]]:
        """Give the weight of each corpus for each kind of batch; 0 where none of its items fit."""
        return {kind: self._weigh_corpora(kind) for kind in self.kinds}

    def items(self, key: StratumKey) -> Items:
        """List the items of a stratum.

        Args:
            key: The stratum.

        Returns:
            Item numbers, ascending: int64 [items], or for a stored corpus what works them out.
        """
        corpus = self.corpora[key.corpus]
        if key.language == CROSS:
            return corpus.items_across()
        if key.language == MIXED:
            return corpus.items_in()
        only = self.strategy.only_language
        if only not in (None, corpus.languages[key.language]):
            return np.zeros(0, dtype=np.int64)
        return corpus.items_in(key.language)

    def entry(self, epoch: int, step: int) -> tuple[int, int]:
        """Look up the stratum of a step and count its batches before that step, over all epochs.

        Args:
            epoch: Epoch, from 0.
            step: Step in the epoch, from 0 and below ``steps``.

        Returns:
            Place of the stratum in ``keys``, and the number of its earlier batches.
        """
        if epoch not in self._kept:
            if len(self._kept) >= 2:
                del self._kept[min(self._kept)]
            self._kept[epoch] = _count_visits(self._draw(epoch))
        drawn = self._kept[epoch]
        stratum = int(drawn.strata[step])
        before = int(self._count_through(epoch - 1)[stratum]) if epoch else 0
        return stratum, before + int(drawn.visits[step])

    def _count_through(self, epoch: int) -> NDArray[np.int64]:
        """Count the batches of each stratum from epoch 0 through this one."""
        while len(self._counts) <= epoch:
            counts = np.bincount(self._draw(len(self._counts)), minlength=len(self.keys))
            self._counts.append(counts + (self._counts[-1] if self._counts else 0))
        return self._counts[epoch]

    def _draw(self, epoch: int) -> NDArray[np.int64]:
        # Each draw has a stream of its own: another alpha changes the kind of some steps and nothing else.
        steps = np.arange(self.steps)
        mono = uniforms("kind", self.seed, epoch, steps) < self.strategy.alpha
        corpus_draw = uniforms("corpus", self.seed, epoch, steps)
        language_draw = uniforms("language", self.seed, epoch, steps)
        corpora = np.zeros(self.steps, dtype=np.int64)
        languages = np.full(self.steps, CROSS, dtype=np.int64)
        for kind in self.kinds:
            steps_of_kind = np.full(self.steps, True) if kind is Kind.MIXED else mono == (kind is Kind.MONO)
            corpora[steps_of_kind] = _draw_weighted(corpus_draw[steps_of_kind], self.corpus_weights[kind])
        if self.strategy.mixed:
            languages[:] = MIXED
        else:
            for number in np.unique(corpora[mono]).tolist():
                chosen = mono & (corpora == number)
                languages[chosen] = _draw_weighted(language_draw[chosen], self._language_weights[number])
        return self._first_keys[corpora] + languages - CROSS

    @cached_property
    def _first_keys(self) -> NDArray[np.int64]:
        sizes = [len(corpus.languages) - CROSS for corpus in self.corpora]
        return np.cumsum([0, *sizes[:-1]]).astype(np.int64)

    @cached_property
    def _language_weights(self) -> list[NDArray[np.float64]]:
        weights = []
        for number, corpus in enumerate(self.corpora):
            keys = [StratumKey(number, language) for language in range(len(corpus.languages))]
            sizes = np.array([len(self.items(key)) for key in keys])
            weights.append((sizes if self.by_size else sizes > 0).astype(np.float64))
        return weights

    def _weigh_corpora(self, kind: Kind) -> NDArray[np.float64]:
        counts = [self._count_fitting(number, kind) for number in range(len(self.corpora))]
        sizes = np.array(counts, dtype=np.float64)
        # Relative to the largest, so that no exponent overflows. 0 ** 0 is 1: an empty corpus is kept at 0.
        return np.where(sizes > 0, (sizes / max(sizes.max(), 1.0)) ** self.corpus_exponent, 0.0)

    def _count_fitting(self, number: int, kind: Kind) -> int:
        corpus, only = self.corpora[number], self.strategy.only_language
        if kind is Kind.CROSS:
            return len(corpus.items_across())
        if only is None:
            return len(corpus.items_in())
        return len(corpus.items_in(corpus.languages.index(only))) if only in corpus.languages else 0


def _count_visits(strata: NDArray[np.int64]) -> _Epoch:
    order = np.argsort(strata, kind="stable")
    ordered = strata[order]
    visits = np.empty_like(strata)
    visits[order] = np.arange(len(strata)) - np.searchsorted(ordered, ordered)
    return _Epoch(strata, visits)


def _draw_weighted(numbers: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Turn uniform numbers in [0, 1) into indices drawn in proportion to weights, one of them above 0."""
    edges = np.cumsum(weights / weights.sum())
    # Sums of rounded shares may stay below 1; the last possible index takes what is left.
    edges[np.flatnonzero(weights)[-1] :] = np.inf
    return np.searchsorted(edges, numbers, side="right").astype(np.int64)
