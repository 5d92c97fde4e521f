"""Read SQuAD JSON: a passage a paragraph; questions are left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from isogloss.corpus.source import holds, parse_json, read_source, take_list, take_object, take_string
from isogloss.errors import DataError
from isogloss.passages.model import Passage
from isogloss.progress import Advance

SUFFIXES = (".json", ".json.gz")


def stream_squad(path: Path, name: str, advance: Advance) -> Iterator[tuple[str, Passage]]:
    """Read the paragraphs of a file.

    Args:
        path: The file, compressed when its name ends in ``.gz``.
        name: Its name in the collection: the fourth paragraph of the first article of ``en.json`` gets the
            id ``en/0/3``.
        advance: Called with the bytes read.

    Yields:
        Position and passage.

    Raises:
        DataError: The file cannot be read, or is no SQuAD JSON.
    """
    source = read_source(path)
    stem = next(name.removesuffix(suffix) for suffix in reversed(SUFFIXES) if name.endswith(suffix))
    top = take_object(parse_json(source.text, source.path), source.path, "top level")
    for number, value in enumerate(take_list(top, "data", source.path, "top level")):
        where = f"data[{number}]"
        article = take_object(value, source.path, where)
        title = take_string(article, "title", source.path, where) if holds(article, "title") else ""
        for index, entry in enumerate(take_list(article, "paragraphs", source.path, where)):
            position = f"{where}.paragraphs[{index}]"
            text = take_string(take_object(entry, source.path, position), "context", source.path, position)
            if not text.strip():
                raise DataError("'context' is empty", path, position)
            yield position, Passage(id=f"{stem}/{number}/{index}", text=text, language="", title=title)
    advance(path.stat().st_size)
