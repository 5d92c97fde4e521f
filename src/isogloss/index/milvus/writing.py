"""Change an index in Milvus: batch by batch, each of which stays once Milvus has acknowledged it.

A change that is killed is done in part. Done again it comes to the same: rows of one id replace each other,
and every row carries the number of the change that wrote it, by which what it replaces is told.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import ConfigError, DataError
from isogloss.files import hold_lock
from isogloss.index.manifest import MANIFEST, ModelIdentity
from isogloss.index.milvus.collection import Collection
from isogloss.index.milvus.connection import LITE
from isogloss.index.milvus.place import MilvusManifest, MilvusPlace, read_place, write_place
from isogloss.index.milvus.reading import count_languages
from isogloss.index.names import NameTable, find_shared, make_table
from isogloss.index.vectors import check_vectors
from isogloss.index.writing import LOCK, SCRATCH
from isogloss.passages import Passage

BUILDING = ".building.json"
"""Where an index says what it will be, until all is in it."""


class MilvusChange:
    """Write to and delete from a collection; each call is done when it returns.

    Attributes:
        scratch: Where to keep vectors until the commit, so that a killed change goes on with them.
    """

    def __init__(self, folder: Path, manifest: MilvusManifest, collection: Collection, *, anew: bool) -> None:
        """Start a change; see ``create_milvus`` and ``change_milvus``, which keep other processes out.

        Args:
            folder: The index's folder.
            manifest: Where the index is.
            collection: Its collection, loaded.
            anew: Whether all rows are to be written, and what else is there to be removed.
        """
        self.scratch = folder / SCRATCH
        self._folder = folder
        self._manifest = manifest
        self._collection = collection
        self._anew = anew
        self._number = time.time_ns()
        self._counts: Counter[str] = Counter({} if anew else count_languages(manifest, collection))
        self._tables: list[NameTable] = []

    @property
    def model(self) -> ModelIdentity:
        """What made the vectors."""
        return self._manifest.model

    def add(self, passages: Sequence[Passage], vectors: NDArray[np.float32]) -> None:
        """Write passages; those of the same id, or of the same document, give way to them.

        Args:
            passages: The passages, no two of one id in a change.
            vectors: float32 ``[n, d]``, a row for each passage, of length 1.

        Raises:
            DataError: Two passages of the change have one id, or one is too long for Milvus.
            ModelError: The vectors are of another shape or type, or not of length 1.
        """
        check_vectors(passages, vectors, self._manifest.dimensions)
        if not passages:
            return
        self._keep_names(passages)
        self._start()
        if not self._anew:
            self._counts -= self._collection.count_replaced([one.id for one in passages], self._number)
        self._collection.upsert(passages, vectors, self._number)
        self._counts.update(passage.language for passage in passages)
        self._collection.settle()
        if not self._anew:
            names = [name for passage in passages for name in passage.names()]
            self._counts -= self._collection.delete_named(names, self._number)

    def delete(self, names: Iterable[str]) -> int:
        """Delete passages by id, or all passages of documents.

        Args:
            names: Ids of passages and documents; unknown ones are passed over.

        Returns:
            How many passages were deleted that were there before this change.
        """
        self._start()
        deleted = self._collection.delete_named(list(names), self._number)
        self._counts -= deleted
        return deleted.total()

    def commit(self) -> None:
        """Write how many passages of each language there are; a new index is there from here on."""
        if self._anew:
            self._collection.delete_but(self._number)
        self._collection.settle()
        counts = dict(sorted((+self._counts).items()))
        write_place(self._folder, replace(self._manifest, languages=counts))
        (self._folder / BUILDING).unlink(missing_ok=True)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _start(self) -> None:
        """Say before the first write that the counts will not be known until the commit."""
        if not self._anew and self._manifest.languages is not None:
            self._manifest = replace(self._manifest, languages=None)
            write_place(self._folder, self._manifest)

    def _keep_names(self, passages: Sequence[Passage]) -> None:
        """Refuse an id that occurs twice in the change; tables of hashes of like size become one."""
        table = make_table([passage.names() for passage in passages])
        pair = find_shared(table, table)
        for known in self._tables:
            pair = pair or find_shared(known, table)
        if pair is not None:
            passage = passages[pair[1]]
            place = f" (again: {passage.source})" if passage.source else ""
            raise DataError(f"the id {passage.id!r} is given twice{place}; ids must be unique")
        self._tables.append(table)
        while len(self._tables) > 1 and len(self._tables[-2]) < 2 * len(self._tables[-1]):
            joined = np.concatenate([self._tables.pop(), self._tables.pop()])
            self._tables.append(joined[np.argsort(joined["key"], kind="stable")])


@contextmanager
def create_milvus(
    folder: Path, model: ModelIdentity, dimensions: int, place: MilvusPlace
) -> Iterator[MilvusChange]:
    """Make an index in Milvus; it is there once the change is committed.

    Args:
        folder: Where to say where it is; it must not hold anything but what a killed attempt left.
        model: What makes the vectors.
        dimensions: Their length.
        place: The collection; it must not be there, unless a killed attempt made it.

    Yields:
        The change.

    Raises:
        ConfigError: The folder or the collection holds something, or Milvus cannot be reached.
    """
    place.check()
    _check_free(folder)
    there = folder.exists()
    try:
        with hold_lock(folder / LOCK, f"{folder}: another process is changing this index; try again later"):
            _check_free(folder)
            manifest = MilvusManifest(model, dimensions, place)
            collection = Collection(folder, place)
            _prepare(folder, manifest, collection)
            yield MilvusChange(folder, manifest, collection, anew=True)
    except BaseException:
        if not there and not (folder / BUILDING).exists() and not (folder / MANIFEST).exists():
            shutil.rmtree(folder, ignore_errors=True)  # there is nothing to go on with
        raise


@contextmanager
def change_milvus(folder: Path) -> Iterator[MilvusChange]:
    """Change an index in Milvus.

    Args:
        folder: The index's folder.

    Yields:
        The change; what it has written stays, with ``commit`` or without.

    Raises:
        ConfigError: Another process is changing the index from this folder, or Milvus cannot be reached.
        DataError: There is no index, it is damaged, or the collection is gone or another model's.
    """
    read_place(folder)  # before a lock file is made where there is no index
    with hold_lock(folder / LOCK, f"{folder}: another process is changing this index; try again later"):
        manifest = read_place(folder)
        collection = Collection(folder, manifest.place)
        collection.load(manifest.model, manifest.dimensions)
        yield MilvusChange(folder, manifest, collection, anew=False)


def _prepare(folder: Path, manifest: MilvusManifest, collection: Collection) -> None:
    """Make the collection, or take up the one that a killed attempt from this folder made."""
    building = None
    with suppress(DataError):
        building = read_place(folder, BUILDING)
    if collection.exists():
        if building is None or building.place != manifest.place:
            raise ConfigError(
                f"{collection.label} holds a collection {manifest.place.collection!r} already; "
                "name another one"
            )
        if not collection.is_whole():
            collection.drop()
    write_place(folder, manifest, BUILDING)
    if not collection.exists():
        collection.create(manifest.model, manifest.dimensions)
    collection.load(manifest.model, manifest.dimensions)


def _check_free(folder: Path) -> None:
    own = (LOCK, SCRATCH, BUILDING, LITE)
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    for name in names:
        if name == MANIFEST:
            raise ConfigError(f"{folder} holds an index already; add passages to it, or name a new folder")
        if name not in own and not name.endswith(".part"):
            raise ConfigError(f"{folder} holds {name!r}; name a new folder")
