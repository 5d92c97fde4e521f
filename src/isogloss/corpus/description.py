"""Describe a corpus: languages, items, pairs, lengths, blemishes."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from isogloss.corpus.model import ParallelCorpus
from isogloss.corpus.record import Blemish
from isogloss.corpus.stored.model import Corpus

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


def describe_corpus(corpus: Corpus) -> CorpusDescription:
    """Count what a corpus holds.

    Args:
        corpus: Any corpus.

    Returns:
        The counts, ready to print.
    """
    counting = _Counting(corpus.languages)
    for part in corpus.parts():
        counting.add(part)
    return counting.describe(corpus)


class _Counting:
    """Count a corpus part by part; passages are never cut, so each is counted in one part."""

    def __init__(self, languages: Sequence[str]) -> None:
        self.languages = languages
        self.shared = np.zeros((len(languages),) * 2, dtype=np.int64)
        self.alone = np.zeros(len(languages), dtype=np.int64)
        self.in_all = self.passages = self.largest = 0
        self.located: Counter[str] = Counter()
        self.questions: dict[str, Counter[int]] = {language: Counter() for language in languages}
        self.texts: dict[str, Counter[int]] = {language: Counter() for language in languages}

    def add(self, part: ParallelCorpus) -> None:
        present = part.present
        widths = present.sum(axis=1)
        self.shared += present.astype(np.int64).T @ present.astype(np.int64)
        self.alone += present[widths == 1].sum(axis=0)
        self.in_all += int((widths == len(self.languages)).sum())
        sizes = np.bincount(part.passages)
        self.passages += len(sizes)
        self.largest = max(self.largest, int(sizes.max(initial=0)))
        for language in self.languages:
            rows = [row for row in part.renderings[language] if row]
            self.located[language] += sum(row.answer_start >= 0 for row in rows)
            self.questions[language].update(len(row.question) for row in rows)
            self.texts[language].update(len(text) for text in {row.passage for row in rows})

    def describe(self, corpus: Corpus) -> CorpusDescription:
        def count(numbers: Iterable[int]) -> dict[str, int]:
            return dict(zip(self.languages, map(int, numbers), strict=True))

        return CorpusDescription(
            name=corpus.name,
            items=corpus.item_count,
            items_in_all=self.in_all,
            passages=self.passages,
            articles=corpus.article_count,
            largest_passage=self.largest,
            items_by_language=count(self.shared.diagonal()),
            items_only_in=count(self.alone),
            located_answers=count(self.located[code] for code in self.languages),
            pairs={one: count(self.shared[index]) for index, one in enumerate(self.languages)},
            question_lengths={code: _measure(lengths) for code, lengths in self.questions.items()},
            passage_lengths={code: _measure(lengths) for code, lengths in self.texts.items()},
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


def _measure(lengths: Mapping[int, int]) -> Lengths:
    """Give median and 95th percentile of lengths that are counted, as ``numpy.percentile`` does."""
    if not lengths:
        return Lengths(0.0, 0.0)
    sizes = np.array(sorted(lengths), dtype=np.int64)
    ends = np.cumsum([lengths[size] for size in sizes.tolist()])

    def percentile(share: float) -> float:
        place = share * (int(ends[-1]) - 1)
        low, high = np.searchsorted(ends, [int(place), int(np.ceil(place))], side="right").tolist()
        return float(sizes[low] + (sizes[high] - sizes[low]) * (place - int(place)))

    return Lengths(percentile(0.5), percentile(0.95))


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
