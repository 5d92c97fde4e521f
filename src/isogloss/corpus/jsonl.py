"""Read JSON lines: one row per question and language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from isogloss.corpus.identity import build_corpus
from isogloss.corpus.model import ParallelCorpus
from isogloss.corpus.record import Record
from isogloss.corpus.source import (
    holds,
    stream_objects,
    take_integer,
    take_list,
    take_spans,
    take_string,
)
from isogloss.errors import DataError
from isogloss.progress import Advance, ignore_progress

SUFFIXES = (".jsonl", ".jsonl.gz")


def read_jsonl(
    path: Path, *, languages: Sequence[str] | None = None, name: str | None = None
) -> ParallelCorpus:
    """Read a JSONL file, or all JSONL files of a folder as one corpus.

    Columns: ``id``, ``language``, ``question`` and ``passage`` (strings) are required. ``passage_id``,
    ``article`` and ``answer`` (strings), ``answer_start`` (code points into ``passage``, -1 when unknown),
    ``sentence_breaks`` (``[[start, end], ...]`` in code points) and ``negatives`` (a list of ids) may be
    missing or null. Other columns are ignored.

    Args:
        path: The file, compressed when its name ends in ``.gz``, or the folder.
        languages: Languages to keep; all when None.
        name: What to call the corpus; the name of the folder or file when None.

    Returns:
        The corpus.

    Raises:
        DataError: A file is broken, the folder holds none, or a language is missing.
    """
    files: dict[str, str] = {}
    records = list(stream_jsonl(path, files))
    corpus = build_corpus(name or path.resolve().name.split(".")[0], records, files)
    return corpus if languages is None else corpus.select_languages(languages)


def stream_jsonl(path: Path, files: dict[str, str], advance: Advance = ignore_progress) -> Iterator[Record]:
    """Read the rows of a JSONL file, or of all in a folder, one after the other.

    Args:
        path: The file or folder.
        files: Where path and SHA-256 of each file go when it is read.
        advance: Called with the bytes read since the last call.

    Yields:
        A record for each row.

    Raises:
        DataError: A file is broken or holds no row, or the folder holds none.
    """
    chosen = list_jsonl_files(path) if path.is_dir() else [path]
    if not chosen:
        raise DataError("holds no .jsonl or .jsonl.gz file", path)
    for file in chosen:
        empty = True
        for position, row in stream_objects(file, files, advance):
            empty = False
            yield read_row(row, str(file), position)
        if empty:
            raise DataError("holds no questions", file)


def list_jsonl_files(folder: Path) -> list[Path]:
    """List the JSONL files of a folder.

    Args:
        folder: An existing folder; its own folders are not looked into.

    Returns:
        Its ``.jsonl`` and ``.jsonl.gz`` files by name, hidden ones left out.
    """
    return sorted(
        file
        for file in folder.iterdir()
        if file.name.endswith(SUFFIXES) and not file.name.startswith(".") and file.is_file()
    )


def read_row(row: Mapping[str, object], path: str, position: str, language: str | None = None) -> Record:
    """Read one row of the documented columns.

    Args:
        row: The columns and their values.
        path: Where the row is from, for messages.
        position: Where in it, for messages.
        language: The row's language where it is known without the ``language`` column.

    Returns:
        The record.

    Raises:
        DataError: A required column is missing, or a value has the wrong type.
    """
    return Record(
        item_id=take_string(row, "id", path, position),
        language=language or take_string(row, "language", path, position),
        question=take_string(row, "question", path, position),
        passage=take_string(row, "passage", path, position),
        passage_key=take_string(row, "passage_id", path, position) if holds(row, "passage_id") else None,
        article=_optional_string(row, "article", path, position).strip() or None,
        answer=_optional_string(row, "answer", path, position),
        answer_start=take_integer(row, "answer_start", path, position) if holds(row, "answer_start") else -1,
        sentence_breaks=take_spans(row, "sentence_breaks", path, position)
        if holds(row, "sentence_breaks")
        else None,
        negatives=_read_negatives(row, path, position) if holds(row, "negatives") else (),
        path=path,
        position=position,
    )


def _optional_string(row: Mapping[str, object], key: str, path: str, position: str) -> str:
    return take_string(row, key, path, position) if holds(row, key) else ""


def _read_negatives(row: Mapping[str, object], path: str, position: str) -> tuple[str, ...]:
    ids = take_list(row, "negatives", path, position)
    negatives = tuple(value for value in ids if isinstance(value, str))
    if len(negatives) < len(ids):
        raise DataError("'negatives' must be a list of question ids (strings)", path, position)
    return negatives
