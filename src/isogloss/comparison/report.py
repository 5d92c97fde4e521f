"""The result of a comparison, and its ways to be written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from isogloss.comparison.document import (
    describe_difference,
    describe_language,
    describe_part,
    describe_reference,
    describe_score,
    describe_system,
)
from isogloss.comparison.grid import Cell, Grid, write_latex, write_markdown, write_text
from isogloss.comparison.model import (
    ComparedMeasure,
    Difference,
    LanguageScore,
    PartScore,
    Reference,
    Score,
    System,
)
from isogloss.significance import Interval

FORMAT = "isogloss-comparison"
VERSION = 1


@dataclass(frozen=True)
class Comparison:
    """Hold everything that was compared on one benchmark.

    Attributes:
        benchmark: Name of the benchmark.
        baseline: Label of the baseline.
        systems: The systems, the baseline first.
        measures: The measures, one column each.
        languages: Languages of the benchmark.
        trained_languages: Those of them that the systems were trained on; empty when unknown.
        questions: Number of distinct questions (translations count once).
        resamples: Number of resamples.
        seed: Start of the random stream.
        level: Level of the intervals.
        margin: Difference that counts as none.
        rank_margin: The same for rank distance, as a share of the baseline's mean.
        scores: One per measure and system.
        differences: One per measure and system other than the baseline: the family of tests.
        parts: Means over seen and unseen languages; empty when these are unknown or one of them is empty.
        by_language: Means per query language.
        references: Figures to show beside, never tested.
        notes: What a reader must know to weigh the numbers.
    """

    benchmark: str
    baseline: str
    systems: tuple[System, ...]
    measures: tuple[ComparedMeasure, ...]
    languages: tuple[str, ...]
    trained_languages: tuple[str, ...]
    questions: int
    resamples: int
    seed: int
    level: float
    margin: float
    rank_margin: float
    scores: tuple[Score, ...]
    differences: tuple[Difference, ...]
    parts: tuple[PartScore, ...]
    by_language: tuple[LanguageScore, ...]
    references: tuple[Reference, ...]
    notes: tuple[str, ...]

    @property
    def family(self) -> str:
        """Say which tests Holm's correction covers."""
        others, measures = len(self.systems) - 1, len(self.measures)
        return (
            f"{len(self.differences)} tests: {_count(others, 'system')} against {self.baseline} "
            f"in {_count(measures, 'measure')} on {self.benchmark}"
        )

    def score(self, label: str, measure: ComparedMeasure) -> Score:
        """Look up a system's score.

        Args:
            label: Label of the system.
            measure: One of the measures.

        Returns:
            The score.

        Raises:
            KeyError: There is none.
        """
        for each in self.scores:
            if (each.label, each.measure) == (label, measure):
                return each
        raise KeyError(label, measure)

    def difference(self, label: str, measure: ComparedMeasure) -> Difference:
        """Look up a system's difference to the baseline.

        Args:
            label: Label of a system other than the baseline.
            measure: One of the measures.

        Returns:
            The difference.

        Raises:
            KeyError: There is none.
        """
        for each in self.differences:
            if (each.label, each.measure) == (label, measure):
                return each
        raise KeyError(label, measure)

    def to_text(self, per_language: bool = False) -> str:
        """Write the comparison for a terminal.

        Args:
            per_language: Whether to add a table with the means of each query language.

        Returns:
            Lines of text.
        """
        return self._write(write_text, per_language)

    def to_headline(self) -> str:
        """Write the scores alone for a terminal: all languages, then seen and unseen ones apart.

        Returns:
            Lines of text.
        """
        grids = [self._score_grid()]
        if self.parts:
            grids.append(self._part_score_grid())
        return "\n".join(map(write_text, grids))

    def to_markdown(self, per_language: bool = False) -> str:
        """Write the comparison as Markdown tables.

        Args:
            per_language: Whether to add a table with the means of each query language.

        Returns:
            Markdown.
        """
        return self._write(write_markdown, per_language)

    def to_latex(self, per_language: bool = False) -> str:
        """Write the comparison as LaTeX tables with booktabs rules.

        Args:
            per_language: Whether to add a table with the means of each query language.

        Returns:
            LaTeX for UTF-8 documents that use the package booktabs.
        """
        return "% needs \\usepackage{booktabs}\n" + self._write(write_latex, per_language)

    def to_json(self) -> str:
        """Write every number of the comparison as one JSON object, per-language means included.

        Returns:
            JSON; docs/comparison.md lists the keys. An infinite effect is null.
        """
        document = {
            "format": FORMAT,
            "version": VERSION,
            "benchmark": self.benchmark,
            "baseline": self.baseline,
            "languages": self.languages,
            "trained_languages": self.trained_languages,
            "questions": self.questions,
            "resamples": self.resamples,
            "seed": self.seed,
            "level": self.level,
            "margin": self.margin,
            "rank_margin": self.rank_margin,
            "family": self.family,
            "systems": [describe_system(each) for each in self.systems],
            "scores": [describe_score(each) for each in self.scores],
            "differences": [describe_difference(each) for each in self.differences],
            "parts": [describe_part(each) for each in self.parts],
            "by_language": [describe_language(each) for each in self.by_language],
            "references": [describe_reference(each) for each in self.references],
            "notes": self.notes,
        }
        return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    def _write(self, write: Callable[[Grid], str], per_language: bool) -> str:
        grids = [self._score_grid(), self._difference_grid()]
        if self.parts:
            grids.append(self._part_grid())
        if per_language:
            grids += [self._language_grid(measure) for measure in self.measures]
        return "\n".join(map(write, grids))

    def _score_grid(self) -> Grid:
        """Lay out systems x measures, the references below a rule."""
        rows = [
            (
                Cell(system.label, detail=_count_runs(system)),
                *(self._score_cell(system.label, measure) for measure in self.measures),
            )
            for system in self.systems
        ]
        rows += [
            (Cell(each.label), *(_reference_cell(each, measure) for measure in self.measures))
            for each in self.references
        ]
        title = (
            f"{self.benchmark}: means over {_count(len(self.languages), 'language')}, "
            f"{_count(self.questions, 'question')} and the seeds, with {self._percent} intervals"
        )
        notes = (
            f"* differs from {self.baseline} (Holm-corrected p < {1 - self.level:.3g}); "
            "= equal within the margin.",
            "Rows without an interval (chance, published figures) are shown beside, never tested.",
        )
        header = ("system", *map(_title, self.measures))
        return Grid(title, header, tuple(rows), notes, frozenset({len(self.systems)}))

    @property
    def _percent(self) -> str:
        return f"{100 * self.level:.4g} %"

    def _score_cell(self, label: str, measure: ComparedMeasure) -> Cell:
        score = self.score(label, measure)
        means = [each.mean for each in self.scores if each.measure == measure]
        best = min(means) if measure.lower_is_better else max(means)
        return Cell(
            _write_score(measure, score.mean),
            marks="" if label == self.baseline else self.difference(label, measure).marks,
            detail=_write_interval(measure, score.interval, signed=False),
            bold=score.mean == best,
        )

    def _difference_grid(self) -> Grid:
        """Lay out one row per test."""
        header = ("system", "measure", "difference", f"{self._percent} interval", "seeds", "p", "Holm p")
        rows = tuple(
            (
                Cell(each.label),
                Cell(_title(each.measure)),
                Cell(_write_score(each.measure, each.difference, signed=True), marks=each.marks),
                Cell(_write_interval(each.measure, each.interval, signed=True)),
                Cell(each.signs),
                Cell(_write_p(each.p)),
                Cell(_write_p(each.corrected_p)),
                Cell(_write_effect(each.effect)),
                Cell(str(each.verdict)),
            )
            for system in self.systems[1:]
            for each in self.differences
            if each.label == system.label
        )
        notes = (
            f"Family of the Holm correction: {self.family}.",
            f"Intervals and p: {self.resamples:,} resamples of questions x seeds (seed {self.seed}).",
            f"Equal: the whole interval lies within ±{self.margin:g}; for rank distance (lower is better) "
            f"within ±{100 * self.rank_margin:g} % of the baseline's.",
            "Seeds: sign of each seed's difference. Effect: mean difference in standard deviations over "
            "questions.",
            *self.notes,
        )
        groups = frozenset(len(self.measures) * number for number in range(1, len(self.systems) - 1))
        title = f"{self.benchmark}: difference to {self.baseline}"
        return Grid(title, (*header, "effect", "verdict"), rows, notes, groups)

    def _part_grid(self) -> Grid:
        """Lay out trained and untrained languages apart."""
        rows = []
        for each in self.parts:
            difference = interval = ""
            if each.difference is not None and each.interval is not None:
                difference = _write_score(each.measure, each.difference, signed=True)
                interval = _write_interval(each.measure, each.interval, signed=True)
            rows.append(
                (
                    Cell(_title(each.measure)),
                    Cell(f"{each.part} ({each.cells})"),
                    Cell(each.label),
                    Cell(_write_score(each.measure, each.mean)),
                    Cell(difference),
                    Cell(interval),
                )
            )
        trained = " ".join(self.trained_languages)
        notes = (
            f"Seen: trained on ({trained}), both languages of a cross-lingual pair; unseen: at least one is "
            "not. In brackets the number of languages or pairs. Described, not tested.",
        )
        header = ("measure", "languages", "system", "mean", "difference", f"{self._percent} interval")
        step = len(self.systems)
        ruled = frozenset(range(step, len(rows), step))
        return Grid(f"{self.benchmark}: seen and unseen languages", header, tuple(rows), notes, ruled)

    def _part_score_grid(self) -> Grid:
        """Lay out systems x measures, seen and unseen languages below each other."""
        means = {(each.part, each.label, each.measure): each.mean for each in self.parts}
        names = list(dict.fromkeys(each.part for each in self.parts))
        rows = tuple(
            (
                Cell(name),
                Cell(system.label),
                *(
                    Cell(_write_score(measure, means[name, system.label, measure]))
                    if (name, system.label, measure) in means
                    else Cell("")
                    for measure in self.measures
                ),
            )
            for name in names
            for system in self.systems
        )
        header = ("languages", "system", *map(_title, self.measures))
        ruled = frozenset(range(len(self.systems), len(rows), len(self.systems)))
        unseen = " ".join(each for each in self.languages if each not in self.trained_languages)
        notes = (
            f"Unseen in retrieval training: {unseen}; a language pair is unseen when either language is. "
            "Described, not tested.",
        )
        return Grid(f"{self.benchmark}: seen and unseen languages", header, rows, notes, ruled)

    def _language_grid(self, measure: ComparedMeasure) -> Grid:
        """Lay out systems x query languages of one measure."""
        found = {
            (each.label, each.language): each.mean for each in self.by_language if each.measure == measure
        }
        languages = [each for each in self.languages if (self.baseline, each) in found]
        best = min if measure.lower_is_better else max
        leaders = {each: best(found[system.label, each] for system in self.systems) for each in languages}
        rows = []
        for system in self.systems:
            cells = [Cell(system.label)]
            for language in languages:
                mean = found[system.label, language]
                cells.append(Cell(_write_score(measure, mean), bold=mean == leaders[language]))
            rows.append(tuple(cells))
        title = f"{self.benchmark}: {_title(measure)} by language of the query"
        return Grid(title, ("system", *languages), tuple(rows), ("Described, not tested.",))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _count_runs(system: System) -> str:
    return _count(len(system.seeds), "run" if None in system.seeds else "seed")


def _reference_cell(reference: Reference, measure: ComparedMeasure) -> Cell:
    score = reference.scores.get(measure)
    return Cell("" if score is None else _write_score(measure, score))


def _title(measure: ComparedMeasure) -> str:
    return f"{measure} ↓" if measure.lower_is_better else str(measure)


def _write_score(measure: ComparedMeasure, score: float, signed: bool = False) -> str:
    """Write shares with four decimals, ranks with one."""
    decimals = 1 if measure.lower_is_better else 4
    # Adding 0.0 turns a rounded -0.0 into 0.0.
    return f"{round(score, decimals) + 0.0:{'+' if signed else ''}.{decimals}f}"


def _write_interval(measure: ComparedMeasure, interval: Interval, signed: bool) -> str:
    low, high = (_write_score(measure, end, signed) for end in interval)
    return f"[{low}, {high}]"


def _write_p(p: float) -> str:
    return f"{p:.4f}" if p < 0.1 else f"{p:.2f}"


def _write_effect(effect: float) -> str:
    return f"{round(effect, 2) + 0.0:+.2f}"
