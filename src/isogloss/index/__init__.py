"""Vectors and passages on disk, and searching them: exact, or by graphs with exact scores."""

from isogloss.index.manifest import Compression, Engine, Manifest, ModelIdentity, read_manifest
from isogloss.index.reading import Found, Index, open_index
from isogloss.index.writing import IndexChange, change_index, create_index

__all__ = [
    "Compression",
    "Engine",
    "Found",
    "Index",
    "IndexChange",
    "Manifest",
    "ModelIdentity",
    "change_index",
    "create_index",
    "open_index",
    "read_manifest",
]
