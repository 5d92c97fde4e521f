"""Corpora without texts, for tests of batch plans: a plan reads identities and languages only."""

from __future__ import annotations

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from isogloss.batching import STRATEGIES, Batch, BatchPlan, NegativeChoice, Strategy, choose_strategy
from isogloss.corpus import ParallelCorpus
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


@st.composite
def corpora(draw: st.DrawFn, most: int = 3) -> tuple[ParallelCorpus, ...]:
    """Draw some corpora of 1 to 200 items in 1 to 6 languages."""
    return tuple(
        make_corpus(
            items=draw(st.integers(1, 200)),
            languages=LANGUAGES[: draw(st.integers(1, 6))],
            name=f"corpus {number}",
            seed=draw(st.integers(0, 10_000)),
            largest_group=draw(st.integers(1, 40)),
            missing=draw(st.sampled_from([0.0, 0.2, 0.5, 0.9])),
        )
        for number in range(draw(st.integers(1, most)))
    )


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
