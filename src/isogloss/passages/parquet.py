"""Read Parquet files: a passage a row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from isogloss.errors import DataError, first_line
from isogloss.passages.fields import COLUMNS, check_columns, read_fields
from isogloss.passages.model import Passage
from isogloss.progress import Advance

SUFFIXES = (".parquet",)
_AT_ONCE = 1024


def stream_parquet(path: Path, name: str, advance: Advance) -> Iterator[tuple[str, Passage]]:
    """Read the passages of a file, some rows at a time; other columns are not read.

    Args:
        path: The file.
        name: What to call it; not used: the rows have ids of their own.
        advance: Called with about the bytes read since the last call.

    Yields:
        Position and passage.

    Raises:
        DataError: The file cannot be read, or a row is no passage.
    """
    del name
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            check_columns(file.schema_arrow.names, path)
            there = [column for column in file.schema_arrow.names if column in COLUMNS]
            number, size = 0, path.stat().st_size / max(1, file.metadata.num_rows)
            for batch in file.iter_batches(batch_size=_AT_ONCE, columns=there):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", read_fields(row, str(path), f"row {number}")
                advance(int(size * batch.num_rows))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"is no whole Parquet file ({first_line(error)})", path) from error
