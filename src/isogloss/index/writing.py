"""Change an index: add, replace and delete passages, and commit all of it at once.

New segments are written beside the old ones, and the file ``index.json`` is replaced last. A process killed
at any moment leaves the old state or the new one; what else it left is removed by the next change.
"""

from __future__ import annotations

import math
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import ConfigError, DataError
from isogloss.files import hold_lock
from isogloss.index.graph import build_graphs, has_faiss, require_faiss
from isogloss.index.manifest import (
    MANIFEST,
    SEGMENTS,
    Compression,
    Engine,
    Manifest,
    ModelIdentity,
    SegmentEntry,
    describe_file,
    read_manifest,
    sync_folder,
    write_manifest,
)
from isogloss.index.names import find_rows, find_shared, make_table
from isogloss.index.segment import Segment
from isogloss.index.segment_writing import SegmentWriter, delete_rows, merge_segments
from isogloss.index.vectors import check_vectors
from isogloss.passages import Passage

LOCK = ".lock"
SCRATCH = ".encoded"
SHARD = "shard.json"
"""Where the index of a part of a collection says which part that is; see ``isogloss.sharding``."""
SEGMENT_ROWS = 1 << 16
"""Passages that are held in memory before they are written."""
GRAPH_FROM = 200_000
"""Passages from which the engine ``auto`` builds graphs."""
_SEGMENTS_OF_A_SIZE = 8
"""More segments of about one size than this are merged: each passage is rewritten a few times at most."""
_SMALLEST_SIZE = 1000
_DELETED_SHARE = 0.2
"""A segment with more deleted rows than this is written again without them."""


class IndexChange:
    """Gather what is to be added and deleted, and commit it.

    Attributes:
        folder: The index's folder.
        scratch: Where to keep vectors until the commit, so that a killed change goes on with them.
        replaced: Passages that gave way to new ones of the same name.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        """Start a change; see ``create_index`` and ``change_index``, which keep other processes out.

        Args:
            folder: The index's folder.
            manifest: Its present state.
        """
        self.folder = folder
        self.scratch = folder / SCRATCH
        self.replaced = 0
        self._manifest = manifest
        self._old = [Segment(folder, entry, manifest.dimensions) for entry in manifest.segments]
        self._deleted: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64) for _ in self._old]
        self._new: list[Segment] = []
        self._passages: list[Passage] = []
        self._vectors: list[NDArray[np.float32]] = []

    @property
    def model(self) -> ModelIdentity:
        """What made the vectors."""
        return self._manifest.model

    def add(self, passages: Sequence[Passage], vectors: NDArray[np.float32]) -> None:
        """Add passages; those of the same id, or of the same document, give way to them.

        Args:
            passages: The passages, no two of one id in a change.
            vectors: float32 ``[n, d]``, a row for each passage, of length 1.

        Raises:
            DataError: Two passages of the change have one id.
            ModelError: The vectors are of another shape or type, or not of length 1.
        """
        check_vectors(passages, vectors, self._manifest.dimensions)
        for start in range(0, len(passages), SEGMENT_ROWS):
            stop = start + SEGMENT_ROWS
            self._passages += passages[start:stop]
            self._vectors.append(vectors[start:stop])
            if len(self._passages) >= SEGMENT_ROWS:
                self._flush()

    def adopt(self, segment: Segment) -> None:
        """Copy a whole segment of another index into a new one; its bytes are compared with its checksums.

        Where this index stores vectors in another way, the segment is written anew.

        Args:
            segment: The segment, of vectors of the same length, and with words if this index has them.

        Raises:
            DataError: The segment is damaged, or the change has one of its names already.
        """
        same = segment.vectors.compression == self._manifest.compression
        entry = self._copy(segment) if same else self._write_again([segment])
        adopted = Segment(self.folder, entry, self._manifest.dimensions)
        for other in self._new:
            if (pair := find_shared(other.names(), adopted.names())) is not None:
                raise _repeated(other.passages([pair[0]])[0], adopted.passages([pair[1]])[0])
        self._new.append(adopted)

    def delete(self, names: Iterable[str]) -> int:
        """Delete passages by id, or all passages of documents.

        Args:
            names: Ids of passages and documents; unknown ones are passed over.

        Returns:
            How many passages are deleted that were there before this change.
        """
        wanted = list(names)
        total = 0
        for number, segment in enumerate(self._old):
            rows = np.setdiff1d(find_rows(segment.names(), wanted), segment.deleted)
            fresh = np.setdiff1d(rows, self._deleted[number])
            self._deleted[number] = np.union1d(self._deleted[number], fresh)
            total += len(fresh)
        return total

    def commit(self) -> Manifest:
        """Make the change: from here on every reader sees it, and a crash does not undo it.

        Returns:
            The new state.

        Raises:
            ConfigError: Graphs were asked for, and their library is not installed.
            DataError: A file that has to be written again is damaged.
        """
        self._flush()
        generation = self._manifest.generation + 1
        entries = [
            delete_rows(self.folder, segment, rows, generation) if len(rows) else segment.entry
            for segment, rows in zip(self._old, self._deleted, strict=True)
        ]
        entries = [entry for entry in (*entries, *(new.entry for new in self._new)) if entry.count]
        entries = [self._add_graphs(entry, entries) for entry in self._merge(entries)]
        manifest = replace(self._manifest, generation=generation, segments=tuple(entries))
        write_manifest(self.folder, manifest)
        stored = read_manifest(self.folder)
        remove_leftovers(self.folder, stored)
        shutil.rmtree(self.scratch, ignore_errors=True)
        return stored

    def _flush(self) -> None:
        """Write what was gathered as a segment, unless an id occurs twice."""
        if not self._passages:
            return
        # The rows of a language stand together.
        order = sorted(range(len(self._passages)), key=lambda row: self._passages[row].language)
        passages = [self._passages[row] for row in order]
        names = [passage.names() for passage in passages]
        table = make_table(names)
        if (pair := find_shared(table, table)) is not None:
            raise _repeated(*(self._passages[row] for row in sorted(order[row] for row in pair)))
        for segment in self._new:
            if (pair := find_shared(segment.names(), table)) is not None:
                raise _repeated(segment.passages([pair[0]])[0], passages[pair[1]])
        if self._old:
            self.replaced += self.delete(name for own in names for name in own)
        known = self._manifest
        writer = SegmentWriter(
            self.folder,
            _name_segment(),
            len(passages),
            known.dimensions,
            table,
            compression=known.compression,
            lexical=known.lexical,
        )
        writer.append(passages, np.concatenate(self._vectors)[order])
        self._new.append(Segment(self.folder, writer.close(), known.dimensions))
        self._passages, self._vectors = [], []

    def _merge(self, entries: Sequence[SegmentEntry]) -> list[SegmentEntry]:
        """Merge segments of about one size where they are many, and leave out rows that are deleted."""
        merged: list[SegmentEntry] = []
        by_size = sorted(entries, key=_size_class)
        for _, alike in groupby(by_size, key=_size_class):
            group = list(alike)
            if len(group) > _SEGMENTS_OF_A_SIZE:
                merged.append(self._rewrite(group))
                continue
            for entry in group:
                sparse = entry.rows - entry.count > _DELETED_SHARE * entry.rows
                merged.append(self._rewrite([entry]) if sparse else entry)
        return merged

    def _rewrite(self, entries: Sequence[SegmentEntry]) -> SegmentEntry:
        segments = [Segment(self.folder, entry, self._manifest.dimensions) for entry in entries]
        return self._write_again(segments)

    def _write_again(self, segments: Sequence[Segment]) -> SegmentEntry:
        """Write what is left of segments as one, stored as this index stores them."""
        known = self._manifest
        return merge_segments(
            self.folder, _name_segment(), segments, compression=known.compression, lexical=known.lexical
        )

    def _copy(self, segment: Segment) -> SegmentEntry:
        """Copy the files of a segment, compared with their checksums."""
        own = self.folder / SEGMENTS / segment.entry.name
        own.mkdir(parents=True)
        for file in segment.entry.all_files():
            shutil.copyfile(segment.folder / file.name, own / file.name)
            if describe_file(own / file.name) != file:
                raise DataError("differs from its checksum; make it again", segment.folder / file.name)
        sync_folder(own)
        sync_folder(own.parent)
        return segment.entry

    def _add_graphs(self, entry: SegmentEntry, entries: Sequence[SegmentEntry]) -> SegmentEntry:
        """Build a segment's graphs where the engine wants them and they are not there."""
        engine = self._manifest.engine
        if engine == "graph":
            require_faiss()
        many = sum(other.count for other in entries) >= GRAPH_FROM and self._manifest.compression != "binary"
        if entry.graphs or not (engine == "graph" or (engine == "auto" and many and has_faiss())):
            return entry
        return build_graphs(self.folder, Segment(self.folder, entry, self._manifest.dimensions))


@contextmanager
def create_index(
    folder: Path,
    model: ModelIdentity,
    dimensions: int,
    engine: Engine,
    *,
    compression: Compression = "float32",
    lexical: bool = False,
) -> Iterator[IndexChange]:
    """Make an index; it is there once the change is committed.

    Args:
        folder: Where to; it must not hold anything but what a killed attempt left.
        model: What makes the vectors.
        dimensions: Their length.
        engine: How to search.
        compression: How to store vectors; ``binary`` is a way to search as well, and goes with ``auto``.
        lexical: Whether the words of passages are counted, to search by them too.

    Yields:
        The change.

    Raises:
        ConfigError: The vectors do not go with the engine, or the folder holds an index, or something else,
            or another process is making one there.
    """
    if compression == "binary" and engine != "auto":
        raise ConfigError(f"binary vectors are searched by their signs; leave out the engine {engine!r}")
    if engine == "graph":
        require_faiss()
    if folder.is_dir() and (found := next((e.name for e in folder.iterdir() if not _is_own(e.name)), None)):
        what = "an index already; add passages to it, or" if found == MANIFEST else f"{found!r};"
        raise ConfigError(f"{folder} holds {what} name a new folder")
    manifest = Manifest(model, dimensions, engine, compression, lexical)
    with _keep_others_out(folder):
        if (folder / MANIFEST).exists():
            raise ConfigError(f"{folder} holds an index already; add passages to it, or name a new folder")
        try:
            yield from _start_change(folder, manifest)
        except BaseException:
            if not (folder / SCRATCH).exists() and not (folder / MANIFEST).exists():
                shutil.rmtree(folder, ignore_errors=True)  # there is nothing to go on with
            raise


@contextmanager
def change_index(folder: Path) -> Iterator[IndexChange]:
    """Change an index.

    Args:
        folder: The index.

    Yields:
        The change; without ``commit`` nothing is changed.

    Raises:
        ConfigError: Another process is changing the index.
        DataError: There is no index, or it is damaged.
    """
    read_manifest(folder)  # before a lock file is made where there is no index
    with _keep_others_out(folder):
        yield from _start_change(folder, read_manifest(folder))


def remove_leftovers(folder: Path, manifest: Manifest) -> None:
    """Remove what killed changes left, and what the present state has replaced.

    Args:
        folder: The index, kept from other processes.
        manifest: Its present state.
    """
    kept = {entry.name: {file.name for file in entry.all_files()} for entry in manifest.segments}
    for part in folder.glob(f".{MANIFEST}.*.part"):
        part.unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        for segment in list((folder / SEGMENTS).iterdir()):
            if segment.name not in kept:
                shutil.rmtree(segment, ignore_errors=True)
                continue
            for file in segment.iterdir():
                if file.name not in kept[segment.name]:
                    # Windows keeps a file that a reader has open; the next change removes it.
                    with suppress(OSError):
                        file.unlink()


def _start_change(folder: Path, manifest: Manifest) -> Iterator[IndexChange]:
    """Clear what a killed change left, and what this one leaves when it is not committed."""
    remove_leftovers(folder, manifest)
    try:
        yield IndexChange(folder, manifest)
    except BaseException:
        with suppress(DataError):
            manifest = read_manifest(folder)
        remove_leftovers(folder, manifest)
        raise


def _keep_others_out(folder: Path) -> AbstractContextManager[None]:
    return hold_lock(folder / LOCK, f"{folder}: another process is changing this index; try again later")


def _is_own(name: str) -> bool:
    """Tell whether a killed attempt to make an index may have left such a file."""
    return name in (LOCK, SCRATCH, SEGMENTS, SHARD) or (
        name.startswith(f".{MANIFEST}.") and name.endswith(".part")
    )


def _size_class(entry: SegmentEntry) -> int:
    return max(0, int(math.log(entry.count / _SMALLEST_SIZE, _SEGMENTS_OF_A_SIZE)))


def _name_segment() -> str:
    return uuid.uuid4().hex[:16]


def _repeated(first: Passage, second: Passage) -> DataError:
    name = second.id if second.id in first.names() else first.id
    places = " and ".join(passage.source or f"{passage.text[:30]!r}" for passage in (first, second))
    return DataError(f"the id {name!r} is given twice: {places}; ids must be unique")
