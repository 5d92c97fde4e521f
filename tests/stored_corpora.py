"""Stored corpora, and the same corpora in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from isogloss.corpus import Record, StoredCorpus, store_corpus


def write_rows(file: Path, records: Iterable[Record]) -> Path:
    """Write records as JSON lines."""
    lines = [
        json.dumps(
            {
                "id": row.item_id,
                "language": row.language,
                "question": row.question,
                "passage": row.passage,
                "passage_id": row.passage_key,
                "article": row.article,
                "answer": row.answer,
                "answer_start": row.answer_start,
                "negatives": list(row.negatives),
            },
            ensure_ascii=False,
        )
        for row in records
    ]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def store_rows(
    folder: Path, records: Iterable[Record], languages: Sequence[str] | None = None
) -> StoredCorpus:
    """Write records as JSON lines and store them."""
    file = write_rows(folder / "rows.jsonl", records)
    return store_corpus(file, folder / "stored", languages=languages, quiet=True)
