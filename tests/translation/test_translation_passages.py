"""Passages are taken apart and put together without losing the sentence of the answer."""

from __future__ import annotations

import pytest
from backwards import reverse, write_corpus_of
from hypothesis import given
from hypothesis import strategies as st

from isogloss.translation.passages import join_sentences, take_apart

HATS = "Mr. Lee has a red hat.  Ann's is\nblue. So it is."


def row(item: str, passage: str, answer_start: int, **more: object) -> dict[str, object]:
    return {
        "item_id": item,
        "question": f"What of {item}?",
        "passage": passage,
        "answer_start": answer_start,
        **more,
    }


def test_a_passage_is_split_by_the_rules_of_its_language() -> None:
    (piece,) = take_apart(write_corpus_of(row("a", HATS, 33)), "en")
    assert piece.sentences == ("Mr. Lee has a red hat.", "Ann's is blue.", "So it is.")
    assert (piece.answer, piece.deciding()) == (1, ("What of a?", "Ann's is blue."))
    assert [HATS[start:end] for start, end in piece.spans][1] == "Ann's is\nblue."


def test_given_sentences_count_before_rules() -> None:
    """The answer sentence of one item is half of a rule's sentence; all items of the passage are split so."""
    breaks = ((0, 11), (11, 22), (24, 38))
    corpus = write_corpus_of(row("a", HATS, 13, sentence_breaks=breaks), row("b", HATS, -1))
    one, other = take_apart(corpus, "en")
    assert one.sentences == ("Mr. Lee has", "a red hat.", "Ann's is blue.", "So it is.")
    assert one.answer == 1
    assert other.sentences == one.sentences
    assert other.answer is None
    assert other.deciding() == ("What of b?", *one.sentences)


def test_two_ways_to_split_one_passage_both_hold() -> None:
    corpus = write_corpus_of(
        row("a", HATS, 0, sentence_breaks=((0, 11),)), row("b", HATS, 5, sentence_breaks=((4, 22),))
    )
    one, other = take_apart(corpus, "en")
    assert one.sentences[one.answer or 0] == "Mr. Lee has"
    assert other.answer is not None
    assert other.sentences[other.answer] == "Lee has a red hat."


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Eins. Zwei. Drei."),
        ("zh", "Eins.Zwei.Drei."),
        ("ja", "Eins.Zwei.Drei."),
        ("ko", "Eins. Zwei. Drei."),
        ("th", "Eins. Zwei. Drei."),
    ],
)
def test_spaces_between_sentences(language: str, text: str) -> None:
    (piece,) = take_apart(write_corpus_of(row("a", "One. Two. Three.", 5)), "en")
    made = join_sentences(piece, {"One.": "Eins.", "Two.": "Zwei.", "Three.": "Drei."}, language)
    assert made.text == text
    assert made.text[made.answer_start :].startswith("Zwei.")


SENTENCES = st.lists(
    st.sampled_from(["One.", "So it is!", "Is it?", "Mr. Lee left.", "帽子。"]), min_size=1, max_size=5
)


@given(SENTENCES, st.integers(-1, 60), st.sampled_from(["de", "zh"]), st.data())
def test_spans_and_answer_stand_in_the_passage(
    texts: list[str], offset: int, language: str, data: st.DataObject
) -> None:
    passage = " ".join(texts)
    corpus = write_corpus_of(row("a", passage, min(offset, len(passage) - 1)))
    (piece,) = take_apart(corpus, "en")
    assert " ".join(passage[start:end] for start, end in piece.spans).split() == passage.split()
    out = data.draw(st.sets(st.sampled_from(piece.sentences))) - set(piece.deciding())
    made = join_sentences(piece, {text: reverse(text) for text in {*piece.sentences} - out}, language)
    found = [made.text[start:end] for start, end in made.spans]
    assert found == [reverse(text) for text in piece.sentences if text not in out]
    if piece.answer is None:
        assert made.answer_start == -1
    else:
        answer = next(span for span in made.spans if span[0] == made.answer_start)
        assert made.text[slice(*answer)] == reverse(piece.sentences[piece.answer])
