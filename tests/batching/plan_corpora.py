"""Corpora without texts, for tests of batch plans: a plan reads identities and languages only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray

from isogloss.batching import STRATEGIES, Batch, BatchPlan, NegativeChoice, Strategy, choose_strategy
from isogloss.corpus import Corpus, ParallelCorpus, StoredCorpus
from isogloss.corpus.stored.bits import accumulate_ranks, count_blocks, pack_bits
from isogloss.corpus.stored.files import Manifest, StoredFiles
from isogloss.corpus.stored.index import ItemIndex
from isogloss.errors import PlanError

LANGUAGES = ("ar", "de", "en", "hi", "th", "zh-Hans")


def make_corpus(
    items: int,
    languages: tuple[str, ...] = LANGUAGES,
    name: str = "generated",
    seed: int = 0,
    largest_group: int = 4,
    missing: float = 0.3,
    negatives: dict[int, tuple[int, ...]] | None = None,
) -> ParallelCorpus:
    """Make a corpus with 1 to ``largest_group`` items a passage and 3 passages an article."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(items), random.integers(1, largest_group + 1, items))[:items]
    passages = random.permutation(groups).astype(np.int64)
    present = random.random((items, len(languages))) >= missing
    present[np.arange(items), random.integers(0, len(languages), items)] = True
    articles = passages // 3
    return ParallelCorpus(
        name=name,
        languages=languages,
        item_ids=tuple(f"q{item:06d}" for item in range(items)),
        passages=passages,
        articles=articles,
        article_names=tuple(f"article {number}" for number in range(int(articles.max()) + 1)),
        present=present,
        renderings={},
        negatives=negatives or {},
        blemishes=(),
        files={},
    )


def golden_plan() -> BatchPlan:
    """Make the plan whose digest is fixed."""
    # Written out, not drawn: numpy promises no fixed stream of its generators.
    items = np.arange(90)
    corpus = ParallelCorpus(
        name="golden",
        languages=("de", "en", "th"),
        item_ids=tuple(f"q{item}" for item in items),
        passages=(items // 3).astype(np.int64),
        articles=(items // 9).astype(np.int64),
        article_names=tuple(f"article {number}" for number in range(10)),
        present=np.stack([items % 2 == 0, items >= 0, items % 5 > 1], axis=1),
        renderings={},
        negatives={},
        blemishes=(),
        files={},
    )
    negatives = NegativeChoice("article")
    return BatchPlan([corpus], choose_strategy("hybrid"), batch_size=8, seed=7, negatives=negatives)


class Truth(NamedTuple):
    """Hold what a corpus says of its item numbers, in plain arrays."""

    passages: NDArray[np.int64]
    articles: NDArray[np.int64]
    present: NDArray[np.bool_]
    """All False for the number of an item that was left out."""

    @property
    def items(self) -> int:
        return int(self.present.any(axis=1).sum())


_TRUTHS: WeakKeyDictionary[StoredCorpus, Truth] = WeakKeyDictionary()


def truth(corpus: Corpus) -> Truth:
    """Tell what a corpus says; of a stored one, what it was made from."""
    if isinstance(corpus, StoredCorpus):
        return _TRUTHS[corpus]
    return Truth(corpus.passages, corpus.articles, corpus.present)


def store_index(corpus: ParallelCorpus) -> StoredCorpus:
    """Make a stored corpus of a corpus without texts, in memory, its items in the order of a store."""
    order = np.lexsort((corpus.passages, corpus.articles))
    passages, articles, present = corpus.passages[order], corpus.articles[order], corpus.present[order]
    spoken = present.sum(axis=1)
    opens = [np.diff(column, prepend=-1) != 0 for column in (passages, articles)]
    columns = [*present.T, spoken >= 1, spoken >= 2, *opens]
    words = np.stack([pack_bits(np.ascontiguousarray(column)) for column in columns], axis=2)
    ranks = accumulate_ranks(count_blocks(words.swapaxes(1, 2)).T)
    index = ItemIndex(Path("none"), len(order), tuple(range(present.shape[1])), words, ranks)
    manifest = Manifest(corpus.name, corpus.languages, len(order), {}, 0, {}, {}, {}, {})
    stored = StoredCorpus(
        corpus.name, corpus.languages, index, StoredFiles(Path("none"), manifest, index, "")
    )
    _TRUTHS[stored] = Truth(np.cumsum(opens[0]) - 1, articles, present)
    return stored


def leave_out(corpus: StoredCorpus, passages: int, language: bool) -> StoredCorpus:
    """Leave every so many-th passage out of a stored corpus, and its last language."""
    whole = truth(corpus)
    kept = whole.passages % passages != 0
    languages = corpus.languages[: len(corpus.languages) - language]
    index = corpus.index.narrow(corpus.index.languages[: len(languages)], pack_bits(kept))
    part = replace(corpus, languages=languages, index=index)
    _TRUTHS[part] = Truth(whole.passages, whole.articles, whole.present[:, : len(languages)] & kept[:, None])
    return part


@st.composite
def corpora(draw: st.DrawFn, most: int = 3) -> tuple[Corpus, ...]:
    """Draw some corpora of 1 to 200 items in 1 to 6 languages: in memory, stored, or part of a store."""
    return tuple(draw(one_corpus(f"corpus {number}")) for number in range(draw(st.integers(1, most))))


@st.composite
def one_corpus(draw: st.DrawFn, name: str) -> Corpus:
    """Draw a corpus."""
    corpus = make_corpus(
        items=draw(st.integers(1, 200)),
        languages=LANGUAGES[: draw(st.integers(1, 6))],
        name=name,
        seed=draw(st.integers(0, 10_000)),
        largest_group=draw(st.integers(1, 40)),
        missing=draw(st.sampled_from([0.0, 0.2, 0.5, 0.9])),
    )
    match draw(st.sampled_from(["memory", "stored", "part"])):
        case "memory":
            return corpus
        case "stored":
            return store_index(corpus)
    fewer = len(corpus.languages) > 1 and draw(st.booleans())
    part = leave_out(store_index(corpus), draw(st.integers(2, 5)), fewer)
    assume(part.item_count)
    return part


@st.composite
def strategies(draw: st.DrawFn) -> Strategy:
    """Draw a batching strategy, hybrid with any alpha."""
    name = draw(st.sampled_from(STRATEGIES))
    return choose_strategy(name, draw(st.floats(0, 1)) if name == "hybrid" else None)


@st.composite
def plans(draw: st.DrawFn, only: Strategy | None = None) -> BatchPlan:
    """Draw a plan that can be made."""
    drawn = draw(corpora())
    chosen = only or draw(strategies())
    try:
        return BatchPlan(
            drawn,
            chosen,
            batch_size=draw(st.integers(1, 40)),
            seed=draw(st.integers(0, 2**32 - 1)),
            corpus_exponent=draw(st.sampled_from([0.0, 0.5, 1.0])),
            language_draw=draw(st.sampled_from(["uniform", "size"])),
        )
    except PlanError:
        assume(False)
        raise


def rows_of(batch: Batch) -> tuple[object, ...]:
    """List all that a batch holds, so that batches can be compared."""
    columns = (batch.items, batch.query_languages, batch.passage_languages)
    negatives = (batch.negative_items, batch.negative_languages)
    return (
        batch.epoch,
        batch.step,
        batch.kind,
        batch.corpus,
        *(column.tolist() for column in columns),
        *(None if column is None else column.tolist() for column in negatives),
    )
