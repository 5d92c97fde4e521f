"""Join what was found in the parts of a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from isogloss.overlap.comparison import Manner
from isogloss.overlap.normalization import normalize_text
from isogloss.overlap.report import Count, Kind, Match, OverlapReport, sort_matches


def join_reports(reports: Sequence[OverlapReport]) -> OverlapReport:
    """Join the reports on the parts of a corpus, none of which cuts a passage.

    Args:
        reports: One for each part, on one benchmark; at least one.

    Returns:
        The report on the whole. A text that several parts have counts once.
    """
    if len(reports) == 1:
        return reports[0]
    matches = _join_matches([match for report in reports for match in report.matches])
    counts: dict[tuple[Kind, Manner], Count] = {}
    for kind in Kind:
        for manner in Manner:
            same = [match for match in matches if (match.kind, match.manner) == (kind, manner)]
            if same:
                found = [report.counts[kind, manner] for report in reports if (kind, manner) in report.counts]
                questions = {question for match in same for question in match.questions}
                items = sum(count.items for count in found)
                counts[kind, manner] = Count(pairs=len(same), items=items, questions=len(questions))
    languages = sorted({code for report in reports for code in report.leaked_by_language})
    return replace(
        reports[0],
        items=sum(report.items for report in reports),
        matches=matches,
        leaked=tuple(sorted(item for report in reports for item in report.leaked)),
        leaked_by_language={
            code: sum(report.leaked_by_language.get(code, 0) for report in reports) for code in languages
        },
        counts=counts,
    )


def _join_matches(matches: Sequence[Match]) -> tuple[Match, ...]:
    joined: dict[tuple[object, ...], Match] = {}
    for match in sorted(matches, key=lambda match: match.items[0]):
        # Two articles may have titles that are alike; equal texts of questions and passages are one text.
        text = match.text if match.kind is Kind.ARTICLE else normalize_text(match.text)
        texts = (text, match.items if match.kind is Kind.ID else ())
        key = (match.kind, match.manner, match.language, *texts, match.references, match.reference_language)
        known = joined.setdefault(key, match)
        if known is not match:
            joined[key] = known._replace(items=tuple(sorted({*known.items, *match.items})))
    return sort_matches(list(joined.values()))
