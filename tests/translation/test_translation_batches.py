"""Each text is translated once, in batches that follow from the texts alone."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from backwards import Backwards, reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.translation.batches import Filling, make_batches, translate_texts
from isogloss.translation.store import TranslationStore
from isogloss.translation.translator import Fault

TEXTS = st.lists(
    st.lists(st.sampled_from(["a", "bc", "def"]), min_size=1, max_size=9).map(" ".join), max_size=20
)


def fill(texts: list[str], translator: Backwards, path: Path, budget: int = 12) -> Filling:
    store = TranslationStore(path, translator.identity)
    return translate_texts(texts, translator, store, budget=budget, title="test", quiet=True)


@given(TEXTS, st.integers(1, 40))
def test_batches_hold_every_text_once_within_the_budget(texts: list[str], budget: int) -> None:
    distinct = sorted(set(texts))
    lengths = {text: len(text.split()) for text in distinct}
    batches = make_batches(distinct, [lengths[text] for text in distinct], budget)
    assert sorted(text for batch in batches for text in batch) == distinct
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[text] for text in batch) <= budget
    found = [lengths[text] for batch in batches for text in batch]
    assert found == sorted(found, reverse=True)


@settings(max_examples=50)
@given(TEXTS, st.randoms(use_true_random=False), st.integers(1, 40))
def test_neither_order_nor_budget_changes_a_translation(
    texts: list[str], draw: random.Random, budget: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one, other = Backwards(), Backwards()
        shuffled = draw.sample(texts, len(texts))
        first = fill(texts, one, Path(folder) / "one.jsonl")
        assert fill(shuffled, other, Path(folder) / "other.jsonl")[:2] == first[:2]
        assert one.batches == other.batches
        assert fill(shuffled, Backwards(), Path(folder) / "third.jsonl", budget)[:2] == first[:2]
        assert first.translations.keys() == set(texts)
        assert all(made.text == reverse(text) for text, made in first.translations.items())


def test_what_is_stored_is_not_translated_again(tmp_path: Path) -> None:
    path = tmp_path / "en-de.jsonl"
    assert fill(["a b", "c"], Backwards(), path).made == 2
    again = Backwards()
    assert fill(["a b", "d", "c"], again, path).made == 1
    assert again.batches == [["d"]]


def test_a_text_beyond_the_limit_is_not_translated(tmp_path: Path) -> None:
    translator = Backwards()
    long = " ".join(["word"] * translator.limit)
    found = fill(
        [long, "a", " ".join(["word"] * (translator.limit - 1))], translator, tmp_path / "en-de.jsonl"
    )
    assert found.translations[long] == ("", Fault.TOO_LONG)
    assert found.made == 2
    assert long not in [text for batch in translator.batches for text in batch]
