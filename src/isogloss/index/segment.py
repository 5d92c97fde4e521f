"""A segment: a folder with passages and their vectors, sorted by language, written once.

``vectors.npy``: float32 ``[n, d]``. ``passages.arrow``: an Arrow IPC file with the columns id, document,
title, text, source and start, 256 rows a batch. ``names.npy``: which row has which name. The files of
``isogloss.index.words`` where words are counted. The rows of a language follow each other, so that a search
in some languages reads those alone.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isogloss.encoding.vector_files import map_npy
from isogloss.errors import DataError
from isogloss.index.manifest import (
    REBUILD,
    SEGMENTS,
    SegmentEntry,
    StoredFile,
    compute_crc,
    describe_file,
    sync_folder,
)
from isogloss.index.names import NAME_DTYPE, NameTable, make_table
from isogloss.index.words import WORD_FILES, WordCounter
from isogloss.passages import Passage

if TYPE_CHECKING:
    import pyarrow as pa

VECTORS, PASSAGES, NAMES = "vectors.npy", "passages.arrow", "names.npy"
_BATCH_ROWS = 256
"""Passages of an Arrow batch: all are checked when one is read."""
_BLOCK_ROWS = 8192
_COLUMNS = ("id", "document", "title", "text", "source")


class Segment:
    """Read a segment; vectors and passages are mapped into memory.

    Attributes:
        entry: What the index says of it.
        folder: Where it is.
        vectors: float32 ``[n, d]``.
        deleted: int64, ascending: the rows that do not count any more.
    """

    def __init__(self, index: Path, entry: SegmentEntry, dimensions: int) -> None:
        """Open a segment; sizes and heads of its files are checked, their content is not.

        Args:
            index: The index's folder.
            entry: What the index says of it.
            dimensions: The length of the vectors.

        Raises:
            DataError: A file is missing, or is not what the index says.
        """
        self.entry = entry
        self.folder = index / SEGMENTS / entry.name
        for file in entry.all_files():
            _check_size(self.folder / file.name, file)
        self.vectors: NDArray[np.float32] = map_npy(self.folder / VECTORS).view(np.ndarray)
        if self.vectors.shape != (entry.rows, dimensions) or self.vectors.dtype != np.float32:
            raise _damaged(self.folder / VECTORS, f"has the shape {list(self.vectors.shape)}")
        self.deleted = self._read_deleted()
        # At once, since a later change may remove the files: what is mapped can still be read then.
        self._batches = _map_batches(self.folder / PASSAGES)
        self._lock = threading.Lock()

    def select(self, languages: Sequence[str] | None) -> list[tuple[int, int]]:
        """List the rows of some languages.

        Args:
            languages: The languages; all when None.

        Returns:
            Ranges, first row and one after the last, ascending; neighbours are joined.
        """
        ranges: list[tuple[int, int]] = []
        for language, (start, end) in sorted(self.entry.languages.items(), key=lambda item: item[1]):
            if languages is not None and language not in languages:
                continue
            if ranges and ranges[-1][1] == start:
                ranges[-1] = (ranges[-1][0], end)
            else:
                ranges.append((start, end))
        return ranges

    def passages(self, rows: Sequence[int]) -> list[Passage]:
        """Read passages.

        Args:
            rows: Their rows.

        Returns:
            The passages, in that order.

        Raises:
            DataError: The file is damaged.
        """
        batches = {number: self._read_batch(number) for number in {row // _BATCH_ROWS for row in rows}}
        found = []
        for row in rows:
            batch, place = batches[row // _BATCH_ROWS], row % _BATCH_ROWS
            values = {name: str(batch.column(name)[place].as_py()) for name in _COLUMNS}
            start = int(batch.column("start")[place].as_py())
            found.append(Passage(**values, language=self.language_of(row), start=start))
        return found

    def ids(self, rows: Sequence[int]) -> list[str]:
        """Read the ids of passages.

        Args:
            rows: Their rows.

        Returns:
            The ids, in that order.

        Raises:
            DataError: The file is damaged.
        """
        batches = {
            number: self._read_batch(number).column("id") for number in {row // _BATCH_ROWS for row in rows}
        }
        return [str(batches[row // _BATCH_ROWS][row % _BATCH_ROWS].as_py()) for row in rows]

    def names(self) -> NameTable:
        """Read which row has which name.

        Returns:
            The table, mapped into memory.

        Raises:
            DataError: The file is damaged.
        """
        table: NameTable = map_npy(self.folder / NAMES)  # type: ignore[assignment]
        if table.dtype != NAME_DTYPE or table.ndim != 1 or int(table["row"].max()) >= self.entry.rows:
            raise _damaged(self.folder / NAMES, "holds no names")
        return table

    def language_of(self, row: int) -> str:
        """Tell the language of a row.

        Args:
            row: The row.

        Returns:
            The language.
        """
        return next(name for name, (start, end) in self.entry.languages.items() if start <= row < end)

    def live_rows(self, start: int, end: int) -> NDArray[np.int64]:
        """List the rows of a range that are not deleted.

        Args:
            start: The first row.
            end: One after the last.

        Returns:
            int64, ascending.
        """
        rows = np.arange(start, end)
        return rows[~np.isin(rows, self.deleted, assume_unique=True)]

    def find_damage(self) -> list[str]:
        """Compare every byte with its checksum.

        Returns:
            A line for each file that differs.
        """
        paths = [(self.folder / file.name, file) for file in self.entry.all_files()]
        return [
            f"{path}: differs from its checksum" for path, file in paths if compute_crc(path) != file.crc32
        ]

    def _read_deleted(self) -> NDArray[np.int64]:
        if self.entry.deleted is None:
            return np.zeros(0, dtype=np.int64)
        path = self.folder / self.entry.deleted.name
        if compute_crc(path) != self.entry.deleted.crc32:
            raise _damaged(path, "differs from its checksum")
        deleted: NDArray[np.int64] = np.asarray(map_npy(path), dtype=np.int64)
        return deleted

    def _read_batch(self, number: int) -> pa.RecordBatch:
        """Read a batch; what damaged bytes could lead astray is checked first."""
        import pyarrow as pa

        path = self.folder / PASSAGES
        try:
            with self._lock:
                batch = self._batches.get_batch(number)
            batch.validate(full=True)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _damaged(path, f"cannot be read ({error})") from error
        return batch


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
        lexical: bool = False,
    ) -> None:
        """Make the folder.

        Args:
            index: The index's folder.
            name: The segment's name, a new one.
            rows: How many passages it will hold.
            dimensions: The length of the vectors.
            table: Which row will have which name; made from the passages when not given.
            lexical: Whether the words of the passages are counted.
        """
        self._folder = index / SEGMENTS / name
        self._folder.mkdir(parents=True)
        self._vectors = (self._folder / VECTORS).open("wb")
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, dimensions)}
        np.lib.format.write_array_header_1_0(self._vectors, header)
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
        self._vectors.write(np.ascontiguousarray(vectors, dtype="<f4").data)
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
        whole = len(self._waiting) // _BATCH_ROWS * _BATCH_ROWS
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
        self._vectors.close()
        table = make_table(self._names) if self._table is None else self._table
        np.save(self._folder / NAMES, table, allow_pickle=False)
        written_files = [VECTORS, PASSAGES, NAMES]
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

        for start in range(0, count, _BATCH_ROWS):
            batch = self._waiting[start : min(start + _BATCH_ROWS, count)]
            fields = dict(zip(Passage._fields, zip(*batch, strict=True), strict=True))
            columns: list[pa.Array] = [pa.array(fields[name], pa.string()) for name in _COLUMNS]
            columns.append(pa.array(fields["start"], pa.int64()))
            self._texts.write_batch(pa.record_batch(columns, names=[*_COLUMNS, "start"]))
        del self._waiting[:count]


def write_segment(
    index: Path,
    name: str,
    passages: Sequence[Passage],
    vectors: NDArray[np.float32],
    table: NameTable,
    *,
    lexical: bool = False,
) -> SegmentEntry:
    """Write passages as a segment.

    Args:
        index: The index's folder.
        name: The segment's name, a new one.
        passages: The passages, those of a language one after the other.
        vectors: float32 ``[n, d]``, a row for each.
        table: Which row has which name.
        lexical: Whether the words of the passages are counted.

    Returns:
        What an index says of it.
    """
    writer = SegmentWriter(index, name, len(passages), vectors.shape[1], table, lexical=lexical)
    writer.append(passages, vectors)
    return writer.close()


def merge_segments(
    index: Path, name: str, segments: Sequence[Segment], *, lexical: bool = False
) -> SegmentEntry:
    """Write what is left of some segments as one; little of it is in memory at a time.

    Args:
        index: The index's folder.
        name: The new segment's name.
        segments: The segments.
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
    writer = SegmentWriter(index, name, count, segments[0].vectors.shape[1], lexical=lexical)
    for language in sorted({name for segment in segments for name in segment.entry.languages}):
        for segment in segments:
            rows = segment.live_rows(*segment.entry.languages.get(language, (0, 0)))
            for start in range(0, len(rows), _BLOCK_ROWS):
                chosen = rows[start : start + _BLOCK_ROWS]
                writer.append(segment.passages(chosen.tolist()), segment.vectors[chosen])
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


def _map_batches(path: Path) -> pa.ipc.RecordBatchFileReader:
    """Map an Arrow file into memory."""
    import pyarrow as pa

    try:
        return pa.ipc.open_file(pa.memory_map(str(path)))
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(path, f"cannot be read ({error})") from error


def _open_arrow(path: Path) -> pa.ipc.RecordBatchFileWriter:
    import pyarrow as pa

    fields = [(name, pa.string()) for name in _COLUMNS]
    return pa.ipc.new_file(str(path), pa.schema([*fields, ("start", pa.int64())]))


def _check_size(path: Path, file: StoredFile) -> None:
    size = path.stat().st_size
    if size != file.bytes:
        raise _damaged(path, f"has {size:,} bytes instead of {file.bytes:,}")


def _damaged(path: Path, what: str) -> DataError:
    return DataError(f"{what}: it was changed or damaged after it was written; {REBUILD}", path)
