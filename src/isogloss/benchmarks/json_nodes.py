"""Walk through a JSON document with types checked, so that each error names its file and position."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from pathlib import Path

from isogloss.errors import DataError


@dataclass(frozen=True)
class JsonNode:
    """Point at one value of a JSON document.

    Attributes:
        value: The value.
        path: The file.
        position: Where in the file: ``data[0].paragraphs[2].context``.
    """

    value: object
    path: Path
    position: str = ""

    def field(self, name: str) -> JsonNode:
        """Go to a field of this object.

        Args:
            name: The field.

        Returns:
            The field's node.

        Raises:
            DataError: This is no object, or has no such field.
        """
        if not isinstance(self.value, dict):
            raise self.error(f"an object was expected, not {_kind(self.value)}")
        if name not in self.value:
            raise self.error(f"the key {name!r} is missing")
        return JsonNode(self.value[name], self.path, f"{self.position}.{name}" if self.position else name)

    def entries(self) -> list[JsonNode]:
        """Go through this list.

        Returns:
            A node per entry.

        Raises:
            DataError: This is no list.
        """
        if not isinstance(self.value, list):
            raise self.error(f"a list was expected, not {_kind(self.value)}")
        return [
            JsonNode(entry, self.path, f"{self.position}[{index}]") for index, entry in enumerate(self.value)
        ]

    def text(self) -> str:
        """Read this string, as it stands.

        Returns:
            The string, with more in it than white space.

        Raises:
            DataError: This is no string, an empty one, or half a surrogate pair stands in it.
        """
        if not isinstance(self.value, str):
            raise self.error(f"a string was expected, not {_kind(self.value)}")
        if not self.value.strip():
            raise self.error("the text is empty")
        if any("\ud800" <= letter <= "\udfff" for letter in self.value):
            raise self.error("the text holds half a surrogate pair, which is no character")
        return self.value

    def number(self) -> int:
        """Read this whole number.

        Returns:
            The number.

        Raises:
            DataError: This is no whole number.
        """
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self.error(f"a whole number was expected, not {_kind(self.value)}")
        return self.value

    def error(self, message: str) -> DataError:
        """Make an error that names this place.

        Args:
            message: What is wrong.

        Returns:
            The error, to be raised.
        """
        return DataError(message, self.path, self.position or None)


def parse_json(content: bytes, path: Path) -> JsonNode:
    """Parse a JSON document; one compressed by gzip is unpacked when its name ends in ``.gz``.

    Args:
        content: The file's content.
        path: The file's name, for errors.

    Returns:
        The node of the whole document.

    Raises:
        DataError: The content is not JSON in UTF-8.
    """
    try:
        plain = gzip.decompress(content) if path.suffix == ".gz" else content
        return JsonNode(json.loads(plain.decode("utf-8-sig")), path)
    except UnicodeDecodeError as error:
        raise DataError("not UTF-8; convert the file", path, f"byte {error.start}") from error
    except json.JSONDecodeError as error:
        position = f"line {error.lineno}, column {error.colno}"
        raise DataError(f"not valid JSON ({error.msg}); is it truncated?", path, position) from error
    except (RecursionError, ValueError) as error:
        raise DataError(f"not valid JSON ({error})", path) from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot be unpacked ({error}); is it truncated?", path) from error


def _kind(value: object) -> str:
    """Name a JSON type."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
