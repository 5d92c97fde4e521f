"""The rows of a translated corpus, in the JSONL format of ``isogloss.corpus``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from isogloss.corpus import ParallelCorpus
from isogloss.translation.passages import Piece, Span, join_sentences


class Row(NamedTuple):
    """Hold one question in one language; the columns are those of docs/corpus.md.

    Attributes:
        item: Index of the item in the corpus.
        question: The question.
        passage: The paragraph.
        sentence_breaks: Its sentences; None to have it split by rule.
        answer: The answer's text; None when unknown, as in every translation.
        answer_start: Where the answer starts, in a translation its sentence; -1 when unknown.
    """

    item: int
    question: str
    passage: str
    sentence_breaks: tuple[Span, ...] | None
    answer: str | None
    answer_start: int


def copy_row(corpus: ParallelCorpus, item: int, language: str, spans: tuple[Span, ...] | None) -> Row:
    """Write an item as the corpus has it.

    Args:
        corpus: The corpus.
        item: Index of the item.
        language: A language that it is in.
        spans: The sentences of its passage; None where only that of the answer is known.

    Returns:
        The row.
    """
    own = corpus.rendering(item, language)
    if spans is None and own.answer_start >= 0:
        # One sentence that is known; what stands around it is not needed.
        spans = (own.sentence,)
    return Row(item, own.question, own.passage, spans, own.answer or None, own.answer_start)


def make_row(item: int, language: str, piece: Piece, translations: Mapping[str, str]) -> Row:
    """Write an item as it was translated.

    Args:
        item: Index of the item.
        language: Language code of the translations.
        piece: The item in the source language.
        translations: Text -> translation; those that the item cannot do without are there.

    Returns:
        The row.
    """
    passage = join_sentences(piece, translations, language)
    return Row(item, translations[piece.question], passage.text, passage.spans, None, passage.answer_start)


def write_rows(corpus: ParallelCorpus, language: str, rows: Sequence[Row]) -> str:
    """Write the rows of one language as JSON lines.

    Each row carries the identity of its passage and its article, so that the file of one language tells them
    as well as the whole corpus does.

    Args:
        corpus: The corpus that the items are from.
        language: The language.
        rows: Its rows; they are written in the order of their items.

    Returns:
        One JSON object a line.
    """
    first: dict[int, str] = {}
    for item, passage in enumerate(corpus.passages.tolist()):
        first.setdefault(passage, corpus.item_ids[item])
    there = {row.item for row in rows}
    lines = []
    for row in sorted(rows, key=lambda row: row.item):
        negatives = [corpus.item_ids[other] for other in corpus.negatives.get(row.item, ()) if other in there]
        columns: dict[str, object] = {
            "id": corpus.item_ids[row.item],
            "language": language,
            "passage_id": first[int(corpus.passages[row.item])],
            "article": corpus.article_names[int(corpus.articles[row.item])],
            "question": row.question,
            "passage": row.passage,
            "sentence_breaks": row.sentence_breaks,
            "answer": row.answer,
            "answer_start": row.answer_start,
            "negatives": negatives or None,
        }
        known = {name: value for name, value in columns.items() if value is not None}
        lines.append(json.dumps(known, ensure_ascii=False))
    return "".join(f"{line}\n" for line in lines)
