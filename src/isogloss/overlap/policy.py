"""Keep a benchmark out of training: refuse, drop, or allow and record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from isogloss.benchmarks import AnyBenchmark
from isogloss.corpus import Corpus
from isogloss.errors import DataError
from isogloss.overlap.finding import OverlapFinder, without_overlap
from isogloss.overlap.report import Kind, OverlapReport


class OverlapPolicy(StrEnum):
    """Say what becomes of training items whose passage or answer sentence a benchmark has."""

    REFUSE = "refuse"
    """Training does not start."""
    DROP = "drop"
    """They are taken out."""
    ALLOW = "allow"
    """They stay, and the record says so."""


_EXAMPLES = 20


class CheckedCorpora(NamedTuple):
    """Hold the corpora to train on, and what was found.

    Args:
        corpora: The corpora, in the order given; without the leaked items where they were dropped.
        reports: One for each corpus and benchmark.
        policy: What was done.
        files: Each file of the benchmarks, after their name -> SHA-256 of its content.
    """

    corpora: tuple[Corpus, ...]
    reports: tuple[OverlapReport, ...]
    policy: OverlapPolicy
    files: Mapping[str, str]

    def to_lines(self) -> tuple[str, ...]:
        """Write each report as one line.

        Returns:
            What is shared and, of items that leak, what was done with them.
        """
        done = {OverlapPolicy.DROP: "; the items are left out", OverlapPolicy.ALLOW: "; the items are kept"}
        return tuple(
            report.to_line() + (done.get(self.policy, "") if report.leaked else "") for report in self.reports
        )

    def to_dict(self) -> dict[str, object]:
        """Turn the finding into plain values, for a run's provenance.

        Returns:
            The policy, the benchmarks' files and every report with its counts, the first leaked items and
            shared articles; the matches are left to ``isogloss overlap``.
        """
        reports = [
            {
                **report.to_dict(limit=0),
                "summary": line,
                "articles": list(report.articles[:_EXAMPLES]),
                "articles_trained_on": self._count_articles(report),
                "leaked_examples": list(report.leaked[:_EXAMPLES]),
            }
            for report, line in zip(self.reports, self.to_lines(), strict=True)
        ]
        return {"policy": self.policy.value, "files": dict(self.files), "reports": reports}

    def _count_articles(self, report: OverlapReport) -> int:
        """Count the shared articles of which items are left to train on."""
        dropped: set[str] = set()
        if self.policy is OverlapPolicy.DROP:
            dropped.update(*(each.leaked for each in self.reports if each.corpus == report.corpus))
        return sum(not dropped.issuperset(match.items) for match in report.of_kind(Kind.ARTICLE))


def check_overlap(
    corpora: Sequence[Corpus],
    benchmarks: Sequence[AnyBenchmark],
    policy: OverlapPolicy = OverlapPolicy.REFUSE,
) -> CheckedCorpora:
    """Compare corpora with benchmarks before training.

    Shared articles and questions are reported and never refused.

    Args:
        corpora: The training data.
        benchmarks: The benchmarks that the model is to be measured on.
        policy: What becomes of items whose passage or answer sentence a benchmark has.

    Returns:
        The corpora to train on, with the reports.

    Raises:
        DataError: Items leak and the policy is to refuse, or nothing is left of a corpus.
    """
    finders = [OverlapFinder(benchmark) for benchmark in benchmarks]
    kept: list[Corpus] = []
    reports: list[OverlapReport] = []
    for corpus in corpora:
        found = [finder.find(corpus) for finder in finders]
        reports += found
        kept.append(_drop_leaks(corpus, found) if policy is OverlapPolicy.DROP else corpus)
    leaking = [report for report in reports if report.leaked]
    if leaking and policy is OverlapPolicy.REFUSE:
        listed = ", ".join(
            f"{len(report.leaked):,} of {report.items:,} items of {report.corpus} in {report.benchmark}"
            for report in leaking
        )
        raise DataError(
            f"training data share passages or answer sentences with a benchmark: {listed}; isogloss "
            "overlap shows them, --drop-overlap leaves them out, --allow-overlap keeps them and records it"
        )
    files = {
        f"{benchmark.name}/{file}": digest
        for benchmark in benchmarks
        for file, digest in benchmark.files.items()
    }
    return CheckedCorpora(tuple(kept), tuple(reports), policy, files)


def _drop_leaks(corpus: Corpus, reports: Sequence[OverlapReport]) -> Corpus:
    if not any(report.leaked for report in reports):
        return corpus
    kept = without_overlap(corpus, reports)
    if not kept.item_count:
        raise DataError(f"every item of corpus {corpus.name!r} is in a benchmark; nothing is left")
    return kept
