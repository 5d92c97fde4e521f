"""Choose what a report says about one benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from isogloss.comparison import ComparedMeasure, Comparison, choose_measures, compare
from isogloss.comparison.agreement import share_settings
from isogloss.errors import ConfigError
from isogloss.languages import is_low_resource, language_name
from isogloss.report.systems import MeasuredSystem, group_systems
from isogloss.results import MEASURES, Measured, SentenceResults
from isogloss.results.sentences import SENTENCE_MEASURES
from isogloss.types import Setting

LOW_RESOURCE_MARK = "○"
UNSEEN_MARK = "†"


@dataclass(frozen=True)
class NamedLanguage:
    """Name a language for a reader.

    Attributes:
        code: The code that results use.
        name: English name; the code where nobody knows the language.
        low_resource: Whether it counts as low-resource.
        unseen: Whether retrieval training is known to have left it out.
    """

    code: str
    name: str
    low_resource: bool
    unseen: bool

    @property
    def marks(self) -> str:
        """Write the marks that stand after the name."""
        return (LOW_RESOURCE_MARK if self.low_resource else "") + (UNSEEN_MARK if self.unseen else "")

    @property
    def label(self) -> str:
        """Write the name with its marks."""
        return f"{self.name} {self.marks}".rstrip()


@dataclass(frozen=True)
class Section:
    """Hold what a report says about one benchmark.

    Attributes:
        benchmark: The benchmark.
        settings: The settings that all results have.
        systems: The systems, the baseline first.
        baseline: Its label; None when nothing is compared.
        measures: What the headline and the tables by language show.
        others: Measures that the table of all measures shows, in the catalogue's order.
        languages: The languages, in the order of the results.
        questions: Number of distinct questions.
        comparison: Intervals and tests; None without a baseline.
        heading: What the section is called; the benchmark when empty.
    """

    benchmark: str
    settings: tuple[Setting, ...]
    systems: tuple[MeasuredSystem, ...]
    baseline: str | None
    measures: tuple[ComparedMeasure, ...]
    others: tuple[ComparedMeasure, ...]
    languages: tuple[NamedLanguage, ...]
    questions: int
    comparison: Comparison | None
    heading: str = ""

    @property
    def name(self) -> str:
        """Say what the section is called."""
        return self.heading or self.benchmark

    @property
    def first(self) -> MeasuredSystem:
        """Give the system that the others stand beside."""
        return self.systems[0]


def build_section(
    results: Sequence[Measured],
    *,
    baseline: str | None = None,
    measures: Sequence[ComparedMeasure] = (),
    resamples: int = 10_000,
) -> Section:
    """Group the results on one benchmark and compare them.

    Args:
        results: Results on one benchmark, in any order.
        baseline: Label of the system that the others are compared with; None compares nothing.
        measures: What to show; none chooses by the settings that were ranked.
        resamples: Number of resamples behind intervals and tests, at least 100.

    Returns:
        The section.

    Raises:
        ResultsError: The results do not belong together, or nothing has the baseline's label.
        ConfigError: The results lack a measure.
    """
    systems = group_systems(results, baseline)
    settings = share_settings(results)
    chosen = tuple(measures) or choose_measures(settings)
    for system in systems:
        for each in chosen:
            system.macro(*each)  # raises here where these results lack the measure
    sentences = all(isinstance(each, SentenceResults) for each in results)
    others = tuple(
        ComparedMeasure(setting, name)
        for setting in settings
        for name in (SENTENCE_MEASURES if sentences else MEASURES[setting])
        if all(system.has(setting, name) for system in systems)
    )
    return Section(
        benchmark=results[0].benchmark,
        settings=settings,
        systems=systems,
        baseline=baseline,
        measures=chosen,
        others=others,
        languages=name_languages(systems),
        questions=len(results[0].table(*chosen[0]).questions),
        comparison=None
        if baseline is None
        else compare(results, baseline, measures=chosen, resamples=resamples),
    )


def name_languages(systems: Sequence[MeasuredSystem]) -> tuple[NamedLanguage, ...]:
    """Name the languages of a benchmark and mark those that need care.

    Args:
        systems: The systems.

    Returns:
        The languages; unseen are those that no run was trained on, where all runs tell.
    """
    infos = [run.info for system in systems for run in system.runs]
    known = all(info.trained_languages for info in infos)
    trained = {language for info in infos for language in info.trained_languages}
    return tuple(
        _name_language(code, unseen=known and code not in trained) for code in systems[0].runs[0].languages
    )


def _name_language(code: str, *, unseen: bool) -> NamedLanguage:
    try:
        return NamedLanguage(code, language_name(code), is_low_resource(code), unseen)
    except ConfigError:
        # A corpus of one's own may call its languages as it likes.
        return NamedLanguage(code, code, low_resource=False, unseen=unseen)
