"""chrF against its definition, worked out in another way and by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.translation.similarity import compare_characters

TEXTS = st.text(st.sampled_from("ab cé的"), max_size=14)


def by_definition(text: str, reference: str) -> float:
    """Match n-grams one by one, each only once."""
    one, other = text.replace(" ", ""), reference.replace(" ", "")
    shares = []
    for size in range(1, 7):
        grams = [one[n : n + size] for n in range(len(one)) if n + size <= len(one)]
        left = [other[n : n + size] for n in range(len(other)) if n + size <= len(other)]
        if not grams or not left:
            continue
        total, matched = len(left), 0
        for gram in grams:
            if gram in left:
                left.remove(gram)
                matched += 1
        shares.append((matched / len(grams), matched / total))
    if not shares:
        return 0.0
    precision, recall = (sum(column) / len(shares) for column in zip(*shares, strict=True))
    return 5 * precision * recall / (4 * precision + recall) if precision + recall else 0.0


@given(TEXTS, TEXTS)
def test_it_is_as_defined(text: str, reference: str) -> None:
    assert compare_characters(text, reference) == pytest.approx(by_definition(text, reference))


@given(TEXTS, TEXTS)
def test_its_range(text: str, reference: str) -> None:
    value = compare_characters(text, reference)
    assert 0 <= value <= 1
    same = text.replace(" ", "") == reference.replace(" ", "")
    assert (value == 1) == (same and text.strip() != "")


def test_a_value_worked_out_by_hand() -> None:
    # "abc" in "abd": of one letter 2 of 3 are shared, of two 1 of 2, of three none: 7/18 either way.
    assert compare_characters("abc", "a bd") == pytest.approx(7 / 18)
    # "a" in "ab": all of what is written, half of what should be: 5 * 0.5 / 4.5.
    assert compare_characters("a", "ab") == pytest.approx(2.5 / 4.5)
