"""One way to make, change, open and restart an index, whichever engine keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

from milvus_lite.server_manager import server_manager_instance

import made_up_index
from isogloss.index import MilvusPlace, SearchableIndex, create_index, open_index
from isogloss.index.milvus.connection import LITE
from isogloss.passages import Passage
from made_up_index import MODEL, WIDTH, vectors_of

KINDS = ("exact", "graph", "lite", "server")
_NUMBERS = count()


class EngineUnderTest:
    """Keep an index in a folder of its own.

    Attributes:
        kind: One of ``KINDS``: our folder, exact or with graphs; Milvus Lite in a file; Milvus at an address.
        folder: The index's folder.
        engine: What ``create_index`` is told.
    """

    def __init__(self, kind: str, folder: Path, address: str) -> None:
        self.kind = kind
        self.folder = folder
        collection = f"made_{next(_NUMBERS)}"
        places = {"lite": MilvusPlace(), "server": MilvusPlace(address, collection)}
        self.engine = places.get(kind, kind)

    def create(self, passages: Sequence[Passage]) -> None:
        with create_index(self.folder, MODEL, WIDTH, self.engine) as change:
            change.add(passages, vectors_of([one.text for one in passages]))
            change.commit()

    def add(self, passages: Sequence[Passage]) -> None:
        made_up_index.add(self.folder, passages)

    def delete(self, names: Sequence[str]) -> int:
        return made_up_index.delete(self.folder, names)

    def open(self) -> SearchableIndex:
        return open_index(self.folder)

    def restart(self) -> None:
        """Forget what this process holds of the index, as far as the engine holds anything."""
        with suppress(KeyError):
            server_manager_instance.release_server(str(self.folder / LITE))
