"""Mined negatives against a search that compares every question with every passage, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mining_corpora import ExactEncoder, corpora, make_record

from isogloss.answers import find_right_answers
from isogloss.corpus import ParallelCorpus, build_corpus
from isogloss.errors import ConfigError
from isogloss.hard_negatives import (
    MinedNegative,
    MinedQuestion,
    MiningSettings,
    Pool,
    mine_negatives,
    mining,
)
from isogloss.types import PassageUnit


@st.composite
def choices(draw: st.DrawFn) -> MiningSettings:
    skip, count = draw(st.integers(0, 3)), draw(st.integers(1, 4))
    return MiningSettings(
        unit=draw(st.sampled_from(list(PassageUnit))),
        pool=draw(st.sampled_from(list(Pool))),
        count=count,
        skip=skip,
        depth=skip + count + draw(st.integers(0, 20)),
        absolute_margin=draw(st.sampled_from([-2.0, 0.0, 0.5])),
        relative_margin=draw(st.sampled_from([-4.0, 0.0, 0.25])),
        keep_answers=draw(st.booleans()),
    )


def mine_slowly(
    corpus: ParallelCorpus, encoder: ExactEncoder, chosen: MiningSettings
) -> Iterator[MinedQuestion]:
    """Mine by the words of the documentation, one passage at a time."""
    everything = np.arange(len(corpus.item_ids))
    right = set(zip(*find_right_answers(corpus, chosen.unit).pair(everything, everything), strict=True))

    def text_of(item: int, language: str) -> str | None:
        found = corpus.renderings[language][item]
        return None if found is None else found.passage_text(chosen.unit)

    def list_candidates(item: int, languages: list[str]) -> list[tuple[int, str]]:
        listed = []
        for language in languages:
            holders: dict[str, list[int]] = {}
            for other in everything.tolist():
                if (text := text_of(other, language)) is not None:
                    holders.setdefault(text, []).append(other)
            listed += [
                (having[0], language)
                for having in holders.values()
                if not any((item, other) in right for other in having)
            ]
        return listed

    for language in corpus.languages:
        pools = {
            Pool.SAME: [[language]],
            Pool.EACH: [[one] for one in corpus.languages],
            Pool.ANY: [list(corpus.languages)],
        }[chosen.pool]
        for item in everything.tolist():
            if (asked := corpus.renderings[language][item]) is None:
                continue
            query = encoder.vector("query", asked.question)

            def score(text: str, query: np.ndarray = query) -> float:
                return float(query @ encoder.vector("passage", text))

            positives: dict[str, float] = {}
            negatives: list[MinedNegative] = []
            holding = near = 0
            for languages in pools:
                ranked = sorted(
                    ((-score(str(text_of(*one))), place, *one)
                    for place, one in enumerate(list_candidates(item, languages))),
                )  # fmt: skip
                taken = 0
                for minus, _, other, found_in in ranked[chosen.skip : chosen.depth]:
                    if taken == chosen.count:
                        break
                    own = score(text_of(item, found_in) or str(text_of(item, language)))
                    if -minus > own - chosen.absolute_margin or -minus > own - chosen.relative_margin * abs(
                        own
                    ):
                        near += 1
                        continue
                    answers = [
                        row.answer for row in (asked, corpus.renderings[found_in][item]) if row is not None
                    ]
                    held = any(answer in str(text_of(other, found_in)) for answer in answers)
                    holding += held
                    if chosen.keep_answers or not held:
                        taken += 1
                        positives[found_in] = own
                        negatives.append(MinedNegative(corpus.item_ids[other], found_in, -minus))
            yield MinedQuestion(corpus.item_ids[item], language, positives, tuple(negatives), holding, near)


@settings(max_examples=60)
@given(corpora(), choices(), st.integers(0, 1000), st.sampled_from([1, 100, 1 << 27]))
def test_mined_negatives_are_those_of_a_slow_search(
    corpus: ParallelCorpus, chosen: MiningSettings, seed: int, block_bytes: int
) -> None:
    """Blocks of one question, of some and of all: the same, ties included."""
    encoder = ExactEncoder(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mining, "BLOCK_BYTES", block_bytes)
        found = list(mine_negatives(corpus, encoder, chosen, quiet=True))
    assert found == list(mine_slowly(corpus, encoder, chosen))


@settings(max_examples=25)
@given(corpora(), choices(), st.integers(0, 1000))
def test_no_negative_answers_its_question(corpus: ParallelCorpus, chosen: MiningSettings, seed: int) -> None:
    places = {name: item for item, name in enumerate(corpus.item_ids)}
    answers = find_right_answers(corpus, chosen.unit)
    for question in mine_negatives(corpus, ExactEncoder(seed), chosen, quiet=True):
        item = places[question.item_id]
        others = np.array([places[one.item_id] for one in question.negatives], dtype=np.int64)
        assert not len(answers.pair(np.array([item]), others)[0])
        assert not (corpus.passages[others] == corpus.passages[item]).any()
        texts = [
            corpus.rendering(places[one.item_id], one.language).passage_text(chosen.unit)
            for one in question.negatives
        ]
        answer = corpus.rendering(item, question.language).answer
        assert chosen.keep_answers or not any(answer in text for text in texts)
        if chosen.pool is Pool.SAME:
            assert {one.language for one in question.negatives} <= {question.language}


def test_planted_answers_are_left_out_and_the_next_nearest_taken() -> None:
    """Item 1 holds the answer of item 0 in another sentence, and item 2 asks the same question."""
    corpus = build_corpus(
        "planted",
        [
            make_record(0, "en", 0, ["river", "castle"], 0),
            make_record(1, "en", 1, ["tower", "river"], 1),
            make_record(2, "en", 0, ["harbour"], 2),
            make_record(3, "en", 3, ["bridge"], 3),
        ],
        {},
    )
    free = MiningSettings(absolute_margin=-9.0, relative_margin=-9.0)
    first = next(mine_negatives(corpus, ExactEncoder(), free, quiet=True))
    assert (first.item_id, [one.item_id for one in first.negatives], first.holding) == ("q00", ["q03"], 1)
    kept = MiningSettings(absolute_margin=-9.0, relative_margin=-9.0, keep_answers=True)
    first = next(mine_negatives(corpus, ExactEncoder(), kept, quiet=True))
    assert sorted(one.item_id for one in first.negatives) == ["q01", "q03"]


def test_a_part_without_a_language_is_mined() -> None:
    corpus = build_corpus(
        "part",
        [make_record(item, language, item, ["river"] * item, item) for item in (1, 2, 3) for language in
         (("de", "en") if item == 1 else ("en",))],
        {},
    )  # fmt: skip
    part = corpus.subset(np.array([1, 2]))
    for pool in Pool:
        found = list(mine_negatives(part, ExactEncoder(), MiningSettings(pool=pool), quiet=True))
        assert [question.language for question in found] == ["en", "en"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"count": 0}, "'count' is a whole number from 1; got 0"),
        ({"skip": -1}, "'skip' is a whole number from 0; got -1"),
        ({"skip": 95}, "'depth' is at least skip + count, here 103; got 100"),
        ({"absolute_margin": float("nan")}, "the absolute margin is a finite number; got nan"),
        ({"relative_margin": float("inf")}, "the relative margin is a finite number; got inf"),
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        MiningSettings(**wrong)  # type: ignore[arg-type]
    assert message in str(raised.value)
