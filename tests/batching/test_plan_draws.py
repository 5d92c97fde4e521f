"""How often each kind, corpus, language and pair is drawn, and what a plan depends on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from plan_corpora import LANGUAGES, golden_plan, make_corpus, rows_of
from scipy import stats

import isogloss
from isogloss.batching import BatchPlan, Kind, choose_strategy, count_composition
from isogloss.errors import ConfigError, PlanError

GOLDEN = "3acbe4a9fd63341dca029a884e183533a63ea34d45f11115c214a9b4a7fe2e7a"
RARE = 1e-4
"""Probability below which a count is called wrong; seeds are fixed, so a test passes always or never."""


def test_a_plan_never_changes_silently() -> None:
    """A new digest breaks every run that was trained before: change it on purpose or not at all."""
    assert count_composition(golden_plan(), epochs=3).digest == GOLDEN


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_a_plan_is_the_same_in_another_process(hash_seed: str) -> None:
    code = (
        "from plan_corpora import golden_plan; from isogloss.batching import count_composition; "
        "print(count_composition(golden_plan(), epochs=3).digest)"
    )
    places = (Path(__file__).parent, Path(isogloss.__file__).parents[1])
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(map(str, places))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == GOLDEN


def test_a_stratum_does_not_depend_on_the_corpora_after_it() -> None:
    """Another corpus beside it changes which steps a stratum gets, not its batches."""
    first, second = make_corpus(120, seed=1), make_corpus(400, seed=2)
    alone = BatchPlan([first], choose_strategy("x-y"), batch_size=10)
    both = BatchPlan([first, second], choose_strategy("x-y"), batch_size=10)
    mine = [batch.items.tolist() for batch in both.batches(0) if batch.corpus == 0]
    assert mine
    assert [batch.items.tolist() for batch in alone.batches(0)][: len(mine)] == mine


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.8])
def test_the_share_of_monolingual_batches_is_alpha(alpha: float) -> None:
    plan = BatchPlan([make_corpus(5000)], choose_strategy("hybrid", alpha), batch_size=1, seed=3)
    found = count_composition(plan).kinds[Kind.MONO.value]
    assert stats.binomtest(found, plan.steps_per_epoch, alpha).pvalue > RARE


@pytest.mark.parametrize("draw", ["uniform", "size"])
def test_languages_are_drawn_uniformly_or_by_size(draw: str) -> None:
    corpus = make_corpus(4000, seed=5)
    corpus.present[:, 0] &= np.arange(4000) < 100  # a small language
    plan = BatchPlan([corpus], choose_strategy("x-x-mono"), 2, seed=5, language_draw=draw)
    found = Counter(int(batch.query_languages[0]) for batch in plan.batches(0))
    sizes = corpus.present.sum(axis=0)
    shares = sizes / sizes.sum() if draw == "size" else np.full(len(LANGUAGES), 1 / len(LANGUAGES))
    counts = [found[language] for language in range(len(LANGUAGES))]
    assert stats.chisquare(counts, shares * plan.steps_per_epoch).pvalue > RARE


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("strategy", ["x-x-mono", "x-y", "x-x"])
def test_corpora_are_drawn_by_size_to_the_exponent(strategy: str, exponent: float) -> None:
    corpora = [make_corpus(items, missing=0.0, seed=items) for items in (300, 1200, 2500)]
    plan = BatchPlan(corpora, choose_strategy(strategy), 2, seed=1, corpus_exponent=exponent)
    found = Counter(batch.corpus for batch in plan.batches(0))
    weights = np.array([300.0, 1200.0, 2500.0]) ** exponent
    expected = weights / weights.sum() * plan.steps_per_epoch
    assert stats.chisquare([found[number] for number in range(3)], expected).pvalue > RARE


def test_a_corpus_counts_by_the_items_that_fit_the_kind() -> None:
    """One corpus has no parallel items: cross-lingual batches come from the other alone."""
    corpora = [make_corpus(500, ("en",)), make_corpus(50, ("de", "en"), missing=0.0)]
    plan = BatchPlan(corpora, choose_strategy("hybrid"), 5)
    kinds = Counter((batch.kind, batch.corpus) for batch in plan.batches(0))
    assert kinds[Kind.CROSS, 0] == 0
    assert min(kinds[Kind.CROSS, 1], kinds[Kind.MONO, 0]) > 0


def test_an_empty_corpus_is_never_drawn() -> None:
    empty = make_corpus(40, ("de",))
    corpora = [empty, make_corpus(40, ("de", "en"), missing=0.0)]
    plan = BatchPlan(corpora, choose_strategy("en-en"), 4, corpus_exponent=0.0)
    assert {batch.corpus for batch in plan.batches(0)} == {1}


def test_pairs_of_an_item_are_drawn_uniformly() -> None:
    languages = LANGUAGES[:4]
    plan = BatchPlan([make_corpus(6000, languages, missing=0.0)], choose_strategy("x-y"), 50, seed=2)
    pairs = Counter()
    for batch in plan.batches(0):
        pairs.update(zip(batch.query_languages.tolist(), batch.passage_languages.tolist(), strict=True))
    assert len(pairs) == 12
    assert stats.chisquare(list(pairs.values())).pvalue > RARE


def test_mixed_rows_draw_the_languages_of_an_item_uniformly() -> None:
    plan = BatchPlan([make_corpus(6000, missing=0.0)], choose_strategy("x-x"), 50, seed=2)
    found = Counter(language for batch in plan.batches(0) for language in batch.query_languages.tolist())
    assert stats.chisquare([found[language] for language in range(len(LANGUAGES))]).pvalue > RARE


def test_questions_on_one_passage_do_not_follow_each_other() -> None:
    """Hands are taken in random order, so that a passage with many questions is spread over its pass."""
    corpus = make_corpus(2000, ("en",), seed=1, largest_group=1, missing=0.0)
    corpus.passages[:] = np.arange(2000) // 10
    plan = BatchPlan([corpus], choose_strategy("x-x-mono"), 10, seed=1)
    step_of = {item: batch.step for batch in plan.batches(0) for item in batch.items.tolist()}
    gaps = [abs(step_of[item] - step_of[item + 1]) for item in range(1999) if (item + 1) % 10]
    # Two random steps of 200 are about 67 apart.
    assert 50 < np.mean(gaps) < 85


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "at least 1 row"),
        ({"seed": -1}, "from 0 to 4294967295"),
        ({"seed": 2**32}, "from 0 to 4294967295"),
        ({"corpus_exponent": float("nan")}, "finite number"),
        ({"corpus_exponent": -1.0}, "finite number"),
        ({"language_draw": "sizes"}, "'sizes' is not one of uniform, size"),
        ({"corpora": []}, "no corpus"),
        ({"corpora": [make_corpus(9, ("de",))], "strategy": choose_strategy("x-y")}, "in two languages"),
        ({"corpora": [make_corpus(9, ("de",))], "strategy": choose_strategy("hybrid")}, "in two languages"),
        ({"corpora": [make_corpus(9, ("de",))], "strategy": choose_strategy("en-en")}, "needs items in 'en'"),
    ],
)
def test_a_plan_that_cannot_be_made_says_why(settings: dict[str, object], message: str) -> None:
    usual: dict[str, object] = {
        "corpora": [make_corpus(9)],
        "strategy": choose_strategy("x-x-mono"),
        "batch_size": 3,
    }
    with pytest.raises(PlanError, match=message):
        BatchPlan(**usual | settings)  # type: ignore[arg-type]


def test_an_exponent_may_be_large() -> None:
    plan = BatchPlan([make_corpus(50), make_corpus(100)], choose_strategy("x-x"), 5, corpus_exponent=5000.0)
    assert {batch.corpus for batch in plan.batches(0)} == {1}


@pytest.mark.parametrize(("epoch", "step"), [(0, -1), (0, 3), (-1, 0)])
def test_a_step_outside_the_plan_is_refused(epoch: int, step: int) -> None:
    plan = BatchPlan([make_corpus(9)], choose_strategy("x-x-mono"), 3)
    with pytest.raises(PlanError, match=f"no step {step} in epoch {epoch}; .* steps 0 to 2"):
        plan.batch(epoch, step)


@pytest.mark.parametrize(
    ("name", "alpha", "message"),
    [
        (
            "hybird",
            None,
            r"unknown strategy 'hybird' \('batches\.strategy'\); choose one of hybrid, x-x-mono",
        ),
        ("hybrid", 1.5, "from 0 to 1; got 1.5"),
        ("hybrid", float("nan"), "from 0 to 1; got nan"),
        ("x-y", 0.5, "'x-y' takes no alpha"),
        ("x-x", 0.5, "'x-x' takes no alpha"),
    ],
)
def test_a_strategy_that_does_not_exist_is_refused(name: str, alpha: float | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        choose_strategy(name, alpha)


def test_hybrid_has_alpha_one_half() -> None:
    corpus = make_corpus(60)
    plans = [BatchPlan([corpus], choose_strategy("hybrid", alpha), 5) for alpha in (None, 0.5)]
    first, second = ([rows_of(batch) for batch in plan.batches(0)] for plan in plans)
    assert first == second
