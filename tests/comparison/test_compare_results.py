from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_results import DATA_FILES, invent_family, invent_results

from isogloss.comparison import (
    DEFAULT_MEASURES,
    ComparedMeasure,
    Comparison,
    Reference,
    Verdict,
    compare,
    refer_to,
)
from isogloss.errors import ConfigError, ResultsError
from isogloss.results import Results
from isogloss.types import Setting

MONO, CROSS, MULTI, RANKS = DEFAULT_MEASURES


def compare_quickly(results: Sequence[Results], baseline: str = "x-x-mono", **options: object) -> Comparison:
    return compare(results, baseline, resamples=2000, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare_quickly(invent_family(trained_languages=("de", "en")), published=True)


# What is computed


def test_scores_are_the_tables_macro_means(comparison: Comparison) -> None:
    for results in invent_family():
        label, seed = results.info.label, results.info.seed
        for measure in DEFAULT_MEASURES:
            score = comparison.score(label, measure)
            assert score.by_seed[seed or 0] == pytest.approx(results.table(*measure).macro())
            assert score.mean == pytest.approx(np.mean(score.by_seed))
            assert score.interval.low <= score.mean <= score.interval.high


def test_differences_are_system_minus_baseline_by_seed(comparison: Comparison) -> None:
    for each in comparison.differences:
        ours = comparison.score(each.label, each.measure)
        theirs = comparison.score("x-x-mono", each.measure)
        assert each.paired
        assert each.difference == pytest.approx(ours.mean - theirs.mean)
        assert each.by_seed == pytest.approx(np.subtract(ours.by_seed, theirs.by_seed))
        assert len(each.signs.split()) == 3
        assert each.interval.low <= each.difference <= each.interval.high
        assert each.p <= each.corrected_p <= 1


def test_the_family_is_every_system_in_every_measure(comparison: Comparison) -> None:
    assert len(comparison.differences) == 8
    assert comparison.family == (
        "8 tests: 2 systems (x-y, hybrid) against x-x-mono "
        "in 4 measures (mono mAP, cross mAP, multi mAP, rank distance) on xquad-r"
    )
    assert [system.label for system in comparison.systems] == ["x-x-mono", "x-y", "hybrid"]


def test_the_interval_of_one_seed_is_scipys_bootstrap() -> None:
    """With one seed, one cell and no pairing left, the whole machine is the plain bootstrap."""
    from scipy import stats

    pair = [invent_results(label, 0, strength=s, draw=d) for label, s, d in (("a", 0, 1), ("b", 0.4, 2))]
    found = compare(pair, "a", measures=[MULTI], resamples=5000, level=0.9).difference("b", MULTI)
    tables = [results.table(*MULTI).values for results in pair]
    per_question = (tables[1] - tables[0]).mean(axis=1)
    oracle = stats.bootstrap(
        (per_question,), np.mean, n_resamples=5000, confidence_level=0.9, method="percentile", rng=3
    ).confidence_interval
    assert found.interval == pytest.approx((oracle.low, oracle.high), abs=0.01)
    assert found.effect == pytest.approx(per_question.mean() / per_question.std(ddof=1))


def drop_answers(results: Results) -> Results:
    """Leave question 0 without a relevant English passage, and question 1 with a German one alone."""
    target = results.passage_languages[results.judged_passage]
    question = results.judged_query // 3
    keep = ~((question == 0) & (target == 2)) & ~((question == 1) & (target != 0))
    names = ("judged_query", "judged_passage", "judged_gain", "rank_language", "rank_pool", "own_above")
    return replace(results, **{name: getattr(results, name)[keep] for name in names})


def test_questions_without_an_answer_are_left_out_of_those_cells() -> None:
    results = [drop_answers(each) for each in invent_family(questions=10)]
    comparison = compare_quickly(results)
    table = results[0].table(*CROSS)
    assert np.isnan(table.values[:2]).any()
    for each in results:
        for measure in DEFAULT_MEASURES:
            score = comparison.score(each.info.label, measure)
            assert score.by_seed[each.info.seed or 0] == pytest.approx(each.table(*measure).macro())
            assert score.interval.low < score.mean < score.interval.high
    assert comparison.questions == 10
    full = invent_results("other", 0, draw=3, questions=10)
    with pytest.raises(ResultsError, match=r"mono mAP: other questions have an answer"):
        compare_quickly([*results, full])


def test_rank_distance_is_better_when_lower(comparison: Comparison) -> None:
    difference = comparison.difference("hybrid", RANKS)
    assert difference.difference < 0
    assert difference.verdict is Verdict.BETTER
    worse = compare_quickly(invent_family(), "hybrid").difference("x-x-mono", RANKS)
    assert worse.difference == pytest.approx(-difference.difference)
    assert worse.verdict is Verdict.WORSE


def test_strong_systems_win_and_weak_ones_lose(comparison: Comparison) -> None:
    for measure in (MONO, CROSS, MULTI):
        assert comparison.difference("hybrid", measure).verdict is Verdict.BETTER
    reverse = compare_quickly(invent_family(), "hybrid")
    for measure in (MONO, CROSS, MULTI):
        assert reverse.difference("x-x-mono", measure).verdict is Verdict.WORSE
        assert reverse.difference("x-x-mono", measure).marks == "*"


def test_identical_systems_are_equal() -> None:
    pair = [invent_results(label, seed, draw=seed) for label in ("a", "b") for seed in (0, 1, 2)]
    for each in compare_quickly(pair, "a").differences:
        assert each.difference == 0
        assert each.interval == (0, 0)
        assert (each.p, each.corrected_p, each.effect) == (1, 1, 0)
        assert (each.verdict, each.marks, each.signs) == (Verdict.EQUAL, "=", "0 0 0")


def test_a_wide_interval_shows_nothing() -> None:
    pair = [
        invent_results(label, seed, draw=10 * place + seed, questions=8)
        for place, label in enumerate("ab")
        for seed in (0, 1)
    ]
    assert {each.verdict for each in compare_quickly(pair, "a").differences} == {Verdict.NOT_SHOWN}


def test_margins_decide_what_is_equal() -> None:
    results = invent_family()
    wide = compare_quickly(results, margin=1.0, rank_margin=1.0)
    assert {each.verdict for each in wide.differences} == {Verdict.EQUAL}
    # A difference may be significant and still too small to matter; both are said.
    assert wide.difference("hybrid", CROSS).marks == "*="
    baseline = wide.score("x-x-mono", RANKS).mean
    half = compare_quickly(results, rank_margin=0.5).difference("x-y", RANKS)
    assert half.margin == pytest.approx(0.5 * baseline)


def test_false_alarms_stay_within_the_level() -> None:
    """Systems that differ by chance alone: the family claims anything in at most 5 % of 120 comparisons."""
    alarms = 0
    for repetition in range(120):
        results = [
            invent_results(label, seed, draw=1000 * repetition + 10 * place + seed, questions=15)
            for place, label in enumerate("abc")
            for seed in (0, 1, 2)
        ]
        comparison = compare(results, "a", measures=(MONO, MULTI), margin=0, resamples=400)
        alarms += any(each.significant for each in comparison.differences)
    # Binomial(120, 0.05) exceeds 13 with a chance of 0.5 %.
    assert alarms <= 13


# Invariances


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(9)), st.booleans())
def test_order_of_runs_and_questions_changes_nothing(order: list[int], reverse: bool) -> None:
    plain = invent_family(questions=6)
    shuffled = invent_family(questions=6, reverse_questions=reverse)
    expected = compare_quickly(plain)
    found = compare_quickly([shuffled[place] for place in order])
    for each in expected.differences:
        other = found.difference(each.label, each.measure)
        assert other.interval == pytest.approx(each.interval, abs=1e-9)
        assert (other.p, other.signs, other.verdict) == (each.p, each.signs, each.verdict)


def test_the_seed_decides_the_resamples() -> None:
    results = invent_family(questions=6)
    assert compare_quickly(results) == compare_quickly(results)
    assert compare_quickly(results).differences != compare_quickly(results, seed=1).differences


def test_pairing_by_seed_narrows_the_interval() -> None:
    """The same draws under other seed numbers are not paired, and the notes say so."""
    base = [invent_results("a", seed, strength=0.8 * seed, draw=seed) for seed in (0, 1, 2)]
    paired = [invent_results("b", seed, strength=0.8 * seed + 0.2, draw=seed) for seed in (0, 1, 2)]
    unpaired = [invent_results("b", seed + 5, strength=0.8 * seed + 0.2, draw=seed) for seed in (0, 1, 2)]
    narrow, wide = compare_quickly([*base, *paired], "a"), compare_quickly([*base, *unpaired], "a")
    first, second = narrow.difference("b", MONO), wide.difference("b", MONO)
    assert first.difference == pytest.approx(second.difference)
    assert first.interval.high - first.interval.low < 0.5 * (second.interval.high - second.interval.low)
    assert first.paired
    assert not second.paired
    assert any("not paired" in note for note in wide.notes)
    assert not any("not paired" in note for note in narrow.notes)


# Parts, languages, references, notes


def test_seen_and_unseen_languages_are_split(comparison: Comparison) -> None:
    assert comparison.trained_languages == ("de", "en")
    assert len(comparison.parts) == 4 * 2 * 3
    table = invent_family()[0].table(*CROSS)
    seen = [place for place, cell in enumerate(table.cells) if cell in ("de-en", "en-de")]
    found = {(each.part, each.cells) for each in comparison.parts if each.measure == CROSS}
    assert found == {("seen", 2), ("unseen", 4)}
    by_seed = [results.table(*CROSS).means()[seen].mean() for results in invent_family()[:3]]
    part = next(each for each in comparison.parts if (each.measure, each.part) == (CROSS, "seen"))
    assert part.mean == pytest.approx(np.mean(by_seed))
    assert part.difference is None


def test_the_split_needs_both_kinds_and_a_baseline_of_one_training_set() -> None:
    assert compare_quickly(invent_family()).parts == ()
    assert compare_quickly(invent_family(trained_languages=("de", "el", "en"))).parts == ()
    mixed = [
        invent_results("a", 0, trained_languages=("de",)),
        invent_results("a", 1, trained_languages=("de", "el")),
        invent_results("b", 0, trained_languages=("el",)),
        invent_results("b", 1, trained_languages=("el",)),
    ]
    comparison = compare_quickly(mixed, "a")
    assert comparison.parts == ()
    assert any("not split" in note for note in comparison.notes)
    comparison = compare_quickly(mixed, "b")
    assert comparison.trained_languages == ("el",)
    assert {each.part for each in comparison.parts} == {"seen", "unseen"}
    told = "Seen languages are those of b's training; others were trained on other languages: a."
    assert told in comparison.notes
    unknown = [invent_results("a", 0), invent_results("b", 0, trained_languages=("el",))]
    assert compare_quickly(unknown, "a").trained_languages == ("el",)


def test_means_by_language_average_to_the_macro_mean(comparison: Comparison) -> None:
    for score in comparison.scores:
        found = [
            each.mean
            for each in comparison.by_language
            if (each.label, each.measure) == (score.label, score.measure)
        ]
        assert len(found) == 3
        assert np.mean(found) == pytest.approx(score.mean)


def test_languages_with_hyphens_are_told_apart() -> None:
    languages = ("en", "zh", "zh-tw")
    comparison = compare_quickly(invent_family(languages=languages, trained_languages=("en", "zh-tw")))
    seen = [each.cells for each in comparison.parts if (each.measure, each.part) == (CROSS, "seen")]
    assert seen == [2, 2, 2]


def test_references_are_shown_and_never_tested(comparison: Comparison) -> None:
    labels = [reference.label for reference in comparison.references]
    assert labels[:2] == ["chance", "x-x-mono (published, XLM-R)"]
    assert len(labels) == 7
    hybrid = next(each for each in comparison.references if each.label == "hybrid (published, LaBSE)")
    assert hybrid.scores[MONO] == 0.8167
    assert {each.label for each in comparison.differences} == {"x-y", "hybrid"}
    alone = compare_quickly(invent_family(trained_languages=("de", "en")))
    assert alone.differences == comparison.differences
    assert [reference.label for reference in alone.references] == ["chance"]


def test_published_means_over_other_languages_are_noted(comparison: Comparison) -> None:
    theirs = "ar de el en es hi ru th tr vi zh"
    note = f"The published means are over other languages: {theirs}."
    assert note in comparison.notes
    whole = compare_quickly(invent_family((0,), languages=theirs.split(), questions=5), published=True)
    assert not any("published" in each for each in whole.notes)
    part = compare_quickly(invent_family((0,), benchmark="xquad-r-articles", questions=5), published=True)
    assert "The paper has no figures for xquad-r-articles." in part.notes


def test_a_part_with_few_questions_has_an_interval() -> None:
    """In about a third of the resamples the only question asked in Greek is not drawn."""
    runs = [
        invent_results(label, 0, draw=ord(label), questions=3, trained_languages=("de", "en"))
        for label in "ab"
    ]
    comparison = compare_quickly([keep_greek(run, "q0000") for run in runs], "a")
    intervals = [each.interval for each in comparison.parts if each.part == "unseen" and each.label == "b"]
    assert len(intervals) == 4
    assert all(interval is not None and np.isfinite(interval).all() for interval in intervals)
    assert "NaN" not in comparison.to_json()


def keep_greek(results: Results, question: str) -> Results:
    """Ask one question alone in Greek, and give the others no passage in it."""
    greek = results.languages.index("el")
    names = np.asarray(results.query_ids)
    kept = (results.query_languages != greek) | (names == question)
    judged = kept[results.judged_query] & (
        (results.passage_languages[results.judged_passage] != greek)
        | (names[results.judged_query] == question)
    )
    return replace(
        results,
        query_ids=tuple(names[kept].tolist()),
        query_languages=results.query_languages[kept],
        judged_query=(np.cumsum(kept) - 1)[results.judged_query[judged]].astype(np.int32),
        judged_passage=results.judged_passage[judged],
        judged_gain=results.judged_gain[judged],
        own_above=results.own_above[judged],
        rank_language=results.rank_language[judged],
        rank_pool=results.rank_pool[judged],
        top_pool=results.top_pool[kept],
        top_language=results.top_language[kept],
    )


def test_results_become_a_reference() -> None:
    start = invent_results("untrained", None)
    reference = refer_to(start)
    assert isinstance(reference, Reference)
    assert reference.scores[CROSS] == start.table(*CROSS).macro()
    comparison = compare_quickly(invent_family(), references=[reference])
    assert [each.label for each in comparison.references] == ["chance", "untrained"]
    assert len(comparison.differences) == 8


def test_a_single_run_is_said_to_have_no_seed_variation() -> None:
    results = [
        invent_results("labse", None),
        invent_results("hybrid", 0, draw=5),
        invent_results("hybrid", 1),
    ]
    comparison = compare_quickly(results, "labse")
    assert comparison.notes[0] == "hybrid and labse have different seeds, so they are not paired by seed."
    assert comparison.notes[1].startswith("labse has one run")


def test_too_few_resamples_for_the_family_are_said() -> None:
    comparison = compare(invent_family(questions=5), "x-x-mono", resamples=100)
    assert any("no corrected p can be below 0.158" in note for note in comparison.notes)


def test_other_settings_are_said() -> None:
    pair = [invent_results("a", 0), invent_results("b", 0, settings={"unit": "sentence", "max_length": 9})]
    assert "Runs were evaluated with different settings: max_length." in compare_quickly(pair, "a").notes


# Refusals


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"benchmark": "mlqa-r"}, "evaluated on mlqa-r"),
        ({"data_files": {**DATA_FILES, "el.json": "zz"}}, "another version of el.json"),
        ({"data_files": {"de.json": "a1", "en.json": "c3"}}, r"\(runs/a-0\): without el.json; evaluate"),
        ({"data_files": {**DATA_FILES, "fr.json": "d4"}}, r"\(runs/a-0\): with the further file fr.json;"),
        ({"data_files": {"el.json": "zz", "en.json": "c3"}}, "another version of el.json; without de.json;"),
        ({"data_files": {}}, "without de.json, el.json, en.json;"),
        ({"data_files": {**DATA_FILES, **dict.fromkeys("abcde", "")}}, "further file a, b, c and 2 more;"),
        ({"settings": {"unit": "paragraph"}}, "passage unit paragraph"),
        ({"languages": ("de", "el")}, "languages de el"),
        ({"questions": 59}, "only in one of them: q0059"),
    ],
)
def test_results_that_do_not_belong_together_are_refused(other: dict[str, object], message: str) -> None:
    results = [invent_results("a", 0), invent_results("b", 0, **other)]  # type: ignore[arg-type]
    with pytest.raises(ResultsError, match=message):
        compare_quickly(results, "a")


def test_doubled_runs_are_refused() -> None:
    with pytest.raises(ResultsError, match=r"hybrid, seed 1 .* and hybrid, seed 1"):
        compare_quickly([*invent_family(), invent_results("hybrid", 1)])


def test_runs_of_one_label_from_different_starts_are_refused() -> None:
    results = [
        invent_results("hybrid", 1, settings={"unit": "sentence", "start": "xlm-r"}),
        invent_results("hybrid", 2, settings={"unit": "sentence", "start": "labse"}),
        invent_results("x-y", 1),
    ]
    with pytest.raises(ResultsError, match=r"hybrid have different starting models \(labse, xlm-r\)"):
        compare(results, "x-y")


def test_one_label_with_two_alphas_is_refused() -> None:
    runs = [invent_results("a", 0), *(invent_results("b", seed, alpha=seed / 2) for seed in (0, 1))]
    with pytest.raises(ResultsError, match=r"different alphas \(0\.0, 0\.5\)"):
        compare_quickly(runs, "a")


def test_an_unknown_baseline_lists_the_labels() -> None:
    with pytest.raises(ResultsError, match="labels here: hybrid, x-x-mono, x-y"):
        compare_quickly(invent_family(), "x-x")
    with pytest.raises(ResultsError, match="labels here: none"):
        compare_quickly([], "x-x")
    with pytest.raises(ResultsError, match="add a run of another label"):
        compare_quickly([invent_results("a", 0)], "a")


@pytest.mark.parametrize(
    "options",
    [{"margin": -1.0}, {"rank_margin": float("nan")}, {"resamples": 10}, {"seed": -1}, {"level": 95.0}],
)
def test_numbers_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        compare(invent_family(), "x-x-mono", **options)  # type: ignore[arg-type]


def test_a_measure_of_another_setting_is_refused() -> None:
    with pytest.raises(ConfigError):
        compare(invent_family(), "x-x-mono", measures=[ComparedMeasure(Setting.MONO, "rank distance")])
    with pytest.raises(ConfigError, match="no measure"):
        compare(invent_family(), "x-x-mono", measures=[])


@pytest.mark.slow
def test_a_comparison_of_full_size_takes_seconds() -> None:
    import time

    languages = ["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"]
    results = invent_family(questions=1190, languages=languages)
    start = time.perf_counter()
    compare(results, "x-x-mono")
    assert time.perf_counter() - start < 20


def test_what_training_shares_with_the_benchmark_is_told() -> None:
    from dataclasses import replace

    note = "training data: 32 articles shared with xquad-r"
    runs = [replace(run, info=replace(run.info, notes=(note, "another"))) for run in invent_family()]
    notes = compare(runs, "x-x-mono", resamples=100).notes
    assert notes.count(f"{note[0].upper()}{note[1:]}.") == 1
    assert not any("another" in each for each in notes)
