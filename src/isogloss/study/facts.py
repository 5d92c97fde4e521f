"""The claims that counting decides: what was run, on what, and what that shares with the training data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from isogloss.study.evidence import MAPS, Evidence, Extent, UndecidedError
from isogloss.study.judgement import Verdict

PARALLEL = {"xquad-r": 11, "mlqa-r": 7}
"""LAReQA's sets, and in how many languages each is."""
_NATIVE = "miracl"


class Finding(NamedTuple):
    """Say what counting found.

    Attributes:
        figures: The counts, a line each.
        verdict: What they say about the claim.
        reason: Why, where the verdict alone does not tell.
    """

    figures: tuple[str, ...]
    verdict: Verdict
    reason: str = ""


CountFacts = Callable[[Evidence], Finding]
"""Decides a claim, or raises ``UndecidedError``."""


def mixed_batches(evidence: Evidence) -> Finding:
    """Hybrid runs were trained on batches of both kinds."""
    counts = {}
    for cell in evidence.trained_cells():
        batches = evidence.provenance(cell).get("batches")
        if cell.label == "hybrid" and isinstance(batches, dict):
            counts[cell.name] = [int(batches.get(kind, 0)) for kind in ("monolingual", "cross-lingual")]
    if not counts:
        raise UndecidedError("no hybrid run is trained yet")
    lines = tuple(
        f"{name}: {mono} monolingual, {cross} cross-lingual batches" for name, (mono, cross) in counts.items()
    )
    both = all(min(pair) > 0 for pair in counts.values())
    return Finding(lines, Verdict.SUPPORTED if both else Verdict.CONTRADICTED)


def named_benchmarks(evidence: Evidence) -> Finding:
    """The three benchmarks were measured on."""
    measured = {each.name for each in evidence.study.benchmarks if evidence.any_tables(each) is not None}
    wanted = (*PARALLEL, _NATIVE)
    missing = [name for name in wanted if name not in measured]
    if len(missing) == len(wanted):
        raise UndecidedError(f"nothing is measured on {', '.join(wanted)} yet")
    figures = (f"measured on {', '.join(sorted(measured))}",)
    if missing:
        return Finding(figures, Verdict.NOT_SHOWN, f"not on {', '.join(missing)}")
    return Finding(figures, Verdict.SUPPORTED)


def parallel_languages(evidence: Evidence) -> Finding:
    """Both sets are parallel in the stated numbers of languages."""
    lines, right = [], []
    for name, extent in _extents(evidence):
        lines.append(
            f"{name}: {extent.languages} languages, {extent.questions:,} questions, {extent.parallel:,} of "
            "them in two languages or more"
        )
        right.append(extent.languages == PARALLEL[name] and extent.parallel == extent.questions)
    return _conclude(lines, right)


def pairs_of_languages(evidence: Evidence) -> Finding:
    """Each set has as many settings as its languages make."""
    lines, right = [], []
    for name, extent in _extents(evidence):
        lines.append(f"{name}: {extent.cross} cross-lingual, {extent.mono} monolingual settings")
        count = PARALLEL[name]
        right.append((extent.cross, extent.mono) == (count * (count - 1), count))
    return _conclude(lines, right)


def reported_precision(evidence: Evidence) -> Finding:
    """Every parallel benchmark has mAP in the three settings."""
    lines, right = [], []
    for benchmark in evidence.benchmarks("parallel"):
        tables = evidence.any_tables(benchmark)
        if tables is not None:
            having = [str(measure) for measure in MAPS if measure in tables.tables]
            lines.append(f"{benchmark.results}: {', '.join(having) or 'none'}")
            right.append(len(having) == len(MAPS))
    if not lines:
        raise UndecidedError("nothing is measured on a parallel benchmark yet")
    return _conclude(lines, right)


def separate_data(evidence: Evidence) -> Finding:
    """No training item is shared with a benchmark, and no article but those whose questions are left out."""
    lines, right = [], []
    excused = {each.name for each in evidence.study.benchmarks if each.not_articles}
    whole = {each.name for each in evidence.benchmarks("parallel") if not each.not_articles}
    for report in _reports(evidence):
        name, articles = str(report["benchmark"]), report.get("articles_trained_on")
        lines.append(f"{report['summary']}; {articles} of these articles are trained on")
        apart = not articles or (name in excused and name not in whole)
        right.append(apart and not _trained_on(report))
    return _conclude(lines, right, "articles are shared, or items were kept")


def unseen_samples(evidence: Evidence) -> Finding:
    """No training item has a passage, an answer sentence or an id of a benchmark."""
    lines, right = [], []
    for report in _reports(evidence):
        counts = report.get("counts")
        found = [each for each in counts if isinstance(each, dict)] if isinstance(counts, list) else []
        listed = [f"{each.get('kind')} ({each.get('manner')}): {each.get('items')} items" for each in found]
        dropped = report["dropped"] and report.get("leaked_items")
        lines.append(
            f"{report['corpus']} and {report['benchmark']}: {'; '.join(listed) or 'nothing shared'}"
            + (f"; {report['leaked_items']} items were left out of training" if dropped else "")
        )
        right.append(not _trained_on(report))
    return _conclude(lines, right, "items that a benchmark has were trained on")


def _trained_on(report: Mapping[str, object]) -> bool:
    """Tell whether items that a benchmark has as well were kept in the training data."""
    return bool(report.get("leaked_items")) and not report["dropped"]


def _conclude(lines: list[str], right: list[bool], reason: str = "") -> Finding:
    holds = all(right)
    return Finding(
        tuple(lines), Verdict.SUPPORTED if holds else Verdict.CONTRADICTED, "" if holds else reason
    )


def _extents(evidence: Evidence) -> Iterator[tuple[str, Extent]]:
    """List LAReQA's sets among the benchmarks, whole if they are there."""
    found = {}
    for benchmark in sorted(
        evidence.study.benchmarks, key=lambda each: bool(each.articles or each.not_articles)
    ):
        if benchmark.name in PARALLEL and benchmark.name not in found:
            tables = evidence.any_tables(benchmark)
            if tables is not None:
                found[benchmark.name] = tables.extent
    if not found:
        raise UndecidedError(f"nothing is measured on {' or '.join(PARALLEL)} yet")
    return iter(found.items())


def _reports(evidence: Evidence) -> list[dict[str, object]]:
    """Take what the runs recorded about their overlap with the benchmarks, each finding once."""
    found: dict[str, dict[str, object]] = {}
    checked: set[str] = set()
    cells = evidence.trained_cells()
    if not cells:
        raise UndecidedError("no run is trained yet")
    for cell in cells:
        overlap = evidence.provenance(cell).get("overlap")
        reports = overlap.get("reports") if isinstance(overlap, dict) else None
        for report in reports if isinstance(reports, list) else []:
            if isinstance(report, dict) and isinstance(overlap, dict):
                found[str(report.get("summary"))] = {**report, "dropped": overlap.get("policy") == "drop"}
                checked.add(str(report.get("benchmark")))
    wanted = {each.name for each in evidence.study.benchmarks if each.role != "shown"}
    if absent := sorted(wanted - checked):
        raise UndecidedError(
            f"the training data were not compared with {', '.join(absent)}; name them in 'training.overlap'"
        )
    return list(found.values())
