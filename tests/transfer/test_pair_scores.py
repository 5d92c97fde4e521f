from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented_pairs import invent_sentences

from comparison.synthetic_results import invent_family
from isogloss.comparison import ComparedMeasure, Outcome, compare
from isogloss.errors import ConfigError, ResultsError
from isogloss.languages import is_low_resource, script_of
from isogloss.results import SentenceResults
from isogloss.transfer import Grouping, PairComparison, compare_pairs, group_pair, pairs, study_transfer
from isogloss.transfer.groups import name_language
from isogloss.types import LanguagePair, Setting

CODES = ("de", "en", "es", "ru", "bg", "hi", "am", "sw", "yo", "zh-CN", "zh-TW", "ja", "dinosaur")
Family: TypeAlias = list[SentenceResults]
SEEDS = range(1, 9)


def helped_pair(pair: LanguagePair) -> float:
    return 0.9 if pair == ("sw", "en") else 0.2 if pair == ("en", "am") else 0.5


@pytest.fixture(scope="module")
def family() -> Family:
    """A baseline, and a candidate that is much better in one pair and much worse in another."""
    base = [invent_sentences("base", seed, lambda _: 0.5) for seed in SEEDS]
    return [*base, *(invent_sentences("new", seed, helped_pair) for seed in SEEDS)]


@pytest.fixture(scope="module")
def compared(family: Family) -> PairComparison:
    return compare_pairs(family, "base", resamples=4000)


def test_a_pair_is_helped_where_the_candidate_is_better_and_hurt_where_it_is_worse(
    compared: PairComparison,
) -> None:
    outcomes = {each.pair: each.test.outcome for each in compared.pairs if each.test}
    shown = {pair: outcome for pair, outcome in outcomes.items() if outcome is not Outcome.TIE}
    assert shown == {("sw", "en"): Outcome.WIN, ("en", "am"): Outcome.LOSS}


def test_means_and_differences_are_those_of_the_tables(compared: PairComparison, family: Family) -> None:
    cells = family[0].table(Setting.CROSS, "accuracy").cells
    for label in ("base", "new"):
        tables = [each.table(Setting.CROSS, "accuracy").values for each in family if each.info.label == label]
        means = dict(zip(cells, np.mean([each.mean(axis=0) for each in tables], axis=0), strict=True))
        found = {str(pair): mean for pair, mean in compared.means(label).items()}
        assert found == pytest.approx(means)
    base, new = compared.means("base"), compared.means("new")
    for each in compared.pairs:
        if each.test:
            assert each.test.difference == pytest.approx(new[each.pair] - base[each.pair])


def test_a_group_is_the_mean_of_its_pairs_and_counts_their_outcomes(compared: PairComparison) -> None:
    trained = frozenset(compared.trained)
    for each in compared.groups:
        members = [pair for pair in compared.means("base") if each.group in group_pair(pair, trained)]
        assert each.pairs == len(members)
        assert each.mean == pytest.approx(np.mean([compared.means(each.label)[pair] for pair in members]))
        if each.label == "new":
            assert each.outcomes[Outcome.WIN] == (("sw", "en") in members)
            assert each.outcomes[Outcome.LOSS] == (("en", "am") in members)
            assert sum(each.outcomes.values()) == sum(each.leanings.values()) == len(members)
            assert each.interval.low <= each.difference <= each.interval.high


def test_corrected_p_is_that_of_holms_definition(compared: PairComparison) -> None:
    tests = [each.test for each in compared.pairs if each.test]
    raw = np.asarray([test.p for test in tests])
    for test in tests:
        smaller = raw[raw <= test.p]
        expected = max(min(1.0, (len(raw) - (raw < p).sum()) * p) for p in smaller)
        assert test.corrected_p == pytest.approx(expected)


def test_one_language_pools_agree_with_the_comparison_by_language() -> None:
    """In the monolingual setting a pair is a query language: both ways must give the same test."""
    results = invent_family((1, 2, 3))
    found = compare_pairs(results, "x-x-mono", resamples=1000, seed=4)
    by_language = compare(
        results, "x-x-mono", measures=[ComparedMeasure(Setting.MONO, "mAP")], resamples=1000, seed=4
    ).by_language
    mono = {
        (each.label, each.pair.query): each for each in found.pairs if each.pair.query == each.pair.passage
    }
    assert len(mono) == len(by_language) == 9
    for each in by_language:
        score = mono[each.label, each.language]
        assert score.mean == each.mean
        if each.test:
            assert (score.test.interval, score.test.p) == (each.test.interval, each.test.p)


def test_neither_the_order_of_runs_nor_blocks_of_pairs_change_a_number(
    family: Family, compared: PairComparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compare_pairs(family[::-1], "base", resamples=4000) == compared
    monkeypatch.setattr(pairs, "_NUMBERS", 5 * 2 * 4000)
    cut = compare_pairs(family, "base", resamples=4000)
    assert cut.pairs == compared.pairs
    # Sums over other pools of cells are rounded otherwise.
    for one, other in zip(cut.groups, compared.groups, strict=True):
        assert (one.group, one.mean, one.outcomes) == (other.group, other.mean, other.outcomes)
        assert (one.interval or ()) == pytest.approx(other.interval or ())


def test_what_resamples_cannot_show_is_said(family: Family) -> None:
    few = compare_pairs(family, "base", resamples=100)
    assert any("no corrected p can be below 0.238" in note for note in few.notes)
    assert all(each.test.outcome is Outcome.TIE for each in few.pairs if each.test)


def test_pairs_with_few_questions_are_ties() -> None:
    results = [
        invent_sentences(label, 1, lambda _, level=level: level, rows=9)
        for label, level in (("base", 0.0), ("new", 1.0))
    ]
    found = compare_pairs(results, "base", resamples=200)
    assert {each.test.outcome for each in found.pairs if each.test} == {Outcome.TIE}
    assert any("12 pairs with fewer than 10 questions are not tested" in note for note in found.notes)


@pytest.mark.parametrize(
    ("measure", "told"),
    [
        ("rank distance", "needs the setting"),
        ("own share@10", "needs the setting"),
        ("brilliance", "unknown measure"),
    ],
)
def test_measures_that_no_pair_has_are_refused(measure: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        compare_pairs(invent_family((1,)), "x-y", measure=measure, resamples=100)


def test_one_pool_of_all_languages_has_no_pairs() -> None:
    results = invent_family((1,), ranked=(Setting.MULTI,))
    with pytest.raises(ResultsError, match="no pair of languages has a score"):
        compare_pairs(results, "x-y", resamples=100)


@given(st.sampled_from(CODES), st.sampled_from(CODES), st.frozensets(st.sampled_from(CODES)))
def test_groups_follow_from_what_is_known_of_both_languages(
    query: str, passage: str, trained: frozenset[str]
) -> None:
    pair = LanguagePair(query, passage)
    found = {each.grouping: each.name for each in group_pair(pair, trained)}
    assert len(found) == len(group_pair(pair, trained))
    assert found[Grouping.ALL] == "all"
    back = {each.grouping: each.name for each in group_pair(LanguagePair(passage, query), trained)}
    assert {key: back[key] for key in back if key is not Grouping.RESOURCES} == {
        key: found[key] for key in found if key is not Grouping.RESOURCES
    }
    if "dinosaur" in pair:
        assert Grouping.RESOURCES not in found
        assert Grouping.SCRIPTS not in found
    else:
        levels = ["low" if is_low_resource(each) else "high" for each in pair]
        assert found[Grouping.RESOURCES].split("-")[0] == levels[0]
        if query != passage:
            same = script_of(query) == script_of(passage)
            assert found[Grouping.SCRIPTS] == ("same" if same else "different")
    assert (Grouping.TRAINING in found) == bool(trained)
    if trained:
        seen = {name_language(each) for each in trained} >= {name_language(each) for each in pair}
        assert (found[Grouping.TRAINING] == "seen") == seen


@pytest.mark.parametrize(
    ("pair", "name"),
    [
        (("de", "en"), "seen"),
        (("de", "yo"), "unseen"),
        (("am", "de"), "unseen script"),
        (("am", "am"), "unseen script"),
    ],
)
def test_training_tells_seen_unseen_and_unseen_scripts_apart(pair: tuple[str, str], name: str) -> None:
    groups = {each.grouping: each.name for each in group_pair(LanguagePair(*pair), frozenset({"de", "en"}))}
    assert groups[Grouping.TRAINING] == name


def test_languages_are_named_alike_whatever_the_form_of_their_code() -> None:
    for codes in (("de", "deu", "deu_Latn"), ("zh", "zh-CN", "zho-CN"), ("zh-TW", "zho_Hant"), ("sw", "swh")):
        assert len({name_language(code) for code in codes}) == 1
    assert name_language("my dialect") == "my dialect"


def test_monolingual_results_have_a_pair_for_each_language() -> None:
    """Native benchmarks: no pair of two languages, so no scripts to compare, and mAP in the own pool."""
    results = invent_family((1, 2), ranked=(Setting.MONO, Setting.MULTI))
    found = compare_pairs(results, "x-y", resamples=200)
    assert {each.pair for each in found.pairs} == {("de", "de"), ("el", "el"), ("en", "en")}
    assert {each.setting for each in found.groups} == {Setting.MONO}
    assert Grouping.SCRIPTS not in {each.group.grouping for each in found.groups}


def test_where_trainings_differ_the_baselines_languages_count_as_seen_and_a_note_says_so() -> None:
    def strength(pair: LanguagePair) -> float:
        return 0.5 if "am" in pair else 0.7

    results = [
        invent_sentences(label, seed, strength, trained=trained)
        for label, trained in (("base", ("de", "en", "am")), ("new", ("de", "sw")))
        for seed in (1, 2)
    ]
    compared = compare_pairs(results, "base", resamples=500)
    assert compared.trained == ("am", "de", "en")
    groups = {
        each.group.name: each.pairs
        for each in compared.groups
        if each.label == "new" and each.group.grouping is Grouping.TRAINING
    }
    assert groups == {"seen": 6, "unseen": 6}
    (note,) = [note for note in compared.notes if "Seen languages" in note]
    assert note == "Seen languages are those of base's training; others were trained on other languages: new."
    report = study_transfer(results, "base", resamples=500)
    assert note in report.to_markdown()
