"""What is indexed and found: a passage of text in one language."""

from __future__ import annotations

from typing import NamedTuple

_TITLE_LETTERS = 200
"""A longer title is encoded up to here: it is to tell what the text is about, not to take its place."""


class Passage(NamedTuple):
    """Hold one passage.

    Attributes:
        id: Its name, unlike that of any other passage of an index.
        text: Its text.
        language: Its language, in the short form of ``normalize_language``.
        title: What it is about; empty where nothing says so.
        source: Where it is from, for people: an address, or file and place.
        document: The document that it is a part of; empty when it is one by itself.
        start: Where it starts in its document's text, in code points.
    """

    id: str
    text: str
    language: str
    title: str = ""
    source: str = ""
    document: str = ""
    start: int = 0

    def encoded_text(self) -> str:
        """Write what a model reads of it.

        Returns:
            Title and text, joined by two line breaks; the text alone where there is no title.
        """
        title = self.title[:_TITLE_LETTERS].strip()
        return f"{title}\n\n{self.text}" if title else self.text

    def names(self) -> tuple[str, ...]:
        """Name all that it is replaced or deleted by.

        Returns:
            Its id, and its document where that is another name.
        """
        return (self.id, self.document) if self.document not in ("", self.id) else (self.id,)
