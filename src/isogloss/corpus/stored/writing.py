"""Store a corpus: from any format to files that are read without loading them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

import numpy as np

from isogloss.corpus.identity import SentenceSpans, render
from isogloss.corpus.parts import check_languages
from isogloss.corpus.stored.files import (
    ARTICLE_COLUMNS,
    ARTICLES,
    BLEMISH_COLUMNS,
    BLEMISHES,
    ID_COLUMNS,
    IDS,
    MANIFEST,
    NEGATIVES,
    NEGATIVES_OF,
    PASSAGE_COLUMNS,
    QUESTION_COLUMNS,
    Manifest,
    digest_file,
    passage_file,
    question_file,
)
from isogloss.corpus.stored.index import IndexWriter
from isogloss.corpus.stored.sorting import PlacedRecord, RecordTable
from isogloss.corpus.stored.texts import ArrowWriter
from isogloss.files import write_text
from isogloss.progress import show_progress

_ITEMS_AT_ONCE = 4096


def write_store(
    table: RecordTable,
    folder: Path,
    name: str,
    sources: Mapping[str, str],
    languages: Sequence[str] | None,
    *,
    quiet: bool = False,
) -> None:
    """Write the files of a stored corpus.

    Args:
        table: The records, joined.
        folder: An empty folder.
        name: What to call the corpus.
        sources: Path of each file that was read, with the SHA-256 of its bytes.
        languages: Languages to keep; all when None.
        quiet: Whether to show no progress.

    Raises:
        DataError: A language to keep is not there.
    """
    known = table.languages()
    kept = tuple(known) if languages is None else check_languages(name, known, languages)
    items = table.place(kept)
    negatives = table.link_negatives()
    pairs = np.fromiter(table.links(), np.dtype((np.int64, 2)), negatives)
    np.save(folder / NEGATIVES_OF, pairs[:, 0])
    np.save(folder / NEGATIVES, pairs[:, 1])
    blemishes = dict.fromkeys(("", *kept), 0)
    with ArrowWriter(folder / BLEMISHES, BLEMISH_COLUMNS) as rows:
        for blemish in table.blemishes():
            rows.append(blemish)
            blemishes[blemish.language] += 1
    counts = {BLEMISHES: rows.rows}
    with (
        show_progress("storing items", items, quiet=quiet) as advance,
        _CorpusWriter(folder, items, kept) as out,
    ):
        for item, records in groupby(table.records(), key=lambda row: row.item):
            out.append(list(records))
            if item % _ITEMS_AT_ONCE == 0 and item:
                advance(_ITEMS_AT_ONCE)
    counts |= out.counts()
    files = sorted(file for file in folder.iterdir() if file.suffix in (".arrow", ".npy"))
    manifest = Manifest(
        name=name,
        languages=kept,
        items=items,
        rows=counts,
        negatives=negatives,
        blemishes=blemishes,
        sizes={file.name: file.stat().st_size for file in files},
        sha256={file.name: digest_file(file) for file in files},
        sources=dict(sorted(sources.items())),
    )
    write_text(folder / MANIFEST, manifest.to_text())


class _CorpusWriter:
    """Write items in order: texts as they come, the index some thousand items at a time."""

    def __init__(self, folder: Path, items: int, languages: Sequence[str]) -> None:
        self._place = {language: place for place, language in enumerate(languages)}
        self._folder, self._items = folder, items
        self._stack = ExitStack()
        self._waiting: list[tuple[list[int], bool, bool]] = []
        self._passage = self._article = -1
        self._known: dict[tuple[str, str], int] = {}
        """Rows of the texts of the passage in hand."""
        self._spans: SentenceSpans = {}

    def __enter__(self) -> _CorpusWriter:
        self._index = self._stack.enter_context(IndexWriter(self._folder, self._items, len(self._place)))
        self._ids = self._open(IDS, ID_COLUMNS)
        self._articles = self._open(ARTICLES, ARTICLE_COLUMNS)
        self._questions = {code: self._open(question_file(code), QUESTION_COLUMNS) for code in self._place}
        self._passages = {code: self._open(passage_file(code), PASSAGE_COLUMNS) for code in self._place}
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self._flush()
        self._stack.__exit__(*error)  # type: ignore[arg-type]

    def append(self, rows: Sequence[PlacedRecord]) -> None:
        """Append the records of an item."""
        first = rows[0]
        opens_passage, opens_article = first.passage != self._passage, first.article != self._article
        self._passage, self._article = first.passage, first.article
        if opens_article:
            self._articles.append([first.name])
        if opens_passage:
            self._known.clear()
            self._spans.clear()
        self._ids.append([first.record.item_id])
        for row in rows:
            self._append_text(row)
        spoken = [self._place[row.record.language] for row in rows]
        self._waiting.append((spoken, opens_passage, opens_article))
        if len(self._waiting) == _ITEMS_AT_ONCE:
            self._flush()

    def counts(self) -> dict[str, int]:
        """Count the rows of each file."""
        return (
            {IDS: self._ids.rows, ARTICLES: self._articles.rows}
            | {question_file(code): rows.rows for code, rows in self._questions.items()}
            | {passage_file(code): rows.rows for code, rows in self._passages.items()}
        )

    def _append_text(self, row: PlacedRecord) -> None:
        language = row.record.language
        text = render(row.record, self._spans)
        key = (language, text.passage)
        if key not in self._known:
            self._known[key] = self._passages[language].append([text.passage])
        start, end = text.sentence
        self._questions[language].append(
            [text.question, text.answer, text.answer_start, self._known[key], start, end]
        )

    def _flush(self) -> None:
        present = np.zeros((len(self._waiting), len(self._place)), dtype=np.bool_)
        for row, (spoken, _, _) in enumerate(self._waiting):
            present[row, spoken] = True
        opens = np.array([flags for _, *flags in self._waiting], dtype=np.bool_).reshape(-1, 2)
        self._index.append(present, opens[:, 0], opens[:, 1])
        self._waiting.clear()

    def _open(self, file: str, columns: Mapping[str, type]) -> ArrowWriter:
        return self._stack.enter_context(ArrowWriter(self._folder / file, columns))
