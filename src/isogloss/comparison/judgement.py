"""Judge differences to the baseline: over all languages, per query language, seen and unseen apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from isogloss.comparison.model import (
    ComparedMeasure,
    Difference,
    LanguageScore,
    LanguageTest,
    Outcome,
    PartScore,
    Score,
    Verdict,
)
from isogloss.comparison.sampling import ALL, Column, Floats, Part, Plan, Sample
from isogloss.results import Better
from isogloss.significance import (
    Interval,
    correct_by_holm,
    draw_spread,
    find_interval,
    find_p,
    standardise_difference,
)

FEWEST_QUESTIONS = 10
"""A language with fewer questions is not tested: a handful say too little of how they spread."""


class _Tested(NamedTuple):
    """Hold the resampled difference of one test of the family."""

    column: Column
    sample: Sample
    distribution: Floats
    p: float


def score(column: Column, sample: Sample, plan: Plan) -> Score:
    """Give a system's macro mean with its interval."""
    by_seed = sample.by_seed[ALL]
    return Score(
        sample.system.label,
        column.measure,
        float(by_seed.mean()),
        find_interval(sample.distribution(), plan.level),
        tuple(by_seed.tolist()),
    )


def judge_systems(
    columns: Sequence[Column], by_language: Sequence[LanguageScore], plan: Plan
) -> tuple[Difference, ...]:
    """Test every system against the baseline in every measure: one family.

    Args:
        columns: The measures.
        by_language: What `judge_languages` gave for all of them.
        plan: How to judge.

    Returns:
        One difference per measure and system other than the baseline.
    """
    tested = []
    for column in columns:
        base = column.samples[0].distribution()
        for sample in column.samples[1:]:
            distribution = sample.distribution() - base
            tested.append(_Tested(column, sample, distribution, find_p(distribution)))
    outcomes = Counter(
        (each.label, each.measure, each.test.outcome) for each in by_language if each.test is not None
    )
    corrected = correct_by_holm([each.p for each in tested])
    return tuple(_judge(each, p, outcomes, plan) for each, p in zip(tested, corrected, strict=True))


def _judge(
    tested: _Tested,
    corrected_p: float,
    outcomes: Mapping[tuple[str, ComparedMeasure, Outcome], int],
    plan: Plan,
) -> Difference:
    """Judge one system in one measure."""
    sample, base, measure = tested.sample, tested.column.samples[0], tested.column.measure
    ours, theirs = sample.by_seed[ALL], base.by_seed[ALL]
    paired = sample.system.seeds == base.system.seeds
    by_seed = ours - (theirs if paired else theirs.mean())
    difference = float(ours.mean() - theirs.mean())
    interval = find_interval(tested.distribution, plan.level)
    margin = plan.margin_of(measure, float(theirs.mean()))
    significant = plan.is_significant(corrected_p)
    if interval.lies_within(margin):
        verdict = Verdict.EQUAL
    elif significant:
        verdict = _name_direction(difference, measure)
    else:
        verdict = Verdict.NOT_SHOWN
    label = sample.system.label
    return Difference(
        label=label,
        measure=measure,
        difference=difference,
        interval=interval,
        by_seed=tuple(by_seed.tolist()),
        paired=paired,
        effect=standardise_difference(sample.by_question - base.by_question),
        p=tested.p,
        corrected_p=corrected_p,
        margin=margin,
        significant=significant,
        verdict=verdict,
        outcomes={each: outcomes.get((label, measure, each), 0) for each in _possible_outcomes(measure)},
    )


def _name_direction(difference: float, measure: ComparedMeasure) -> Verdict:
    """Name a significant difference by what it means, or by its sign where neither direction is good."""
    if measure.better is Better.NEITHER:
        return Verdict.HIGHER if difference > 0 else Verdict.LOWER
    better = (difference < 0) == (measure.better is Better.LOWER)
    return Verdict.BETTER if better else Verdict.WORSE


_OUTCOMES = {
    Verdict.BETTER: Outcome.WIN,
    Verdict.WORSE: Outcome.LOSS,
    Verdict.HIGHER: Outcome.HIGHER,
    Verdict.LOWER: Outcome.LOWER,
}


def name_outcome(difference: float, measure: ComparedMeasure) -> Outcome:
    """Name a difference that is shown by what it means.

    Args:
        difference: System minus baseline.
        measure: The measure.

    Returns:
        A win or a loss; higher or lower where neither direction of the measure is good.
    """
    return _OUTCOMES[_name_direction(difference, measure)]


def _possible_outcomes(measure: ComparedMeasure) -> tuple[Outcome, ...]:
    if measure.better is Better.NEITHER:
        return Outcome.HIGHER, Outcome.TIE, Outcome.LOWER
    return Outcome.WIN, Outcome.TIE, Outcome.LOSS


def judge_languages(column: Column, plan: Plan) -> list[LanguageScore]:
    """Average over the cells of each query language, and test it against the baseline.

    The languages of one system in one measure are a family of their own.

    Args:
        column: The measure.
        plan: How to judge.

    Returns:
        One score per system and query language.
    """
    base = column.samples[0]
    scores = []
    for sample in column.samples:
        found = [None] * len(column.languages()) if sample is base else _test_languages(column, sample, plan)
        scores += [
            LanguageScore(
                sample.system.label,
                column.measure,
                part.language,
                column.extents[part].questions,
                float(sample.by_seed[part].mean()),
                test,
            )
            for part, test in zip(column.languages(), found, strict=True)
        ]
    return scores


def _test_languages(column: Column, sample: Sample, plan: Plan) -> list[LanguageTest]:
    """Test one system in every query language."""
    base = column.samples[0]
    tested = [part for part in column.languages() if is_testable(column, part)]
    intervals, p_values = {}, {}
    for part in tested:
        distribution = resample_difference(column, sample, part, plan)
        intervals[part] = find_interval(distribution, plan.level)
        p_values[part] = find_p(distribution)
    corrected = dict(zip(tested, correct_by_holm(list(p_values.values())), strict=True))
    tests = []
    for part in column.languages():
        difference = float(sample.by_seed[part].mean() - base.by_seed[part].mean())
        outcome = Outcome.TIE
        if part in corrected and plan.is_significant(corrected[part]):
            outcome = name_outcome(difference, column.measure)
        found = intervals.get(part), p_values.get(part), corrected.get(part)
        tests.append(LanguageTest(difference, *found, outcome))
    return tests


def resample_difference(column: Column, sample: Sample, part: Part, plan: Plan) -> Floats:
    """Give a system's difference to the baseline in a part under every resample, however few its questions.

    Args:
        column: The measure.
        sample: The system.
        part: The part, of two questions at least.
        plan: How to judge.

    Returns:
        float64 [resamples], in the unit of the measure.
    """
    spread = draw_spread(column.extents[part].questions, plan.resamples, plan.seed)
    return sample.distribution(part, spread) - column.samples[0].distribution(part, spread)


def is_testable(column: Column, language: Part) -> bool:
    """Say whether a language has enough questions to be tested."""
    return column.extents[language].questions >= FEWEST_QUESTIONS


def score_parts(column: Column, plan: Plan) -> list[PartScore]:
    """Average over the trained and the untrained languages apart.

    Args:
        column: The measure.
        plan: How to judge.

    Returns:
        One score per part and system; none when languages are not split.
    """
    base = column.samples[0]
    scores = []
    for part, extent in column.extents.items():
        if part == ALL or part.language:
            continue
        baseline_mean = float(base.by_seed[part].mean())
        for sample in column.samples:
            mean = float(sample.by_seed[part].mean())
            difference: float | None = None
            interval: Interval | None = None
            if sample is not base:
                difference = mean - baseline_mean
                interval = find_interval(sample.distribution(part) - base.distribution(part), plan.level)
            label = sample.system.label
            scores.append(
                PartScore(label, column.measure, part.kind, extent.cells, mean, difference, interval)
            )
    return scores
