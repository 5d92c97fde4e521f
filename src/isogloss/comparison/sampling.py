"""Collect the values that a comparison is made of, and resample them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isogloss.comparison.agreement import check_same_questions, describe
from isogloss.comparison.model import ComparedMeasure, System
from isogloss.errors import ConfigError, ResultsError
from isogloss.results import MeasureTable, Results
from isogloss.significance import (
    average_cells,
    cross_factors,
    draw_question_weights,
    draw_seed_weights,
    resample_macro,
)
from isogloss.types import Setting

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

ALL, SEEN, UNSEEN = "all", "seen", "unseen"
"""Parts of the cells, by whether their languages were trained on."""


@dataclass(frozen=True)
class Plan:
    """Hold how to resample and judge."""

    margin: float
    rank_margin: float
    resamples: int
    seed: int
    level: float

    def __post_init__(self) -> None:
        if not (self.margin >= 0 and self.rank_margin >= 0):
            raise ConfigError(f"a margin must be at least 0, not {min(self.margin, self.rank_margin)}")
        if self.resamples < 100:
            raise ConfigError(f"at least 100 resamples are needed, not {self.resamples}")
        if self.seed < 0:
            raise ConfigError(f"the seed of the resampling must be at least 0, not {self.seed}")
        if not 0.5 < self.level < 1:
            raise ConfigError(f"the level of the intervals must lie between 0.5 and 1, not {self.level}")

    def margin_of(self, measure: ComparedMeasure, baseline_mean: float) -> float:
        """Give the margin in the unit of the measure."""
        return self.rank_margin * baseline_mean if measure.lower_is_better else self.margin


@dataclass(frozen=True)
class Sample:
    """Hold one system's values in one measure, and their resampled means."""

    system: System
    values: Floats  # [seeds, questions, cells]
    parts: Mapping[str, Places]  # part -> places of its cells
    resampled: Mapping[str, Floats]  # part -> [resamples], under resampled questions
    seed_weights: Floats  # [resamples, seeds]

    @cached_property
    def cell_means(self) -> Floats:
        """Average over questions: [seeds, cells]."""
        return average_cells(np.swapaxes(self.values, 1, 2))

    def by_seed(self, cells: Places) -> Floats:
        """Compute the macro mean of each seed over some cells: [seeds]."""
        return average_cells(self.cell_means[:, cells])

    def scores(self, part: str = ALL) -> Floats:
        """Compute the macro mean of each seed over a part: [seeds]."""
        return self.by_seed(self.parts[part])

    def distribution(self, part: str = ALL) -> Floats:
        """Give the macro mean of a part under every resample of questions and seeds: [resamples]."""
        return cross_factors(self.resampled[part], self.scores(part), self.seed_weights)


@dataclass(frozen=True)
class Column:
    """Hold all systems in one measure, the baseline first."""

    measure: ComparedMeasure
    cells: tuple[str, ...]
    questions: int
    samples: tuple[Sample, ...]


class Sampler:
    """Read measures of all systems and resample them with the same questions and seeds.

    Args:
        systems: The systems, the baseline first.
        runs: The results of each system's seeds.
        seen: Trained languages; empty when unknown.
        plan: How to resample.
    """

    def __init__(
        self, systems: Sequence[System], runs: Sequence[Sequence[Results]], seen: frozenset[str], plan: Plan
    ) -> None:
        self._systems = systems
        self._runs = runs
        self._seen = seen
        self._plan = plan
        self._seed_weights = [draw_seed_weights(each.seeds, plan.resamples, plan.seed) for each in systems]
        self._question_weights: dict[int, Floats] = {}

    def collect(self, measure: ComparedMeasure) -> Column:
        """Read one measure of all systems and resample it.

        Args:
            measure: The measure.

        Returns:
            Values and resampled means of every system.

        Raises:
            ResultsError: The systems were asked different questions, or no question counts.
        """
        tables = [[(run, _sort_questions(run.table(*measure))) for run in group] for group in self._runs]
        first = tables[0][0][1]
        for run, table in (pair for group in tables for pair in group):
            check_same_questions(first, table, describe(run.info))
        asked = ~np.isnan(first.values)
        rows, cells = np.flatnonzero(asked.any(axis=1)), np.flatnonzero(asked.any(axis=0))
        if not len(rows):
            raise ResultsError(f"no question counts for {measure}; leave that measure out")
        names = tuple(first.cells[place] for place in cells)
        parts = _split(measure.setting, names, self._runs[0][0].languages, self._seen)
        stacked = [np.stack([table.values[np.ix_(rows, cells)] for _, table in group]) for group in tables]
        samples = [
            Sample(system, values, parts, self._resample(values, parts), weights)
            for system, values, weights in zip(self._systems, stacked, self._seed_weights, strict=True)
        ]
        return Column(measure, names, len(rows), tuple(samples))

    def _resample(self, values: Floats, parts: Mapping[str, Places]) -> dict[str, Floats]:
        """Resample the questions of the seeds' average."""
        weights = self._weigh_questions(values.shape[1])
        average = values.mean(axis=0)
        return {part: resample_macro(average[:, places], weights) for part, places in parts.items()}

    def _weigh_questions(self, count: int) -> Floats:
        """Draw weights once for all measures that have as many questions."""
        if count not in self._question_weights:
            drawn = draw_question_weights(count, self._plan.resamples, self._plan.seed)
            self._question_weights[count] = drawn
        return self._question_weights[count]


def _sort_questions(table: MeasureTable) -> MeasureTable:
    """Order the rows by question id, so that the order of files cannot change a number."""
    order = sorted(range(len(table.questions)), key=table.questions.__getitem__)
    questions = tuple(table.questions[place] for place in order)
    return MeasureTable(table.setting, table.measure, questions, table.cells, table.values[order])


def name_cells(setting: Setting, languages: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Map every cell that a setting can have to its languages, the query's first."""
    if setting is Setting.CROSS:
        return {f"{query}-{passage}": (query, passage) for query in languages for passage in languages}
    return {language: (language,) for language in languages}


def _split(
    setting: Setting, cells: Sequence[str], languages: Sequence[str], seen: frozenset[str]
) -> dict[str, Places]:
    """Find the cells of all, of the trained and of the untrained languages."""
    known = name_cells(setting, languages)
    trained = np.asarray([seen.issuperset(known[cell]) for cell in cells])
    parts = {ALL: np.arange(len(cells))}
    if trained.any() and not trained.all():
        parts |= {SEEN: np.flatnonzero(trained), UNSEEN: np.flatnonzero(~trained)}
    return parts
