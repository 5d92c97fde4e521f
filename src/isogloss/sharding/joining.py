"""Join finished shards into one index: their segments are copied and compared with their checksums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from isogloss.errors import DataError
from isogloss.index import Compression, Engine, Index, Manifest
from isogloss.index.manifest import MANIFEST
from isogloss.index.reading import open_index
from isogloss.index.writing import create_index
from isogloss.progress import show_progress
from isogloss.sharding.shard import ShardNote, read_note

_LISTED = 5
"""Missing shards named in a message."""


@dataclass(frozen=True)
class _Shard:
    folder: Path
    note: ShardNote
    index: Index


def join_shards(
    folders: Sequence[Path],
    out: Path,
    engine: Engine = "auto",
    *,
    compression: Compression = "float32",
    quiet: bool = False,
) -> Manifest:
    """Make one index of all shards of a collection, without a model.

    Args:
        folders: The shards, in any order.
        out: Where to; a new folder.
        engine: How the index is to be searched.
        compression: How it stores vectors; those of the shards are float32.
        quiet: Whether to show no progress.

    Returns:
        What the index consists of.

    Raises:
        ConfigError: The folder holds something, or graphs were asked for and their library is missing, or the
            vectors do not go with the engine.
        DataError: A shard is missing, unfinished, changed, damaged or given twice, or two of them are not of
            one collection, model, and number of shards; or an id is given twice.
    """
    shards = sorted((_open(folder) for folder in folders), key=lambda shard: shard.note.part)
    _check_together(shards)
    first = shards[0].index.manifest
    segments = [segment for shard in shards for segment in shard.index.segments]
    total = sum(shard.index.count for shard in shards)
    with (
        create_index(out, first.model, first.dimensions, engine, compression=compression) as change,
        show_progress("joining passages", total, quiet=quiet) as advance,
    ):
        for segment in segments:
            change.adopt(segment)
            advance(segment.entry.count)
        return change.commit()


def _open(folder: Path) -> _Shard:
    note = read_note(folder)
    if not (folder / MANIFEST).exists():
        raise DataError(f"the shard {note.part} is not finished; run isogloss index --shard again", folder)
    index = open_index(folder)
    manifest = index.manifest
    # The first change makes the shard; it is exact, so that there are no graphs to copy.
    kind = (manifest.generation, manifest.engine, manifest.compression)
    if kind != (1, "exact", "float32") or manifest.model.differences(note.model):
        raise DataError(f"the shard {note.part} was changed after it was made; make it again", folder)
    return _Shard(folder, note, index)


def _check_together(shards: Sequence[_Shard]) -> None:
    """Refuse shards that are not all parts of one collection, each once."""
    first = shards[0]
    for shard in shards[1:]:
        if differing := shard.note.differences(first.note):
            raise DataError(f"is a shard of {' and '.join(differing)} than {first.folder}", shard.folder)
        if shard.index.manifest.dimensions != first.index.manifest.dimensions:
            raise DataError(f"has vectors of another length than {first.folder}", shard.folder)
    for one, other in pairwise(shards):
        if one.note.part == other.note.part:
            raise DataError(f"is the shard {one.note.part}, as {one.folder} is; give each once", other.folder)
    of = first.note.part.of
    if len(shards) < of:
        present = {shard.note.part.number for shard in shards}
        missing = [f"{number}/{of}" for number in range(1, of + 1) if number not in present]
        more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
        raise DataError(f"{len(missing)} of {of} shards missing: {', '.join(missing[:_LISTED])}{more}")
