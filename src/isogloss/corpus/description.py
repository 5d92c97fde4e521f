"""Describe a corpus: languages, items, pairs, lengths, blemishes."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from isogloss.corpus.model import Blemish, ParallelCorpus, Rendering

SHOWN_POSITIONS = 3


class Lengths(NamedTuple):
    """Hold the median and the 95th percentile of some lengths, in characters (code points)."""

    median: float
    high: float


class BlemishCount(NamedTuple):
    """Count the blemishes of one kind in one file, with the first positions."""

    kind: str
    path: str
    occurrences: int
    first: tuple[str, ...]


@dataclass(frozen=True)
class CorpusDescription:
    """Hold what ``isogloss data describe`` prints.

    Args:
        name: Name of the corpus.
        items: Number of questions, translations counted once.
        items_in_all: How many of them are in every language.
        passages: Number of passages, translations counted once.
        articles: Number of articles, translations counted once.
        largest_passage: Most questions on one passage.
        items_by_language: Questions in each language.
        items_only_in: Questions in that language and no other.
        located_answers: Questions of each language whose answer's offset is known.
        pairs: For each two languages, questions that both have; a language with itself, its questions.
        question_lengths: Of each language's questions.
        passage_lengths: Of each language's paragraphs, each counted once.
        blemishes: By kind and file.
    """

    name: str
    items: int
    items_in_all: int
    passages: int
    articles: int
    largest_passage: int
    items_by_language: Mapping[str, int]
    items_only_in: Mapping[str, int]
    located_answers: Mapping[str, int]
    pairs: Mapping[str, Mapping[str, int]]
    question_lengths: Mapping[str, Lengths]
    passage_lengths: Mapping[str, Lengths]
    blemishes: tuple[BlemishCount, ...]

    def to_dict(self) -> dict[str, object]:
        """Turn the description into plain values.

        Returns:
            Dicts, lists, strings and numbers, ready for JSON.
        """
        lengths = {"question_lengths": self.question_lengths, "passage_lengths": self.passage_lengths}
        plain = {
            key: {language: value._asdict() for language, value in column.items()}
            for key, column in lengths.items()
        }
        blemishes = [row._asdict() | {"first": list(row.first)} for row in self.blemishes]
        return asdict(self) | plain | {"blemishes": blemishes}

    def to_text(self) -> str:
        """Write the description as aligned text.

        Returns:
            Several lines, the last one without a line break.
        """
        languages = list(self.items_by_language)
        blocks = [
            "\n".join(
                (
                    f"corpus    {self.name}",
                    f"languages {len(languages):,}",
                    f"items     {self.items:,} ({self.items_in_all:,} in all languages)",
                    f"passages  {self.passages:,} (at most {self.largest_passage:,} items on one)",
                    f"articles  {self.articles:,}",
                )
            ),
            "\n".join(self._language_table()),
        ]
        if len(languages) > 1:
            header = ["items shared", *languages]
            rows = [[one, *(f"{self.pairs[one][other]:,}" for other in languages)] for one in languages]
            blocks.append("\n".join(align_table([header, *rows])))
        blocks.append("\n".join(self._blemish_table()))
        return "\n\n".join(blocks)

    def _language_table(self) -> list[str]:
        header = ["language", "items", "only here", "answers placed", "question chars", "passage chars"]
        rows = [
            [
                language,
                f"{count:,}",
                f"{self.items_only_in[language]:,}",
                f"{self.located_answers[language]:,}",
                _show_lengths(self.question_lengths[language]),
                _show_lengths(self.passage_lengths[language]),
            ]
            for language, count in self.items_by_language.items()
        ]
        return [*align_table([header, *rows]), "chars: median / 95th percentile"]

    def _blemish_table(self) -> list[str]:
        if not self.blemishes:
            return ["blemishes none"]
        header = ["blemish", "count", "file and first positions"]
        rows = []
        for row in self.blemishes:
            more = ", ..." if row.occurrences > len(row.first) else ""
            rows.append([row.kind, f"{row.occurrences:,}", f"{row.path}: {', '.join(row.first)}{more}"])
        return align_table([header, *rows], left=(0, 2))


def describe_corpus(corpus: ParallelCorpus) -> CorpusDescription:
    """Count what a corpus holds.

    Args:
        corpus: Any corpus.

    Returns:
        The counts, ready to print.
    """
    languages = corpus.languages
    present = corpus.present
    shared = present.astype(np.int64).T @ present.astype(np.int64)
    widths = present.sum(axis=1)
    alone = present[widths == 1].sum(axis=0)
    sizes = np.bincount(corpus.passages) if len(corpus.passages) else np.zeros(1, dtype=np.int64)
    texts = {language: [row for row in corpus.renderings[language] if row] for language in languages}

    def count(numbers: Iterable[int]) -> dict[str, int]:
        return dict(zip(languages, map(int, numbers), strict=True))

    def lengths(strings: Callable[[list[Rendering]], Iterable[str]]) -> dict[str, Lengths]:
        return {language: _measure(strings(rows)) for language, rows in texts.items()}

    return CorpusDescription(
        name=corpus.name,
        items=len(corpus.item_ids),
        items_in_all=int((widths == len(languages)).sum()),
        passages=int(corpus.passages.max(initial=-1)) + 1,
        articles=len(corpus.article_names),
        largest_passage=int(sizes.max()),
        items_by_language=count(present.sum(axis=0)),
        items_only_in=count(alone),
        located_answers=count(sum(row.answer_start >= 0 for row in texts[code]) for code in languages),
        pairs={one: count(shared[index]) for index, one in enumerate(languages)},
        question_lengths=lengths(lambda rows: [row.question for row in rows]),
        passage_lengths=lengths(lambda rows: {row.passage for row in rows}),
        blemishes=_count_blemishes(corpus.blemishes),
    )


def align_table(rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> list[str]:
    """Write rows as aligned columns, two spaces apart.

    Args:
        rows: Cells of equal number in every row.
        left: Columns to align on the left; the others are aligned on the right.

    Returns:
        One line per row, without spaces at its end. Wide East Asian characters count as two columns,
        combining marks as none.
    """
    widths = [max(map(measure_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - measure_width(cell))
            cells.append(cell + space if index in left else space + cell)
        lines.append("  ".join(cells).rstrip())
    return lines


def measure_width(text: str) -> int:
    """Count the columns that a text takes on a terminal.

    Args:
        text: One line of text.

    Returns:
        The number of columns.
    """
    return sum(
        0
        if unicodedata.category(char) in ("Mn", "Me", "Cf")
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )


def _measure(strings: Iterable[str]) -> Lengths:
    sizes = [len(text) for text in strings]
    if not sizes:
        return Lengths(0.0, 0.0)
    median, high = np.percentile(sizes, (50, 95))
    return Lengths(float(median), float(high))


def _show_lengths(lengths: Lengths) -> str:
    return f"{lengths.median:,.0f} / {lengths.high:,.0f}"


def _count_blemishes(blemishes: Iterable[Blemish]) -> tuple[BlemishCount, ...]:
    counts: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], list[str]] = {}
    for blemish in blemishes:
        key = (blemish.kind, blemish.path)
        counts[key] += 1
        positions = first.setdefault(key, [])
        if len(positions) < SHOWN_POSITIONS:
            positions.append(blemish.position)
    return tuple(BlemishCount(*key, counts[key], tuple(first[key])) for key in sorted(counts))
