"""Read text and JSON files strictly: every fault is a DataError that names the file and the place."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from isogloss.errors import DataError
from isogloss.progress import Advance, ignore_progress

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Source(NamedTuple):
    """Hold one file as text, with the SHA-256 of its bytes on disk."""

    path: str
    text: str
    sha256: str


class JSONObject(dict[str, object]):
    """Hold one JSON object, and the keys that it gives more than once."""

    repeated: frozenset[str] = frozenset()


def read_source(path: Path) -> Source:
    """Read a text file in UTF-8, compressed when its name ends in ``.gz``.

    Args:
        path: The file. A byte order mark is skipped.

    Returns:
        Its text and the SHA-256 of its bytes.

    Raises:
        DataError: The file cannot be read, is cut off, or is not UTF-8.
    """
    with _name_faults(path):
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError("is not UTF-8 text; convert it to UTF-8", path, f"line {line}") from error
    return Source(str(path), text, sha256)


def stream_lines(path: Path, files: dict[str, str], advance: Advance) -> Iterator[tuple[int, str]]:
    """Read a text file in UTF-8 line by line, compressed when its name ends in ``.gz``.

    Args:
        path: The file. A byte order mark is skipped.
        files: Where the SHA-256 of the file's bytes goes, under its path, when the last line is read.
        advance: Called with the bytes of the file that were read since the last call.

    Yields:
        Number of the line, from 1, and the line without its break. Line feeds alone break lines.

    Raises:
        DataError: The file cannot be read, is cut off, or is not UTF-8.
    """
    with _name_faults(path), path.open("rb", buffering=0) as raw:
        counted = _CountedFile(raw, advance)
        content = io.BufferedReader(counted, 1 << 20)
        lines = gzip.GzipFile(fileobj=content) if path.suffix == ".gz" else content
        for number, line in enumerate(lines, start=1):
            whole = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            try:
                text = whole.removesuffix(b"\n").decode("utf-8")
            except UnicodeDecodeError as error:
                raise DataError("is not UTF-8 text; convert it to UTF-8", path, f"line {number}") from error
            yield number, text
        files[str(path)] = counted.digest.hexdigest()


def stream_objects(
    path: Path, files: dict[str, str], advance: Advance = ignore_progress
) -> Iterator[tuple[str, JSONObject]]:
    """Read a file of one JSON object a line, object by object; blank lines are skipped.

    Args:
        path: The file, as for ``stream_lines``.
        files: Where the SHA-256 of the file's bytes goes, likewise.
        advance: Called with the bytes of the file that were read since the last call.

    Yields:
        Position of the object, such as ``line 3``, and the object.

    Raises:
        DataError: The file cannot be read, or a line is no JSON object.
    """
    for number, line in stream_lines(path, files, advance):
        if line.strip():
            position = f"line {number}"
            yield position, take_object(parse_json(line, str(path), number), str(path), position)


@contextmanager
def _name_faults(path: Path) -> Iterator[None]:
    """Say which file cannot be read, and why."""
    try:
        yield
    except FileNotFoundError:
        raise DataError("no such file", path) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"is not a whole gzip file ({error}); fetch or compress it again", path) from error
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", path) from error


class _CountedFile(io.RawIOBase):
    """Read a file, and keep the digest of what was read."""

    def __init__(self, raw: io.FileIO, advance: Advance) -> None:
        self._raw = raw
        self._advance = advance
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        count = self._raw.readinto(buffer) or 0
        self.digest.update(memoryview(buffer)[:count])
        self._advance(count)
        return count


def parse_json(text: str, path: str, line: int | None = None) -> object:
    """Parse JSON as the standard has it: no NaN, no infinity.

    Args:
        text: The JSON text.
        path: The file that it is from, for messages.
        line: Its line in that file when the file holds one JSON text a line.

    Returns:
        The value; each object is a ``JSONObject``.

    Raises:
        DataError: The text is not JSON, or is nested too deeply, or holds a number of absurd length.
    """
    where = None if line is None else f"line {line}"

    def refuse(constant: str) -> NoReturn:
        raise DataError(f"{constant} is not a JSON value; use null or leave it out", path, where)

    try:
        value: object = json.loads(text, object_pairs_hook=_make_object, parse_constant=refuse)
    except json.JSONDecodeError as error:
        spot = f"line {error.lineno if line is None else line} column {error.colno}"
        raise DataError(f"is not valid JSON: {error.msg}", path, spot) from error
    except RecursionError:
        raise DataError("is nested too deeply to be read", path, where) from None
    except ValueError as error:  # an integer of thousands of digits
        raise DataError(f"holds a number that cannot be read: {error}", path, where) from error
    return value


def take_object(value: object, path: str, position: str) -> JSONObject:
    """Insist that a JSON value is an object.

    Args:
        value: What was parsed.
        path: The file, for the message.
        position: Where in the file, for the message.

    Returns:
        The same object.

    Raises:
        DataError: It is something else.
    """
    if not isinstance(value, JSONObject):
        raise DataError(f"expected an object, found {name_type(value)}", path, position)
    return value


def take_list(fields: Mapping[str, object], key: str, path: str, position: str) -> list[object]:
    """Take a required list out of a JSON object.

    Args:
        fields: The object.
        key: Name of the list in it.
        path: The file, for the message.
        position: Where the object is in the file, for the message.

    Returns:
        The list.

    Raises:
        DataError: The key is missing or given twice, or its value is no list.
    """
    value = _take(fields, key, path, position)
    if not isinstance(value, list):
        raise DataError(f"{key!r} must be a list, found {name_type(value)}", path, position)
    return value


def take_string(fields: Mapping[str, object], key: str, path: str, position: str) -> str:
    """Take a required string out of a JSON object.

    Args:
        fields: The object.
        key: Name of the string in it.
        path: The file, for the message.
        position: Where the object is in the file, for the message.

    Returns:
        The string.

    Raises:
        DataError: The key is missing or given twice, or its value is no string.
    """
    value = _take(fields, key, path, position)
    if not isinstance(value, str):
        raise DataError(f"{key!r} must be a string, found {name_type(value)}", path, position)
    return value


def take_integer(fields: Mapping[str, object], key: str, path: str, position: str) -> int:
    """Take a required integer out of a JSON object.

    Args:
        fields: The object.
        key: Name of the integer in it.
        path: The file, for the message.
        position: Where the object is in the file, for the message.

    Returns:
        The integer.

    Raises:
        DataError: The key is missing or given twice, or its value is no integer.
    """
    value = _take(fields, key, path, position)
    if not isinstance(value, int) or isinstance(value, bool):
        raise DataError(f"{key!r} must be an integer, found {name_type(value)}", path, position)
    return value


def take_spans(
    fields: Mapping[str, object], key: str, path: str, position: str
) -> tuple[tuple[int, int], ...]:
    """Take a required list of pairs of integers out of a JSON object.

    Args:
        fields: The object.
        key: Name of the list in it.
        path: The file, for the message.
        position: Where the object is in the file, for the message.

    Returns:
        ``[start, end)`` of each span, as given.

    Raises:
        DataError: The key is missing or given twice, or its value is no list of pairs of integers.
    """
    spans = []
    for number, pair in enumerate(take_list(fields, key, path, position)):
        match pair:
            case [int(start), int(end)]:
                spans.append((start, end))
            case _:
                raise DataError(
                    "expected a pair of integers, [start, end)", path, f"{position}.{key}[{number}]"
                )
    return tuple(spans)


def holds(fields: Mapping[str, object], key: str) -> bool:
    """Tell whether an optional field is given: there, and not null.

    Args:
        fields: The object.
        key: Name of the field.

    Returns:
        True when the field has a value, or is given twice, which taking it will refuse.
    """
    return fields.get(key) is not None or (isinstance(fields, JSONObject) and key in fields.repeated)


def _take(fields: Mapping[str, object], key: str, path: str, position: str) -> object:
    if isinstance(fields, JSONObject) and key in fields.repeated:
        raise DataError(f"{key!r} is given twice in one object", path, position)
    if key not in fields:
        raise DataError(f"{key!r} is missing", path, position)
    return fields[key]


def _make_object(pairs: list[tuple[str, object]]) -> JSONObject:
    made = JSONObject(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        made.repeated = frozenset(key for key in keys if keys.count(key) > 1)
    return made


def name_type(value: object) -> str:
    """Name the JSON type of a value.

    Args:
        value: A parsed JSON value.

    Returns:
        Its type with an article, such as ``a list``.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "an object"
    return type(value).__name__
