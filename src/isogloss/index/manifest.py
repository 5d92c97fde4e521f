"""The file ``index.json``: all that an index consists of. Replacing it is what commits a change."""

from __future__ import annotations

import hashlib
import json
import os
import re
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from isogloss.errors import DataError
from isogloss.files import write_text
from isogloss.progress import Advance, ignore_progress

MANIFEST = "index.json"
SEGMENTS = "segments"
FORMAT = "isogloss-index-1"
MILVUS_FORMAT = "isogloss-milvus-1"
REBUILD = "build it again with isogloss index"
_NAME = re.compile(r"[a-z0-9-]+(\.[a-z]+)?")
_READ_BYTES = 1 << 20

Engine = Literal["auto", "exact", "graph"]
"""How to search: a graph where there are many passages, always exactly, or always by a graph."""

Compression = Literal["float32", "float16", "int8", "binary"]
"""How vectors are stored; ``binary`` is int8 with the signs beside, which find candidates."""


@dataclass(frozen=True)
class ModelIdentity:
    """Say which model made the vectors, and how.

    Attributes:
        name: Folder or hub name to load; it decides nothing.
        fingerprint: Hash of everything in the model that decides a vector.
        query_prefix: Text put before every query.
        passage_prefix: Text put before every passage.
        query_length: Longer queries are cut to this many tokens; None without a known limit.
        passage_length: Longer passages are cut to this many tokens; None without a known limit.
    """

    name: str
    fingerprint: str
    query_prefix: str
    passage_prefix: str
    query_length: int | None
    passage_length: int | None

    def differences(self, other: ModelIdentity) -> list[str]:
        """List what decides vectors and is not the same.

        Args:
            other: What to compare with.

        Returns:
            Names of attributes; ``name`` is never among them.
        """
        mine, theirs = asdict(self), asdict(other)
        return [name for name in mine if name != "name" and mine[name] != theirs[name]]


@dataclass(frozen=True)
class StoredFile:
    """Describe a file of a segment.

    Attributes:
        name: Its name in the segment's folder.
        bytes: Its size.
        crc32: CRC-32 of its bytes.
    """

    name: str
    bytes: int
    crc32: int


@dataclass(frozen=True)
class Graph:
    """Describe a graph over the passages of some languages of a segment.

    Attributes:
        languages: The languages; their rows, one language after the other, are its nodes.
        file: The graph.
    """

    languages: tuple[str, ...]
    file: StoredFile


@dataclass(frozen=True)
class SegmentEntry:
    """Describe a segment: some passages, sorted by language, that are never changed.

    Attributes:
        name: Its folder.
        languages: Language -> its rows, first and one after the last.
        files: Its files, but for deletions and graphs.
        live: Language -> passages that are not deleted.
        deleted: The list of deleted rows; None where none is.
        graphs: Graphs over parts of it; a part without one is searched exactly.
    """

    name: str
    languages: Mapping[str, tuple[int, int]]
    files: tuple[StoredFile, ...]
    live: Mapping[str, int]
    deleted: StoredFile | None = None
    graphs: tuple[Graph, ...] = ()

    @property
    def rows(self) -> int:
        """Count the rows, deleted ones included."""
        return max((end for _, end in self.languages.values()), default=0)

    @property
    def count(self) -> int:
        """Count the passages that are not deleted."""
        return sum(self.live.values())

    def all_files(self) -> tuple[StoredFile, ...]:
        """List every file that belongs to it."""
        deleted = () if self.deleted is None else (self.deleted,)
        return (*self.files, *deleted, *(graph.file for graph in self.graphs))


@dataclass(frozen=True)
class Manifest:
    """Describe an index.

    Attributes:
        model: What made the vectors.
        dimensions: Their length.
        engine: How to search.
        compression: How vectors are stored.
        lexical: Whether segments have the words of their passages.
        generation: Number of changes so far.
        segments: Its segments.
        digest: SHA-256 of all this, as it is stored; empty before it is.
    """

    model: ModelIdentity
    dimensions: int
    engine: Engine
    compression: Compression = "float32"
    lexical: bool = False
    generation: int = 0
    segments: tuple[SegmentEntry, ...] = ()
    digest: str = field(default="", compare=False)

    @property
    def count(self) -> int:
        """Count the passages."""
        return sum(segment.count for segment in self.segments)

    @property
    def languages(self) -> dict[str, int]:
        """Count the passages of each language, most first."""
        counts: Counter[str] = Counter()
        for segment in self.segments:
            counts.update(segment.live)
        ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
        return {language: count for language, count in ordered if count}


class StoredDescription(NamedTuple):
    """Hold what a file ``index.json`` says, its checksum compared.

    Attributes:
        format: Which kind of index this is, and how it is written down.
        content: What the format says of it.
        digest: SHA-256 of the content.
    """

    format: str
    content: dict[str, object]
    digest: str


def read_description(folder: Path, name: str = MANIFEST) -> StoredDescription:
    """Read the description of an index of any engine.

    Args:
        folder: The index.
        name: The file.

    Returns:
        The description.

    Raises:
        DataError: There is none, it is damaged, or another release's.
    """
    path = folder / name
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise DataError("no index here; isogloss index makes one", folder) from None
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", path) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"is damaged ({error}); {REBUILD}", path) from error
    if not isinstance(stored, dict) or stored.get("format") not in (FORMAT, MILVUS_FORMAT):
        found = stored.get("format") if isinstance(stored, dict) else None
        raise DataError(f"is of format {found!r}, this release reads {FORMAT!r}; {REBUILD}", path)
    content = stored.get("content")
    if not isinstance(content, dict):
        raise DataError(f"is damaged (its content is no object); {REBUILD}", path)
    digest = _digest(content)
    if stored.get("sha256") != digest:
        raise DataError(f"was changed or damaged after it was written; {REBUILD}", path)
    return StoredDescription(stored["format"], content, digest)


def write_description(folder: Path, form: str, content: Mapping[str, object], name: str = MANIFEST) -> None:
    """Replace the description of an index: from here on readers see the new one, and a crash keeps it.

    Args:
        folder: The index.
        form: The format.
        content: What the format says of it.
        name: The file.
    """
    document = {"format": form, "sha256": _digest(content), "content": content}
    write_text(folder / name, json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    sync_folder(folder)


def read_manifest(folder: Path) -> Manifest:
    """Read what an index consists of.

    Args:
        folder: The index.

    Returns:
        The description; the files that it names are not looked at.

    Raises:
        DataError: There is no index, it is damaged, or another release's, or an engine's that keeps no files.
    """
    stored = read_description(folder)
    path = folder / MANIFEST
    if stored.format != FORMAT:
        raise DataError(f"is of format {stored.format!r}, not {FORMAT!r}", path)
    try:
        return _parse(stored.content, stored.digest)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"is damaged ({type(error).__name__}: {error}); {REBUILD}", path) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the description of an index: from here on readers see the new state, and a crash keeps it.

    Args:
        folder: The index; every file that is named lies there, flushed to disk.
        manifest: The new description.
    """
    content = asdict(manifest)
    del content["digest"]
    write_description(folder, FORMAT, content)


def describe_file(path: Path) -> StoredFile:
    """Measure a file that was written, and flush it to disk.

    Args:
        path: The file.

    Returns:
        Its name, size and checksum.
    """
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
    return StoredFile(path.name, path.stat().st_size, compute_crc(path))


def compute_crc(path: Path, advance: Advance = ignore_progress) -> int:
    """Compute the CRC-32 of a file.

    Args:
        path: The file.
        advance: Told how many bytes were read.

    Returns:
        0 to 2^32 - 1.
    """
    crc = 0
    with path.open("rb") as stream:
        while block := stream.read(_READ_BYTES):
            crc = zlib.crc32(block, crc)
            advance(len(block))
    return crc


def sync_folder(folder: Path) -> None:
    """Flush a folder's names to disk, where the system can.

    Args:
        folder: The folder.
    """
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(content: object) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _parse(content: dict[str, object], digest: str) -> Manifest:
    """Build the description; what is missing or of another type is a KeyError, TypeError or ValueError."""
    segments = content["segments"]
    if not isinstance(segments, list):
        raise TypeError("segments is no list")
    engine = str(content["engine"])
    if engine not in get_args(Engine):
        raise ValueError(f"engine {engine!r}")
    compression = str(content.get("compression", "float32"))
    if compression not in get_args(Compression):
        raise ValueError(f"compression {compression!r}")
    return Manifest(
        model=ModelIdentity(**content["model"]),  # type: ignore[arg-type]
        dimensions=_count(content["dimensions"]),
        engine=engine,  # type: ignore[arg-type]
        compression=compression,  # type: ignore[arg-type]
        lexical=_check_bool(content.get("lexical", False)),
        generation=_count(content["generation"]),
        segments=tuple(_parse_segment(segment) for segment in segments),
        digest=digest,
    )


def _parse_segment(stored: dict[str, object]) -> SegmentEntry:
    languages, live, files, graphs, deleted = (
        stored[name] for name in ("languages", "live", "files", "graphs", "deleted")
    )
    if not (isinstance(languages, dict) and isinstance(live, dict)):
        raise TypeError("a segment's languages are no object")
    if not (isinstance(files, list) and isinstance(graphs, list)):
        raise TypeError("a segment's files are no list")
    return SegmentEntry(
        name=_check_name(stored["name"]),
        languages={str(name): (_count(rows[0]), _count(rows[1])) for name, rows in languages.items()},
        files=tuple(_parse_file(file) for file in files),
        live={str(name): _count(number) for name, number in live.items()},
        deleted=None if deleted is None else _parse_file(deleted),
        graphs=tuple(
            Graph(tuple(map(str, graph["languages"])), _parse_file(graph["file"])) for graph in graphs
        ),
    )


def _parse_file(stored: object) -> StoredFile:
    if not isinstance(stored, dict):
        raise TypeError("a file is no object")
    return StoredFile(_check_name(stored["name"]), _count(stored["bytes"]), _count(stored["crc32"]))


def _check_name(name: object) -> str:
    """Refuse a name that could lead out of the index."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"the name {name!r}")
    return name


def _check_bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} is no count")
    return value
