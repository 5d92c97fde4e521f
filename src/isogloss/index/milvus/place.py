"""Say where in Milvus an index is: the file ``index.json`` of its folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

from isogloss.errors import ConfigError, DataError
from isogloss.index.manifest import (
    MANIFEST,
    MILVUS_FORMAT,
    REBUILD,
    ModelIdentity,
    read_description,
    write_description,
)

_ADDRESS = re.compile(r"https?://[^\s@/]+(/\w+)?")
_COLLECTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")


class MilvusPlace(NamedTuple):
    """Name a collection of Milvus.

    Attributes:
        address: ``http://host:19530``, perhaps with ``/database``; empty for Milvus Lite, a file in the
            index's folder.
        collection: The collection's name.
    """

    address: str = ""
    collection: str = "isogloss"

    def check(self) -> None:
        """Refuse what cannot name a collection.

        Raises:
            ConfigError: The address or the name is none.
        """
        if self.address and not _ADDRESS.fullmatch(self.address):
            raise ConfigError(
                f"{self.address!r} is no address of Milvus; give one as http://host:19530, and a token or "
                "user:password in the environment variable MILVUS_TOKEN"
            )
        if not _COLLECTION.fullmatch(self.collection):
            raise ConfigError(
                f"{self.collection!r} cannot name a collection of Milvus: letters of ASCII, digits and _ "
                "can, 255 at most, a digit not first"
            )


@dataclass(frozen=True)
class MilvusManifest:
    """Describe an index in Milvus.

    Attributes:
        model: What made the vectors.
        dimensions: Their length.
        place: Where they are.
        languages: Language -> number of passages; None while a change is under way.
        digest: SHA-256 of all this, as it is stored; empty before it is.
    """

    model: ModelIdentity
    dimensions: int
    place: MilvusPlace
    languages: Mapping[str, int] | None = None
    digest: str = field(default="", compare=False)


def read_place(folder: Path, name: str = MANIFEST) -> MilvusManifest:
    """Read where in Milvus an index is.

    Args:
        folder: The index's folder.
        name: The file.

    Returns:
        The description; Milvus is not asked.

    Raises:
        DataError: There is no index, it is damaged, or another engine's or release's.
    """
    stored = read_description(folder, name)
    path = folder / name
    if stored.format != MILVUS_FORMAT:
        raise DataError(f"is of format {stored.format!r}, not {MILVUS_FORMAT!r}", path)
    try:
        return _parse(stored.content, stored.digest)
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise DataError(f"is damaged ({type(error).__name__}: {error}); {REBUILD}", path) from error


def write_place(folder: Path, manifest: MilvusManifest, name: str = MANIFEST) -> None:
    """Write where in Milvus an index is.

    Args:
        folder: The index's folder.
        manifest: The description.
        name: The file.
    """
    content = {
        "model": asdict(manifest.model),
        "dimensions": manifest.dimensions,
        "address": manifest.place.address,
        "collection": manifest.place.collection,
        "languages": manifest.languages,
    }
    write_description(folder, MILVUS_FORMAT, content, name)


def _parse(content: dict[str, object], digest: str) -> MilvusManifest:
    """Build the description; what is missing or of another type is a KeyError, TypeError or ValueError."""
    model, dimensions, languages = content["model"], content["dimensions"], content["languages"]
    if not isinstance(model, dict):
        raise TypeError("model is no object")
    place = MilvusPlace(str(content["address"]), str(content["collection"]))
    place.check()
    if languages is not None and not isinstance(languages, dict):
        raise TypeError("languages are no object")
    counts = None if languages is None else {str(name): _count(number) for name, number in languages.items()}
    return MilvusManifest(ModelIdentity(**model), _count(dimensions), place, counts, digest)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} is no count")
    return value
