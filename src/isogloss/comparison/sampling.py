"""Read the values that a comparison is made of, and resample them.

A table of all language pairs has thousands of columns, so no more than a few tables are held at once: each
is reduced to its means and to one sum per question and group of cells before the next is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isogloss.comparison.agreement import Asked, check_same_questions, describe, list_asked
from isogloss.comparison.model import ComparedMeasure, System
from isogloss.errors import ConfigError, ResultsError
from isogloss.results import Measured, MeasureTable, name_cells
from isogloss.significance import (
    CellPool,
    average_cells,
    cross_factors,
    draw_question_weights,
    draw_seed_weights,
)

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_BLOCK = 1 << 21
"""Most numbers in a block of resampled weights or sums: 16 MiB."""


class Part(NamedTuple):
    """Name some of the cells: all, those of trained or of untrained languages, those of a query language.

    Further parts are named by who asks for them (see `read_measure`).
    """

    kind: str
    language: str = ""


ALL, SEEN, UNSEEN = Part("all"), Part("seen"), Part("unseen")
_LANGUAGE = "language"

Splitter: TypeAlias = Callable[[Sequence[tuple[str, ...]]], Mapping[Part, Mask]]
"""Takes the languages of every cell, the query's first; says which cells belong to which part."""


class Extent(NamedTuple):
    """Count what a part covers."""

    cells: int
    questions: int


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
        return self.rank_margin * baseline_mean if measure.in_ranks else self.margin

    def is_significant(self, corrected_p: float) -> bool:
        """Say whether a corrected p-value is small enough to claim a difference."""
        return corrected_p < 1 - self.level


@dataclass(frozen=True)
class Sample:
    """Hold one system's means in one measure, as measured and resampled."""

    system: System
    by_question: Floats  # [questions]: mean over seeds and cells
    by_seed: Mapping[Part, Floats]  # part -> [seeds], macro means
    resampled: Mapping[Part, Floats]  # part -> [resamples], under resampled questions
    seed_weights: Floats  # [resamples, seeds]

    def distribution(self, part: Part = ALL, spread: Floats | None = None) -> Floats:
        """Give the macro mean of a part under every resample of questions and seeds: [resamples].

        ``spread`` multiplies what the questions do, see `isogloss.significance.draw_spread`.
        """
        resampled = self.resampled[part]
        if spread is not None:
            mean = self.by_seed[part].mean()
            resampled = mean + (resampled - mean) * spread
        return cross_factors(resampled, self.by_seed[part], self.seed_weights)


@dataclass(frozen=True)
class Column:
    """Hold all systems in one measure, the baseline first."""

    measure: ComparedMeasure
    extents: Mapping[Part, Extent]
    samples: tuple[Sample, ...]

    def languages(self) -> list[Part]:
        """List the parts that are query languages."""
        return [part for part in self.extents if part.kind == _LANGUAGE]


class Means(NamedTuple):
    """Hold what is kept of one system's tables of a measure."""

    sums: Floats  # [questions, pools], the seeds' average
    by_question: Floats  # [questions]
    by_seed: Mapping[Part, Floats]  # part -> [seeds]


@dataclass(frozen=True)
class Reading:
    """Hold one measure of all systems, before it is resampled."""

    measure: ComparedMeasure
    extents: Mapping[Part, Extent]
    pool: CellPool
    systems: tuple[Means, ...]

    @property
    def questions(self) -> int:
        """Count the questions."""
        return self.extents[ALL].questions


class _Layout(NamedTuple):
    """Say what all tables of a measure have in common."""

    asked: Asked
    rows: NDArray[np.intp]  # questions that count
    columns: NDArray[np.intp]  # cells that count
    parts: Mapping[Part, Mask]  # part -> which of these cells
    pool: CellPool


def read_measure(
    measure: ComparedMeasure,
    runs: Sequence[Sequence[Measured]],
    seen: frozenset[str],
    split_further: Splitter | None = None,
) -> Reading:
    """Read one measure of all systems, a table at a time.

    Args:
        measure: The measure.
        runs: The results of each system's seeds.
        seen: Trained languages; empty when unknown.
        split_further: Says which cells belong to parts beside the usual ones; a part without cells is left
            out.

    Returns:
        The means, and what resampling needs.

    Raises:
        ResultsError: The systems were asked different questions, or no question counts.
    """
    layout = _lay_out(measure, runs[0][0], seen, split_further)
    asked = layout.asked.where[np.ix_(layout.rows, layout.columns)]
    extents = {
        part: Extent(int(cells.sum()), int(asked[:, cells].any(axis=1).sum()))
        for part, cells in layout.parts.items()
    }
    systems = tuple(_read_system(measure, group, layout) for group in runs)
    return Reading(measure, extents, layout.pool, systems)


def _lay_out(
    measure: ComparedMeasure, results: Measured, seen: frozenset[str], split_further: Splitter | None
) -> _Layout:
    """Find out what is asked, from the table of one run."""
    asked = list_asked(_sort_questions(results.table(*measure)))
    rows, columns = (np.flatnonzero(asked.where.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        raise ResultsError(f"no question counts for {measure}; leave that measure out")
    names = [asked.cells[place] for place in columns]
    known = name_cells(measure.setting, results.languages)
    cells = [known[name] for name in names]
    parts = _split(cells, results.languages, seen)
    if split_further is not None:
        parts |= {part: mask for part, mask in split_further(cells).items() if mask.any()}
    pool = CellPool(asked.where[np.ix_(rows, columns)], np.stack(list(parts.values())))
    return _Layout(asked, rows, columns, parts, pool)


def _read_system(measure: ComparedMeasure, runs: Sequence[Measured], layout: _Layout) -> Means:
    """Average one system's tables over the seeds, and each of them over the questions."""
    average = np.zeros((len(layout.rows), len(layout.columns)))
    cell_means = np.empty((len(runs), len(layout.columns)))
    for place, run in enumerate(runs):
        table = _sort_questions(run.table(*measure))
        check_same_questions(layout.asked, table, describe(run.info))
        values = table.values[np.ix_(layout.rows, layout.columns)]
        del table  # up to 130 MB
        cell_means[place] = average_cells(values.T)
        values /= len(runs)
        average += values
    by_seed = {part: average_cells(cell_means[:, cells]) for part, cells in layout.parts.items()}
    return Means(layout.pool.add_up(average), average_cells(average), by_seed)


def resample(readings: Sequence[Reading], systems: Sequence[System], plan: Plan) -> list[Column]:
    """Resample all measures with the same questions and seeds.

    Args:
        readings: The measures.
        systems: The systems, the baseline first.
        plan: How to resample.

    Returns:
        A column per measure, in their order.
    """
    drawn = [np.empty((len(systems), len(each.extents), plan.resamples)) for each in readings]
    for questions in {each.questions for each in readings}:
        alike = [place for place, each in enumerate(readings) if each.questions == questions]
        widest = max(questions, *(readings[place].pool.pools for place in alike))
        start = 0
        block = max(1, _BLOCK // widest)
        for weights in draw_question_weights(questions, plan.resamples, plan.seed, block):
            end = start + len(weights)
            for place in alike:
                each = readings[place]
                sums = [system.sums for system in each.systems]
                drawn[place][:, :, start:end] = each.pool.average(sums, weights)
            start = end
    seeds = [draw_seed_weights(each.seeds, plan.resamples, plan.seed) for each in systems]
    columns = []
    for each, tables in zip(readings, drawn, strict=True):
        samples = (
            Sample(
                system, means.by_question, means.by_seed, dict(zip(each.extents, table, strict=True)), weights
            )
            for system, means, table, weights in zip(systems, each.systems, tables, seeds, strict=True)
        )
        columns.append(Column(each.measure, each.extents, tuple(samples)))
    return columns


def _sort_questions(table: MeasureTable) -> MeasureTable:
    """Order the rows by question id, so that the order of files cannot change a number."""
    order = sorted(range(len(table.questions)), key=table.questions.__getitem__)
    if order == list(range(len(order))):
        return table
    questions = tuple(table.questions[place] for place in order)
    return MeasureTable(table.setting, table.measure, questions, table.cells, table.values[order])


def _split(
    cells: Sequence[tuple[str, ...]], languages: Sequence[str], seen: frozenset[str]
) -> dict[Part, Mask]:
    """Mark the cells of all, of the trained and the untrained languages, and of each query language."""
    trained = np.asarray([seen.issuperset(cell) for cell in cells])
    parts = {ALL: np.ones(len(cells), dtype=np.bool_)}
    if trained.any() and not trained.all():
        parts |= {SEEN: trained, UNSEEN: ~trained}
    queries = np.asarray([cell[0] for cell in cells])
    parts |= {Part(_LANGUAGE, each): queries == each for each in languages if (queries == each).any()}
    return parts
