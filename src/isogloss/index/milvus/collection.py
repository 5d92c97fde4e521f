"""Read and write one collection of Milvus."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import DataError
from isogloss.index.manifest import MILVUS_FORMAT, REBUILD, ModelIdentity
from isogloss.index.milvus.connection import LITE, TIMEOUT, connect_server, explain_errors, open_file
from isogloss.index.milvus.place import MilvusPlace
from isogloss.passages import Passage

MOST = 16_384
"""Rows that Milvus gives for a query at most."""
TEXT_BYTES = 65_535
"""Bytes of a field of text in Milvus, at most."""
NAME_BYTES = 1024
_LIMITS = {
    "id": NAME_BYTES,
    "document": NAME_BYTES,
    "language": 64,
    "title": TEXT_BYTES,
    "text": TEXT_BYTES,
    "source": TEXT_BYTES,
}
_FIELDS = [*_LIMITS, "start"]
_IDENTITY = "isogloss"
_REQUEST_BYTES = 16 << 20
"""Rows are sent in requests of about this size: a cluster takes 64 MB."""
_NAMES = 1000
"""Names of a filter."""


class Collection:
    """Read and write a collection.

    Attributes:
        place: Where it is.
        label: What to call it in messages.
    """

    def __init__(self, folder: Path, place: MilvusPlace) -> None:
        """Connect.

        Args:
            folder: The index's folder, which holds the file of Milvus Lite.
            place: The collection.

        Raises:
            ConfigError: The package is not installed, the server cannot be reached, or refuses the token.
            DataError: The file of Milvus Lite is in use, or another release's.
        """
        self.place = place
        self.label = place.address or str(folder / LITE)
        self._client = connect_server(place.address) if place.address else open_file(folder / LITE)

    def exists(self) -> bool:
        """Tell whether the collection is there.

        Returns:
            True when it is.
        """
        with explain_errors(self.label):
            return bool(self._client.has_collection(self.place.collection, timeout=TIMEOUT))

    def is_whole(self) -> bool:
        """Tell whether a collection that is there has its index, which is made last.

        Returns:
            False for what a killed attempt left.
        """
        with explain_errors(self.label):
            return "vector" in self._client.list_indexes(self.place.collection)

    def create(self, model: ModelIdentity, dimensions: int) -> None:
        """Make the collection: an exact one in a file, one with the server's best index on a cluster.

        Args:
            model: What makes the vectors.
            dimensions: Their length.
        """
        from pymilvus import DataType

        identity = _describe_identity(model, dimensions)
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False, description=identity)
        for name, limit in _LIMITS.items():
            schema.add_field(
                name,
                DataType.VARCHAR,
                max_length=limit,
                is_primary=name == "id",
                is_partition_key=name == "language",
            )
        schema.add_field("start", DataType.INT64)
        schema.add_field("change", DataType.INT64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimensions)
        indexes = self._client.prepare_index_params()
        for name in ("language", "document"):
            indexes.add_index(name, index_type="INVERTED")
        kind = "AUTOINDEX" if self.place.address else "FLAT"
        indexes.add_index("vector", index_type=kind, metric_type="IP")  # of vectors of length 1: the cosine
        with explain_errors(self.label):
            self._client.create_collection(
                self.place.collection,
                schema=schema,
                index_params=indexes,
                consistency_level="Strong",  # a search sees every write that was acknowledged
                properties={_IDENTITY: identity},
                timeout=TIMEOUT,
            )

    def drop(self) -> None:
        """Remove the collection with all that is in it."""
        with explain_errors(self.label):
            self._client.drop_collection(self.place.collection, timeout=TIMEOUT)

    def load(self, model: ModelIdentity, dimensions: int) -> None:
        """Make the collection ready for search, if it is what it should be.

        Args:
            model: What must have made the vectors.
            dimensions: Their length.

        Raises:
            DataError: The collection is gone, or holds something else.
        """
        if not self.exists():
            raise DataError(f"has no collection {self.place.collection!r} any more; {REBUILD}", self.label)
        with explain_errors(self.label):
            about = self._client.describe_collection(self.place.collection, timeout=TIMEOUT)
            # Milvus Lite keeps no descriptions.
            found = about.get("properties", {}).get(_IDENTITY) or about.get("description", "")
            if not _is_identity(found, model, dimensions):
                raise DataError(
                    f"the collection {self.place.collection!r} does not hold vectors of {model.name} "
                    "(isogloss keeps the model's identity with it); name another one, or build it again",
                    self.label,
                )
            self._client.load_collection(self.place.collection, timeout=TIMEOUT)

    def index_kind(self) -> str:
        """Tell which index the collection has over its vectors.

        Returns:
            ``FLAT``, ``AUTOINDEX``, ``HNSW`` ...
        """
        with explain_errors(self.label):
            about = self._client.describe_index(self.place.collection, "vector", timeout=TIMEOUT)
        return str(about["index_type"]) if about else "FLAT"

    def upsert(self, passages: Sequence[Passage], vectors: NDArray[np.float32], change: int) -> None:
        """Write rows, in requests of a size that Milvus takes.

        Args:
            passages: The passages.
            vectors: float32 ``[n, d]``, a row for each.
            change: The number of the change that writes them.

        Raises:
            DataError: A field of a passage is too long for Milvus; nothing of these is written.
        """
        sizes = [_measure(passage) + vectors.itemsize * vectors.shape[1] for passage in passages]
        start = 0
        while start < len(passages):
            end, room = start + 1, _REQUEST_BYTES - sizes[start]
            while end < len(passages) and sizes[end] <= room:
                room -= sizes[end]
                end += 1
            rows = [
                {**{name: getattr(passage, name) for name in _FIELDS}, "change": change, "vector": vector}
                for passage, vector in zip(passages[start:end], vectors[start:end], strict=True)
            ]
            with explain_errors(self.label):
                self._client.upsert(self.place.collection, rows, timeout=TIMEOUT)
            start = end

    def count_replaced(self, ids: Sequence[str], change: int) -> Counter[str]:
        """Count what an upsert of a change will overwrite.

        Args:
            ids: The ids that it will write.
            change: The number of the change, whose own rows are left out.

        Returns:
            Language -> number of rows.
        """
        replaced: Counter[str] = Counter()
        for start in range(0, len(ids), _NAMES):
            wanted = f"id in {_list(ids[start : start + _NAMES])} and change != {change}"
            replaced.update(str(row["language"]) for row in self._query(wanted, ["language"], MOST))
        return replaced

    def delete_named(self, names: Sequence[str], change: int) -> Counter[str]:
        """Delete rows by id or document, but for those of a change.

        Args:
            names: Ids and documents; unknown ones are passed over.
            change: The number of the change.

        Returns:
            Language -> number of rows that were deleted.
        """
        known = [name for name in dict.fromkeys(names) if _is_name(name)]
        deleted: Counter[str] = Counter()
        for start in range(0, len(known), _NAMES):
            listed = _list(known[start : start + _NAMES])
            wanted = f"(id in {listed} or document in {listed}) and change != {change}"
            while rows := self._query(wanted, ["id", "language"], MOST):
                self._delete_ids([str(row["id"]) for row in rows])
                deleted.update(str(row["language"]) for row in rows)
        return deleted

    def delete_but(self, change: int) -> None:
        """Delete all rows that a change did not write.

        Args:
            change: Its number.
        """
        with explain_errors(self.label):
            self._client.delete(self.place.collection, filter=f"change != {change}", timeout=TIMEOUT)

    def settle(self) -> None:
        """Make Milvus Lite write what it holds in memory, where its searches take long."""
        if not self.place.address:
            with explain_errors(self.label):
                self._client.flush(self.place.collection, timeout=TIMEOUT)

    def count(self) -> int:
        """Count the rows.

        Returns:
            Their number.
        """
        return self._count("")

    def count_languages(self) -> dict[str, int]:
        """Count the rows of each language: one request to find a language, one to count it.

        Returns:
            Language -> number of rows.
        """
        counts: Counter[str] = Counter()
        while rows := self._query(
            f"language not in {_list(list(counts))}" if counts else "", ["language"], 1
        ):
            language = str(rows[0]["language"])
            counts[language] = self._count(f"language == {quote(language)}")
        return dict(counts)

    def search(
        self, vectors: NDArray[np.float32], limit: int, languages: Sequence[str] | None
    ) -> list[list[tuple[Passage, float, list[float]]]]:
        """Find the nearest rows.

        Args:
            vectors: float32 ``[q, d]``.
            limit: How many are wanted, 1 to ``MOST``.
            languages: Of these languages only; all when None.

        Returns:
            For each query, passages with Milvus's score, which is rounded in a way of its own, and vector.
        """
        with explain_errors(self.label):
            answer = self._client.search(
                self.place.collection,
                data=list(vectors),
                limit=limit,
                filter="" if languages is None else f"language in {_list(languages)}",
                output_fields=[*_FIELDS, "vector"],
                anns_field="vector",
                timeout=TIMEOUT,
            )
            return [
                [
                    (_read_passage(hit["entity"]), float(hit["distance"]), hit["entity"]["vector"])
                    for hit in hits
                ]
                for hits in answer
            ]

    def _delete_ids(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), _NAMES):
            # Not by the argument `ids`: pymilvus puts those into a filter as they are.
            wanted = f"id in {_list(ids[start : start + _NAMES])}"
            with explain_errors(self.label):
                self._client.delete(self.place.collection, filter=wanted, timeout=TIMEOUT)

    def _count(self, wanted: str) -> int:
        return int(self._query(wanted, ["count(*)"])[0]["count(*)"])

    def _query(self, wanted: str, fields: Sequence[str], limit: int | None = None) -> list[dict[str, str]]:
        bound = {} if limit is None else {"limit": limit}
        with explain_errors(self.label):
            return list(
                self._client.query(
                    self.place.collection, filter=wanted, output_fields=fields, timeout=TIMEOUT, **bound
                )
            )


def quote(text: str) -> str:
    """Write text as a constant of Milvus's filters, so that no text can end it.

    Args:
        text: The text.

    Returns:
        It in quotes, with the escapes that Milvus and Milvus Lite have in common.
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(quote(text) for text in texts)}]"


def _describe_identity(model: ModelIdentity, dimensions: int) -> str:
    content = {"format": MILVUS_FORMAT, "dimensions": dimensions, **asdict(model)}
    return json.dumps(content, sort_keys=True)


def _is_identity(found: str, model: ModelIdentity, dimensions: int) -> bool:
    """Compare what a collection says of its model with what it should be; its name decides nothing."""
    try:
        stored = json.loads(found)
        known = ModelIdentity(**{name: stored[name] for name in asdict(model)})
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    same = stored.get("format") == MILVUS_FORMAT and stored.get("dimensions") == dimensions
    return same and not known.differences(model)


def _measure(passage: Passage) -> int:
    """Count the bytes of a passage's fields, each of which Milvus bounds."""
    total = 0
    for name, limit in _LIMITS.items():
        size = len(getattr(passage, name).encode())
        if size > limit:
            raise DataError(
                f"the {name} of {passage.id[:80]!r} has {size:,} bytes; Milvus holds {limit:,} at most: "
                "shorten it, or keep the index in a folder"
            )
        total += size
    return total


def _read_passage(entity: dict[str, str]) -> Passage:
    return Passage(**{name: str(entity[name]) for name in _LIMITS}, start=int(entity["start"]))


def _is_name(name: str) -> bool:
    """Tell whether a name could be stored: too long ones and half a surrogate cannot."""
    try:
        return len(name.encode()) <= NAME_BYTES
    except UnicodeEncodeError:
        return False
