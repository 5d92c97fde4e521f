"""Score every language pair and group of pairs, and say where a system helps or hurts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.comparison.agreement import group_runs
from isogloss.comparison.estimation import describe_system, find_seen, note_seen
from isogloss.comparison.judgement import FEWEST_QUESTIONS, is_testable, name_outcome, resample_difference
from isogloss.comparison.model import ComparedMeasure, LanguageTest, Outcome, System
from isogloss.comparison.sampling import Column, Part, Plan, read_measure, resample
from isogloss.results import Measured, name_cells
from isogloss.significance import Interval, correct_by_holm, find_interval, find_p
from isogloss.transfer.groups import Group, Grouping, group_pair
from isogloss.transfer.pair_measures import choose_pair_measures
from isogloss.types import LanguagePair, Setting

_PAIR = "pair"
_NUMBERS = 1 << 25
"""Most resampled numbers in memory: 256 MiB."""


@dataclass(frozen=True)
class PairScore:
    """Hold a system's mean in one language pair.

    Attributes:
        label: The system.
        pair: Query and passage language; the same one twice in the monolingual setting.
        questions: Number of questions that count.
        mean: Mean over seeds.
        test: Difference to the baseline; None for the baseline itself.
    """

    label: str
    pair: LanguagePair
    questions: int
    mean: float
    test: LanguageTest | None


@dataclass(frozen=True)
class GroupScore:
    """Hold a system's mean in a group of pairs; described, not tested.

    Attributes:
        label: The system.
        setting: The monolingual or the cross-lingual one.
        group: The group.
        pairs: Number of its pairs.
        mean: Mean over seeds of the mean over its pairs.
        difference: To the baseline; None for the baseline itself.
        interval: Interval of the difference over questions and seeds; None for the baseline itself.
        outcomes: Its pairs by outcome of their own corrected tests; empty for the baseline itself.
        leanings: The same without the correction: pairs whose own interval lies off zero, or does not.
    """

    label: str
    setting: Setting
    group: Group
    pairs: int
    mean: float
    difference: float | None
    interval: Interval | None
    outcomes: Mapping[Outcome, int]
    leanings: Mapping[Outcome, int]


@dataclass(frozen=True)
class PairComparison:
    """Hold the scores of all pairs and groups on one benchmark.

    Attributes:
        benchmark: The benchmark.
        measure: The measure of every pair.
        baseline: Label of the baseline.
        systems: The systems, the baseline first.
        languages: Languages of the benchmark.
        trained: Languages of the retrieval training; empty when unknown.
        level: Level of the intervals; tests are at 1 - level.
        resamples: Number of resamples.
        pairs: One score per pair and system.
        groups: One score per setting, group and system.
        notes: What a reader must know to weigh the numbers.
    """

    benchmark: str
    measure: str
    baseline: str
    systems: tuple[System, ...]
    languages: tuple[str, ...]
    trained: tuple[str, ...]
    level: float
    resamples: int
    pairs: tuple[PairScore, ...]
    groups: tuple[GroupScore, ...]
    notes: tuple[str, ...]

    def candidates(self) -> tuple[str, ...]:
        """List the labels of the systems other than the baseline."""
        return tuple(system.label for system in self.systems[1:])

    def list_pairs(self, setting: Setting) -> tuple[LanguagePair, ...]:
        """List the pairs of the monolingual or of the cross-lingual setting."""
        mono = setting is Setting.MONO
        found = dict.fromkeys(each.pair for each in self.pairs)
        return tuple(pair for pair in found if (pair.query == pair.passage) == mono)

    def means(self, label: str) -> dict[LanguagePair, float]:
        """Give a system's mean in every pair."""
        return {each.pair: each.mean for each in self.pairs if each.label == label}


class _PairColumn(NamedTuple):
    """Hold some pairs of one measure, resampled; the first column of a measure has its groups as well."""

    column: Column
    pairs: Mapping[Part, LanguagePair]
    groups: Mapping[Part, Group]


def compare_pairs(
    results: Sequence[Measured],
    baseline: str,
    *,
    measure: str | None = None,
    resamples: int = 20_000,
    seed: int = 0,
    level: float = 0.95,
) -> PairComparison:
    """Score every language pair and group of pairs, and test each pair against the baseline.

    All pairs of one system, monolingual ones included, are one family of Holm's correction. Intervals are
    over questions and seeds, as in `isogloss.comparison`.

    Args:
        results: Results on the same benchmark files, in any order.
        baseline: Label of the system that the others are compared with.
        measure: Measure of the monolingual and the cross-lingual setting; mAP, or accuracy of sentences, when
            not given.
        resamples: Number of resamples, at least 100.
        seed: Start of the random stream, at least 0.
        level: Level of the intervals, between 0.5 and 1; tests are at 1 - level.

    Returns:
        The scores; the same arguments give the same numbers, in whatever order the results come.

    Raises:
        ResultsError: The results do not belong together, the baseline is unknown, or no pairs were ranked.
        ConfigError: A number is out of range, or the measure is unknown or not one of pairs.

    Source: `isogloss.significance` names the methods and their papers; the groups are ours.
    """
    plan = Plan(0.0, 0.0, resamples, seed, level)
    runs = group_runs(results, baseline)
    systems = tuple(describe_system(label, group) for label, group in runs.items())
    measures = choose_pair_measures(results, measure)
    trained = find_seen(results, baseline)
    columns = [
        column
        for each in measures
        for column in _resample(each, tuple(runs.values()), systems, trained, plan)
    ]
    first = runs[baseline][0]
    tests = _test_pairs(columns, plan)
    pairs = tuple(
        PairScore(
            sample.system.label,
            pair,
            each.column.extents[part].questions,
            float(sample.by_seed[part].mean()),
            tests.get((sample.system.label, pair)),
        )
        for each in columns
        for part, pair in each.pairs.items()
        for sample in each.column.samples
    )
    return PairComparison(
        benchmark=first.benchmark,
        measure=measures[0].measure,
        baseline=baseline,
        systems=systems,
        languages=first.languages,
        trained=tuple(sorted(trained)),
        level=level,
        resamples=resamples,
        pairs=pairs,
        groups=tuple(score for each in columns for score in _score_groups(each, tests, trained, plan)),
        notes=(*_list_notes(pairs, systems, plan), *note_seen(results, baseline)),
    )


def _resample(
    measure: ComparedMeasure,
    runs: Sequence[Sequence[Measured]],
    systems: Sequence[System],
    trained: frozenset[str],
    plan: Plan,
) -> Iterator[_PairColumn]:
    """Resample all pairs in one measure, as many at a time as memory allows; groups come with the first."""
    names = name_cells(measure.setting, runs[0][0].languages)
    pairs = [_as_pair(names[cell]) for cell in runs[0][0].table(*measure).cells]
    step = max(1, _NUMBERS // (len(systems) * plan.resamples))
    for start in range(0, len(pairs), step):
        block = {Part(_PAIR, str(pair)): pair for pair in pairs[start : start + step]}
        groups = {
            Part(group.grouping, group.name): group
            for pair in (pairs if start == 0 else ())
            for group in group_pair(pair, trained)
        }
        split = partial(_split, block=block, groups=groups, trained=trained)
        (column,) = resample([read_measure(measure, runs, frozenset(), split)], systems, plan)
        yield _PairColumn(
            column,
            {part: block[part] for part in column.extents if part in block},
            {part: groups[part] for part in column.extents if part in groups},
        )


def _split(
    cells: Sequence[tuple[str, ...]],
    *,
    block: Mapping[Part, LanguagePair],
    groups: Mapping[Part, Group],
    trained: frozenset[str],
) -> dict[Part, NDArray[np.bool_]]:
    """Make each pair of a block a part, and each group of pairs."""
    members: dict[Part, list[int]] = {}
    for place, pair in enumerate(map(_as_pair, cells)):
        parts = [
            Part(_PAIR, str(pair)),
            *(Part(each.grouping, each.name) for each in group_pair(pair, trained)),
        ]
        for part in parts:
            if part in block or part in groups:
                members.setdefault(part, []).append(place)
    order = [part for part in (*block, *groups) if part in members]
    return {part: np.isin(np.arange(len(cells)), members[part]) for part in order}


def _as_pair(languages: tuple[str, ...]) -> LanguagePair:
    return LanguagePair(languages[0], languages[-1])


def _test_pairs(columns: Sequence[_PairColumn], plan: Plan) -> dict[tuple[str, LanguagePair], LanguageTest]:
    """Test every candidate in every pair; all pairs of a candidate are one family."""
    tests: dict[tuple[str, LanguagePair], LanguageTest] = {}
    for number in range(1, len(columns[0].column.samples)):
        found = [
            (pair, each.column, *_test_pair(each.column, number, part, plan))
            for each in columns
            for part, pair in each.pairs.items()
        ]
        raw = [p for *_, p in found if p is not None]
        corrected = iter(correct_by_holm(raw))
        for pair, column, difference, interval, p in found:
            holm = None if p is None else next(corrected)
            shown = holm is not None and plan.is_significant(holm)
            outcome = name_outcome(difference, column.measure) if shown else Outcome.TIE
            label = column.samples[number].system.label
            tests[label, pair] = LanguageTest(difference, interval, p, holm, outcome)
    return tests


def _test_pair(
    column: Column, number: int, part: Part, plan: Plan
) -> tuple[float, Interval | None, float | None]:
    """Give the difference of one candidate in one pair; no interval where questions are too few."""
    sample = column.samples[number]
    difference = float(sample.by_seed[part].mean() - column.samples[0].by_seed[part].mean())
    if not is_testable(column, part):
        return difference, None, None
    distribution = resample_difference(column, sample, part, plan)
    return difference, find_interval(distribution, plan.level), find_p(distribution)


def _score_groups(
    found: _PairColumn,
    tests: Mapping[tuple[str, LanguagePair], LanguageTest],
    trained: frozenset[str],
    plan: Plan,
) -> Iterator[GroupScore]:
    """Average over the pairs of each group, ways to group in their order, groups by name."""
    column, setting = found.column, found.column.measure.setting
    base = column.samples[0]
    order = list(Grouping)
    for part, group in sorted(
        found.groups.items(), key=lambda each: (order.index(each[1].grouping), each[1].name)
    ):
        for sample in column.samples:
            label, mean = sample.system.label, float(sample.by_seed[part].mean())
            difference: float | None = None
            interval: Interval | None = None
            if sample is not base:
                difference = mean - float(base.by_seed[part].mean())
                interval = find_interval(sample.distribution(part) - base.distribution(part), plan.level)
            own = [
                test
                for (tested, pair), test in tests.items()
                if tested == label
                and (pair.query == pair.passage) == (setting is Setting.MONO)
                and group in group_pair(pair, trained)
            ]
            yield GroupScore(
                label,
                setting,
                group,
                column.extents[part].cells,
                mean,
                difference,
                interval,
                Counter(test.outcome for test in own),
                Counter(_lean(test, column.measure) for test in own),
            )


def _lean(test: LanguageTest, measure: ComparedMeasure) -> Outcome:
    """Say on which side of zero the uncorrected interval lies; a tie where zero is inside."""
    if test.interval is None or test.interval.low <= 0.0 <= test.interval.high:
        return Outcome.TIE
    return name_outcome(test.difference, measure)


def _list_notes(pairs: Sequence[PairScore], systems: Sequence[System], plan: Plan) -> tuple[str, ...]:
    """Say where tests cannot show anything."""
    notes = [
        f"{system.label} has one run: how trainings vary is not in its intervals."
        for system in systems
        if len(system.seeds) == 1
    ]
    notes += [
        f"{system.label} and {systems[0].label} have different seeds, so they are not paired by seed."
        for system in systems[1:]
        if system.seeds != systems[0].seeds
    ]
    tests = [each.test for each in pairs if each.label == systems[1].label and each.test]
    count = sum(test.p is not None for test in tests)
    least = min(1.0, 2 * count / (plan.resamples + 1))
    if count and not plan.is_significant(least):
        notes.append(
            f"With {plan.resamples} resamples and {count} pairs no corrected p can be below {least:.3f}, so "
            "no pair can count as helped or hurt; ask for more resamples."
        )
    if count < len(tests):
        notes.append(
            f"{len(tests) - count} pairs with fewer than {FEWEST_QUESTIONS} questions are not tested and "
            "count as ties."
        )
    return tuple(notes)
