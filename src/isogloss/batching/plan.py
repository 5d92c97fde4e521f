"""The batch plan: which rows, in which languages, stand in each batch of a training run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isogloss.batching.batch import Batch
from isogloss.batching.hashing import hash_keys
from isogloss.batching.languages import SpokenLanguages
from isogloss.batching.negatives import NegativeChoice, NegativePools
from isogloss.batching.packets import PacketStratum
from isogloss.batching.schedule import Schedule, StratumKey
from isogloss.batching.strata import ListedStratum, Stratum
from isogloss.batching.strategy import Kind, Strategy
from isogloss.corpus import Corpus, StoredCorpus
from isogloss.corpus.stored.bits import BitColumn
from isogloss.errors import PlanError
from isogloss.hard_negatives.model import MinedNegatives

LANGUAGE_DRAWS = ("uniform", "size")
LARGEST_SEED = 2**32 - 1
"""The largest seed that every library of a training run takes."""
LARGEST_EPOCH = 2**32 - 1
"""The largest epoch that is planned; far beyond any training."""


@dataclass(frozen=True, eq=False)
class BatchPlan:
    """Plan every batch of a run as a pure function of (corpora, strategy, seed, epoch, step).

    The kind, corpus and language of each step come from a counter-based generator that reads no rows. The
    rows then come from the step's stratum (a corpus in one language, or a corpus across languages), which
    passes over its own items without replacement; how many batches it gave before is counted in the
    schedule. No batch holds a passage twice, in whatever language, nor two translations of an item; this
    outranks coverage.

    Args:
        corpora: The corpora to draw from; each batch is from one of them.
        strategy: The batching strategy.
        batch_size: Rows of a full batch over all devices, at least 1.
        seed: Seed of every draw, from 0 to 4294967295.
        corpus_exponent: Corpora are drawn in proportion to (items that fit the kind) ** exponent, at least 0.
        language_draw: ``uniform``, or ``size`` for in proportion to the items in the language.
        negatives: How explicit negatives are chosen, if any.
        mined: The negatives that were mined, by the name of their corpus.

    Raises:
        PlanError: A number is out of range, or the corpora have no items that fit the strategy.

    Source: arXiv 2408.10536, section 3, for the strategies; the schedule and the dealing are ours.
    """

    corpora: Sequence[Corpus]
    strategy: Strategy
    batch_size: int
    seed: int = 0
    corpus_exponent: float = 1.0
    language_draw: str = "uniform"
    negatives: NegativeChoice | None = None
    mined: Mapping[str, MinedNegatives] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise PlanError(f"a batch needs at least 1 row ('batches.size'); got {self.batch_size}")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise PlanError(f"a seed is a whole number from 0 to {LARGEST_SEED}; got {self.seed}")
        if not (math.isfinite(self.corpus_exponent) and self.corpus_exponent >= 0):
            raise PlanError(f"the corpus exponent is a finite number from 0; got {self.corpus_exponent}")
        if not self.corpora:
            raise PlanError("there is no corpus to draw batches from")
        if self.language_draw not in LANGUAGE_DRAWS:
            raise PlanError(f"language draw {self.language_draw!r} is not one of {', '.join(LANGUAGE_DRAWS)}")
        for kind, weights in self._schedule.corpus_weights.items():
            if not weights.any():
                raise PlanError(self._explain_nothing_fits(kind))

    @cached_property
    def steps_per_epoch(self) -> int:
        """Count the steps of an epoch: ceil(items of all corpora / batch size), whatever the strategy."""
        return -(-sum(corpus.item_count for corpus in self.corpora) // self.batch_size)

    def batch(self, epoch: int, step: int) -> Batch:
        """Plan one batch, without planning the earlier ones.

        Args:
            epoch: Epoch, from 0.
            step: Step in the epoch, from 0 and below ``steps_per_epoch``.

        Returns:
            The rows of the batch.

        Raises:
            PlanError: The step lies outside the epoch, or explicit negatives cannot be found.
        """
        if not (0 <= epoch <= LARGEST_EPOCH and 0 <= step < self.steps_per_epoch):
            raise PlanError(
                f"there is no step {step} in epoch {epoch}; epochs count from 0 to {LARGEST_EPOCH}, "
                f"and each has the steps 0 to {self.steps_per_epoch - 1}"
            )
        if (epoch, step) not in self._last:
            self._last.clear()
            self._last[epoch, step] = self._plan(epoch, step)
        return self._last[epoch, step]

    def _plan(self, epoch: int, step: int) -> Batch:
        number, visit = self._schedule.entry(epoch, step)
        key = self._schedule.keys[number]
        items = self._stratum(number).deal(visit)
        queries, passages = self._draw_languages(key, items, epoch, step)
        batch = Batch(epoch, step, key.kind, key.corpus, items, queries, passages)
        return batch if self.negatives is None else self._pools(key.corpus).draw(batch)

    def kind(self, epoch: int, step: int) -> Kind:
        """Tell the kind of one batch, without drawing its rows.

        Args:
            epoch: Epoch, from 0.
            step: Step in the epoch, from 0 and below ``steps_per_epoch``.

        Returns:
            The kind.
        """
        return self._schedule.keys[self._schedule.entry(epoch, step)[0]].kind

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Plan the batches of an epoch in order.

        Args:
            epoch: Epoch, from 0.

        Yields:
            The batches of the epoch.
        """
        for step in range(self.steps_per_epoch):
            yield self.batch(epoch, step)

    def strata(self) -> Iterator[tuple[Kind, int, str | None, Stratum]]:
        """List the strata that the strategy draws from.

        Yields:
            Kind, index of the corpus, language (none where languages mix) and the stratum itself.
        """
        for number, key in enumerate(self._schedule.keys):
            if key.kind in self._schedule.kinds and len(self._stratum(number)):
                language = self.corpora[key.corpus].languages[key.language] if key.language >= 0 else None
                yield key.kind, key.corpus, language, self._stratum(number)

    @cached_property
    def _schedule(self) -> Schedule:
        return Schedule(
            corpora=self.corpora,
            strategy=self.strategy,
            steps=self.steps_per_epoch,
            seed=self.seed,
            corpus_exponent=self.corpus_exponent,
            by_size=self.language_draw == "size",
        )

    @cached_property
    def _last(self) -> dict[tuple[int, int], Batch]:
        """Keep the last batch: a sampler asks for its length, and whoever looks up the rows for the rest."""
        return {}

    @cached_property
    def _strata_made(self) -> dict[int, Stratum]:
        return {}

    def _stratum(self, number: int) -> Stratum:
        if number not in self._strata_made:
            self._strata_made[number] = self._make_stratum(self._schedule.keys[number])
        return self._strata_made[number]

    def _make_stratum(self, key: StratumKey) -> Stratum:
        # The places of a corpus and a language name a stratum; sizes elsewhere in the plan do not matter.
        identity = (key.corpus << 16) + (key.language % 65536)
        corpus, items = self.corpora[key.corpus], self._schedule.items(key)
        if isinstance(corpus, StoredCorpus) and isinstance(items, BitColumn):
            return PacketStratum(identity, self.batch_size, self.seed, corpus, items)
        listed = np.asarray(items)
        return ListedStratum(identity, self.batch_size, self.seed, listed, corpus.passages_of(listed))

    @cached_property
    def _pools_made(self) -> dict[int, NegativePools]:
        return {}

    def _pools(self, corpus: int) -> NegativePools:
        if corpus not in self._pools_made:
            choice = self.negatives or NegativeChoice()
            source = self.corpora[corpus]
            self._pools_made[corpus] = NegativePools(source, choice, self.seed, self.mined.get(source.name))
        return self._pools_made[corpus]

    def _draw_languages(
        self, key: StratumKey, items: NDArray[np.int64], epoch: int, step: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Draw query and passage language of each row, uniformly among those that its item has."""
        if key.kind is Kind.MONO:
            same = np.full(len(items), key.language, dtype=np.int64)
            return same, same
        spoken = SpokenLanguages(self.corpora[key.corpus].present_in(items))
        counts = spoken.counts
        tickets = hash_keys("pair", self.seed, epoch, step, np.arange(len(items)))
        if key.kind is Kind.MIXED:
            same = spoken.pick(tickets % counts)
            return same, same
        query, passage = np.divmod(tickets % (counts * (counts - 1)), counts - 1)
        passage += passage >= query
        return spoken.pick(query), spoken.pick(passage)

    def _explain_nothing_fits(self, kind: Kind) -> str:
        names = ", ".join(corpus.name for corpus in self.corpora)
        if kind is Kind.CROSS:
            return (
                f"strategy {self.strategy.name!r} draws cross-lingual batches, but no item of {names} "
                "is in two languages; add a language or use strategy 'x-x-mono'"
            )
        if self.strategy.only_language:
            only = self.strategy.only_language
            return f"strategy {self.strategy.name!r} needs items in {only!r}; {names} has none"
        return f"{names} has no items"
