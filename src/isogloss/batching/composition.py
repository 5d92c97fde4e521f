"""Count what a batch plan holds, before anything is trained."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isogloss.answers import Answers
from isogloss.batching.batch import Batch
from isogloss.batching.false_negatives import find_false_negatives
from isogloss.batching.negatives import NEGATIVE_SOURCES
from isogloss.batching.plan import BatchPlan
from isogloss.batching.strategy import Kind
from isogloss.types import LanguagePair

_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class StratumCount:
    """Describe how one stratum is used.

    Args:
        corpus: Name of the corpus.
        kind: Kind of its batches.
        language: Their one language; none where languages mix.
        items: Items of the stratum.
        batches_per_pass: Batches in which all its items are used once.
        batches: Batches drawn from it.
    """

    corpus: str
    kind: str
    language: str | None
    items: int
    batches_per_pass: int
    batches: int


@dataclass(frozen=True)
class Composition:
    """Describe the batches of some epochs of a plan.

    Args:
        strategy: Name of the strategy.
        alpha: Probability that a batch is monolingual; none where the strategy mixes languages in a batch.
        epochs: Number of epochs counted.
        steps_per_epoch: Steps of one epoch.
        batch_size: Rows of a full batch.
        rows: Rows in all.
        kinds: Batches of each kind.
        strata: Use of each stratum.
        batch_sizes: Batches of each number of rows.
        pairs: Rows of each (query language, passage language).
        uses: Items used so many times.
        negatives: Explicit negatives from each source; empty where the plan has none.
        false_negatives: Pairs of a query and another candidate of its batch that answers it; none where they
            were not looked for.
        left_out: What cannot be drawn or must wait, each as a sentence.
        digest: SHA-256 over the item and language numbers of every row of every batch. Plans of one corpus
            with one digest are the same plan.
    """

    strategy: str
    alpha: float | None
    epochs: int
    steps_per_epoch: int
    batch_size: int
    rows: int
    kinds: Mapping[str, int]
    strata: tuple[StratumCount, ...]
    batch_sizes: Mapping[int, int]
    pairs: Mapping[LanguagePair, int]
    uses: Mapping[int, int]
    negatives: Mapping[str, int]
    false_negatives: int | None
    left_out: tuple[str, ...]
    digest: str

    @property
    def batches(self) -> int:
        """Count all batches."""
        return self.epochs * self.steps_per_epoch

    @property
    def monolingual_share(self) -> float:
        """Give the share of monolingual batches, from 0 to 1."""
        return self.kinds.get(Kind.MONO.value, 0) / self.batches

    @property
    def query_languages(self) -> dict[str, int]:
        """Count the rows of each query language."""
        return _sum_by(self.pairs, 0)

    @property
    def passage_languages(self) -> dict[str, int]:
        """Count the rows of each passage language."""
        return _sum_by(self.pairs, 1)


def count_composition(
    plan: BatchPlan, epochs: int = 1, answers: Sequence[Answers] | None = None
) -> Composition:
    """Plan some epochs and count what their batches hold.

    Args:
        plan: The plan.
        epochs: How many epochs from the first, at least 1.
        answers: What answers what in each of the plan's corpora, to count false negatives.

    Returns:
        The counts.
    """
    sizes: Counter[int] = Counter()
    strata: Counter[tuple[Kind, int, str | None]] = Counter()
    pairs = [np.zeros((len(corpus.languages),) * 2, dtype=np.int64) for corpus in plan.corpora]
    uses = [np.zeros(corpus.number_count, dtype=np.int32) for corpus in plan.corpora]
    sources = np.zeros(len(NEGATIVE_SOURCES), dtype=np.int64)
    false_negatives = 0
    digest = hashlib.sha256()
    for epoch in range(epochs):
        for batch in plan.batches(epoch):
            sizes[len(batch)] += 1
            strata[batch.kind, batch.corpus, _language_of(plan, batch)] += 1
            np.add.at(pairs[batch.corpus], (batch.query_languages, batch.passage_languages), 1)
            uses[batch.corpus][batch.items] += 1
            if batch.negative_sources is not None:
                sources += np.bincount(batch.negative_sources, minlength=len(sources))
            if answers is not None:
                false_negatives += len(find_false_negatives(answers[batch.corpus], batch)[0])
            _update_digest(digest, batch)
    kinds: Counter[str] = Counter()
    for (kind, _, _), count in strata.items():
        kinds[kind.value] += count
    return Composition(
        strategy=plan.strategy.name,
        alpha=None if plan.strategy.mixed else plan.strategy.alpha,
        epochs=epochs,
        steps_per_epoch=plan.steps_per_epoch,
        batch_size=plan.batch_size,
        rows=sum(size * count for size, count in sizes.items()),
        kinds=dict(sorted(kinds.items(), reverse=True)),
        strata=tuple(
            StratumCount(
                corpus=plan.corpora[number].name,
                kind=kind.value,
                language=language,
                items=len(stratum),
                batches_per_pass=stratum.batches_per_pass,
                batches=strata[kind, number, language],
            )
            for kind, number, language, stratum in plan.strata()
        ),
        batch_sizes=dict(sorted(sizes.items())),
        pairs=_name_pairs(plan, pairs),
        uses=_count_uses(plan, uses),
        negatives={
            name: count for name, count in zip(NEGATIVE_SOURCES, sources.tolist(), strict=True) if count
        },
        false_negatives=None if answers is None else false_negatives,
        left_out=(*_explain_left_out(plan, uses, epochs), *_explain_waiting(plan)),
        digest=digest.hexdigest(),
    )


def _language_of(plan: BatchPlan, batch: Batch) -> str | None:
    if batch.kind is not Kind.MONO:
        return None
    return plan.corpora[batch.corpus].languages[int(batch.query_languages[0])]


def _name_pairs(plan: BatchPlan, counts: Sequence[NDArray[np.int64]]) -> dict[LanguagePair, int]:
    named: Counter[LanguagePair] = Counter()
    for corpus, matrix in zip(plan.corpora, counts, strict=True):
        for query, passage in np.argwhere(matrix).tolist():
            named[LanguagePair(corpus.languages[query], corpus.languages[passage])] += int(
                matrix[query, passage]
            )
    return dict(sorted(named.items()))


def _sum_by(pairs: Mapping[LanguagePair, int], side: int) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for pair, rows in pairs.items():
        sums[pair[side]] += rows
    return dict(sorted(sums.items()))


def _update_digest(digest: hashlib._Hash, batch: Batch) -> None:
    columns = [batch.items, batch.query_languages, batch.passage_languages]
    if batch.negative_items is not None and batch.negative_languages is not None:
        columns += [batch.negative_items, batch.negative_languages]
    digest.update(np.array([batch.epoch, batch.step, batch.corpus, len(batch)], dtype="<i8").tobytes())
    digest.update(np.stack(columns).astype("<i8").tobytes())


def _explain_left_out(plan: BatchPlan, uses: Sequence[NDArray[np.int32]], epochs: int) -> Iterator[str]:
    """Say which items are never drawn, which only in part, and which not yet."""
    kinds = {kind for kind, _, _, _ in plan.strata()}
    only = plan.strategy.only_language
    for number, corpus in enumerate(plan.corpora):
        drawable = _count_drawable(plan, number)
        never = corpus.item_count - drawable
        if never:
            why = f"not in {only!r}" if only else "in one language only"
            yield f"{corpus.name}: {never:,} items are never drawn: they are {why}"
        single = len(corpus.items_in()) - len(corpus.items_across())
        if single and {Kind.MONO, Kind.CROSS} <= kinds:
            yield f"{corpus.name}: {single:,} items are in one language only and enter no cross-lingual batch"
        unused = drawable - int(np.count_nonzero(uses[number]))
        if unused:
            span = "the first epoch" if epochs == 1 else f"the first {epochs} epochs"
            yield f"{corpus.name}: {unused:,} items are not reached in {span}"


def _count_drawable(plan: BatchPlan, number: int) -> int:
    """Count the items of a corpus that are in some stratum; monolingual and mixed strata have all items."""
    strata = [(kind, stratum) for kind, corpus, _, stratum in plan.strata() if corpus == number]
    if plan.strategy.only_language is None and any(kind is not Kind.CROSS for kind, _ in strata):
        return len(plan.corpora[number].items_in())
    return max((len(stratum) for _, stratum in strata), default=0)


def _count_uses(plan: BatchPlan, uses: Sequence[NDArray[np.int32]]) -> dict[int, int]:
    """Count how many items were used how often."""
    counts: Counter[int] = Counter()
    for corpus, drawn in zip(plan.corpora, uses, strict=True):
        for start in range(0, len(drawn), _AT_ONCE):
            values = np.bincount(drawn[start : start + _AT_ONCE])
            counts.update({value: int(items) for value, items in enumerate(values.tolist()) if items})
        # Numbers of items that are left out of the corpus were never drawn either.
        counts[0] -= corpus.number_count - corpus.item_count
    return {value: items for value, items in sorted(counts.items()) if items}


def _explain_waiting(plan: BatchPlan) -> Iterator[str]:
    """Say which passages have more items than one pass can take."""
    for kind, number, language, stratum in plan.strata():
        passages, items = stratum.spilled_passages()
        if passages:
            where = f"{plan.corpora[number].name}, {kind.value}{f' {language}' if language else ''}"
            yield (
                f"{where}: {passages:,} passages have more items than a pass has batches "
                f"({stratum.batches_per_pass:,}); {items:,} items of each pass wait for a later one"
            )
