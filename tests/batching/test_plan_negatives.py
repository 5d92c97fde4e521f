"""Explicit negatives: where they come from, in which language, and what they never are."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_corpora import leave_out, make_corpus, rows_of, store_index, truth
from scipy import stats

from isogloss.batching import BatchPlan, NegativeChoice, choose_strategy, count_composition
from isogloss.batching.negatives import NEGATIVE_SOURCES
from isogloss.corpus import Corpus, ParallelCorpus
from isogloss.errors import ConfigError, PlanError
from isogloss.hard_negatives import MinedNegatives

CHOICES = [
    NegativeChoice(source, language)
    for source in ("given", "article", "random")
    for language in ("passage", "query", "any")
]


def with_given(corpus: ParallelCorpus, seed: int) -> ParallelCorpus:
    """Name up to three negatives for about half of the items, none of the item's own passage."""
    random = np.random.default_rng(seed)
    given_negatives = {}
    for item in np.flatnonzero(random.random(len(corpus.item_ids)) < 0.5).tolist():
        others = np.flatnonzero(corpus.passages != corpus.passages[item])
        if len(others):
            given_negatives[item] = tuple(sorted(set(random.choice(others, 3).tolist())))
    corpus.negatives.update(given_negatives)  # type: ignore[attr-defined]
    return corpus


@settings(max_examples=80)
@given(
    st.integers(0, 10_000),
    st.integers(30, 150),
    st.integers(1, 12),
    st.sampled_from(CHOICES),
    st.sampled_from(["hybrid", "x-x"]),
    st.sampled_from(["memory", "stored", "part"]),
)
def test_negatives_keep_their_rules(
    seed: int, items: int, batch_size: int, choice: NegativeChoice, strategy: str, where: str
) -> None:
    # Leaving passages out must leave enough for a negative.
    items += 60 * (where == "part")
    corpus: Corpus = make_corpus(items, ("de", "en", "hi"), seed=seed, missing=0.1)
    if where == "memory" or choice.source == "given":
        corpus = with_given(corpus, seed)
    else:
        corpus = store_index(corpus)
        corpus = corpus if where == "stored" else leave_out(corpus, 5, language=False)
    plan = BatchPlan([corpus], choose_strategy(strategy), batch_size, seed, negatives=choice)
    for batch in plan.batches(0):
        negatives, languages = batch.negative_items, batch.negative_languages
        assert negatives is not None
        assert languages is not None
        known = truth(corpus)
        assert not set(known.passages[negatives].tolist()) & set(known.passages[batch.items].tolist())
        assert known.present[negatives, languages].all()
        if choice.language != "any":
            wanted = batch.passage_languages if choice.language == "passage" else batch.query_languages
            assert languages.tolist() == wanted.tolist()
        for slot in range(len(batch)):
            possible = sources_of(corpus, batch.items, int(batch.items[slot]), int(languages[slot]), choice)
            assert negatives[slot] in possible


def sources_of(
    corpus: Corpus, in_batch: np.ndarray, item: int, language: int, choice: NegativeChoice
) -> set[int]:
    """List the items of the first source that has any, found the slow way."""
    known = truth(corpus)
    taken = set(known.passages[in_batch].tolist())
    fits = {
        other
        for other in np.flatnonzero(known.present.any(axis=1)).tolist()
        if known.passages[other] not in taken and (choice.language == "any" or known.present[other, language])
    }
    named = fits & set(corpus.negatives.get(item, ())) if isinstance(corpus, ParallelCorpus) else set()
    near = {other for other in fits if known.articles[other] == known.articles[item]}
    match choice.source:
        case "given":
            return named or near or fits
        case "article":
            return near or fits
        case _:
            return fits


def test_rows_are_the_same_with_and_without_negatives() -> None:
    corpus = make_corpus(100)
    bare = BatchPlan([corpus], choose_strategy("hybrid"), 8)
    full = BatchPlan([corpus], choose_strategy("hybrid"), 8, negatives=NegativeChoice("random"))
    for one, other in zip(bare.batches(0), full.batches(0), strict=True):
        assert rows_of(one)[:-2] == rows_of(other)[:-2]


def test_negatives_of_a_step_do_not_depend_on_earlier_steps() -> None:
    corpus = make_corpus(100)

    def plan() -> BatchPlan:
        return BatchPlan([corpus], choose_strategy("hybrid"), 8, negatives=NegativeChoice("article", "any"))

    in_order = [rows_of(batch) for batch in plan().batches(0)]
    shuffled = plan()
    assert [rows_of(shuffled.batch(0, step)) for step in reversed(range(len(in_order)))] == in_order[::-1]


def test_random_negatives_are_drawn_uniformly() -> None:
    corpus = make_corpus(40, ("en",), largest_group=1, missing=0.0)
    plan = BatchPlan([corpus], choose_strategy("en-en"), 4, negatives=NegativeChoice("random"))
    drawn = Counter(
        item for epoch in range(60) for batch in plan.batches(epoch) for item in batch.negative_items.tolist()
    )
    assert stats.chisquare([drawn[item] for item in range(40)]).pvalue > 1e-4


def test_the_last_candidate_of_a_corpus_is_found() -> None:
    """All passages but one are in the batch: random tries hardly find it, a whole search does."""
    corpus = make_corpus(101, ("de", "en"), largest_group=1, missing=0.0)
    corpus.present[:, 1] = np.arange(101) != 40
    plan = BatchPlan([corpus], choose_strategy("en-en"), 100, negatives=NegativeChoice("random", "any"))
    batch = plan.batch(0, 0)
    assert len(batch) == 100
    assert batch.negative_items is not None
    assert set(batch.negative_items.tolist()) == {40}


def mine_at_random(corpus: ParallelCorpus, seed: int, share: float) -> MinedNegatives:
    """Draw up to four entries for a share of the items, in languages that question and negative have."""
    random = np.random.default_rng(seed)
    entries = []
    for item in np.flatnonzero(random.random(len(corpus.item_ids)) < share).tolist():
        for other in random.choice(len(corpus.item_ids), 4).tolist():
            asked, told = (random.choice(np.flatnonzero(corpus.present[one])) for one in (item, other))
            entries.append((item, asked, other, told))
    columns = np.array(entries, dtype=np.int32).reshape(-1, 4)
    return MinedNegatives(corpus.item_ids, corpus.languages, random.permutation(columns), {})


@settings(max_examples=60)
@given(
    st.integers(0, 10_000),
    st.integers(30, 150),
    st.integers(1, 12),
    st.sampled_from(["passage", "query", "any"]),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_mined_negatives_come_first_and_in_their_own_language(
    seed: int, items: int, batch_size: int, language: str, share: float
) -> None:
    """What was mined for the query in the language wanted, then for the item, then the other sources."""
    corpus = make_corpus(items, ("de", "en", "hi"), seed=seed, missing=0.1)
    mined = mine_at_random(corpus, seed, share)
    entries = mined.entries.tolist()
    choice = NegativeChoice("mined", language)
    plan = BatchPlan(
        [corpus], choose_strategy("hybrid"), batch_size, seed, negatives=choice, mined={"generated": mined}
    )
    counts: Counter[str] = Counter()
    for batch in plan.batches(0):
        assert batch.negative_items is not None
        assert batch.negative_languages is not None
        assert batch.negative_sources is not None
        taken = set(corpus.passages[batch.items].tolist())
        rows = zip(
            batch.items.tolist(), batch.query_languages.tolist(), batch.passage_languages.tolist(),
            batch.negative_items.tolist(), batch.negative_languages.tolist(), strict=True,
        )  # fmt: skip
        for (item, query, passage, negative, found), source in zip(rows, batch.negative_sources, strict=True):
            wanted = {"query": query, "passage": passage, "any": None}[language]
            usable = [
                entry
                for entry in entries
                if entry[0] == item
                and corpus.passages[entry[2]] not in taken
                and (wanted is None or corpus.present[entry[2], wanted])
            ]
            exact = [entry for entry in usable if entry[1] == query and wanted in (None, entry[3])]
            counts[NEGATIVE_SOURCES[source]] += 1
            if usable:
                assert NEGATIVE_SOURCES[source] == "mined"
                possible = {(entry[2], entry[3] if wanted is None else wanted) for entry in exact or usable}
                assert (negative, found) in possible
            else:
                other = NegativeChoice("given", language)
                assert negative in sources_of(corpus, batch.items, item, found, other)
                assert NEGATIVE_SOURCES[source] in ("article", "random")
    assert counts == count_composition(plan).negatives


@pytest.mark.parametrize("language", ["passage", "any"])
def test_a_batch_of_all_passages_has_no_negative(language: str) -> None:
    corpus = make_corpus(10, ("en",), largest_group=1, missing=0.0)
    plan = BatchPlan([corpus], choose_strategy("en-en"), 10, negatives=NegativeChoice("random", language))
    message = r"no explicit negative for item 'q0000\d\d' of generated.*lower batches.size"
    with pytest.raises(PlanError, match=message):
        plan.batch(0, 0)


def test_unknown_choices_are_refused() -> None:
    with pytest.raises(ConfigError, match="come from mined, given, article, random; got 'near'"):
        NegativeChoice("near")
    with pytest.raises(ConfigError, match="is passage, query, any; got 'en'"):
        NegativeChoice("random", "en")
