"""A segment: a folder with passages and their vectors, sorted by language, written once.

Its vectors: see ``isogloss.index.compression``. ``passages.arrow``: an Arrow IPC file with the columns id,
document, title, text, source and start, 256 rows a batch. ``names.npy``: which row has which name. The files
of ``isogloss.index.words`` where words are counted. The rows of a language follow each other, so that a
search in some languages reads those alone.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isogloss.encoding.vector_files import map_npy
from isogloss.errors import DataError
from isogloss.index.compression import StoredVectors
from isogloss.index.manifest import REBUILD, SEGMENTS, SegmentEntry, StoredFile, compute_crc
from isogloss.index.names import NAME_DTYPE, NameTable
from isogloss.passages import Passage
from isogloss.progress import Advance, ignore_progress

if TYPE_CHECKING:
    import pyarrow as pa

PASSAGES, NAMES = "passages.arrow", "names.npy"
BATCH_ROWS = 256
"""Passages of an Arrow batch: all are checked when one is read."""
COLUMNS = ("id", "document", "title", "text", "source")


class Segment:
    """Read a segment; vectors and passages are mapped into memory.

    Attributes:
        entry: What the index says of it.
        folder: Where it is.
        vectors: The vectors.
        deleted: int64, ascending: the rows that do not count any more.
        dimensions: The length of the vectors.
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
        self.dimensions = dimensions
        names = {file.name for file in entry.files}
        self.vectors = StoredVectors(self.folder, names, entry.rows, dimensions)
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
        batches = {number: self._read_batch(number) for number in {row // BATCH_ROWS for row in rows}}
        found = []
        for row in rows:
            batch, place = batches[row // BATCH_ROWS], row % BATCH_ROWS
            values = {name: str(batch.column(name)[place].as_py()) for name in COLUMNS}
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
            number: self._read_batch(number).column("id") for number in {row // BATCH_ROWS for row in rows}
        }
        return [str(batches[row // BATCH_ROWS][row % BATCH_ROWS].as_py()) for row in rows]

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

    def find_damage(self, advance: Advance = ignore_progress) -> list[str]:
        """Compare every byte with its checksum.

        Args:
            advance: Told how many bytes were read.

        Returns:
            A line for each file that differs.
        """
        paths = [(self.folder / file.name, file) for file in self.entry.all_files()]
        return [
            f"{path}: differs from its checksum"
            for path, file in paths
            if compute_crc(path, advance) != file.crc32
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


def _map_batches(path: Path) -> pa.ipc.RecordBatchFileReader:
    """Map an Arrow file into memory."""
    import pyarrow as pa

    try:
        return pa.ipc.open_file(pa.memory_map(str(path)))
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(path, f"cannot be read ({error})") from error


def _check_size(path: Path, file: StoredFile) -> None:
    size = path.stat().st_size
    if size != file.bytes:
        raise _damaged(path, f"has {size:,} bytes instead of {file.bytes:,}")


def _damaged(path: Path, what: str) -> DataError:
    return DataError(f"{what}: it was changed or damaged after it was written; {REBUILD}", path)
