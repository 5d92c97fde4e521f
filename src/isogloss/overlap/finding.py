"""Find what training data and a benchmark share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from isogloss.benchmarks import AnyBenchmark
from isogloss.corpus import Corpus, ParallelCorpus, Rendering
from isogloss.overlap.comparison import (
    Compare,
    Manner,
    TextFinder,
    compare_passages,
    compare_questions,
    compare_sentences,
)
from isogloss.overlap.joining import join_reports
from isogloss.overlap.normalization import count_columns, normalize_text
from isogloss.overlap.references import Reference, References, collect_references
from isogloss.overlap.report import LEAKS, Count, Kind, Match, OverlapReport, sort_matches

SHORTEST = {Kind.PASSAGE: 80, Kind.SENTENCE: 24, Kind.QUESTION: 16}
"""Columns (letters and digits, East Asian ones twice) that a text must have to be compared."""

_SHORTEST_EQUAL = {Kind.PASSAGE: 1}
"""Whole passages that are equal count however short they are: a held-out passage may be one line."""

_TELLING_ID = 12
_SAME_QUESTION = 0.5


class Thresholds(NamedTuple):
    """Hold the least similarities that count as near, each from 0 to 1.

    Args:
        passage: Share of the shorter passage's n-grams that the longer one holds.
        sentence: Likeness of a sentence and the best aligned part of a passage.
        question: Likeness of two questions.
    """

    passage: float = 0.6
    sentence: float = 0.85
    question: float = 0.9


class _Text(NamedTuple):
    """Hold one different text of the corpus, and the items that have it."""

    text: str
    normal: str
    language: str
    items: tuple[int, ...]


class _Found(NamedTuple):
    """Hold a match, and the indices of the items that have its text."""

    match: Match
    items: tuple[int, ...]


class OverlapFinder:
    """Find what corpora share with one benchmark, whose texts are indexed once."""

    def __init__(self, benchmark: AnyBenchmark, thresholds: Thresholds | None = None) -> None:
        """Index a benchmark.

        Args:
            benchmark: The benchmark.
            thresholds: The least similarities that count as near; the defaults when None.
        """
        least = thresholds or Thresholds()
        self._references = collect_references(benchmark)
        self._sides = (
            _Side.build(Kind.PASSAGE, self._references.passages, least.passage, compare_passages),
            _Side.build(Kind.SENTENCE, self._references.sentences, least.sentence, compare_sentences),
            _Side.build(Kind.QUESTION, self._references.questions, least.question, compare_questions),
        )

    def find(self, corpus: Corpus) -> OverlapReport:
        """Find the training items that share something with the benchmark.

        Texts are compared whatever their languages are said to be: a file may hold what was never translated.
        An item leaks, in all its languages, when its passage does in one; so do all items of that passage.

        Args:
            corpus: The training data.

        Returns:
            All that is shared. A stored corpus is loaded and compared part by part.

        Source: ours; what is measured is told at ``comparison``.
        """
        return join_reports([self._find_in(part) for part in corpus.parts()])

    def _find_in(self, corpus: ParallelCorpus) -> OverlapReport:
        passages = _collect_texts(corpus, lambda row: row.passage)
        questions = _collect_texts(corpus, lambda row: row.question)
        found = [*_match_ids(corpus, self._references), *_match_articles(corpus, self._references)]
        for side in self._sides:
            found += side.match(corpus, questions if side.kind is Kind.QUESTION else passages)
        return _report(corpus, self._references, found)


def find_overlap(
    corpus: Corpus, benchmark: AnyBenchmark, thresholds: Thresholds | None = None
) -> OverlapReport:
    """Find the training items that share something with a benchmark, as ``OverlapFinder`` does.

    Args:
        corpus: The training data.
        benchmark: The benchmark.
        thresholds: The least similarities that count as near; the defaults when None.

    Returns:
        All that is shared.
    """
    return OverlapFinder(benchmark, thresholds).find(corpus)


def without_overlap(corpus: Corpus, reports: Sequence[OverlapReport]) -> Corpus:
    """Drop the items whose passages a benchmark has.

    Args:
        corpus: The training data.
        reports: What it shares with each benchmark, as ``find_overlap`` found it for this corpus.

    Returns:
        The other items; none may be left.
    """
    return corpus.without_items({item for report in reports for item in report.leaked})


def _collect_texts(corpus: ParallelCorpus, choose: Callable[[Rendering], str]) -> list[_Text]:
    """Collect the different texts of a corpus, those of each language apart."""
    normals: dict[str, str] = {}
    joined: dict[tuple[str, str], tuple[str, list[int]]] = {}
    for language in corpus.languages:
        for item, row in enumerate(corpus.renderings[language]):
            if row is None:
                continue
            text = choose(row)
            if text not in normals:
                normals[text] = normalize_text(text)
            joined.setdefault((language, normals[text]), (text, []))[1].append(item)
    return [
        _Text(text, normal, language, tuple(items)) for (language, normal), (text, items) in joined.items()
    ]


class _Side(NamedTuple):
    """Hold one kind of a benchmark's texts, indexed."""

    kind: Kind
    references: Sequence[Reference]
    finder: TextFinder

    @classmethod
    def build(cls, kind: Kind, references: Sequence[Reference], least: float, compare: Compare) -> _Side:
        normals = [reference.normal for reference in references]
        shortest_equal = _SHORTEST_EQUAL.get(kind)
        finder = TextFinder(normals, SHORTEST[kind], least, compare, shortest_equal=shortest_equal)
        return cls(kind, references, finder)

    def match(self, corpus: ParallelCorpus, texts: Sequence[_Text]) -> Iterator[_Found]:
        for likeness in self.finder.find([text.normal for text in texts]):
            text, reference = texts[likeness.text], self.references[likeness.reference]
            match = Match(
                kind=self.kind,
                manner=likeness.manner,
                similarity=likeness.similarity,
                items=tuple(corpus.item_ids[item] for item in text.items),
                language=text.language,
                references=reference.ids,
                reference_language=reference.language,
                questions=reference.questions,
                text=text.text,
                reference_text=reference.text,
            )
            yield _Found(match, text.items)


def _match_ids(corpus: ParallelCorpus, references: References) -> Iterator[_Found]:
    """Match question ids that are telling, or whose questions are alike where a language has both."""
    from rapidfuzz import fuzz

    for item, name in enumerate(corpus.item_ids):
        asked = references.asked.get(name)
        if asked is None:
            continue
        shared = {
            language: fuzz.ratio(normalize_text(row.question), normalize_text(asked[language])) / 100
            for language in corpus.languages
            if language in asked and (row := corpus.renderings[language][item]) is not None
        }
        if shared:
            language = max(shared, key=lambda code: shared[code])
            same, reference_language = shared[language] >= _SAME_QUESTION, language
        else:
            # Counters and line numbers are used again everywhere; long ids are not.
            same = len(name) >= _TELLING_ID and not name.isdecimal()
            language = corpus.languages[int(np.argmax(corpus.present[item]))]
            reference_language = next(iter(asked))
        if same:
            match = Match(
                kind=Kind.ID,
                manner=Manner.EXACT,
                similarity=1.0,
                items=(name,),
                language=language,
                references=(name,),
                reference_language=reference_language,
                questions=(name,),
                text=corpus.rendering(item, language).question,
                reference_text=asked[reference_language],
            )
            yield _Found(match, (item,))


def _match_articles(corpus: ParallelCorpus, references: References) -> Iterator[_Found]:
    members: dict[int, list[int]] = {}
    for item, article in enumerate(corpus.articles.tolist()):
        members.setdefault(article, []).append(item)
    for article, name in enumerate(corpus.article_names):
        known = references.articles.get(normalize_text(name))
        if known is None:
            continue
        title, questions = known
        match = Match(
            kind=Kind.ARTICLE,
            manner=Manner.EXACT,
            similarity=1.0,
            items=tuple(corpus.item_ids[item] for item in members[article]),
            language="",
            references=tuple(sorted(questions)),
            reference_language="",
            questions=tuple(sorted(questions)),
            text=name,
            reference_text=title,
        )
        yield _Found(match, tuple(members[article]))


def _report(corpus: ParallelCorpus, references: References, found: Sequence[_Found]) -> OverlapReport:
    numbers = corpus.passages.tolist()
    members: dict[int, list[int]] = {}
    for item, passage in enumerate(numbers):
        members.setdefault(passage, []).append(item)

    def touched(rows: Sequence[_Found], kind: Kind) -> set[int]:
        items = {item for row in rows for item in row.items}
        if kind in LEAKS:
            items = {other for item in items for other in members[numbers[item]]}
        return items

    groups: dict[tuple[Kind, Manner], list[_Found]] = {}
    for row in found:
        groups.setdefault((row.match.kind, row.match.manner), []).append(row)
    counts = {
        (kind, manner): Count(
            pairs=len(rows),
            items=len(touched(rows, kind)),
            questions=len({question for row in rows for question in row.match.questions}),
        )
        for kind in Kind
        for manner in Manner
        if (rows := groups.get((kind, manner)))
    }
    leaked = sorted(
        set().union(*(touched(rows, kind) for (kind, _), rows in groups.items() if kind in LEAKS))
    )
    present = corpus.present[leaked].sum(axis=0).tolist()
    return OverlapReport(
        corpus=corpus.name,
        benchmark=references.name,
        items=len(corpus.item_ids),
        questions=len(references.question_ids),
        matches=sort_matches([row.match for row in found]),
        leaked=tuple(corpus.item_ids[item] for item in leaked),
        leaked_by_language=dict(zip(corpus.languages, present, strict=True)) if leaked else {},
        counts=counts,
        too_short=_count_short(references),
        notes=references.notes,
    )


def _count_short(references: References) -> dict[Kind, int]:
    sides = {
        Kind.PASSAGE: references.passages,
        Kind.SENTENCE: references.sentences,
        Kind.QUESTION: references.questions,
    }
    counts = {
        kind: sum(count_columns(row.normal) < SHORTEST[kind] for row in rows) for kind, rows in sides.items()
    }
    return {kind: count for kind, count in counts.items() if count}
