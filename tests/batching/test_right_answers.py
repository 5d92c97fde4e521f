"""Which passages answer a question beside its own: against a search of all pairs, and by hand."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.answers import StoredAnswers, find_right_answers
from isogloss.batching import BatchPlan, NegativeChoice, choose_strategy, find_false_negatives
from isogloss.config import BatchesConfig, CorpusConfig, ModelConfig, TrainConfig
from isogloss.corpus import ParallelCorpus, Record, build_corpus, read_corpus
from isogloss.errors import ConfigError, PlanError
from isogloss.hard_negatives import MinedNegatives
from isogloss.training.plans import plan_run
from isogloss.types import PassageUnit
from stored_corpora import store_rows

LANGUAGES = ("de", "en", "th")


def make_record(
    item: int, language: str, question: str, first: str, second: str, *, in_second: bool = False
) -> Record:
    """Write a question whose answer is in the first or the second sentence of its paragraph."""
    start = len(first) + 1
    return Record(
        item_id=f"q{item:02}",
        language=language,
        question=question,
        passage=f"{first} {second}",
        answer=second[:2] if in_second else first[:2],
        answer_start=start if in_second else 0,
        sentence_breaks=((0, len(first)), (start, start + len(second))),
    )


@st.composite
def corpora(draw: st.DrawFn) -> ParallelCorpus:
    """Draw up to 9 items with few different questions, sentences and paragraphs, languages missing."""
    records = []
    for item in range(draw(st.integers(1, 9))):
        for language in draw(st.sets(st.sampled_from(LANGUAGES), min_size=1)):
            asked, first, second = (draw(st.integers(0, most)) for most in (5, 3, 2))
            texts = (f"Question {asked}?", f"Sentence {first}.", f"{language} end {second}.")
            records.append(make_record(item, language, *texts, in_second=draw(st.booleans())))
    return build_corpus("drawn", records, {})


def close(size: int, alike: set[tuple[int, int]]) -> list[set[int]]:
    """Follow pairs of items from each item as far as they lead."""
    reached = []
    for item in range(size):
        found, edge = {item}, {item}
        while edge:
            edge = {
                other for one in edge for other in range(size) if {(one, other), (other, one)} & alike
            } - found
            found |= edge
        reached.append(found)
    return reached


def find_slowly(corpus: ParallelCorpus, unit: PassageUnit) -> set[tuple[int, int]]:
    """Find all pairs of an item and one whose passage answers it, by comparing every two items."""
    size = len(corpus.item_ids)
    alike: dict[str, set[tuple[int, int]]] = {"question": set(), "text": set()}
    for language in corpus.languages:
        column = corpus.renderings[language]
        for one, other in itertools.combinations(range(size), 2):
            left, right = column[one], column[other]
            if left is None or right is None:
                continue
            if left.question == right.question:
                alike["question"].add((one, other))
            if left.passage_text(unit) == right.passage_text(unit):
                alike["text"].add((one, other))
    asking, telling = (close(size, pairs) for pairs in alike.values())
    return {
        (item, other)
        for item in range(size)
        for other in range(size)
        for one in asking[item]
        if corpus.passages[one] == corpus.passages[other] or other in telling[one]
    }


@settings(max_examples=150)
@given(corpora(), st.sampled_from(list(PassageUnit)), st.data())
def test_pairs_are_those_of_a_slow_search(
    corpus: ParallelCorpus, unit: PassageUnit, data: st.DataObject
) -> None:
    some = st.lists(st.integers(0, len(corpus.item_ids) - 1), max_size=12)
    items, candidates = data.draw(some), data.draw(some)
    expected = find_slowly(corpus, unit)
    rows, places = find_right_answers(corpus, unit).pair(
        np.array(items, dtype=np.int64), np.array(candidates, dtype=np.int64)
    )
    found = list(zip(rows.tolist(), places.tolist(), strict=True))
    assert found == [
        (row, place)
        for row, item in enumerate(items)
        for place, candidate in enumerate(candidates)
        if (item, candidate) in expected
    ]


def make_cities() -> ParallelCorpus:
    """Make five items: 0 and 1 ask the same in German alone; 2 has the English sentence of 1."""
    return build_corpus(
        "cities",
        [
            make_record(0, "de", "Wo liegt Linz?", "Linz liegt an der Donau.", "Es ist alt."),
            make_record(0, "en", "Where is Linz?", "Linz is on the Danube.", "It is old."),
            make_record(1, "de", "WO LIEGT  LINZ", "Die Donau fließt durch Linz.", "Es gibt Brücken."),
            make_record(1, "en", "Where is the city?", "The city is there.", "There are bridges."),
            make_record(2, "en", "Where is it?", "The city - is there!", "It is new."),
            make_record(3, "en", "?!", "...", "Nothing is said."),
            make_record(4, "en", "!", "!", "Nothing is told."),
        ],
        {},
    )


def test_case_punctuation_and_translations_make_no_difference() -> None:
    answers = find_right_answers(make_cities(), PassageUnit.SENTENCE)
    every = np.arange(5, dtype=np.int64)
    rows, places = answers.pair(every, every)
    found = [set(places[rows == row].tolist()) for row in range(5)]
    # Item 2's passage has the text of item 1's, which answers item 0's question; 3 and 4 say nothing alike.
    assert found == [{0, 1, 2}, {0, 1, 2}, {1, 2}, {3}, {4}]
    assert (answers.repeated_questions, answers.repeated_texts) == (1, 1)


def test_no_item_and_no_candidate_give_no_pair() -> None:
    answers = find_right_answers(make_cities(), PassageUnit.PARAGRAPH)
    none, some = np.zeros(0, dtype=np.int64), np.arange(3, dtype=np.int64)
    for items, candidates in ((none, some), (some, none), (none, none)):
        assert [len(part) for part in answers.pair(items, candidates)] == [0, 0]


def test_a_batchs_false_negatives_are_its_passages_then_its_negatives() -> None:
    corpus = make_cities()
    plan = BatchPlan([corpus], choose_strategy("x-x"), 3, seed=1, negatives=NegativeChoice("random", "any"))
    batch = replace(
        plan.batch(0, 0),
        items=np.array([0, 1, 3]),
        negative_items=np.array([2, 4, 2]),
    )
    rows, places = find_false_negatives(find_right_answers(corpus, PassageUnit.SENTENCE), batch)
    assert list(zip(rows.tolist(), places.tolist(), strict=True)) == [
        (0, 1), (0, 3), (0, 5), (1, 0), (1, 3), (1, 5),
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("name", "questions", "texts"), [("squad-mt", 2, 2), ("native", 396, 52)])
def test_real_corpora_repeat_some_questions_and_sentences(
    real_data: Path, name: str, questions: int, texts: int
) -> None:
    answers = find_right_answers(read_corpus(real_data / "train" / name), PassageUnit.SENTENCE)
    assert (answers.repeated_questions, answers.repeated_texts) == (questions, texts)


def test_a_stored_corpus_tells_of_its_items_what_the_corpus_in_memory_tells(tmp_path: Path) -> None:
    records = [
        make_record(item, language, f"Question {item % 5}?", f"{language} {item // 3} ends.", "And more.")
        for item in range(24)
        for language in LANGUAGES[: 1 + item % 3]
    ]
    stored = store_rows(tmp_path, records)
    loaded = stored.load()
    numbers = stored.items_in()[np.arange(stored.item_count)]
    places = np.array([loaded.item_ids.index(stored.item_id(item)) for item in numbers.tolist()])
    order = np.random.default_rng(0).permutation(len(numbers))
    for unit in PassageUnit:
        of_stored = find_right_answers(stored, unit)
        assert isinstance(of_stored, StoredAnswers)
        found = of_stored.pair(numbers, numbers[order])
        expected = find_right_answers(loaded, unit).pair(places, places[order])
        assert len(found[0]) > len(numbers)
        np.testing.assert_array_equal(found, expected)
        # Of a few items, what they share with each other in some language.
        rows, candidates = of_stored.pair(numbers[:4], numbers[2:9])
        asked = find_right_answers(loaded, unit).pair(places[:4], places[2:9])
        assert set(zip(rows.tolist(), candidates.tolist(), strict=True)) <= set(
            zip(*(part.tolist() for part in asked), strict=True)
        )


def test_a_stored_corpus_with_mined_negatives_is_refused(tmp_path: Path) -> None:
    store_rows(tmp_path, [make_record(0, "en", "Who?", "He did.", "So.")])
    entry = CorpusConfig(str(tmp_path / "stored"), negatives="mined.negatives")
    config = TrainConfig(ModelConfig("m"), (entry,), batches=BatchesConfig(negatives="mined"))
    with pytest.raises(ConfigError, match="mined negatives need a corpus in memory"):
        plan_run(config)


def test_a_stored_corpus_beside_one_with_mined_negatives_takes_the_next_source(tmp_path: Path) -> None:
    records = [
        make_record(item, language, f"{item}?", f"{item} ends.", "So.")
        for item in range(20)
        for language in ("de", "en")
    ]
    stored, memory = store_rows(tmp_path, records), build_corpus("memory", records, {})
    mined = MinedNegatives(memory.item_ids, memory.languages, np.zeros((1, 4), dtype=np.int32), {})
    drawn = [
        BatchPlan([stored], choose_strategy("x-y"), 8, negatives=NegativeChoice(source)).batch(0, 0)
        for source in ("mined", "given")
    ]
    np.testing.assert_array_equal(drawn[0].negative_items, drawn[1].negative_items)
    plan = BatchPlan(
        [stored], choose_strategy("x-y"), 8, negatives=NegativeChoice("mined"), mined={stored.name: mined}
    )
    with pytest.raises(PlanError, match="mined negatives need a corpus in memory, not a stored one"):
        plan.batch(0, 0)
