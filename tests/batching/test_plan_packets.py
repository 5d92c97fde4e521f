"""Strata of stored corpora, dealt in packets: what every pass keeps, and how even the shuffling is."""

from __future__ import annotations

from collections import Counter
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_corpora import golden_plan, leave_out, make_corpus, store_index, truth
from scipy import stats

from isogloss.batching import BatchPlan, choose_strategy, count_composition, packets
from isogloss.batching.hashing import hash_key, hash_keys, permute_index
from isogloss.batching.packets import PacketStratum

GOLDEN = "76715db39899231b86c3cb8668e04b1f5a1d54ec8503e811b5dbd38938ee0ce3"
RARE = 1e-4


def test_a_stored_plan_never_changes_silently() -> None:
    """As for corpora in memory: a new digest breaks every run that was trained before."""
    memory = golden_plan()
    plan = BatchPlan(
        [store_index(memory.corpora[0])], memory.strategy, memory.batch_size, 7, negatives=memory.negatives
    )
    assert count_composition(plan, epochs=3).digest == GOLDEN


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 400),
    st.integers(1, 60),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 10_000),
    st.booleans(),
)
def test_a_pass_deals_each_item_once_however_the_packets_are_cut(
    items: int, largest: int, batch_size: int, most: int, seed: int, part: bool
) -> None:
    corpus = store_index(make_corpus(items, ("de", "en"), seed=seed, largest_group=largest))
    corpus = leave_out(corpus, 3, language=False) if part else corpus
    known = truth(corpus)
    listed = np.flatnonzero(known.present[:, 0])
    if not len(listed):
        return
    with patch.object(packets, "MOST_PACKETS", most):
        stratum = PacketStratum(5, batch_size, seed, corpus, corpus.items_in(0))
        batches = stratum.batches_per_pass
        assert batches == -(-len(listed) // batch_size)
        groups = Counter(known.passages[listed].tolist())
        over = [size - batches for size in groups.values() if size > batches]
        assert stratum.spilled_passages() == (len(over), sum(over))
        for turn in range(2):
            dealt = [stratum.deal(turn * batches + visit) for visit in range(batches)]
            for batch in dealt:
                assert len(set(known.passages[batch].tolist())) == len(batch)
            sizes = [len(batch) for batch in dealt]
            assert max(sizes) - min(sizes) <= 1
            used = np.concatenate(dealt).tolist()
            assert len(set(used)) == len(used) == len(listed) - sum(over)
            assert set(used) <= set(listed.tolist())


@given(st.integers(1, 400), st.integers(0, 2**64 - 1))
def test_a_permutation_takes_each_place_once(size: int, key: int) -> None:
    assert sorted(permute_index(index, size, key) for index in range(size)) == list(range(size))


@pytest.mark.parametrize("size", [2, 3, 7, 16, 30])
def test_a_permutation_puts_every_place_anywhere(size: int) -> None:
    for index in (0, size // 2, size - 1):
        found = Counter(permute_index(index, size, hash_key(0, key)) for key in range(3000))
        assert stats.chisquare([found[place] for place in range(size)]).pvalue > RARE


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_single_keys_are_hashed_as_arrays_are(keys: list[int], last: int) -> None:
    tail = np.array([last, last + 1])
    mixed = hash_keys("test", *keys, tail)
    assert mixed.tolist() == hash_keys("test", *(np.array([key]) for key in keys), tail).tolist()


def test_items_meet_all_others_about_equally_often() -> None:
    """Over many passes of 60 items on 60 passages, 10 to a batch, each pair meets with chance 9/59."""
    corpus = store_index(make_corpus(60, ("en",), largest_group=1, missing=0.0))
    plan = BatchPlan([corpus], choose_strategy("en-en"), 10)
    met = np.zeros((60, 60), dtype=np.int64)
    epochs = 400
    for epoch in range(epochs):
        for batch in plan.batches(epoch):
            met[np.ix_(batch.items, batch.items)] += 1
    pairs = met[np.triu_indices(60, 1)]
    expected = epochs * 9 / 59
    assert pairs.sum() == epochs * 6 * 45
    variance = expected * (1 - 9 / 59)
    assert stats.chi2.sf(((pairs - expected) ** 2 / variance).sum(), len(pairs) - 1) > RARE


def test_packets_of_a_large_stratum_are_few() -> None:
    with patch.object(packets, "MOST_PACKETS", 64):
        corpus = store_index(make_corpus(5000, ("en",), largest_group=3))
        stratum = PacketStratum(0, 10, 0, corpus, corpus.items_in(0))
        stratum.deal(0)
        assert len(stratum.cuts) - 1 == pytest.approx(64, abs=1)
