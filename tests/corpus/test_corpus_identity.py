"""Which records are one item, one passage, one article."""

from __future__ import annotations

import random
from typing import Any

import pytest
from corpus_records import content, record, record_lists
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.corpus import Blemish, Record, build_corpus
from isogloss.errors import DataError


def test_passages_join_through_a_chain_of_languages() -> None:
    corpus = build_corpus(
        "c",
        [
            record("a", "en", "One."),
            record("b", "en", "Two."),
            record("b", "de", "Zwei."),
            record("c", "de", "Zwei."),
            record("c", "it", "Tre."),
            record("d", "it", "Tre."),
        ],
        {},
    )
    assert corpus.item_ids == ("a", "b", "c", "d")
    assert corpus.passages.tolist() == [0, 1, 1, 1]
    assert corpus.languages == ("de", "en", "it")
    assert corpus.present.tolist() == [
        [False, True, False],
        [True, True, False],
        [True, False, True],
        [False, False, True],
    ]


def test_equal_text_is_compared_without_regard_to_white_space_and_only_within_a_language() -> None:
    corpus = build_corpus(
        "c", [record("a", "en", "A  b\n"), record("b", "en", "A b"), record("c", "de", "A b")], {}
    )
    assert corpus.passages.tolist() == [0, 0, 1]


def test_an_explicit_passage_key_joins_languages() -> None:
    corpus = build_corpus(
        "c", [record("a", "en", "One.", passage_key="p"), record("b", "de", "Eins.", passage_key="p")], {}
    )
    assert corpus.passages.tolist() == [0, 0]


def test_an_article_holds_its_passages_and_takes_its_english_title() -> None:
    corpus = build_corpus(
        "c",
        [
            record("a", "de", "Eins.", article="Ding"),
            record("a", "en", "One.", article="Thing"),
            record("b", "de", "Zwei.", article="Ding"),
            record("c", "de", "Drei.", article="Anderes"),
            record("d", "de", "Vier."),
            record("e", "sv", "Fem.", article="Sak"),
            record("e", "da", "Fem.", article="Sag"),
        ],
        {},
    )
    assert corpus.articles.tolist() == [0, 0, 1, 2, 3]
    assert corpus.article_names == ("Thing", "Anderes", "d", "Sag")
    assert corpus.passages.tolist() == [0, 1, 2, 3, 4]


def test_negatives_link_items_and_unusable_ones_are_blemishes() -> None:
    corpus = build_corpus(
        "c",
        [
            record("a", "en", "One.", negatives=("c", "b", "gone")),
            record("a", "de", "Eins.", negatives=("c", "d")),
            record("b", "en", "One."),
            record("c", "en", "Three."),
            record("d", "en", "Four."),
        ],
        {},
    )
    assert corpus.negatives == {0: (2, 3)}
    assert corpus.blemishes == (
        Blemish("en.json", "line a", "negative not in the corpus", "en"),
        Blemish("en.json", "line a", "negative of the question's own passage", "en"),
    )


def test_a_misplaced_answer_is_a_blemish_and_kept() -> None:
    corpus = build_corpus(
        "c",
        [
            record("a", "en", "It was red. It is blue.", answer="blue", answer_start=12),
            record("b", "en", "It was red. It is blue.", answer="red", answer_start=7),
            record("c", "en", "It was red. It is blue.", answer="red"),
        ],
        {},
    )
    assert [(row.position, row.kind) for row in corpus.blemishes] == [
        ("line a", "answer not at its offset"),
        ("line c", "answer without an offset"),
    ]
    assert [corpus.rendering(item, "en").sentence for item in range(3)] == [(12, 23), (0, 11), (0, 23)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"question": " \n"}, "the question is empty"),
        ({"passage": ""}, "the passage is empty"),
        ({"item_id": ""}, "the id is empty"),
        ({"language": "in English"}, "not a language code"),
        ({"answer_start": 4}, "starts at 4, outside its passage of 4 characters"),
        ({"answer_start": -2}, "starts at -2"),
        ({"question": "half \ud83d"}, "surrogate"),
        ({"sentence_breaks": ((0, 5),)}, r"sentence \[0, 5\)"),
        ({"sentence_breaks": ((2, 3), (0, 1))}, "out of order"),
    ],
)
def test_broken_records_are_refused_by_name_and_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        build_corpus("c", [record("a", "en", "One.")._replace(**changes)], {})
    assert str(caught.value).startswith("en.json, line a: ")


def test_an_id_given_twice_in_a_language_names_both_places() -> None:
    twice = [record("a", "en", "One.", position="line 10"), record("a", "en", "Two.", position="line 9")]
    with pytest.raises(DataError, match=r"en.json, line 10: .*'a' is given twice in en; first at line 9"):
        build_corpus("c", twice, {})
    with pytest.raises(DataError, match=r"z.json, line 1: .*first at en.json, line 9"):
        build_corpus("c", [twice[1], record("a", "en", "One.", path="z.json", position="line 1")], {})


def test_a_corpus_without_records_is_refused() -> None:
    with pytest.raises(DataError, match=r"x\.json: holds no questions"):
        build_corpus("c", [], {"x.json": "0"})


def closure(labels: list[set[object]]) -> list[int]:
    """Group items by shared labels the slow and plain way; an oracle for union-find."""
    groups = list(range(len(labels)))
    for _ in labels:
        for one in range(len(labels)):
            for other in range(one):
                if labels[one] & labels[other]:
                    low = min(groups[one], groups[other])
                    groups = [low if group in (groups[one], groups[other]) else group for group in groups]
    return groups


@given(record_lists())
def test_identity_is_the_transitive_closure_of_what_items_share(records: list[Record]) -> None:
    corpus = build_corpus("c", records, {})
    of_item: list[list[Record]] = [
        [row for row in records if row.item_id == item] for item in corpus.item_ids
    ]
    paragraphs: list[set[object]] = [
        {(row.language, row.passage.strip()) for row in rows}
        | {row.passage_key for row in rows if row.passage_key}
        for rows in of_item
    ]
    titles: list[set[object]] = [
        {("title", row.language, row.article) for row in rows if row.article} for rows in of_item
    ]
    passages = closure(paragraphs)
    articles = closure([labels | title for labels, title in zip(paragraphs, titles, strict=True)])
    for found, expected in ((corpus.passages.tolist(), passages), (corpus.articles.tolist(), articles)):
        assert [found.index(label) for label in found] == [expected.index(label) for label in expected]
        assert list(dict.fromkeys(found)) == list(range(len(set(found))))
    assert len(corpus.article_names) == len(set(articles))


@given(record_lists(), st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(records: list[Record], shuffler: random.Random) -> None:
    shuffled = list(records)
    shuffler.shuffle(shuffled)
    assert content(build_corpus("c", records, {"f": "0"})) == content(build_corpus("c", shuffled, {"f": "0"}))


@settings(max_examples=50)
@given(record_lists())
def test_every_record_is_found_again(records: list[Record]) -> None:
    corpus = build_corpus("c", records, {})
    assert int(corpus.present.sum()) == len(records)
    for row in records:
        found = corpus.rendering(corpus.item_ids.index(row.item_id), row.language)
        assert found[:4] == (row.question, row.passage, row.answer, row.answer_start)
        start, end = found.sentence
        assert 0 <= start < end <= len(row.passage)
    for item, others in corpus.negatives.items():
        assert all(corpus.passages[item] != corpus.passages[other] for other in others)
