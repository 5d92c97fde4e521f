"""Walk through a JSON document with types checked, so that each error names its file and position."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from isogloss.characters import holds_half_pair
from isogloss.corpus.source import JSONObject, Source, name_type, parse_json
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
            DataError: This is no object, or has no such field, or has it more than once.
        """
        if not isinstance(self.value, dict):
            raise self.error(f"an object was expected, not {name_type(self.value)}")
        if name not in self.value:
            raise self.error(f"the key {name!r} is missing")
        if isinstance(self.value, JSONObject) and name in self.value.repeated:
            raise self.error(f"the key {name!r} is given more than once")
        return JsonNode(self.value[name], self.path, f"{self.position}.{name}" if self.position else name)

    def entries(self) -> list[JsonNode]:
        """Go through this list.

        Returns:
            A node per entry.

        Raises:
            DataError: This is no list.
        """
        if not isinstance(self.value, list):
            raise self.error(f"a list was expected, not {name_type(self.value)}")
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
            raise self.error(f"a string was expected, not {name_type(self.value)}")
        if not self.value.strip():
            raise self.error("the text is empty")
        if holds_half_pair(self.value):
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
            raise self.error(f"a whole number was expected, not {name_type(self.value)}")
        return self.value

    def error(self, message: str) -> DataError:
        """Make an error that names this place.

        Args:
            message: What is wrong.

        Returns:
            The error, to be raised.
        """
        return DataError(message, self.path, self.position or None)


def read_document(source: Source) -> JsonNode:
    """Parse the text of a JSON file.

    Args:
        source: The file's text.

    Returns:
        The node of the whole document.

    Raises:
        DataError: The text is not JSON.
    """
    return JsonNode(parse_json(source.text, source.path), Path(source.path))
