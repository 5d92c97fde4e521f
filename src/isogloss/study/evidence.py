"""What the finished cells of a study measured, question by question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from isogloss.comparison import ComparedMeasure, System
from isogloss.comparison.sampling import Column, Plan, read_measure, resample
from isogloss.results import RESULTS_FILE, Measured, MeasureTable, Results, RunInfo, read_results
from isogloss.study.folder import START, StudyFolder, read_provenance
from isogloss.study.grid import Cell, list_cells
from isogloss.study.settings import StudyBenchmark, StudyConfig
from isogloss.types import Setting

MAPS = tuple(ComparedMeasure(setting, "mAP") for setting in Setting)
RANK_DISTANCE = ComparedMeasure(Setting.MULTI, "rank distance")
NDCG = ComparedMeasure(Setting.MONO, "nDCG@10")
JUDGED = (*MAPS, RANK_DISTANCE, NDCG)
"""The measures that claims are about."""


class UndecidedError(Exception):
    """Say why a claim cannot be decided from what is there."""


class Extent(NamedTuple):
    """Count what a benchmark holds.

    Attributes:
        languages: Languages.
        questions: Distinct questions, translations counted once.
        parallel: Those that are asked in all of them, each time with a relevant passage in that language.
        fewest: The fewest languages that a question is so asked in.
        most: The most.
        mono: Monolingual settings: languages whose queries are ranked against passages of the same language.
        cross: Cross-lingual ones: ordered pairs of different languages.
    """

    languages: int
    questions: int
    parallel: int
    fewest: int
    most: int
    mono: int
    cross: int


@dataclass(frozen=True)
class Tables:
    """Hold the judged measures of one run, without its rankings, of which a study has too many to keep.

    Attributes:
        benchmark: The benchmark.
        info: The run.
        languages: Its languages.
        settings: The settings that were ranked.
        extent: What the benchmark holds.
        tables: The tables of the judged measures that the results have.
    """

    benchmark: str
    info: RunInfo
    languages: tuple[str, ...]
    settings: tuple[Setting, ...]
    extent: Extent
    tables: Mapping[ComparedMeasure, MeasureTable]

    def table(self, setting: Setting, measure: str) -> MeasureTable:
        """Give the table of a judged measure."""
        return self.tables[ComparedMeasure(setting, measure)]

    def chance(self, setting: Setting, measure: str) -> MeasureTable:
        """Say that chance levels are not kept: no claim is about them."""
        raise KeyError(setting, measure)


class Evidence:
    """Read the results of a study's cells, each once, and resample them.

    Args:
        study: The study.
        folder: Its folder.
    """

    def __init__(self, study: StudyConfig, folder: StudyFolder) -> None:
        self.study = study
        self.folder = folder
        margins = study.margins
        self.plan = Plan(margins.equal, 0.0, margins.resamples, margins.seed, margins.level)
        self._read: dict[Path, Tables | None] = {}
        self._columns: dict[tuple[object, ...], Column] = {}

    @property
    def encoders(self) -> list[str]:
        """List the encoders of the study."""
        return [each.name for each in self.study.encoders]

    def benchmarks(self, role: str) -> list[StudyBenchmark]:
        """List the benchmarks of a role."""
        return [each for each in self.study.benchmarks if each.role == role]

    def trained_cells(self) -> list[Cell]:
        """List the cells of the grid whose training is finished."""
        return [cell for cell in list_cells(self.study) if self.folder.run(cell).model.is_dir()]

    def provenance(self, cell: Cell) -> dict[str, object]:
        """Read where the model of a cell is from."""
        return read_provenance(self.folder.run(cell))

    def runs(self, encoder: str, benchmark: StudyBenchmark) -> dict[str, dict[int | None, Tables]]:
        """Read what was measured: label -> seed -> tables, the untrained start under its own label."""
        found: dict[str, dict[int | None, Tables]] = {}
        start = self._tables(self.folder.start_results(encoder, benchmark))
        if start is not None:
            found[START] = {None: start}
        for cell in list_cells(self.study):
            if cell.encoder == encoder:
                tables = self._tables(self.folder.run(cell).results / benchmark.results)
                if tables is not None:
                    found.setdefault(cell.label, {})[cell.seed] = tables
        return found

    def any_tables(self, benchmark: StudyBenchmark) -> Tables | None:
        """Read what some run measured on a benchmark; None where no run was."""
        for encoder in self.encoders:
            for runs in self.runs(encoder, benchmark).values():
                return next(iter(runs.values()))
        return None

    def column(
        self, encoder: str, benchmark: StudyBenchmark, measure: ComparedMeasure, labels: Sequence[str]
    ) -> Column:
        """Resample some systems in one measure, over the seeds that all of them have.

        Args:
            encoder: Name of the encoder.
            benchmark: The benchmark.
            measure: The measure.
            labels: The systems; the start has no seed and goes with any.

        Returns:
            The column, its samples in the order of the labels.

        Raises:
            UndecidedError: A system has fewer than two seeds in common with the others, or lacks the measure.
            ResultsError: The systems were asked different questions.
        """
        key = (encoder, benchmark.results, measure, *labels)
        if key not in self._columns:
            groups = self._group(encoder, benchmark, measure, labels)
            seen = {run.info.trained_languages for run in groups[labels[0]]}
            trained = frozenset(seen.pop()) if len(seen) == 1 else frozenset()
            reading = read_measure(measure, list(groups.values()), trained)
            systems = [
                System(
                    label, tuple(run.info.seed for run in runs), tuple(run.info.model for run in runs), None
                )
                for label, runs in groups.items()
            ]
            (self._columns[key],) = resample([reading], systems, self.plan)
        return self._columns[key]

    def _group(
        self, encoder: str, benchmark: StudyBenchmark, measure: ComparedMeasure, labels: Sequence[str]
    ) -> dict[str, list[Measured]]:
        """Take the runs of some systems with the seeds that all have."""
        runs = self.runs(encoder, benchmark)
        for label in labels:
            if label not in runs:
                raise UndecidedError(self._explain_absence(encoder, benchmark, label))
            if any(measure not in each.tables for each in runs[label].values()):
                raise UndecidedError(f"{benchmark.results} has no {measure}")
        trained = [label for label in labels if label != START]
        seeds = set.intersection(*(set(runs[label]) for label in trained))
        if len(seeds) < 2:
            listed = ", ".join(f"{label}: {len(runs[label])}" for label in trained)
            raise UndecidedError(
                f"it takes at least two seeds that all systems have, to tell how trainings vary ({listed} on "
                f"{benchmark.results})"
            )
        order = [seed for seed in self.study.grid.seeds if seed in seeds]
        return {
            label: [runs[label][None]] if label == START else [runs[label][seed] for seed in order]
            for label in labels
        }

    def _explain_absence(self, encoder: str, benchmark: StudyBenchmark, label: str) -> str:
        if reason := self.folder.read_failure(f"encoder {encoder}"):
            return f"encoder {encoder} is not available: {reason}"
        if label != START and label not in {cell.label for cell in list_cells(self.study)}:
            return f"the study has no runs of {label}"
        return f"no run of {label} with {encoder} is measured on {benchmark.results} yet"

    def _tables(self, folder: Path) -> Tables | None:
        if folder not in self._read:
            there = (folder / RESULTS_FILE).is_file()
            self._read[folder] = _reduce(read_results(folder)) if there else None
        return self._read[folder]


def _reduce(results: Measured) -> Tables:
    """Keep the judged tables of a run alone; without translations no question has a rank distance."""
    tables = {}
    if isinstance(results, Results):
        there = {each: results.table(*each) for each in JUDGED if each.setting in results.settings}
        tables = {measure: table for measure, table in there.items() if not np.isnan(table.values).all()}
    return Tables(
        results.benchmark,
        results.info,
        results.languages,
        results.settings,
        _count(results),
        tables,
    )


def _count(results: Measured) -> Extent:
    """Count what a benchmark holds."""
    if not isinstance(results, Results):
        return Extent(len(results.languages), 0, 0, 0, 0, 0, 0)
    mono = results.table(Setting.MONO, "mAP") if Setting.MONO in results.settings else None
    cross = results.table(Setting.CROSS, "mAP") if Setting.CROSS in results.settings else None
    asked = np.zeros(1, dtype=np.int64) if mono is None else (~np.isnan(mono.values)).sum(axis=1)
    return Extent(
        languages=len(results.languages),
        questions=len(set(results.query_ids)),
        parallel=int((asked == len(results.languages)).sum()),
        fewest=int(asked.min()),
        most=int(asked.max()),
        mono=len(mono.cells) if mono else 0,
        cross=len(cross.cells) if cross else 0,
    )
