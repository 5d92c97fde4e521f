"""Read a collection of passages: a file, or all files of a folder, of any known format."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from isogloss.corpus.languages import tell_language
from isogloss.errors import ConfigError, DataError
from isogloss.languages import normalize_language
from isogloss.passages import csv_tables, jsonl, parquet, squad, text_files
from isogloss.passages.detection import make_detector
from isogloss.passages.model import Passage
from isogloss.progress import Advance, ignore_progress

Reader = Callable[[Path, str, Advance], Iterator[tuple[str, Passage]]]
"""Gives the position and the passage of each row of a file, which has a name in the collection."""

_READERS: dict[tuple[str, ...], Reader] = {
    jsonl.SUFFIXES: jsonl.stream_jsonl,
    csv_tables.SUFFIXES: csv_tables.stream_csv,
    parquet.SUFFIXES: parquet.stream_parquet,
    squad.SUFFIXES: squad.stream_squad,
    text_files.SUFFIXES: text_files.stream_text,
}
"""A new format is a file with its suffixes and its reader, and a line here."""


def stream_passages(
    path: str | Path, *, language: str | None = None, detect: bool = False, advance: Advance = ignore_progress
) -> Iterator[Passage]:
    """Read the passages of a file, or of all files in a folder and its folders, one by one.

    Formats: JSON lines, CSV and TSV, Parquet, SQuAD JSON, text (a document a file). The language of a passage
    is what its row says; else ``language``; else what the name of its file or of a folder in the collection
    says (``sw.jsonl``, ``sw/a.txt``); else what is detected.

    Args:
        path: The file or folder.
        language: The language of all passages whose rows tell none.
        detect: Whether to tell a language from the text where nothing else tells it.
        advance: Called with the bytes read since the last call.

    Returns:
        An iterator over the passages; what it raises, it raises on the way.

    Raises:
        ConfigError: ``language`` is none, or ``detect`` needs a library.
        DataError: A file is broken or holds no passage, there is none, or a language cannot be told.
    """
    given = None if language is None else normalize_language(language)
    return _stream(_list_files(Path(path)), given, make_detector() if detect else None, advance)


def measure_passages(path: str | Path) -> int:
    """Add up the bytes that reading a collection goes through.

    Args:
        path: The file or folder.

    Returns:
        Bytes on disk.

    Raises:
        DataError: There is no such file or folder, or nothing in it can be read.
    """
    return sum(file.stat().st_size for file, _, _ in _list_files(Path(path)))


def hash_passages(path: str | Path) -> str:
    """Hash the files of a collection.

    Args:
        path: The file or folder.

    Returns:
        SHA-256 of their names in the collection and their bytes, 64 hexadecimal digits; wherever it lies.

    Raises:
        DataError: There is no such file or folder, nothing in it can be read, or a file cannot.
    """
    lines = []
    for file, name, _ in _list_files(Path(path)):
        try:
            with file.open("rb") as stream:
                lines.append(f"{hashlib.file_digest(stream, 'sha256').hexdigest()} {name}\n")
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror})", file) from error
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _stream(
    files: Sequence[tuple[Path, str, Reader]],
    given: str | None,
    detector: Callable[[str], str] | None,
    advance: Advance,
) -> Iterator[Passage]:
    """Read the files in turn; give every passage a language and a source."""
    for file, name, read in files:
        told = given or _tell_language(name)
        empty = True
        for position, passage in read(file, name, advance):
            empty = False
            known = passage.language or told or (detector(passage.text) if detector else None)
            if known is None:
                raise DataError(
                    "no language: give it in a field 'language', in the file's name (sw.jsonl), with "
                    "--language, or have it told with --detect",
                    file,
                    position,
                )
            source = passage.source or ", ".join(part for part in (name, position) if part)
            yield passage._replace(language=known, source=source)
        if empty:
            raise DataError("holds no passage", file)


def _list_files(path: Path) -> list[tuple[Path, str, Reader]]:
    """List the files of a collection with their names in it and their readers."""
    formats = ", ".join(suffix for suffixes in _READERS for suffix in suffixes if not suffix.endswith(".gz"))
    if not path.exists():
        raise DataError("no such file or folder", path)
    if path.is_file():
        listed = [(path, path.name)]
    else:
        found = sorted((file.relative_to(path), file) for file in path.rglob("*") if file.is_file())
        listed = [
            (file, name.as_posix())
            for name, file in found
            if not any(part.startswith(".") for part in name.parts)
        ]
    known = [
        (file, name, reader)
        for file, name in listed
        for suffixes, reader in _READERS.items()
        if name.endswith(suffixes)
    ]
    if not known:
        raise DataError(f"holds nothing that can be read; files ending in {formats} can", path)
    return known


def _tell_language(name: str) -> str | None:
    """Tell a language by a file's name or a folder's; a text file's name is a title, so folders go first."""
    path = PurePosixPath(name)
    names = [path.name.split(".")[0], *reversed(path.parent.parts)]
    if name.endswith(text_files.SUFFIXES):
        names = [*names[1:], names[0]]
    for part in names:
        told = tell_language(part)
        if told is None:
            continue
        try:
            return normalize_language(told)
        except ConfigError:
            continue  # three letters that are no language
    return None
