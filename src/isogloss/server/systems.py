"""What is served: models with their collections, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from isogloss.retriever import Hit


class Searcher(Protocol):
    """Search a collection: what the service needs of a ``Retriever``."""

    @property
    def count(self) -> int:
        """Number of passages."""

    @property
    def languages(self) -> Mapping[str, int]:
        """Language -> number of passages."""

    def can_rank(self, ranking: str, *, lexical: bool = False) -> bool:
        """Tell whether ``search`` takes a ranking, and words.

        Args:
            ranking: How passages of several languages are ranked together.
            lexical: Whether to search by words too.

        Returns:
            Whether it does.
        """

    def search(
        self,
        queries: Sequence[str],
        k: int = 10,
        languages: Sequence[str] | None = None,
        *,
        ranking: str = "none",
        lexical: bool = False,
    ) -> list[list[Hit]]:
        """Find the best passages for each query, best first.

        Args:
            queries: The queries.
            k: Passages wanted, at most.
            languages: Languages to search; all when None.
            ranking: How passages of several languages are ranked together.
            lexical: Whether to search by words too.

        Returns:
            The passages for each query.
        """

    def reload(self) -> bool:
        """See the newest state of the collection; tell whether it is another one than before."""


@dataclass(frozen=True)
class System:
    """Name a model with its collection.

    Args:
        name: What to call it, for people.
        searcher: What finds passages with it.
    """

    name: str
    searcher: Searcher
