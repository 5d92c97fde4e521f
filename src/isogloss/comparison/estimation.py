"""Estimate scores and differences from stored results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isogloss.comparison.agreement import UNIT_SETTING, group_runs
from isogloss.comparison.model import (
    DEFAULT_MEASURES,
    ComparedMeasure,
    Difference,
    LanguageScore,
    PartScore,
    Reference,
    Score,
    System,
    Verdict,
)
from isogloss.comparison.report import Comparison
from isogloss.comparison.sampling import ALL, Column, Floats, Plan, Sample, Sampler, name_cells
from isogloss.errors import ConfigError
from isogloss.published import STRATEGIES, published_languages, published_macro, published_models
from isogloss.results import Results
from isogloss.significance import (
    Interval,
    correct_by_holm,
    find_interval,
    find_p,
    standardise_difference,
)


def compare(
    results: Sequence[Results],
    baseline: str,
    *,
    measures: Sequence[ComparedMeasure] = DEFAULT_MEASURES,
    margin: float = 0.005,
    rank_margin: float = 0.02,
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
    references: Sequence[Reference] = (),
    published: bool = False,
) -> Comparison:
    """Compare systems with a baseline on one benchmark.

    Results with one label and different seeds are one system. Questions and seeds are resampled together as
    `isogloss.significance` describes; all translations of a question and all cells move as one.

    Args:
        results: Results on the same benchmark files, in any order.
        baseline: Label of the system that the others are compared with.
        measures: What to compare; with the labels they make the family of tests.
        margin: Difference that counts as none, in the unit of the measures (0.005 mAP), at least 0.
        rank_margin: The same for rank distance, as a share of the baseline's mean, at least 0.
        resamples: Number of resamples, at least 100.
        seed: Start of the random stream, at least 0.
        level: Level of the intervals, between 0.5 and 1; tests are at 1 - level.
        references: Rows to show beside, never tested, such as the untrained start (see `refer_to`).
        published: Whether to add the paper's figures for this benchmark as references.

    Returns:
        The comparison; the same arguments give the same numbers, in whatever order the results come.

    Raises:
        ResultsError: The results do not belong together, or the baseline is unknown.
        ConfigError: A number is out of range, or a measure is unknown or missing.

    Source: `isogloss.significance` names the methods and their papers.
    """
    plan = Plan(margin, rank_margin, resamples, seed, level)
    if not measures:
        raise ConfigError("there is no measure to compare; name at least one")
    groups = group_runs(results, baseline)
    systems = tuple(_describe_system(label, runs) for label, runs in groups.items())
    seen = _find_seen(results)
    sampler = Sampler(systems, tuple(groups.values()), seen, plan)
    columns = [sampler.collect(measure) for measure in measures]
    first = groups[baseline][0]
    notes = _list_notes(groups, systems, len(measures), plan)
    papers = _list_published(first.benchmark, measures) if published else []
    if published:
        notes += _note_published(first.benchmark, first.languages)
    return Comparison(
        benchmark=first.benchmark,
        baseline=baseline,
        systems=systems,
        measures=tuple(measures),
        languages=first.languages,
        trained_languages=tuple(language for language in first.languages if language in seen),
        questions=max(column.questions for column in columns),
        resamples=resamples,
        seed=seed,
        level=level,
        margin=margin,
        rank_margin=rank_margin,
        scores=tuple(_score(column, sample, plan) for column in columns for sample in column.samples),
        differences=_test(columns, plan),
        parts=tuple(part for column in columns for part in _score_parts(column, plan)),
        by_language=tuple(each for column in columns for each in _list_languages(column, first.languages)),
        references=(_refer_to_chance(first, measures), *references, *papers),
        notes=notes,
    )


def refer_to(results: Results, measures: Sequence[ComparedMeasure] = DEFAULT_MEASURES) -> Reference:
    """Make results a reference, shown beside others but not tested.

    Args:
        results: The results; their label names the row.
        measures: What to show.

    Returns:
        The macro means.

    Raises:
        ConfigError: A measure is unknown.
    """
    return Reference(results.info.label, {measure: results.table(*measure).macro() for measure in measures})


def _refer_to_chance(results: Results, measures: Sequence[ComparedMeasure]) -> Reference:
    return Reference("chance", {measure: results.chance(*measure).macro() for measure in measures})


def _describe_system(label: str, runs: Sequence[Results]) -> System:
    return System(
        label,
        seeds=tuple(run.info.seed for run in runs),
        models=tuple(run.info.model for run in runs),
        alpha=runs[0].info.alpha,
    )


def _score(column: Column, sample: Sample, plan: Plan) -> Score:
    by_seed = sample.scores()
    return Score(
        sample.system.label,
        column.measure,
        float(by_seed.mean()),
        find_interval(sample.distribution(), plan.level),
        tuple(by_seed.tolist()),
    )


def _test(columns: Sequence[Column], plan: Plan) -> tuple[Difference, ...]:
    """Test every system against the baseline in every measure: one family."""
    tested = [(column, sample) for column in columns for sample in column.samples[1:]]
    distributions = [sample.distribution() - column.samples[0].distribution() for column, sample in tested]
    p_values = [find_p(distribution) for distribution in distributions]
    corrected = correct_by_holm(p_values)
    return tuple(
        _judge(column, sample, distribution, p, corrected_p, plan)
        for (column, sample), distribution, p, corrected_p in zip(
            tested, distributions, p_values, corrected, strict=True
        )
    )


def _judge(
    column: Column, sample: Sample, distribution: Floats, p: float, corrected_p: float, plan: Plan
) -> Difference:
    base = column.samples[0]
    ours, theirs = sample.scores(), base.scores()
    paired = sample.system.seeds == base.system.seeds
    by_seed = ours - (theirs if paired else theirs.mean())
    difference = float(ours.mean() - theirs.mean())
    interval = find_interval(distribution, plan.level)
    margin = plan.margin_of(column.measure, float(theirs.mean()))
    significant = corrected_p < 1 - plan.level
    if interval.lies_within(margin):
        verdict = Verdict.EQUAL
    elif significant:
        better = (difference < 0) == column.measure.lower_is_better
        verdict = Verdict.BETTER if better else Verdict.WORSE
    else:
        verdict = Verdict.NOT_SHOWN
    return Difference(
        label=sample.system.label,
        measure=column.measure,
        difference=difference,
        interval=interval,
        by_seed=tuple(by_seed.tolist()),
        paired=paired,
        effect=standardise_difference(sample.values.mean(axis=0) - base.values.mean(axis=0)),
        p=p,
        corrected_p=corrected_p,
        margin=margin,
        significant=significant,
        verdict=verdict,
    )


def _find_seen(results: Sequence[Results]) -> frozenset[str]:
    """Take the trained languages where all runs that know them agree; else none."""
    known = {frozenset(each.info.trained_languages) for each in results if each.info.trained_languages}
    return known.pop() if len(known) == 1 else frozenset()


def _score_parts(column: Column, plan: Plan) -> list[PartScore]:
    """Average over the trained and the untrained languages apart."""
    base = column.samples[0]
    scores = []
    for part, cells in base.parts.items():
        if part == ALL:
            continue
        baseline_mean = float(base.scores(part).mean())
        for sample in column.samples:
            mean = float(sample.scores(part).mean())
            difference: float | None = None
            interval: Interval | None = None
            if sample is not base:
                difference = mean - baseline_mean
                interval = find_interval(sample.distribution(part) - base.distribution(part), plan.level)
            label = sample.system.label
            scores.append(PartScore(label, column.measure, part, len(cells), mean, difference, interval))
    return scores


def _list_languages(column: Column, languages: Sequence[str]) -> list[LanguageScore]:
    """Average over the cells of each query language."""
    known = name_cells(column.measure.setting, languages)
    scores = []
    for language in languages:
        cells = np.asarray(
            [place for place, cell in enumerate(column.cells) if known[cell][0] == language], dtype=np.intp
        )
        if len(cells):
            scores += [
                LanguageScore(
                    sample.system.label, column.measure, language, float(sample.by_seed(cells).mean())
                )
                for sample in column.samples
            ]
    return scores


def _list_published(benchmark: str, measures: Sequence[ComparedMeasure]) -> list[Reference]:
    """Collect the paper's figures for a benchmark, one reference per strategy and base model."""
    references = []
    for model in published_models(benchmark):
        for strategy in STRATEGIES:
            figures = {each: published_macro(model, benchmark, strategy, *each) for each in measures}
            scores = {measure: value for measure, value in figures.items() if value is not None}
            if scores:
                references.append(Reference(f"{strategy} (published, {model})", scores))
    return references


def _note_published(benchmark: str, languages: Sequence[str]) -> tuple[str, ...]:
    """Say where the paper's figures are missing, or are means over other languages."""
    theirs = published_languages(benchmark)
    if not theirs:
        return (f"The paper has no figures for {benchmark}.",)
    if theirs != set(languages):
        return (f"The published means are over other languages: {' '.join(sorted(theirs))}.",)
    return ()


def _list_notes(
    groups: dict[str, tuple[Results, ...]], systems: Sequence[System], measures: int, plan: Plan
) -> tuple[str, ...]:
    """Say what a reader must know to weigh these numbers."""
    base, *others = systems
    notes = [
        f"{system.label} and {base.label} have different seeds, so they are not paired by seed."
        for system in others
        if system.seeds != base.seeds
    ]
    notes += [
        f"{system.label} has one run: how trainings vary is not in its intervals."
        for system in systems
        if len(system.seeds) == 1
    ]
    tests = len(others) * measures
    least = min(1.0, 2 * tests / (plan.resamples + 1))
    if least >= 1 - plan.level:
        notes.append(
            f"With {plan.resamples} resamples and {tests} tests no corrected p can be below {least:.3f}; "
            "ask for more resamples."
        )
    known = {run.info.trained_languages for runs in groups.values() for run in runs} - {()}
    if len({frozenset(each) for each in known}) > 1:
        notes.append("Runs were trained on different languages, so seen and unseen ones are not split.")
    keys = {key for runs in groups.values() for run in runs for key in run.info.settings} - {UNIT_SETTING}
    differing = sorted(
        key
        for key in keys
        if len({run.info.settings.get(key) for runs in groups.values() for run in runs}) > 1
    )
    if differing:
        notes.append(f"Runs were evaluated with different settings: {', '.join(differing)}.")
    return tuple(notes)
