"""Hold and write what training data and a benchmark share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from isogloss.corpus.description import align_table
from isogloss.overlap.comparison import Manner


class Kind(StrEnum):
    """Say what is shared."""

    ID = "id"
    """A question id: the same question, in whatever languages."""
    PASSAGE = "passage"
    """A paragraph, or a large part of one."""
    SENTENCE = "answer sentence"
    """A sentence that answers a question, or that is itself looked for."""
    QUESTION = "question"
    """A question's text."""
    ARTICLE = "article"
    """The title of an article."""


LEAKS = (Kind.ID, Kind.PASSAGE, Kind.SENTENCE)
"""Kinds that make a measured result worthless; the others are only reported."""

_LANGUAGES = 12


class Match(NamedTuple):
    """Say that a text of the training data is like one of the benchmark.

    Args:
        kind: What is shared.
        manner: How the two are alike.
        similarity: 1 when exact or contained, else the measured one; above 0.
        items: Ids of the training items that have the text themselves, in this language.
        language: Language of the training text; of an article, empty.
        references: Ids in the benchmark: questions or passages.
        reference_language: Language of the benchmark's text; empty where only an id or a title is shared.
        questions: Ids of the benchmark's questions that are touched.
        text: The training text, or title.
        reference_text: The benchmark's text, or title.
    """

    kind: Kind
    manner: Manner
    similarity: float
    items: tuple[str, ...]
    language: str
    references: tuple[str, ...]
    reference_language: str
    questions: tuple[str, ...]
    text: str
    reference_text: str


class Count(NamedTuple):
    """Count what one kind of match touches.

    Args:
        pairs: Pairs of a training text and a benchmark text.
        items: Training items; of a leak, all items of the passage, in whatever languages.
        questions: Questions of the benchmark, translations counted once.
    """

    pairs: int
    items: int
    questions: int


@dataclass(frozen=True)
class OverlapReport:
    """Hold what a corpus and a benchmark share.

    Args:
        corpus: Name of the corpus.
        benchmark: Name of the benchmark.
        items: Items of the corpus.
        questions: Questions of the benchmark, translations counted once.
        matches: What is shared, the gravest kinds first and the surest of a kind first.
        leaked: Ids of the items whose passage the benchmark has in some language, ascending.
        leaked_by_language: How many of them each language of the corpus has.
        counts: For each kind of match and manner that occurs, what it touches.
        too_short: Texts of the benchmark that say too little to be compared, by kind; of passages, equal ones
            count all the same.
        notes: What was not compared, one line each.
    """

    corpus: str
    benchmark: str
    items: int
    questions: int
    matches: tuple[Match, ...] = field(repr=False)
    leaked: tuple[str, ...] = field(repr=False)
    leaked_by_language: Mapping[str, int]
    counts: Mapping[tuple[Kind, Manner], Count]
    too_short: Mapping[Kind, int]
    notes: tuple[str, ...] = ()

    @property
    def articles(self) -> tuple[str, ...]:
        """List the titles of the shared articles, as the benchmark writes them."""
        return tuple(sorted({match.reference_text for match in self.of_kind(Kind.ARTICLE)}))

    def to_line(self) -> str:
        """Write the finding as one line, to stand under a table of results.

        Returns:
            Counts of leaked items, of alike questions and of shared articles.
        """
        alike = {question for match in self.of_kind(Kind.QUESTION) for question in match.questions}
        asked = {question for match in self.of_kind(Kind.ARTICLE) for question in match.questions}
        return (
            f"{self.corpus} and {self.benchmark}: {len(self.leaked):,} of {self.items:,} items share "
            f"a passage or an answer sentence; {len(alike):,} of {self.questions:,} questions are alike; "
            f"{len(self.articles):,} articles are shared ({len(asked):,} questions)"
        )

    def to_dict(self, limit: int | None = None) -> dict[str, object]:
        """Turn the report into plain values.

        Args:
            limit: Write at most so many matches of a kind; all when None. Counts are whole in any case.

        Returns:
            Dicts, lists, strings and numbers, ready for JSON.
        """
        return {
            "corpus": self.corpus,
            "benchmark": self.benchmark,
            "summary": self.to_line(),
            "items": self.items,
            "questions": self.questions,
            "leaked_items": len(self.leaked),
            "leaked_items_by_language": dict(self.leaked_by_language),
            "counts": [
                {"kind": kind.value, "manner": manner.value, **count._asdict()}
                for (kind, manner), count in self.counts.items()
            ],
            "articles": list(self.articles),
            "too_short": {kind.value: count for kind, count in self.too_short.items()},
            "notes": list(self.notes),
            "matches": [_plain(match) for kind in Kind for match in self.of_kind(kind, limit)],
        }

    def of_kind(self, kind: Kind, limit: int | None = None) -> tuple[Match, ...]:
        """List matches of a kind.

        Args:
            kind: The kind.
            limit: At most so many; all when None.

        Returns:
            The matches, the surest first.
        """
        return tuple(match for match in self.matches if match.kind is kind)[:limit]

    def to_text(self) -> str:
        """Write the counts as aligned text.

        Returns:
            Several lines, the last one without a line break.
        """
        head = f"{self.corpus} ({self.items:,} items) and {self.benchmark} ({self.questions:,} questions)"
        lines = [head, ""]
        if self.counts:
            rows = [["shared", "how", "text pairs", "training items", "benchmark questions"]]
            rows += [
                [kind.value, manner.value, f"{count.pairs:,}", f"{count.items:,}", f"{count.questions:,}"]
                for (kind, manner), count in self.counts.items()
            ]
            lines += [*align_table(rows, left=(0, 1)), ""]
        if self.leaked:
            lines.append(f"LEAK: {len(self.leaked):,} training items share a passage or an answer sentence")
            lines.append(f"in languages: {self._spread()}")
        else:
            lines.append("no training item shares a passage or an answer sentence")
        if self.too_short:
            short = ", ".join(f"{count:,} {kind.value}s" for kind, count in self.too_short.items())
            lines.append(f"too short to be compared, but for equal passages, in the benchmark: {short}")
        return "\n".join([*lines, *self.notes])

    def _spread(self) -> str:
        """Write the leaked items by language; of many languages, those with the most."""
        counts = sorted(self.leaked_by_language.items(), key=lambda row: (-row[1], row[0]))
        shown = ", ".join(f"{language} {count:,}" for language, count in counts[:_LANGUAGES])
        more = len(counts) - _LANGUAGES
        return f"{shown} and {more} more" if more > 0 else shown


def _plain(match: Match) -> dict[str, object]:
    plain: dict[str, object] = {}
    for key, value in match._asdict().items():
        plain[key] = list(value) if isinstance(value, tuple) else value
    return plain | {"kind": match.kind.value, "manner": match.manner.value}


def sort_matches(matches: Sequence[Match]) -> tuple[Match, ...]:
    """Order matches: the gravest kinds first, the surest of a kind first.

    Args:
        matches: The matches.

    Returns:
        The same, in order.
    """
    kinds, manners = list(Kind), list(Manner)
    return tuple(
        sorted(
            matches,
            key=lambda match: (
                kinds.index(match.kind),
                manners.index(match.manner),
                -match.similarity,
                match.items[0],
                match.language,
                match.references[0],
            ),
        )
    )
