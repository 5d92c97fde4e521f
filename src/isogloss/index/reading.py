"""Search an index: one state of it, whatever is changed meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import DataError
from isogloss.index.engines import Found
from isogloss.index.graph import SegmentGraphs
from isogloss.index.manifest import REBUILD, SEGMENTS, Manifest, ModelIdentity, read_manifest
from isogloss.index.scoring import QUERIES, Pools, Scored
from isogloss.index.segment import Segment
from isogloss.index.vectors import check_queries

_TRIES = 10


class Index:
    """Search one state of an index; a later change does not touch it.

    Attributes:
        folder: The index's folder.
        manifest: What it consists of.
        segments: Its segments, mapped into memory.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        """Open every segment; see ``open_index``.

        Args:
            folder: The index's folder.
            manifest: What it consists of.

        Raises:
            DataError: A file is not what the manifest says.
        """
        self.folder = folder
        self.manifest = manifest
        self.segments = [Segment(folder, entry, manifest.dimensions) for entry in manifest.segments]
        self._graphs = [SegmentGraphs(segment) for segment in self.segments]

    @property
    def model(self) -> ModelIdentity:
        """What made the vectors."""
        return self.manifest.model

    @property
    def engine(self) -> str:
        """How it is searched, for people."""
        return "with graphs" if any(segment.entry.graphs for segment in self.segments) else "exact"

    @property
    def count(self) -> int:
        """Number of passages."""
        return self.manifest.count

    @property
    def languages(self) -> Mapping[str, int]:
        """Language -> number of passages, most first."""
        return self.manifest.languages

    def search(
        self, vectors: NDArray[np.float32], k: int, languages: Sequence[str] | None = None
    ) -> list[list[Found]]:
        """Find the best passages for some queries.

        Args:
            vectors: float32 ``[q, d]``: the queries' vectors, each of length 1.
            k: How many passages are wanted, from 1; all where there are fewer.
            languages: Search these languages only; all when None.

        Returns:
            The passages for each query, best first, of equal scores the smaller id first.

        Raises:
            DataError: A file is damaged.
            ModelError: The queries' vectors are not such as the index holds.

        Source: exact search is ours; for graphs see ``isogloss.index.graph``.
        """
        check_queries(vectors, self.manifest.dimensions)
        found: list[list[Found]] = []
        for start in range(0, len(vectors), QUERIES):
            found += self._search_block(vectors[start : start + QUERIES], k, languages)
        return found

    def is_changed(self) -> bool:
        """Tell whether the folder holds another state by now.

        Returns:
            True when it does.

        Raises:
            DataError: The index is gone or damaged.
        """
        return read_manifest(self.folder).digest != self.manifest.digest

    def find_damage(self) -> list[str]:
        """Compare every byte of the index with its checksum.

        Returns:
            A line for each file that differs; ``index.json`` was compared when it was read.
        """
        return [line for segment in self.segments for line in segment.find_damage()]

    def _search_block(
        self, queries: NDArray[np.float32], k: int, languages: Sequence[str] | None
    ) -> list[list[Found]]:
        pools = Pools(queries, k)
        for number, (segment, graphs) in enumerate(zip(self.segments, self._graphs, strict=True)):
            parts, rest = graphs.choose(languages) if segment.entry.graphs else ([], None)
            if not parts:
                pools.scan(number, segment, segment.select(languages))
                continue
            pools.scan(number, segment, segment.select(rest))
            for part in parts:
                self._search_graph(pools, number, queries, part)
        return [self._order(pools.best(query, self.segments), k) for query in range(len(queries))]

    def _search_graph(self, pools: Pools, number: int, queries: NDArray[np.float32], part: int) -> None:
        """Take candidates from a graph, or from all its rows where it gives too few."""
        graphs, segment = self._graphs[number], self.segments[number]
        for query, vector in enumerate(queries):
            rows = graphs.search(vector, pools.k, part)
            if rows is None:
                own = graphs.parts[part].languages
                pools.scan(number, segment, segment.select(own), query)
            else:
                pools.put(query, number, rows, segment.vectors[rows] @ vector)

    def _order(self, best: Mapping[int, Scored], k: int) -> list[Found]:
        """Order candidates by falling score, then id, and read the first k."""
        keys = [
            (-score, name, number, row)
            for number, scored in best.items()
            for score, name, row in zip(
                scored.scores.tolist(),
                self.segments[number].ids(scored.rows.tolist()),
                scored.rows.tolist(),
                strict=True,
            )
        ]
        found = []
        for negative, _, number, row in sorted(keys)[:k]:
            # Vectors of single precision are not quite of length 1.
            score = min(1.0, max(-1.0, -negative))
            found.append(Found(self.segments[number].passages([row])[0], score))
        return found


def open_index(folder: Path) -> Index:
    """Open the newest state of an index; another process may change it meanwhile.

    Args:
        folder: The index's folder.

    Returns:
        The state.

    Raises:
        DataError: There is no index, it is damaged, or another release's.
    """
    for _ in range(_TRIES):
        manifest = read_manifest(folder)
        try:
            return Index(folder, manifest)
        except (FileNotFoundError, DataError) as error:
            # A change that was committed just now removed what the one before consisted of.
            if read_manifest(folder).digest == manifest.digest:
                if isinstance(error, DataError):
                    raise
                raise DataError(f"is missing; {REBUILD}", str(error.filename)) from None
    raise DataError("changes faster than it can be opened; try again", folder / SEGMENTS)
