"""What every batch plan keeps, whatever the corpora, strategy, seed and batch size."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_corpora import corpora, make_corpus, plans, rows_of, store_index, strategies, truth

from isogloss.batching import Batch, BatchPlan, Kind, Strategy, choose_strategy
from isogloss.corpus import Corpus

quick = settings(max_examples=40)


def replay(plan: BatchPlan, epochs: int = 2) -> list[Batch]:
    return [batch for epoch in range(epochs) for batch in plan.batches(epoch)]


@quick
@given(plans())
def test_no_batch_holds_a_passage_or_an_item_twice(plan: BatchPlan) -> None:
    for batch in replay(plan):
        passages = truth(plan.corpora[batch.corpus]).passages[batch.items]
        assert len(batch) >= 1
        assert len(set(passages.tolist())) == len(batch)
        assert len(set(batch.items.tolist())) == len(batch)


@quick
@given(plans())
def test_items_have_the_languages_of_their_rows(plan: BatchPlan) -> None:
    for batch in replay(plan):
        present = truth(plan.corpora[batch.corpus]).present
        assert present[batch.items, batch.query_languages].all()
        assert present[batch.items, batch.passage_languages].all()


@quick
@given(plans())
def test_each_kind_keeps_its_rule_of_languages(plan: BatchPlan) -> None:
    for batch in replay(plan):
        same = batch.query_languages == batch.passage_languages
        match batch.kind:
            case Kind.MONO:
                assert len({*batch.query_languages.tolist(), *batch.passage_languages.tolist()}) == 1
            case Kind.CROSS:
                assert not same.any()
            case Kind.MIXED:
                assert same.all()


@quick
@given(plans())
def test_each_strategy_draws_its_kinds_only(plan: BatchPlan) -> None:
    kinds = {batch.kind for batch in replay(plan)}
    allowed = {
        "x-x-mono": {Kind.MONO},
        "en-en": {Kind.MONO},
        "x-y": {Kind.CROSS},
        "x-x": {Kind.MIXED},
        "hybrid": {Kind.MONO, Kind.CROSS},
    }
    assert kinds <= allowed[plan.strategy.name]


@quick
@given(plans(choose_strategy("en-en")))
def test_en_en_is_english_only(plan: BatchPlan) -> None:
    for batch in replay(plan):
        languages = plan.corpora[batch.corpus].languages
        assert {languages[place] for place in batch.query_languages.tolist()} == {"en"}


@quick
@given(plans())
def test_an_epoch_has_ceil_items_over_batch_size_steps(plan: BatchPlan) -> None:
    items = sum(truth(corpus).items for corpus in plan.corpora)
    assert plan.steps_per_epoch == math.ceil(items / plan.batch_size)
    assert [batch.step for batch in plan.batches(1)] == list(range(plan.steps_per_epoch))


def passes(plan: BatchPlan, epochs: int) -> dict[tuple[int, int], list[list[Batch]]]:
    """Group the batches of each stratum by pass: every so many batches are one."""
    found: dict[tuple[int, int], list[Batch]] = defaultdict(list)
    for batch in replay(plan, epochs):
        language = (
            int(batch.query_languages[0]) if batch.kind is Kind.MONO else -1 - list(Kind).index(batch.kind)
        )
        found[batch.corpus, language].append(batch)
    grouped = {}
    for (number, language), batches in found.items():
        length = math.ceil(len(stratum_items(plan, number, language)) / plan.batch_size)
        grouped[number, language] = [batches[at : at + length] for at in range(0, len(batches), length)]
    return grouped


def stratum_items(plan: BatchPlan, number: int, language: int) -> list[int]:
    present = truth(plan.corpora[number]).present.tolist()
    if language >= 0:
        return [item for item, row in enumerate(present) if row[language]]
    least = 2 if language == -1 - list(Kind).index(Kind.CROSS) else 1
    return [item for item, row in enumerate(present) if sum(row) >= least]


@quick
@given(plans())
def test_batches_of_a_pass_are_equally_large_to_within_one_row(plan: BatchPlan) -> None:
    for grouped in passes(plan, epochs=3).values():
        for batches in grouped:
            sizes = [len(batch) for batch in batches]
            assert max(sizes) <= plan.batch_size
            assert max(sizes) - min(sizes) <= 1


@quick
@given(plans())
def test_a_stratum_passes_over_its_own_items_without_replacement(plan: BatchPlan) -> None:
    for (number, language), grouped in passes(plan, epochs=4).items():
        items = stratum_items(plan, number, language)
        hands = math.ceil(len(items) / plan.batch_size)
        passages = truth(plan.corpora[number]).passages
        groups = Counter(passages[items].tolist())
        fitting = {item for item in items if groups[passages[item]] <= hands}
        for batches in grouped:
            used = Counter(item for batch in batches for item in batch.items.tolist())
            assert set(used) <= set(items)
            assert set(used.values()) == {1}
            if len(batches) == hands:
                assert fitting <= set(used)


@quick
@given(
    st.integers(0, 10_000),
    st.integers(1, 40),
    st.integers(1, 60),
    st.sampled_from(["x-x-mono", "x-y", "x-x"]),
    st.booleans(),
)
def test_a_passage_larger_than_a_pass_is_used_up_over_the_next_passes(
    seed: int, batch_size: int, items: int, strategy: str, stored: bool
) -> None:
    corpus = make_corpus(items, ("de", "en"), seed=seed, largest_group=40, missing=0.0)
    plan = BatchPlan([store_index(corpus) if stored else corpus], choose_strategy(strategy), batch_size, seed)
    hands = plan.steps_per_epoch
    needed = math.ceil(max(Counter(corpus.passages.tolist()).values()) / hands)
    # Each language gets about half of the batches; four times as many leave either with enough passes.
    for grouped in passes(plan, epochs=4 * needed).values():
        whole = [batches for batches in grouped if len(batches) == hands]
        for first in range(len(whole) - needed + 1):
            window = whole[first : first + needed]
            used = {item for batches in window for batch in batches for item in batch.items.tolist()}
            assert used == set(range(items))


@quick
@given(plans(), st.data())
def test_any_step_can_be_planned_first(plan: BatchPlan, data: st.DataObject) -> None:
    in_order = {(batch.epoch, batch.step): rows_of(batch) for batch in replay(plan, epochs=3)}
    places = data.draw(st.lists(st.sampled_from(sorted(in_order)), min_size=1, max_size=12))
    fresh = remake(plan)
    assert [rows_of(fresh.batch(*place)) for place in places] == [in_order[place] for place in places]
    alone = remake(plan)
    assert rows_of(alone.batch(*places[-1])) == in_order[places[-1]]


def remake(plan: BatchPlan) -> BatchPlan:
    return BatchPlan(
        plan.corpora,
        plan.strategy,
        plan.batch_size,
        plan.seed,
        corpus_exponent=plan.corpus_exponent,
        language_draw=plan.language_draw,
    )


@quick
@given(corpora(), st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_alpha_1_is_x_x_mono(drawn: tuple[Corpus, ...], seed: int, batch_size: int) -> None:
    hybrid = BatchPlan(drawn, choose_strategy("hybrid", 1.0), batch_size, seed)
    mono = BatchPlan(drawn, choose_strategy("x-x-mono"), batch_size, seed)
    assert [rows_of(batch) for batch in replay(hybrid)] == [rows_of(batch) for batch in replay(mono)]


@quick
@given(corpora(), st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_alpha_0_is_x_y(drawn: tuple[Corpus, ...], seed: int, batch_size: int) -> None:
    parallel = tuple(corpus for corpus in drawn if (truth(corpus).present.sum(axis=1) >= 2).any())
    if not parallel:
        return
    hybrid = BatchPlan(drawn, choose_strategy("hybrid", 0.0), batch_size, seed)
    cross = BatchPlan(drawn, choose_strategy("x-y"), batch_size, seed)
    assert [rows_of(batch) for batch in replay(hybrid)] == [rows_of(batch) for batch in replay(cross)]


@quick
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 1))
def test_monolingual_steps_of_a_lower_alpha_stay_monolingual_at_a_higher(
    seed: int, one: float, other: float
) -> None:
    corpus = make_corpus(200)
    low, high = sorted((one, other))
    steps = []
    for alpha in (low, high):
        plan = BatchPlan([corpus], choose_strategy("hybrid", alpha), 4, seed)
        steps.append(
            {batch.step: batch.query_languages[0] for batch in plan.batches(0) if batch.kind is Kind.MONO}
        )
    assert steps[0].items() <= steps[1].items()


@quick
@given(strategies(), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.booleans())
def test_another_seed_gives_another_plan(strategy: Strategy, seed: int, other: int, stored: bool) -> None:
    corpus = store_index(make_corpus(60)) if stored else make_corpus(60)
    one, two = (replay(BatchPlan([corpus], strategy, 7, number)) for number in (seed, other))
    assert ([rows_of(batch) for batch in one] == [rows_of(batch) for batch in two]) == (seed == other)


@quick
@given(plans())
def test_planning_leaves_the_corpora_as_they_were(plan: BatchPlan) -> None:
    before = [(truth(corpus).present.copy(), truth(corpus).passages.copy()) for corpus in plan.corpora]
    replay(plan)
    for corpus, (present, passages) in zip(plan.corpora, before, strict=True):
        numbers = np.arange(len(present))
        assert np.array_equal(corpus.present_in(numbers), present)
        assert np.array_equal(corpus.passages_of(numbers), passages)
