"""What every engine of an index can do: the folder of our own, and Milvus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from isogloss.fair_ranking import Fairness
from isogloss.index.manifest import ModelIdentity
from isogloss.passages import Passage


class Found(NamedTuple):
    """Hold a found passage.

    Attributes:
        passage: The passage.
        score: Cosine of its vector and the query's, -1 to 1.
    """

    passage: Passage
    score: float


class SearchableIndex(Protocol):
    """Search an index, whichever engine keeps it."""

    @property
    def model(self) -> ModelIdentity:
        """What made the vectors."""

    @property
    def engine(self) -> str:
        """How it is searched, for people."""

    @property
    def count(self) -> int:
        """Number of passages."""

    @property
    def languages(self) -> Mapping[str, int]:
        """Language -> number of passages, most first."""

    def check_search(self, ranking: Fairness, *, lexical: bool) -> None:
        """Refuse a kind of search that the engine cannot do, before a query is encoded.

        Args:
            ranking: How passages are to be ranked together.
            lexical: Whether they are to be searched by words too.

        Raises:
            ConfigError: The engine, or this index, cannot do that.
        """

    def search(
        self,
        vectors: NDArray[np.float32],
        k: int,
        languages: Sequence[str] | None = None,
        ranking: Fairness = Fairness.NONE,
        texts: Sequence[str] | None = None,
    ) -> list[list[Found]]:
        """Find the best passages for some queries.

        Args:
            vectors: float32 ``[q, d]``: the queries' vectors, each of length 1.
            k: How many passages are wanted, from 1; all where there are fewer.
            languages: Search these languages only; all when None.
            ranking: How the passages of all these languages are ranked together.
            texts: The queries' texts, to search by their words too; None for the vectors alone.

        Returns:
            The passages for each query, best first, of equal scores the smaller id first.

        Raises:
            ConfigError: The engine cannot search so; see ``check_search``.
            DataError: The index is damaged, or does not answer.
            ModelError: The queries' vectors are not such as the index holds.
        """

    def is_changed(self) -> bool:
        """Tell whether the index was changed since this was opened, so that it should be opened again.

        Returns:
            True when it was.

        Raises:
            DataError: The index is gone, damaged, or does not answer.
        """


class Change(Protocol):
    """Gather what is to be added and deleted, and commit it.

    Attributes:
        scratch: Where to keep vectors until the commit, so that a killed change goes on with them.
    """

    scratch: Path

    @property
    def model(self) -> ModelIdentity:
        """What made the vectors."""

    def add(self, passages: Sequence[Passage], vectors: NDArray[np.float32]) -> None:
        """Add passages; those of the same id, or of the same document, give way to them.

        Args:
            passages: The passages, no two of one id in a change.
            vectors: float32 ``[n, d]``, a row for each passage, of length 1.

        Raises:
            DataError: Two passages of the change have one id, or the engine cannot hold one.
            ModelError: The vectors are of another shape or type, or not of length 1.
        """

    def delete(self, names: Iterable[str]) -> int:
        """Delete passages by id, or all passages of documents.

        Args:
            names: Ids of passages and documents; unknown ones are passed over.

        Returns:
            How many passages are deleted that were there before this change.
        """

    def commit(self) -> object:
        """Make the change: from here on every reader sees it, and a crash does not undo it.

        Returns:
            The engine's own description of the new state, if it has one.

        Raises:
            DataError: The index is damaged, or does not answer.
        """
