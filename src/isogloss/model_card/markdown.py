"""Write text of others as Markdown that shows it, whatever letters it holds."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_{}\[\]#|!~$])")
_LIST_MARK = re.compile(r"^(?=[-+=])|^\d+(?=[.)](?:\s|$))")
_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Control characters, those of lines and of writing direction, and halves of surrogate pairs."""
_FIRST_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"


def escape(text: str) -> str:
    """Write a text so that Markdown and HTML show it as it is, on one line.

    Control characters, those of writing direction included, become spaces; a text with letters that are
    written from right to left is isolated, so that it moves nothing around it.

    Args:
        text: Any text.

    Returns:
        The text, escaped, for a paragraph, a list or a table cell.
    """
    plain = (
        " ".join(_HIDDEN.sub(" ", text).split())
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
    )
    escaped = _SPECIAL.sub(r"\\\1", plain)
    escaped = _LIST_MARK.sub(r"\g<0>\\", escaped)
    if any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in escaped):
        return f"{_FIRST_ISOLATE}{escaped}{_POP_ISOLATE}"
    return escaped


def write_code(text: str, *, cell: bool = False) -> str:
    """Write a text as code.

    Args:
        text: Any text; control characters, line breaks among them, become spaces.
        cell: Whether it stands in a table.

    Returns:
        A span of code.
    """
    line = _HIDDEN.sub(" ", text)
    line = line.replace("|", "\\|") if cell else line
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    if not line.strip():
        return '""'
    # A space on both sides is taken off again; a fence needs it beside another fence.
    bare = line[0] not in "` " and line[-1] != "`"
    return f"{fence}{line}{fence}" if bare else f"{fence} {line} {fence}"


def write_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 0) -> str:
    """Write a table.

    Args:
        head: Names of the columns, escaped.
        rows: Cells of each row, escaped.
        numbers: How many of the last columns are set to the right.

    Returns:
        Its lines.
    """
    marks = ["---"] * (len(head) - numbers) + ["---:"] * numbers
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, marks, *rows))
