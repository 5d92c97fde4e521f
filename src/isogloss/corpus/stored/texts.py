"""Arrow files of a stored corpus: rows of texts and numbers, read one by one from mapped memory."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from isogloss.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_PART = 2048
"""Rows of each record batch but the last, so that the batch of a row is known without a search."""

_READS_KEPT = 1024
"""Values read before the mapped memory is let go: a value may bring 64 KB with it."""


@dataclass(eq=False)
class MappedMemory:
    """Let go of mapped files now and then, so that what was read does not count as resident for ever.

    The pages stay in the system's cache as long as there is room; only this process gives them back.
    """

    _maps: list[mmap.mmap] = field(default_factory=list)
    _reads: int = 0

    def map(self, file: Path) -> mmap.mmap:
        """Map a file into memory.

        Args:
            file: The file.

        Returns:
            Its content.

        Raises:
            DataError: The file cannot be mapped.
        """
        try:
            with file.open("rb") as opened:
                content = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise DataError(
                f"cannot be mapped into memory ({error}); store the corpus again", file
            ) from error
        if hasattr(content, "madvise"):
            content.madvise(mmap.MADV_RANDOM)
        self._maps.append(content)
        return content

    def count_reads(self, number: int = 1) -> None:
        """Count values that were read, and let the memory go when they are many.

        Args:
            number: How many.
        """
        self._reads += number
        if self._reads >= _READS_KEPT:
            self._reads = 0
            for content in self._maps:
                if hasattr(content, "madvise"):
                    content.madvise(mmap.MADV_DONTNEED)

    def __reduce__(self) -> tuple[object, ...]:
        return MappedMemory, ()


@dataclass(eq=False)
class ArrowRows:
    """Read single values of an Arrow file by row.

    The file is opened when it is first read. Offsets of texts are checked against the file, so that a
    damaged one gives an error and never reads elsewhere.

    Args:
        file: The Arrow file.
        rows: Number of its rows.
        memory: What lets go of it.
    """

    file: Path
    rows: int
    memory: MappedMemory
    _part: tuple[int, pa.RecordBatch] | None = field(default=None, init=False, repr=False)

    def __len__(self) -> int:
        return self.rows

    def text(self, column: int, row: int) -> str:
        """Read a text.

        Args:
            column: Number of a column of texts.
            row: From 0.

        Returns:
            The text.

        Raises:
            DataError: The file is damaged.
        """
        (start, end), content = self._read_integers(column, row, 2)
        if content is None or not 0 <= start <= end <= content.size:
            raise self._damaged(row, IndexError(f"a text at {start} to {end}, outside of its bytes"))
        try:
            return str(memoryview(content)[start:end], "utf-8")
        except UnicodeDecodeError as error:
            raise self._damaged(row, error) from error

    def number(self, column: int, row: int) -> int:
        """Read an integer.

        Args:
            column: Number of a column of integers.
            row: From 0.

        Returns:
            The integer.

        Raises:
            DataError: The file is damaged.
        """
        (value,), _ = self._read_integers(column, row, 1)
        return value

    def texts(self, column: int) -> Iterator[str]:
        """Read the texts of a column in order.

        Args:
            column: Number of a column of texts.

        Yields:
            Each text.
        """
        for row in range(self.rows):
            yield self.text(column, row)

    def _read_integers(self, column: int, row: int, count: int) -> tuple[list[int], pa.Buffer | None]:
        """Read a row's integer, or the start and end of its text; and the column's last buffer."""
        if not 0 <= row < self.rows:
            raise self._damaged(row, IndexError(f"it has {self.rows:,} rows"))
        number, place = divmod(row, ROWS_PER_PART)
        try:
            array = self._read_part(number).column(column)
            _, integers, *_ = buffers = array.buffers()
            found = np.frombuffer(integers, dtype="<i8", count=count, offset=8 * (array.offset + place))
        except (ValueError, TypeError, IndexError) as error:
            raise self._damaged(row, error) from error
        return found.tolist(), buffers[-1]

    def _read_part(self, number: int) -> pa.RecordBatch:
        self.memory.count_reads()
        if self._part is None or self._part[0] != number:
            import pyarrow as pa

            try:
                self._part = number, self._reader.get_batch(number)
            except (pa.ArrowException, IndexError, OSError) as error:
                raise self._damaged(number * ROWS_PER_PART, error) from error
        return self._part[1]

    @cached_property
    def _reader(self) -> pa.RecordBatchFileReader:
        import pyarrow as pa

        try:
            return pa.ipc.open_file(pa.BufferReader(pa.py_buffer(self.memory.map(self.file))))
        except pa.ArrowException as error:
            raise self._damaged(0, error) from error

    def _damaged(self, row: int, error: Exception) -> DataError:
        reason = " ".join(str(error).split())
        return DataError(f"is damaged ({reason}); store the corpus again", self.file, f"row {row}")

    def __reduce__(self) -> tuple[object, ...]:
        return ArrowRows, (self.file, self.rows, self.memory)


class ArrowWriter:
    """Write rows into an Arrow file, a record batch at a time.

    Args:
        file: The file to write.
        columns: Name of each column, and whether it holds texts (``str``) or integers (``int``).
    """

    def __init__(self, file: Path, columns: Mapping[str, type]) -> None:
        import pyarrow as pa

        kinds = {str: pa.large_utf8(), int: pa.int64()}
        self.rows = 0
        self._schema = pa.schema(
            [pa.field(name, kinds[kind], nullable=False) for name, kind in columns.items()]
        )
        self._waiting: list[list[str | int]] = [[] for _ in columns]
        self._writer = pa.ipc.new_file(str(file), self._schema)

    def __enter__(self) -> ArrowWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._write()
        self._writer.close()

    def append(self, values: Sequence[str | int]) -> int:
        """Append a row.

        Args:
            values: A value for each column.

        Returns:
            The number of the row, from 0.
        """
        for waiting, value in zip(self._waiting, values, strict=True):
            waiting.append(value)
        self.rows += 1
        if self.rows % ROWS_PER_PART == 0:
            self._write()
        return self.rows - 1

    def _write(self) -> None:
        import pyarrow as pa

        if self._waiting[0]:
            arrays = [
                pa.array(waiting, type=kind.type)
                for waiting, kind in zip(self._waiting, self._schema, strict=True)
            ]
            self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
            for waiting in self._waiting:
                waiting.clear()
