"""Search an index in Milvus: it finds candidates, their scores and order are ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import ConfigError
from isogloss.fair_ranking import Fairness
from isogloss.index.engines import Found
from isogloss.index.manifest import ModelIdentity
from isogloss.index.milvus.collection import MOST, Collection
from isogloss.index.milvus.place import MilvusManifest, read_place
from isogloss.index.vectors import check_queries
from isogloss.passages import Passage

_EXACT = ("FLAT", "BRUTE_FORCE")
_SPARE = 8
"""Candidates beyond the wanted ones of an exact search, so that a tie with the last is seen."""
_CANDIDATES = 4
"""Candidates for each wanted passage of an approximate search."""
_FEWEST = 64
_ANSWER_BYTES = 32 << 20
"""Answers of about this size are asked for: a cluster gives 100 MB at most."""
_TEXT_BYTES = 4096
_QUERIES = 64
_ROUNDING = 2.0**-23
"""A product of float32 unit vectors of length d is wrong by less than d / 2 times this; two are compared."""

Candidates = list[tuple[Passage, float, list[float]]]


class MilvusIndex:
    """Search a collection of Milvus; a search sees every change that Milvus has acknowledged.

    Attributes:
        folder: The index's folder.
    """

    def __init__(self, folder: Path, manifest: MilvusManifest, collection: Collection) -> None:
        """Count what is there; see ``open_milvus``.

        Args:
            folder: The index's folder.
            manifest: Where the index is.
            collection: Its collection, loaded.
        """
        self.folder = folder
        self._manifest = manifest
        self._collection = collection
        self._kind = collection.index_kind()
        self._languages = count_languages(manifest, collection)

    @property
    def model(self) -> ModelIdentity:
        """What made the vectors."""
        return self._manifest.model

    @property
    def engine(self) -> str:
        """How it is searched, for people."""
        place = self._manifest.place
        where = f"Milvus at {place.address}" if place.address else "Milvus Lite"
        return f"by {where} ({place.collection}, {self._kind})"

    @property
    def count(self) -> int:
        """Number of passages when this was opened."""
        return sum(self._languages.values())

    @property
    def languages(self) -> Mapping[str, int]:
        """Language -> number of passages when this was opened, most first."""
        return self._languages

    def check_search(self, ranking: Fairness, *, lexical: bool) -> None:
        """Refuse what is done in folders alone.

        Args:
            ranking: How passages are to be ranked together.
            lexical: Whether they are to be searched by words too.

        Raises:
            ConfigError: Another ranking than ``none``, or words, are asked for.
        """
        if lexical or ranking is not Fairness.NONE:
            what = "searched by words" if lexical else f"ranked by {ranking}"
            raise ConfigError(
                f"an index in Milvus cannot be {what}; build one in a folder, by another --engine"
            )

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
            k: How many passages are wanted, 1 to 16,384; all where there are fewer.
            languages: Search these languages only; all when None.
            ranking: ``none``; Milvus ranks by score alone.
            texts: None; words are not searched in Milvus.

        Returns:
            The passages for each query, best first, of equal scores the smaller id first. Scores are
            computed in double precision from the stored vectors, as an exact index of ours does.

        Raises:
            ConfigError: More passages are wanted than Milvus gives, or it cannot search so.
            DataError: Milvus does not answer.
            ModelError: The queries' vectors are not such as the index holds.
        """
        self.check_search(ranking, lexical=texts is not None)
        check_queries(vectors, self._manifest.dimensions)
        if k > MOST and self.count > MOST:
            raise ConfigError(f"Milvus gives {MOST:,} passages for a query at most; k is {k:,}")
        limit = k + _SPARE if self._kind in _EXACT else max(_CANDIDATES * k, _FEWEST)
        limit = min(limit, MOST)
        row_bytes = _TEXT_BYTES + vectors.itemsize * vectors.shape[1]
        at_once = min(_QUERIES, max(1, _ANSWER_BYTES // (limit * row_bytes)))
        found = []
        for start in range(0, len(vectors), at_once):
            block = vectors[start : start + at_once]
            answers = self._collection.search(block, limit, languages)
            found += [
                self._order(query, answer, k, limit, languages)
                for query, answer in zip(block, answers, strict=True)
            ]
        return found

    def is_changed(self) -> bool:
        """Tell whether the counts are others by now; searches see changes at once.

        Returns:
            True when they are.
        """
        return (
            read_place(self.folder).digest != self._manifest.digest or self._collection.count() != self.count
        )

    def _order(
        self,
        query: NDArray[np.float32],
        answer: Candidates,
        k: int,
        limit: int,
        languages: Sequence[str] | None,
    ) -> list[Found]:
        """Score candidates from their vectors, and ask for more while the last may tie with the k-th."""
        margin = len(query) * _ROUNDING
        while True:
            scores = _score(query, answer)
            ranked = sorted(
                zip((-scores).tolist(), (one[0].id for one in answer), range(len(answer)), strict=True)
            )
            cut = len(answer) >= limit and limit < MOST and len(ranked) >= k
            if not cut or answer[-1][1] < -ranked[k - 1][0] - margin:
                break
            limit = min(_CANDIDATES * limit, MOST)
            (answer,) = self._collection.search(query[None], limit, languages)
        # Vectors of single precision are not quite of length 1.
        return [Found(answer[row][0], min(1.0, max(-1.0, -negative))) for negative, _, row in ranked[:k]]


def open_milvus(folder: Path) -> MilvusIndex:
    """Open an index that is in Milvus.

    Args:
        folder: The index's folder.

    Returns:
        The index.

    Raises:
        ConfigError: Milvus cannot be reached, or its package is not installed.
        DataError: There is no index, it is damaged, or the collection is gone or another model's.
    """
    manifest = read_place(folder)
    collection = Collection(folder, manifest.place)
    collection.load(manifest.model, manifest.dimensions)
    return MilvusIndex(folder, manifest, collection)


def count_languages(manifest: MilvusManifest, collection: Collection) -> dict[str, int]:
    """Count the passages of each language; what the last change counted is taken where it adds up.

    Args:
        manifest: What the folder says.
        collection: The collection, loaded.

    Returns:
        Language -> number of passages, most first.
    """
    counts = manifest.languages
    if counts is None or sum(counts.values()) != collection.count():
        counts = collection.count_languages()
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return {language: count for language, count in ordered if count}


def _score(query: NDArray[np.float32], answer: Candidates) -> NDArray[np.float64]:
    """Compute cosines in double precision, each from its two vectors alone."""
    vectors = np.asarray([vector for _, _, vector in answer], dtype=np.float64).reshape(-1, len(query))
    scores: NDArray[np.float64] = (vectors * query.astype(np.float64)).sum(axis=1)
    return scores
