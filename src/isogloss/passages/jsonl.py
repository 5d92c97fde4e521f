"""Read JSON lines: a passage a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from isogloss.corpus.source import stream_objects
from isogloss.passages.fields import read_fields
from isogloss.passages.model import Passage
from isogloss.progress import Advance

SUFFIXES = (".jsonl", ".jsonl.gz")


def stream_jsonl(path: Path, name: str, advance: Advance) -> Iterator[tuple[str, Passage]]:
    """Read the passages of a file.

    Args:
        path: The file, compressed when its name ends in ``.gz``.
        name: What to call it; not used: the rows have ids of their own.
        advance: Called with the bytes read since the last call.

    Yields:
        Position and passage.

    Raises:
        DataError: The file cannot be read, or a line is no passage.
    """
    del name
    for position, row in stream_objects(path, {}, advance):
        yield position, read_fields(row, str(path), position)
