"""Set rows of short texts in columns, as the commands print tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def align_columns(rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> list[str]:
    """Set rows in columns, two spaces apart.

    Args:
        rows: The rows, of one length, one at least; the head is one of them.
        left: Numbers of the columns that are aligned left, from 0; the others are aligned right.

    Returns:
        A line for each row, without white space at its end.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if number in left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
