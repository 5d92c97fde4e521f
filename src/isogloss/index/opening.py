"""Open, make and change an index with the engine that its folder, or the user, names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from isogloss.errors import ConfigError
from isogloss.index import reading, writing
from isogloss.index.engines import Change, SearchableIndex
from isogloss.index.manifest import MILVUS_FORMAT, Compression, Engine, ModelIdentity, read_description
from isogloss.index.milvus import MilvusPlace, change_milvus, create_milvus, open_milvus


def open_index(folder: Path) -> SearchableIndex:
    """Open the newest state of an index; another process may change it meanwhile.

    Args:
        folder: The index's folder.

    Returns:
        The state.

    Raises:
        ConfigError: Milvus, where it is, cannot be reached.
        DataError: There is no index, it is damaged, or another release's.
    """
    if read_description(folder).format == MILVUS_FORMAT:
        return open_milvus(folder)
    return reading.open_index(folder)


def check_index(folder: Path) -> None:
    """Refuse a damaged index: every byte is compared with its checksum, with progress on stderr.

    An index in Milvus is left alone: Milvus compares what it reads with checksums of its own.

    Args:
        folder: The index's folder.

    Raises:
        DataError: There is no index, or a byte of it differs.
    """
    if read_description(folder).format != MILVUS_FORMAT:
        reading.check_index(folder)


@contextmanager
def create_index(
    folder: Path,
    model: ModelIdentity,
    dimensions: int,
    engine: Engine | MilvusPlace,
    *,
    compression: Compression = "float32",
    lexical: bool = False,
) -> Iterator[Change]:
    """Make an index; it is there once the change is committed.

    Args:
        folder: Where to; it must not hold anything but what a killed attempt left.
        model: What makes the vectors.
        dimensions: Their length.
        engine: How to search, or where in Milvus to keep it.
        compression: How to store vectors; ``binary`` is a way to search as well, and goes with ``auto``.
        lexical: Whether the words of passages are counted, to search by them too.

    Yields:
        The change.

    Raises:
        ConfigError: The folder, or the collection of Milvus, holds an index, or something else, or another
            process is making one there; or the engine cannot store vectors so, or has no words.
    """
    if isinstance(engine, MilvusPlace):
        if compression != "float32":
            raise ConfigError(f"Milvus stores vectors as float32, not {compression}; choose another engine")
        if lexical:
            raise ConfigError("an index in Milvus cannot be searched by words; choose another engine")
        with create_milvus(folder, model, dimensions, engine) as change:
            yield change
    else:
        made = writing.create_index(
            folder, model, dimensions, engine, compression=compression, lexical=lexical
        )
        with made as own:
            yield own


@contextmanager
def change_index(folder: Path) -> Iterator[Change]:
    """Change an index.

    Args:
        folder: The index.

    Yields:
        The change. Without ``commit`` nothing is changed; but Milvus keeps what it was given.

    Raises:
        ConfigError: Another process is changing the index, or Milvus cannot be reached.
        DataError: There is no index, or it is damaged.
    """
    if read_description(folder).format == MILVUS_FORMAT:
        with change_milvus(folder) as change:
            yield change
    else:
        with writing.change_index(folder) as own:
            yield own
