"""A shard: the index of one part of a collection, and the file ``shard.json`` that says which part of what.

The file is written first, and the index is committed last: a folder with both is a finished shard.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from isogloss.errors import ConfigError, DataError
from isogloss.files import write_text
from isogloss.index import Manifest, ModelIdentity, read_manifest
from isogloss.index.manifest import MANIFEST
from isogloss.index.writing import SHARD
from isogloss.progress import Advance, ignore_progress
from isogloss.retriever import Retriever, identify_model
from isogloss.sharding.collection import Collection, Part

if TYPE_CHECKING:
    from isogloss.encoding import Encoder
    from isogloss.encoding.batches import BatchEncoder

FORMAT = "isogloss-shard-1"


@dataclass(frozen=True)
class ShardNote:
    """Say what a shard is.

    Attributes:
        part: Which part of the collection.
        collection: Hash of the collection's files (``hash_passages``).
        language: The language that was given for passages without one.
        detect: Whether languages were told from the text.
        overlap: Sentences that passages of a split document share.
        model: What makes the vectors.
    """

    part: Part
    collection: str
    language: str | None
    detect: bool
    overlap: int
    model: ModelIdentity

    def differences(self, other: ShardNote) -> list[str]:
        """List in words what keeps two shards from being parts of one index.

        Args:
            other: What to compare with.

        Returns:
            Such as ``another collection``; empty where only the number of the part is another one.
        """
        found = [] if self.part.of == other.part.of else ["another number of shards"]
        if self.collection != other.collection:
            found.append("another collection")
        options = ("language", "detect", "overlap")
        found += [f"another --{name}" for name in options if getattr(self, name) != getattr(other, name)]
        if differing := self.model.differences(other.model):
            found.append(f"another model ({', '.join(differing)})".replace("_", " "))
        return found


def load_model(model: str, device: str | None = None) -> Encoder:
    """Load the model that makes a shard's vectors.

    Args:
        model: Run, model folder or hub name.
        device: Where it computes; the best there is when not given.

    Returns:
        The model.

    Raises:
        ModelError: It cannot be loaded.
    """
    from isogloss.encoding import load_encoder
    from isogloss.model_source import find_model

    return load_encoder(find_model(model).model, device=device, quiet=True)


def encode_shard(
    encoder: BatchEncoder,
    collection: Collection,
    digest: str,
    part: Part,
    folder: Path,
    advance: Advance = ignore_progress,
) -> Manifest:
    """Index a part of a collection; killed and called again, it goes on where it was.

    The vectors do not depend on when it was killed: batches are cut from the same texts in the same order.

    Args:
        encoder: The model.
        collection: The collection.
        digest: The hash of its files (``hash_passages``).
        part: The part.
        folder: Where to; a new folder, or the same as before.
        advance: Called with the bytes of the collection read since the last call.

    Returns:
        What the shard consists of; at once where it is finished already.

    Raises:
        ConfigError: The folder holds something else, or another process is filling it.
        DataError: A passage has no id, no text or no known language, or two have one id.
        ModelError: A vector is zero or holds NaN.
    """
    note = ShardNote(
        part, digest, collection.language, collection.detect, collection.overlap, identify_model(encoder)
    )
    if not _claim(folder, note):
        passages = collection.stream(part, advance)
        Retriever.build(encoder, passages, folder, engine="exact", overlap=collection.overlap)
    return read_manifest(folder)


def read_note(folder: Path) -> ShardNote:
    """Read what a shard is.

    Args:
        folder: The shard.

    Returns:
        What it says of itself.

    Raises:
        DataError: There is no shard, or its description is damaged or another release's.
    """
    path = folder / SHARD
    try:
        return _parse(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        raise DataError("no shard here; isogloss index --shard makes one", folder) from None
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", path) from error
    except (ValueError, TypeError, KeyError, RecursionError, ConfigError) as error:
        raise DataError(
            f"is damaged ({type(error).__name__}: {error}); make the shard again", path
        ) from error


def _parse(stored: dict[str, object]) -> ShardNote:
    """Build a note; KeyError, TypeError, ValueError or ConfigError where it is none."""
    if stored["format"] != FORMAT:
        raise ValueError(f"format {stored['format']!r}, this release reads {FORMAT!r}")
    content = stored["content"]
    if not isinstance(content, dict):
        raise TypeError("the content is no object")
    part, model = Part(*content["part"]), ModelIdentity(**content["model"])
    return ShardNote(**{**content, "part": Part.parse(str(part)), "model": model})


def _claim(folder: Path, note: ShardNote) -> bool:
    """Write what the folder is going to hold; tell whether it is there already."""
    if (folder / SHARD).exists():
        known = read_note(folder)
        differing = known.differences(note)
        if known.part != note.part and not differing:
            differing = ["it"]
        if differing:
            of = "" if differing == ["it"] else f" of {' and '.join(differing)}"
            raise ConfigError(
                f"{folder} holds the shard {known.part}{of}, not {note.part}; name a new folder"
            )
        return (folder / MANIFEST).exists()
    if folder.is_dir():
        for left in folder.glob(f".{SHARD}.*.part"):
            left.unlink(missing_ok=True)
        if (found := next(folder.iterdir(), None)) is not None:
            raise ConfigError(f"{folder} holds {found.name!r}; name a new folder")
    document = {"format": FORMAT, "content": asdict(note)}
    write_text(folder / SHARD, json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    return False
