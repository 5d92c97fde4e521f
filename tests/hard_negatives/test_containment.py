"""When a passage holds an answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.hard_negatives import holds_answer


@pytest.mark.parametrize(
    ("passage", "answer"),
    [
        ("The Danube flows through Linz.", "danube"),
        ("It was built in 1943-45.", "1943"),
        ("Nine of them, no more", "no"),
        ("They met at St. Pölten station", "St Pölten"),
        ("Er zog nach Wienerwald um", "Wiener"),
        ("والقاهرة مدينة كبيرة", "القاهرة"),
        ("この橋は1843年に建てられた。", "1843年"),
        ("この橋は1843年に建てられた。", "1843"),
        ("東京都に住む", "東京"),
        ("สะพานสร้างปี1843", "ปี"),
        ("１８４３年の橋", "1843"),
        ("wide   space", "wide space"),
        ("Straße", "STRASSE"),
        ("नदी पुराने शहर में है", "पुराने शहर"),
        ("C++ or C", "C"),
    ],
)
def test_it_is_held(passage: str, answer: str) -> None:
    assert holds_answer(passage, ["nowhere to be found", answer])


@pytest.mark.parametrize(
    ("passage", "answer"),
    [
        ("The north", "no"),
        ("It was built in 1943.", "19"),
        ("It was built in 1943.", "943"),
        ("The Danube", "Rhine"),
        ("The Danube", ""),
        ("The Danube", "?!"),
        ("この橋は1843年に建てられた。", "43"),
        ("13年", "3年"),
        ("", "Rhine"),
    ],
)
def test_it_is_not_held(passage: str, answer: str) -> None:
    assert not holds_answer(passage, [answer])


# Without symbols, some of which are accents that would join the answer's last letter.
AROUND = st.text(st.characters(categories=["L", "N", "P", "Z"]), max_size=20)


@settings(max_examples=25)
@given(AROUND, AROUND, st.text(min_size=5, alphabet="abcdeäßжд", max_size=9))
def test_a_long_answer_is_found_wherever_it_stands(before: str, after: str, answer: str) -> None:
    assert holds_answer(f"{before} {answer} {after}", [answer])


@given(st.text(max_size=30), st.lists(st.text(max_size=8), max_size=3))
def test_any_text_is_compared(passage: str, answers: list[str]) -> None:
    assert holds_answer(passage, answers) == any(holds_answer(passage, [answer]) for answer in answers)
