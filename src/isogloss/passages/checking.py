"""Refuse passages that cannot be indexed, before a model reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from isogloss.errors import ConfigError, DataError
from isogloss.languages import normalize_language
from isogloss.passages.model import Passage


def check_passages(passages: Iterable[Passage]) -> Iterator[Passage]:
    """Check passages one by one.

    Args:
        passages: The passages.

    Yields:
        The same, their languages in the short form.

    Raises:
        DataError: An id or a text is empty or holds half a surrogate pair, or a language is unknown.
    """
    for number, passage in enumerate(passages, start=1):
        place = passage.source or f"passage {number}"
        if not passage.id.strip():
            raise DataError("the id is empty", position=place)
        if not passage.text.strip():
            raise DataError(f"the text of {passage.id!r} is empty", position=place)
        try:
            "".join((passage.id, passage.text, passage.title, passage.source)).encode("utf-8")
        except UnicodeEncodeError:
            name = passage.id.encode("utf-8", "replace").decode()
            raise DataError(
                f"{name!r} holds half a surrogate pair, which is no character",
                position=place.encode("utf-8", "replace").decode(),
            ) from None
        try:
            language = normalize_language(passage.language)
        except ConfigError as error:
            raise DataError(f"the language of {passage.id!r}: {error}", position=place) from None
        yield passage if language == passage.language else passage._replace(language=language)
