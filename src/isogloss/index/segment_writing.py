"""Write segments: new passages, what others leave when they are merged, and which rows are deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import DataError
from isogloss.index.compression import VectorWriter
from isogloss.index.manifest import (
    REBUILD,
    SEGMENTS,
    Compression,
    SegmentEntry,
    describe_file,
    sync_folder,
)
from isogloss.index.names import NameTable, make_table
from isogloss.index.segment import BATCH_ROWS, COLUMNS, NAMES, PASSAGES, Segment
from isogloss.index.words import WORD_FILES, WordCounter
from isogloss.passages import Passage

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK_ROWS = 8192


class SegmentWriter:
    """Write a segment language by language; it counts only when an index names it."""

    def __init__(
        self,
        index: Path,
        name: str,
        rows: int,
        dimensions: int,
        table: NameTable | None = None,
        *,
        compression: Compression,
        lexical: bool,
    ) -> None:
        """Make the folder.

        Args:
            index: The index's folder.
            name: The segment's name, a new one.
            rows: How many passages it will hold.
            dimensions: The length of the vectors.
            table: Which row will have which name; made from the passages when not given.
            compression: How to store the vectors.
            lexical: Whether the words of the passages are counted.
        """
        self._folder = index / SEGMENTS / name
        self._folder.mkdir(parents=True)
        self._vectors = VectorWriter(self._folder, rows, dimensions, compression)
        self._texts = _open_arrow(self._folder / PASSAGES)
        self._waiting: list[Passage] = []
        self._names: list[tuple[str, ...]] = []
        self._languages: dict[str, tuple[int, int]] = {}
        self._rows = rows
        self._table = table
        self._words = WordCounter() if lexical else None

    def append(self, passages: Sequence[Passage], vectors: NDArray[np.float32]) -> None:
        """Write passages; those of a language have to follow each other.

        Args:
            passages: The passages.
            vectors: float32 ``[n, d]``.
        """
        self._vectors.append(vectors)
        row = max((end for _, end in self._languages.values()), default=0)
        for language, group in groupby(passages, key=attrgetter("language")):
            first, _ = self._languages.get(language, (row, row))
            row += sum(1 for _ in group)
            self._languages[language] = (first, row)
        if self._table is None:
            self._names += [passage.names() for passage in passages]
        if self._words is not None:
            self._words.append([passage.encoded_text() for passage in passages])
        self._waiting += passages
        whole = len(self._waiting) // BATCH_ROWS * BATCH_ROWS
        self._write_texts(whole)

    def close(self) -> SegmentEntry:
        """Finish the segment, and flush it to disk.

        Returns:
            What an index says of it.

        Raises:
            ValueError: Not as many passages as announced were written, or a language's were not together.
        """
        written = sum(end - start for start, end in self._languages.values())
        if written != self._rows:
            raise ValueError(f"{self._rows} passages were announced, {written} written")
        self._write_texts(len(self._waiting))
        self._texts.close()
        stored = self._vectors.close()
        table = make_table(self._names) if self._table is None else self._table
        np.save(self._folder / NAMES, table, allow_pickle=False)
        written_files = [*stored, PASSAGES, NAMES]
        if self._words is not None:
            self._words.write(self._folder)
            written_files += WORD_FILES
        files = tuple(describe_file(self._folder / name) for name in written_files)
        sync_folder(self._folder)
        sync_folder(self._folder.parent)
        live = {language: end - start for language, (start, end) in self._languages.items()}
        return SegmentEntry(self._folder.name, self._languages, files, live)

    def _write_texts(self, count: int) -> None:
        import pyarrow as pa

        for start in range(0, count, BATCH_ROWS):
            batch = self._waiting[start : min(start + BATCH_ROWS, count)]
            fields = dict(zip(Passage._fields, zip(*batch, strict=True), strict=True))
            columns: list[pa.Array] = [pa.array(fields[name], pa.string()) for name in COLUMNS]
            columns.append(pa.array(fields["start"], pa.int64()))
            self._texts.write_batch(pa.record_batch(columns, names=[*COLUMNS, "start"]))
        del self._waiting[:count]


def merge_segments(
    index: Path, name: str, segments: Sequence[Segment], *, compression: Compression, lexical: bool
) -> SegmentEntry:
    """Write what is left of some segments as one; little of it is in memory at a time.

    Args:
        index: The index's folder.
        name: The new segment's name.
        segments: The segments.
        compression: How to store the vectors; those of the segments are decoded.
        lexical: Whether the words of the passages are counted.

    Returns:
        What an index says of the new one.

    Raises:
        DataError: A segment is damaged, which a new checksum would hide.
    """
    for segment in segments:
        if damage := segment.find_damage():
            raise DataError(f"{damage[0]}; {REBUILD}")
    count = sum(segment.entry.count for segment in segments)
    writer = SegmentWriter(
        index, name, count, segments[0].dimensions, compression=compression, lexical=lexical
    )
    for language in sorted({name for segment in segments for name in segment.entry.languages}):
        for segment in segments:
            rows = segment.live_rows(*segment.entry.languages.get(language, (0, 0)))
            for start in range(0, len(rows), _BLOCK_ROWS):
                chosen = rows[start : start + _BLOCK_ROWS]
                writer.append(segment.passages(chosen.tolist()), segment.vectors.decode(chosen))
    return writer.close()


def delete_rows(index: Path, segment: Segment, rows: NDArray[np.int64], generation: int) -> SegmentEntry:
    """Write which rows of a segment do not count any more.

    Args:
        index: The index's folder.
        segment: The segment.
        rows: int64: the rows to delete, beside those that are deleted already.
        generation: The number of the change.

    Returns:
        What the changed index says of the segment.
    """
    deleted = np.union1d(segment.deleted, rows)
    path = index / SEGMENTS / segment.entry.name / f"deleted-{generation}.npy"
    np.save(path, deleted, allow_pickle=False)
    file = describe_file(path)
    sync_folder(path.parent)
    live: Mapping[str, int] = {
        language: end - start - int(np.searchsorted(deleted, end) - np.searchsorted(deleted, start))
        for language, (start, end) in segment.entry.languages.items()
    }
    return replace(segment.entry, deleted=file, live=live)


def _open_arrow(path: Path) -> pa.ipc.RecordBatchFileWriter:
    import pyarrow as pa

    fields = [(name, pa.string()) for name in COLUMNS]
    return pa.ipc.new_file(str(path), pa.schema([*fields, ("start", pa.int64())]))
