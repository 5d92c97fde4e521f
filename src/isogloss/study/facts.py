"""The claims that counting decides: what was run, on what, and what that shares with the training data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from isogloss.study.evidence import MAPS, Evidence, Extent, UndecidedError
from isogloss.study.grid import Cell, build_training
from isogloss.study.judgement import Verdict
from isogloss.study.settings import StudyConfig

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
    """Both sets have the stated numbers of languages, and ask every question in several of them."""
    lines, right = [], {}
    for name, extent in _extents(evidence):
        span = " to ".join(dict.fromkeys(map(str, (extent.fewest, extent.most))))
        lines.append(
            f"{name}: {extent.languages} languages, {extent.questions:,} questions, {extent.parallel:,} of "
            f"them in all {extent.languages}; each is in {span}"
        )
        right[name] = extent.languages == PARALLEL[name] and extent.fewest > 1
    wrong = ", ".join(name for name, holds in right.items() if not holds)
    return _conclude(lines, list(right.values()), f"{wrong} has other languages, or questions in one alone")


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
    reports = _reports(evidence)
    for report in reports:
        articles = report.get("articles_trained_on")
        left_out = bool(articles) and _leaves_out(evidence.study, report)
        lines.append(
            f"{report['summary']}; {articles} of these articles are trained on"
            + ("; the questions about them are left out" if left_out else "")
        )
        right.append((not articles or left_out) and not _trained_on(report))
    return _conclude(lines, right, "articles are shared, or items were kept", _list_notes(reports))


def unseen_samples(evidence: Evidence) -> Finding:
    """No training item has a passage, an answer sentence or an id of a benchmark."""
    lines, right = [], []
    reports = _reports(evidence)
    for report in reports:
        counts = report.get("counts")
        found = [each for each in counts if isinstance(each, dict)] if isinstance(counts, list) else []
        listed = [f"{each.get('kind')} ({each.get('manner')}): {each.get('items')} items" for each in found]
        dropped = report["dropped"] and report.get("leaked_items")
        lines.append(
            f"{report['corpus']} and {report['benchmark']}: {'; '.join(listed) or 'nothing shared'}"
            + (f"; {report['leaked_items']} items were left out of training" if dropped else "")
        )
        right.append(not _trained_on(report))
    return _conclude(lines, right, "items that a benchmark has were trained on", _list_notes(reports))


def _leaves_out(study: StudyConfig, report: Mapping[str, object]) -> bool:
    """Tell whether no question about a corpus's articles is asked in what is judged of a benchmark."""
    corpus = Path(str(report["path"]))
    judged = [each for each in study.benchmarks if each.judged and each.name == report["benchmark"]]
    return all(each.not_articles and Path(each.not_articles) == corpus for each in judged)


def _list_notes(reports: Sequence[Mapping[str, object]]) -> list[str]:
    """List what of the benchmarks could not be compared with the training data."""
    notes = (report.get("notes") for report in reports)
    return list(dict.fromkeys(str(note) for each in notes if isinstance(each, list) for note in each))


def _trained_on(report: Mapping[str, object]) -> bool:
    """Tell whether items that a benchmark has as well were kept in the training data."""
    return bool(report.get("leaked_items")) and not report["dropped"]


def _conclude(lines: list[str], right: list[bool], reason: str = "", unknown: Sequence[str] = ()) -> Finding:
    """Support a claim where all is right, unless something that it speaks of could not be looked at."""
    if not all(right):
        return Finding(tuple(lines), Verdict.CONTRADICTED, reason)
    if unknown:
        return Finding(tuple(lines), Verdict.NOT_SHOWN, "; ".join(unknown))
    return Finding(tuple(lines), Verdict.SUPPORTED)


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
    """Take what the runs recorded about their overlap with the judged benchmarks, each finding once."""
    found: dict[str, dict[str, object]] = {}
    judged = {each.name for each in evidence.study.benchmarks if each.judged}
    cells = evidence.trained_cells()
    if not cells:
        raise UndecidedError("no run is trained yet")
    for cell in cells:
        reports = [each for each in _read_overlap(evidence, cell) if each.get("benchmark") in judged]
        if absent := sorted(judged - {str(each["benchmark"]) for each in reports}):
            raise UndecidedError(
                f"the training data were not compared with {', '.join(absent)}; name them in "
                "'training.overlap'"
            )
        found |= {str(each["summary"]): each for each in reports}
    return list(found.values())


def _read_overlap(evidence: Evidence, cell: Cell) -> Iterator[dict[str, object]]:
    """Read what one run shares with each benchmark, where its corpus lies and whether items were dropped."""
    provenance = evidence.provenance(cell)
    overlap, corpora = provenance.get("overlap"), provenance.get("corpora")
    names = [each.get("name") for each in corpora] if isinstance(corpora, list) else []
    paths = (each.path for each in build_training(evidence.study, cell, "none").corpora)
    places = dict(zip(names, paths, strict=False))
    if isinstance(overlap, dict) and isinstance(overlap.get("reports"), list):
        for report in overlap["reports"]:
            place = places.get(report.get("corpus"), "")
            yield {**report, "path": place, "dropped": overlap.get("policy") == "drop"}
