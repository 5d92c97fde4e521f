"""Read tables of text: CSV with commas, TSV with tabs, a passage a row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from isogloss.corpus.source import stream_lines
from isogloss.errors import DataError
from isogloss.passages.fields import COLUMNS, check_columns, read_fields
from isogloss.passages.model import Passage
from isogloss.progress import Advance

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
_LONGEST_FIELD = 1 << 26


def stream_csv(path: Path, name: str, advance: Advance) -> Iterator[tuple[str, Passage]]:
    """Read the passages of a table whose first row names the columns.

    Args:
        path: The file, compressed when its name ends in ``.gz``.
        name: What to call it; not used: the rows have ids of their own.
        advance: Called with the bytes read since the last call.

    Yields:
        Position and passage.

    Raises:
        DataError: The file cannot be read, or a row is no passage.
    """
    del name
    # For the whole process, since the library knows no other way; its limit is a page of text.
    csv.field_size_limit(max(_LONGEST_FIELD, csv.field_size_limit()))
    lines = (f"{line}\n" for _, line in stream_lines(path, {}, advance))
    delimiter = "\t" if path.name.removesuffix(".gz").endswith(".tsv") else ","
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        header = next(rows, [])
        check_columns(header, path)
        known = [column for column in header if column in COLUMNS]
        if len(set(known)) < len(known):
            raise DataError("the first row names a column twice", path, "line 1")
        for row in rows:
            position = f"line {rows.line_num}"
            if not row:
                continue
            if len(row) != len(header):
                raise DataError(f"{len(row)} fields where the first row has {len(header)}", path, position)
            yield position, read_fields(dict(zip(header, row, strict=True)), str(path), position)
    except csv.Error as error:
        raise DataError(f"is no table ({error})", path, f"line {rows.line_num}") from error
