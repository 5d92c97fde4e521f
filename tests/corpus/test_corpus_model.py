"""Parts of a corpus: subsets, languages, held-out articles, sentences."""

from __future__ import annotations

import numpy as np
import pytest
from corpus_records import content, record, record_lists
from hypothesis import given
from hypothesis import strategies as st

from isogloss.corpus import Blemish, ParallelCorpus, Record, Rendering, build_corpus
from isogloss.corpus.sentences import find_sentence, split_sentences, strip_spans
from isogloss.errors import ConfigError, DataError
from isogloss.types import PassageUnit


@pytest.fixture
def corpus() -> ParallelCorpus:
    return build_corpus(
        "c",
        [
            record("a", "en", "One.", article="x"),
            record("b", "en", "Two.", article="y", negatives=("a", "c")),
            record("b", "de", "Zwei.", article="y"),
            record("c", "de", "Drei.", article="z", answer="Vier", answer_start=0),
            record("d", "de", "Zwei.", article="y"),
        ],
        {"en.json": "0"},
    )


def test_a_rendering_writes_the_passage_of_each_unit() -> None:
    row = Rendering("Q?", "One. Two. ", "Two", 5, (5, 9))
    assert row.passage_text(PassageUnit.SENTENCE) == "Two."
    assert row.passage_text(PassageUnit.SENTENCE_CONTEXT) == "Two.\nOne. Two. "
    assert row.passage_text(PassageUnit.PARAGRAPH) == "One. Two. "


def test_a_missing_rendering_is_named(corpus: ParallelCorpus) -> None:
    assert corpus.rendering(1, "de").question == "b de?"
    with pytest.raises(DataError, match="item 'a' of corpus 'c' is not in 'de'"):
        corpus.rendering(0, "de")
    with pytest.raises(DataError, match="no language 'fr'; it has de, en"):
        corpus.rendering(0, "fr")


def test_a_subset_numbers_anew_and_drops_negatives_that_leave(corpus: ParallelCorpus) -> None:
    part = corpus.subset(np.array([3, 1, 2, 1]))
    assert part.item_ids == ("b", "c", "d")
    assert part.passages.tolist() == [0, 1, 0]
    assert part.articles.tolist() == [0, 1, 0]
    assert part.article_names == ("y", "z")
    assert part.negatives == {0: (1,)}
    assert part.languages == corpus.languages
    assert corpus.negatives == {1: (0, 2)}


@pytest.mark.parametrize("items", [[4], [-1]])
def test_a_subset_stays_inside_the_corpus(corpus: ParallelCorpus, items: list[int]) -> None:
    with pytest.raises(IndexError):
        corpus.subset(np.array(items))


def test_a_mask_is_no_list_of_items(corpus: ParallelCorpus) -> None:
    with pytest.raises(TypeError, match="integer indices"):
        corpus.subset(np.array([True, False, True, False]))  # type: ignore[arg-type]


def test_arrays_cannot_be_written_to(corpus: ParallelCorpus) -> None:
    for array in (corpus.passages, corpus.articles, corpus.present, corpus.subset(np.array([0])).passages):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_selected_languages_keep_what_others_joined() -> None:
    corpus = build_corpus(
        "c",
        [
            record("a", "de", "Eins."),
            record("b", "en", "Two."),
            record("a", "it", "Uno."),
            record("b", "it", "Uno."),
            record("c", "it", "Tre.", answer="Due", answer_start=0),
        ],
        {},
    )
    part = corpus.select_languages(["en", "de", "en"])
    assert part.languages == ("de", "en")
    assert part.item_ids == ("a", "b")
    assert part.passages.tolist() == [0, 0]
    assert part.present.tolist() == [[True, False], [False, True]]
    assert set(part.renderings) == {"de", "en"}
    assert corpus.blemishes == (Blemish("it.json", "line c", "answer not at its offset", "it"),)
    assert part.blemishes == ()


@pytest.mark.parametrize("languages", [["en", "fr"], []])
def test_languages_that_are_not_there_are_refused(corpus: ParallelCorpus, languages: list[str]) -> None:
    with pytest.raises(DataError, match="it has de, en"):
        corpus.select_languages(languages)


def test_a_split_depends_on_seed_and_names_only(corpus: ParallelCorpus) -> None:
    rest, held = corpus.split_articles(0.3)
    again = corpus.split_articles(0.3)
    assert (content(rest), content(held)) == tuple(map(content, again))
    assert sorted(rest.item_ids + held.item_ids) == list(corpus.item_ids)
    held_sets = {corpus.split_articles(0.3, seed)[1].item_ids for seed in range(20)}
    assert len(held_sets) > 1


def test_a_split_needs_a_share_and_two_articles(corpus: ParallelCorpus) -> None:
    for share in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(ConfigError, match="above 0 and below 1"):
            corpus.split_articles(share)
    with pytest.raises(DataError, match="no second article"):
        corpus.subset(np.array([0])).split_articles(0.5)


@given(record_lists(), st.floats(0.01, 0.99), st.integers(0, 3))
def test_a_split_never_cuts_an_article_or_a_passage(records: list[Record], share: float, seed: int) -> None:
    corpus = build_corpus("c", records, {})
    if len(set(corpus.article_names)) < 2:
        return
    rest, held = corpus.split_articles(share, seed)
    assert held.item_ids
    assert rest.item_ids
    assert sorted(rest.item_ids + held.item_ids) == list(corpus.item_ids)
    for labels in (corpus.passages, corpus.articles):
        of = dict(zip(corpus.item_ids, labels.tolist(), strict=True))
        assert not {of[item] for item in rest.item_ids} & {of[item] for item in held.item_ids}
    assert not set(rest.article_names) & set(held.article_names)


@given(st.lists(st.integers(1, 12), min_size=2, max_size=40), st.floats(0.05, 0.5), st.integers(0, 5))
def test_a_split_comes_within_one_article_of_its_share(sizes: list[int], share: float, seed: int) -> None:
    rows = [
        record(f"{article}-{item}", "en", f"p{article}", article=f"t{article}")
        for article, size in enumerate(sizes)
        for item in range(size)
    ]
    _, held = build_corpus("c", rows, {}).split_articles(share, seed)
    assert abs(len(held.item_ids) - share * sum(sizes)) <= max(sizes)


@given(record_lists(), st.data())
def test_a_subset_keeps_every_relation(records: list[Record], data: st.DataObject) -> None:
    corpus = build_corpus("c", records, {})
    kept = data.draw(st.sets(st.integers(0, len(corpus.item_ids) - 1), min_size=1))
    items = sorted(kept)
    part = corpus.subset(np.array(items))
    assert part.item_ids == tuple(corpus.item_ids[item] for item in items)
    for new, old in enumerate(items):
        assert [part.renderings[code][new] for code in part.languages] == [
            corpus.renderings[code][old] for code in corpus.languages
        ]
        assert part.article_names[part.articles[new]] == corpus.article_names[corpus.articles[old]]
        for other, origin in enumerate(items):
            assert (part.passages[new] == part.passages[other]) == (
                corpus.passages[old] == corpus.passages[origin]
            )
        assert part.negatives.get(new, ()) == tuple(
            items.index(item) for item in corpus.negatives.get(old, ()) if item in kept
        )
    assert content(corpus.subset(np.arange(len(corpus.item_ids)))) == content(corpus)


def test_sentences_are_offsets_into_the_passage() -> None:
    text = "  Hello there. Mr. Smith came at 3.5.\n\nNew part? Yes."
    spans = strip_spans(text, split_sentences("en", text))
    assert [text[start:end] for start, end in spans] == [
        "Hello there.",
        "Mr. Smith came at 3.5.",
        "New part?",
        "Yes.",
    ]


def test_sentences_of_a_text_whose_line_breaks_the_splitter_drops() -> None:
    text = "ประโยคหนึ่ง\n\n   ประโยคสอง\nสาม. 你好。再见！"
    for start, end in strip_spans(text, split_sentences("th", text)):
        assert text[start:end] == text[start:end].strip() != ""


def test_a_sentence_is_found_by_the_offset_of_the_answer() -> None:
    text = "One. Two.  Three"
    spans = [(0, 4), (5, 9), (11, 16)]
    expected = {0: 0, 3: 0, 4: 1, 5: 1, 8: 1, 9: 2, 10: 2, 15: 2}
    assert {at: spans.index(find_sentence(text, spans, at)) for at in expected} == expected
    assert find_sentence(text, spans, -1) == (0, 16)
    assert find_sentence(text, [], 3) == (0, 16)
    assert find_sentence(text, [(0, 4)], 12) == (0, 4)


ALPHABET = "aB. !?\n\r\t 。१|।\u2028\u2029\x85\u3000\u00a0\x00\x1c\x0b'\"()é\u0301\ufeffب؟።។\u200b《》😀1:,"


@given(st.sampled_from(["en", "th", "zh", "am", "hi", "ar", "xx", "zh-Hans"]), st.text(ALPHABET, max_size=60))
def test_sentences_cover_all_but_white_space(language: str, text: str) -> None:
    covered = [False] * len(text)
    last = 0
    for start, end in strip_spans(text, split_sentences(language, text)):
        assert last <= start < end
        last = end
        covered[start:end] = [True] * (end - start)
    assert not "".join(char for char, inside in zip(text, covered, strict=True) if not inside).strip()


def test_the_splitter_survives_a_line_separator_after_an_initial() -> None:
    assert split_sentences("en", "'é😀\"?.'\n(a\n؟M M\u2028.]\tgبب")
