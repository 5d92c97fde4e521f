"""Long documents are split at sentence ends, without losing a letter, into what a model can read."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.passages import Passage, split_passages


def count_words(texts: Sequence[str]) -> list[int]:
    """Count words of four letters and parts of them, and two special tokens, as tokenizers do."""
    return [2 + sum(-(-len(word) // 4) for word in text.split()) for text in texts]


def test_a_document_becomes_overlapping_sentences() -> None:
    text = "One two. Three four five. Six. Seven. Eight nine ten."
    parts = split_passages([Passage("d", text, "en", source="s")], count_words, 11)
    assert [(part.id, part.text, part.start) for part in parts] == [
        ("d#0", "One two. Three four five. Six.", 0),
        ("d#1", "Six. Seven. Eight nine ten.", 26),
    ]
    assert {(part.document, part.source, part.language) for part in parts} == {("d", "s", "en")}
    apart = split_passages([Passage("d", text, "en")], count_words, 11, overlap=0)
    assert [part.text for part in apart] == ["One two. Three four five. Six.", "Seven. Eight nine ten."]


def test_a_short_document_stays_as_it_is() -> None:
    short = Passage("d", "  One. Two.\n", "en", "Title")
    assert split_passages([short], count_words, 8) == [short]


def test_a_title_takes_its_share_of_the_room() -> None:
    parts = split_passages(
        [Passage("d", "One two six. Ten two one. Six ten two.", "en", "T U V")], count_words, 10, 0
    )
    assert [part.text for part in parts] == ["One two six.", "Ten two one.", "Six ten two."]
    assert max(count_words([part.encoded_text() for part in parts])) <= 10


TEXTS = st.lists(
    st.sampled_from(
        ["river", "a", "longerwords", "x" * 40, "川が流れる。", "नदी।", ". ", "! ", "\n\n", " ", "e\u0301"]
    ),
    min_size=1,
    max_size=60,
).map(" ".join)


@given(
    text=TEXTS.filter(str.strip),
    budget=st.integers(4, 30),
    overlap=st.integers(0, 3),
    title=st.sampled_from(["", "T"]),
)
def test_nothing_is_lost_and_every_part_fits(text: str, budget: int, overlap: int, title: str) -> None:
    document = Passage("d", text, "en", title)
    parts = split_passages([document], count_words, budget, overlap)
    if count_words([document.encoded_text()])[0] <= budget:
        assert parts == [document]
        return
    covered: set[int] = set()
    for number, part in enumerate(parts):
        assert text[part.start : part.start + len(part.text)] == part.text
        covered.update(range(part.start, part.start + len(part.text)))
        if len(parts) > 1:
            assert (part.id, part.document) == (f"d#{number}", "d")
        # At the smallest budgets a title leaves less room than a sentence's shortest part needs.
        if budget >= 8:
            assert count_words([part.encoded_text()])[0] <= budget
    assert all(text[place].isspace() for place in set(range(len(text))) - covered)
    assert [part.start for part in parts] == sorted({part.start for part in parts})


@pytest.mark.parametrize("overlap", [0, 1, 5])
def test_every_part_brings_something_new(overlap: int) -> None:
    text = " ".join(f"Sentence number {n} is here." for n in range(50))
    parts = split_passages([Passage("d", text, "en")], count_words, 25, overlap)
    ends = [part.start + len(part.text) for part in parts]
    assert ends == sorted(set(ends))
    assert ends[-1] == len(text)
