"""Read one row of a collection, whatever kind of file it stands in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from isogloss.corpus.source import JSONObject, name_type
from isogloss.errors import DataError
from isogloss.passages.model import Passage

ID, TEXT, TITLE, LANGUAGE, SOURCE = (
    ("id", "_id", "docid"),
    ("text", "passage"),
    ("title",),
    ("language", "lang"),
    ("source", "url"),
)
"""Names that a column may have; of several that are there the first counts."""
COLUMNS = (*ID, *TEXT, *TITLE, *LANGUAGE, *SOURCE)


def read_fields(fields: Mapping[str, object], path: str, position: str) -> Passage:
    """Read a row.

    Args:
        fields: Column -> value: a string, or a whole number for an id; null is as good as missing.
        path: The file, for messages.
        position: Where in it, for messages.

    Returns:
        The passage; language and source are empty where the row has none.

    Raises:
        DataError: Id or text is missing or empty, a value is of another type, or a key is given twice.
    """
    if isinstance(fields, JSONObject) and (twice := fields.repeated.intersection(COLUMNS)):
        raise DataError(f"{min(twice)!r} is given twice in one object", path, position)
    values = {names: _take(fields, names, path, position) for names in (ID, TEXT, TITLE, LANGUAGE, SOURCE)}
    for names in (ID, TEXT):
        if not values[names].strip():
            raise DataError(f"{names[0]!r} is missing or empty", path, position)
    return Passage(
        id=values[ID],
        text=values[TEXT],
        language=values[LANGUAGE].strip(),
        title=values[TITLE],
        source=values[SOURCE],
    )


def check_columns(names: Sequence[str], path: Path) -> None:
    """Refuse a table without the columns that every passage needs.

    Args:
        names: The table's columns.
        path: The file, for messages.

    Raises:
        DataError: There is no id or no text.
    """
    if not (set(ID) & set(names) and set(TEXT) & set(names)):
        found = ", ".join(names)[:80] or "nothing"
        raise DataError(f"needs columns, 'id' and 'text' at least; it has {found}", path)


def _take(fields: Mapping[str, object], names: tuple[str, ...], path: str, position: str) -> str:
    """Take the first of some columns that has a value."""
    for name in names:
        value = fields.get(name)
        if value is None:
            continue
        if names == ID and isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            raise DataError(f"{name!r} must be a string, found {name_type(value)}", path, position)
        return value
    return ""
