"""Keep an index in Milvus: in a file of Milvus Lite, or on a cluster."""

from isogloss.index.milvus.place import MilvusPlace
from isogloss.index.milvus.reading import MilvusIndex, open_milvus
from isogloss.index.milvus.writing import MilvusChange, change_milvus, create_milvus

__all__ = [
    "MilvusChange",
    "MilvusIndex",
    "MilvusPlace",
    "change_milvus",
    "create_milvus",
    "open_milvus",
]
