"""A collection and its parts: which passages a part has is decided by their ids alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from isogloss.errors import ConfigError
from isogloss.passages import Passage, stream_passages
from isogloss.progress import Advance, ignore_progress

_PART = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


class Part(NamedTuple):
    """Name one of the parts of a collection.

    Attributes:
        number: Which one, 1 to ``of``.
        of: How many parts there are.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a part as people write it.

        Args:
            text: Such as ``2/4``.

        Returns:
            The part.

        Raises:
            ConfigError: It is not of this form, or there is no such part.
        """
        match = _PART.fullmatch(text)
        part = cls(*map(int, match.groups())) if match else None
        if part is None or not 1 <= part.number <= part.of:
            raise ConfigError(f"a shard is one of 1/4, 2/4, 3/4, 4/4, or of any other number; got {text!r}")
        return part

    def holds(self, passage: Passage) -> bool:
        """Tell whether a passage is of this part; passages of one document are of the same.

        Args:
            passage: The passage.

        Returns:
            True for exactly one of the parts, whatever else the collection holds.
        """
        name = (passage.document or passage.id).encode("utf-8", "surrogatepass")
        return (
            int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big") % self.of + 1 == self.number
        )

    def __str__(self) -> str:
        """Write it as ``parse`` reads it."""
        return f"{self.number}/{self.of}"


@dataclass(frozen=True)
class Collection:
    """Name a collection, and say how it is read.

    Attributes:
        path: The file or folder.
        language: The language of passages whose rows tell none; None where there is none to give.
        detect: Whether to tell languages from the text where nothing else does.
        overlap: Sentences that two passages of a split document share, from 0.
    """

    path: Path
    language: str | None = None
    detect: bool = False
    overlap: int = 1

    def stream(self, part: Part, advance: Advance = ignore_progress) -> Iterator[Passage]:
        """Read the passages of a part.

        Args:
            part: The part.
            advance: Called with the bytes read since the last call, those of other parts included.

        Yields:
            The passages, in the order of the collection.

        Raises:
            ConfigError: ``language`` is none, or ``detect`` needs a library.
            DataError: A file is broken, or a language cannot be told.
        """
        every = stream_passages(self.path, language=self.language, detect=self.detect, advance=advance)
        for passage in every:
            if part.holds(passage):
                yield passage
