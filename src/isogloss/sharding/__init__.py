"""Encode a collection in parts, on several machines or a Ray cluster, and join them into one index."""

from isogloss.sharding.collection import Collection, Part
from isogloss.sharding.joining import join_shards
from isogloss.sharding.shard import encode_shard, load_model

__all__ = ["Collection", "Part", "encode_shard", "join_shards", "load_model"]
