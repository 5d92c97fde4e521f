"""Estimate scores and differences from stored results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from isogloss.comparison.agreement import UNIT_SETTING, group_runs, share_settings
from isogloss.comparison.judgement import (
    FEWEST_QUESTIONS,
    is_testable,
    judge_languages,
    judge_systems,
    score,
    score_parts,
)
from isogloss.comparison.model import ComparedMeasure, Reference, System
from isogloss.comparison.references import note_published, refer_to_chance, refer_to_published
from isogloss.comparison.report import Comparison
from isogloss.comparison.sampling import Column, Plan, read_measure, resample
from isogloss.comparison.selection import choose_measures
from isogloss.errors import ConfigError
from isogloss.results import Measured


def compare(
    results: Sequence[Measured],
    baseline: str,
    *,
    measures: Sequence[ComparedMeasure] | None = None,
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
        measures: What to compare; with the labels they make the family of tests. The usual ones of the
            settings that all results have when not given.
        margin: Difference that counts as none, in the unit of the measures (0.005 mAP), at least 0.
        rank_margin: The same for measures in ranks, as a share of the baseline's mean, at least 0.
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
    if measures is not None and not measures:
        raise ConfigError("there is no measure to compare; name at least one")
    groups = group_runs(results, baseline)
    if measures is None:
        measures = choose_measures(share_settings(results))
    systems = tuple(describe_system(label, runs) for label, runs in groups.items())
    seen = find_seen(results, baseline)
    readings = [read_measure(measure, tuple(groups.values()), seen) for measure in measures]
    columns = resample(readings, systems, plan)
    by_language = tuple(each for column in columns for each in judge_languages(column, plan))
    first = groups[baseline][0]
    papers = refer_to_published(first.benchmark, measures) if published else []
    notes = (*_list_notes(groups, systems), *_note_tests(columns, len(systems) - 1, plan))
    if published:
        notes += note_published(first.benchmark, first.languages, papers)
    return Comparison(
        benchmark=first.benchmark,
        baseline=baseline,
        systems=systems,
        measures=tuple(measures),
        languages=first.languages,
        trained_languages=tuple(language for language in first.languages if language in seen),
        questions=max(each.questions for each in readings),
        resamples=resamples,
        seed=seed,
        level=level,
        margin=margin,
        rank_margin=rank_margin,
        scores=tuple(score(column, sample, plan) for column in columns for sample in column.samples),
        differences=judge_systems(columns, by_language, plan),
        parts=tuple(part for column in columns for part in score_parts(column, plan)),
        by_language=by_language,
        references=(refer_to_chance(first, measures), *references, *papers),
        notes=notes,
    )


def describe_system(label: str, runs: Sequence[Measured]) -> System:
    """Describe the runs of one label.

    Args:
        label: The label.
        runs: Its results, by seed.

    Returns:
        The system.
    """
    return System(
        label,
        seeds=tuple(run.info.seed for run in runs),
        models=tuple(run.info.model for run in runs),
        alpha=runs[0].info.alpha,
    )


def find_seen(results: Sequence[Measured], baseline: str) -> frozenset[str]:
    """Take the languages that the baseline was trained on; where nobody knows them, those of the others.

    Args:
        results: The results of all systems.
        baseline: Label of the baseline.

    Returns:
        Their codes; none where runs of the baseline, or of the others that have to stand for it, differ.
    """
    known = [each.info for each in results if each.info.trained_languages]
    known = [info for info in known if info.label == baseline] or known
    sets = {frozenset(info.trained_languages) for info in known}
    return sets.pop() if len(sets) == 1 else frozenset()


def note_seen(results: Sequence[Measured], baseline: str) -> tuple[str, ...]:
    """Say whose languages count as seen where systems were trained on different ones.

    Args:
        results: The results of all systems.
        baseline: Label of the baseline.

    Returns:
        A sentence, or nothing where all were trained on the same languages.
    """
    infos = [each.info for each in results if each.info.trained_languages]
    if len({frozenset(info.trained_languages) for info in infos}) < 2:
        return ()
    seen = find_seen(results, baseline)
    if not seen:
        return ("Runs were trained on different languages, so seen and unseen ones are not split.",)
    others = dict.fromkeys(info.label for info in infos if frozenset(info.trained_languages) != seen)
    whose = f"those of {baseline}'s training; others were trained on other languages"
    return (f"Seen languages are {whose}: {', '.join(others)}.",)


def _list_notes(groups: Mapping[str, Sequence[Measured]], systems: Sequence[System]) -> tuple[str, ...]:
    """Say what a reader must know of the runs to weigh these numbers."""
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
    infos = [run.info for runs in groups.values() for run in runs]
    notes += note_seen([run for runs in groups.values() for run in runs], base.label)
    keys = {key for info in infos for key in info.settings} - {UNIT_SETTING}
    differing = sorted(key for key in keys if len({info.settings.get(key) for info in infos}) > 1)
    if differing:
        notes.append(f"Runs were evaluated with different settings: {', '.join(differing)}.")
    # What is known of a leak goes into every table made from a model.
    said = (note for info in infos for note in info.notes if note.startswith("training data"))
    notes += dict.fromkeys(f"{note[:1].upper()}{note[1:]}." for note in said)
    return tuple(notes)


def _note_tests(columns: Sequence[Column], others: int, plan: Plan) -> tuple[str, ...]:
    """Say where tests cannot show anything: too few resamples, too few questions in a language."""
    notes = []
    tests = others * len(columns)
    tested = max(sum(is_testable(column, part) for part in column.languages()) for column in columns)
    for count, kind in (tests, "tests"), (tested, "languages"):
        least = min(1.0, 2 * count / (plan.resamples + 1))
        if not plan.is_significant(least):
            notes.append(
                f"With {plan.resamples} resamples and {count} {kind} no corrected p can be below "
                f"{least:.3f}; ask for more resamples."
            )
    untested = [part for column in columns for part in column.languages() if not is_testable(column, part)]
    names = dict.fromkeys(part.language for part in untested)
    if names:
        notes.append(
            f"Languages with fewer than {FEWEST_QUESTIONS} questions are not tested and count as ties: "
            f"{' '.join(names)}."
        )
    return tuple(notes)
