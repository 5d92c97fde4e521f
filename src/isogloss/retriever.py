"""Search a collection of passages: a model, an index and the passages themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from isogloss.passages import Passage


class Hit(NamedTuple):
    """Hold one found passage.

    Attributes:
        id: The passage's id.
        score: Cosine of query and passage, -1 to 1.
        language: The passage's language.
        title: Its title; may be empty.
        text: Its text.
        source: Where it is from, for people; may be empty.
    """

    id: str
    score: float
    language: str
    title: str
    text: str
    source: str


class Retriever:
    """Search, and change, the index in a folder; see ``load`` and ``build``."""

    folder: Path
    model_name: str

    @classmethod
    def load(cls, folder: str | Path, device: str | None = None) -> Self:
        """Open an index and load its model."""
        raise NotImplementedError

    @classmethod
    def build(
        cls, model: str, passages: Iterable[Passage], folder: str | Path, *, device: str | None = None
    ) -> Self:
        """Index passages in a new folder."""
        raise NotImplementedError

    @property
    def count(self) -> int:
        """Number of passages."""
        raise NotImplementedError

    @property
    def languages(self) -> Mapping[str, int]:
        """Language -> number of passages, by falling number."""
        raise NotImplementedError

    def search(
        self, queries: Sequence[str], k: int = 10, languages: Sequence[str] | None = None
    ) -> list[list[Hit]]:
        """Find the best passages for each query, best first; in some languages only where they are given."""
        raise NotImplementedError

    def add(self, passages: Iterable[Passage]) -> int:
        """Add passages; those whose ids are there are replaced. Returns how many were added."""
        raise NotImplementedError

    def delete(self, ids: Sequence[str]) -> int:
        """Delete passages, or all of a document. Returns how many passages were deleted."""
        raise NotImplementedError

    def reload(self) -> bool:
        """See the folder's newest state; True when it is another one than before."""
        raise NotImplementedError
