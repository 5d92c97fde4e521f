"""Vectors and passages that are searched: in a folder, exactly or by graphs, or in Milvus."""

from isogloss.index.engines import Change, Found, SearchableIndex
from isogloss.index.manifest import Compression, Engine, Manifest, ModelIdentity, read_manifest
from isogloss.index.milvus import MilvusPlace
from isogloss.index.opening import change_index, check_index, create_index, open_index
from isogloss.index.reading import Index

__all__ = [
    "Change",
    "Compression",
    "Engine",
    "Found",
    "Index",
    "Manifest",
    "MilvusPlace",
    "ModelIdentity",
    "SearchableIndex",
    "change_index",
    "check_index",
    "create_index",
    "open_index",
    "read_manifest",
]
