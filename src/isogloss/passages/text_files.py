"""Read text files: a document a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from isogloss.corpus.source import read_source
from isogloss.errors import DataError
from isogloss.passages.model import Passage
from isogloss.progress import Advance

SUFFIXES = (".txt", ".txt.gz")


def stream_text(path: Path, name: str, advance: Advance) -> Iterator[tuple[str, Passage]]:
    """Read a file as one document.

    Args:
        path: The file, compressed when its name ends in ``.gz``.
        name: Its name in the collection, which becomes the document's id, and without endings its title.
        advance: Called with the bytes read.

    Yields:
        No position, and the document.

    Raises:
        DataError: The file cannot be read, or holds no text.
    """
    text = read_source(path).text
    if not text.strip():
        raise DataError("holds no text", path)
    yield "", Passage(id=name, text=text, language="", title=PurePosixPath(name).name.split(".")[0])
    advance(path.stat().st_size)
