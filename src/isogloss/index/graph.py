"""Search by a graph of neighbours (HNSW) over vectors of a byte a number, where there are many passages.

The graph finds candidates; their scores are computed from the stored vectors. A language with many passages
in a segment has a graph of its own, all other languages have one together. Passages that are deleted, or of
languages that are not wanted, are left out of what a graph finds; where too little remains to be sure of the
best, and where going through the wanted passages is quicker, these are searched exactly. So no filter costs a
relevant passage.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import ConfigError, DataError
from isogloss.index.manifest import (
    REBUILD,
    SEGMENTS,
    Graph,
    SegmentEntry,
    compute_crc,
    describe_file,
    sync_folder,
)
from isogloss.index.segment import Segment

if TYPE_CHECKING:
    import faiss

LEAST_ROWS = 20_000
"""Rows that are worth a graph: fewer are searched exactly in a few milliseconds."""
OWN_GRAPH_ROWS = 50_000
"""Rows of a language that has a graph of its own."""
_LINKS = 32
_BUILD_WIDTH = 100
_SEARCH_WIDTH = 128
_FAR_FACTOR = 3
"""A query may be of a language that is not wanted, and lie far from all that are: more is looked at then."""
_CANDIDATES_PER_HIT = 4
"""How many candidates of the coarse vectors have to be there for each passage that is wanted."""
_ROWS_PER_NODE = 60
"""A graph that keeps so many nodes in view takes as long as an exact search of this many times the rows."""
_ADDED_AT_ONCE = 8192
_log = logging.getLogger(__name__)


def has_faiss() -> bool:
    """Tell whether the library of graphs is installed.

    Returns:
        True when it can be imported.
    """
    try:
        import faiss  # noqa: F401
    except ImportError:
        return False
    return True


def require_faiss() -> None:
    """Insist that the library of graphs is installed.

    Raises:
        ConfigError: It is not.
    """
    if not has_faiss():
        raise ConfigError("graphs need one more library: pip install 'isogloss[faiss]'")


def choose_parts(entry: SegmentEntry) -> list[tuple[str, ...]]:
    """Choose which languages of a segment share a graph.

    Args:
        entry: The segment.

    Returns:
        The languages of each graph; the other languages are too few for one.
    """
    sizes = {language: end - start for language, (start, end) in entry.languages.items()}
    parts: list[tuple[str, ...]] = [(language,) for language, size in sizes.items() if size >= OWN_GRAPH_ROWS]
    rest = tuple(language for language, size in sizes.items() if size < OWN_GRAPH_ROWS)
    if sum(sizes[language] for language in rest) >= LEAST_ROWS:
        parts.append(rest)
    return parts


def build_graphs(index: Path, segment: Segment) -> SegmentEntry:
    """Build the graphs of a segment.

    Args:
        index: The index's folder.
        segment: The segment.

    Returns:
        What the index says of the segment now.

    Source: Malkov and Yashunin, arXiv 1603.09320 (HNSW), as built by faiss (arXiv 2401.08281), over vectors
        of 8 bits a number; the choice of graphs by language is ours.
    """
    graphs = []
    for number, languages in enumerate(choose_parts(segment.entry)):
        path = index / SEGMENTS / segment.entry.name / f"graph-{number}.faiss"
        _write_graph(path, segment, _list_rows(segment.entry, languages))
        graphs.append(Graph(languages, describe_file(path)))
        sync_folder(path.parent)
    return replace(segment.entry, graphs=tuple(graphs))


class _Part(NamedTuple):
    """Hold an opened graph: the rows that are its nodes, and which nodes are not deleted."""

    languages: tuple[str, ...]
    rows: NDArray[np.int64]
    live: NDArray[np.bool_]
    graph: faiss.IndexHNSWSQ


class Walk(NamedTuple):
    """Say how a graph is searched in some languages for so many passages.

    Attributes:
        part: The graph's number.
        languages: The languages.
        kept: bool ``[n]``: which of its nodes count.
        width: How many of the nearest nodes are looked at.
        needed: How many of those have to count.
    """

    part: int
    languages: tuple[str, ...]
    kept: NDArray[np.bool_]
    width: int
    needed: int


class SegmentGraphs:
    """Search the graphs of a segment.

    Attributes:
        segment: The segment.
        parts: The opened graphs.
    """

    def __init__(self, segment: Segment) -> None:
        """Map the graphs into memory; without the library there are none.

        Args:
            segment: The segment.

        Raises:
            DataError: A graph is damaged.
        """
        self.segment = segment
        self.parts: list[_Part] = []
        if segment.entry.graphs and not has_faiss():
            _log.warning("searched without its graphs, which is slower: pip install 'isogloss[faiss]'")
        elif segment.entry.graphs:
            self.parts = [self._open(graph) for graph in segment.entry.graphs]

    def choose(self, languages: Sequence[str] | None, k: int) -> tuple[list[Walk], list[str]]:
        """Choose how to search some languages.

        Args:
            languages: The languages; all of the segment when None.
            k: How many passages are wanted.

        Returns:
            The graphs to search, and the wanted languages that are quicker searched exactly.
        """
        wanted = set(self.segment.entry.languages)
        if languages is not None:
            wanted &= set(languages)
        walks = [walk for number in range(len(self.parts)) if (walk := self._plan(number, wanted, k))]
        covered = {language for walk in walks for language in walk.languages}
        return walks, sorted(wanted - covered)

    def search(self, query: NDArray[np.float32], k: int, walk: Walk) -> NDArray[np.int64] | None:
        """Find candidates for one query.

        Args:
            query: float32 ``[d]``.
            k: How many passages are wanted.
            walk: How to search; see ``choose``.

        Returns:
            int64: rows; None where the best may not all be among the nearest nodes, so that the languages
            have to be searched exactly: too few of those nodes count, or all after the k-th tie with it.
        """
        import faiss

        part = self.parts[walk.part]
        chosen = faiss.SearchParametersHNSW(efSearch=walk.width)
        scores, nodes = part.graph.search(query[np.newaxis], walk.width, params=chosen)
        there = nodes[0] >= 0
        found: NDArray[np.int64] = nodes[0][there]
        near, counted = scores[0][there], walk.kept[found]
        found, near = found[counted], near[counted]
        if len(found) < walk.needed or (len(found) > k and near[k - 1] <= near[-1]):
            return None
        return part.rows[found]

    def _plan(self, number: int, wanted: Set[str], k: int) -> Walk | None:
        """Plan a search of a graph, unless its wanted rows are quicker searched exactly."""
        part = self.parts[number]
        languages = tuple(language for language in part.languages if language in wanted)
        kept, start = part.live.copy(), 0
        for language in part.languages:
            first, last = self.segment.entry.languages[language]
            if language not in wanted:
                kept[start : start + last - first] = False
            start += last - first
        count = int(np.count_nonzero(kept))
        if not count:
            return None
        needed = min(_CANDIDATES_PER_HIT * k, count)
        # More by as much as there are nodes that do not count.
        width = max(_SEARCH_WIDTH, 2 * needed) * len(kept) // count
        if not wanted >= set(self.segment.entry.languages):
            width *= _FAR_FACTOR
        if width * _ROWS_PER_NODE > count:
            return None
        return Walk(number, languages, kept, min(width, len(kept)), needed)

    def _open(self, graph: Graph) -> _Part:
        """Map a graph into memory, every byte of it checked: the library trusts what it reads."""
        import faiss

        path = self.segment.folder / graph.file.name
        if compute_crc(path) != graph.file.crc32:
            raise DataError(f"was changed or damaged after it was written; {REBUILD}", path)
        rows = _list_rows(self.segment.entry, graph.languages)
        live = ~np.isin(rows, self.segment.deleted, assume_unique=True)
        try:
            opened = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            path.stat()  # gone, as after another process's change
            raise DataError(f"cannot be read by this release of faiss ({error}); {REBUILD}", path) from error
        return _Part(graph.languages, rows, live, opened)


def _list_rows(entry: SegmentEntry, languages: Sequence[str]) -> NDArray[np.int64]:
    ranges = [np.arange(*entry.languages[language]) for language in languages]
    return np.concatenate(ranges)


def _write_graph(path: Path, segment: Segment, rows: NDArray[np.int64]) -> None:
    import faiss

    quantizer = faiss.ScalarQuantizer.QT_8bit
    index = faiss.IndexHNSWSQ(segment.dimensions, quantizer, _LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = _BUILD_WIDTH
    index.train(np.ascontiguousarray(segment.vectors.decode(rows[:: max(1, len(rows) // _ADDED_AT_ONCE)])))
    for start in range(0, len(rows), _ADDED_AT_ONCE):
        index.add(np.ascontiguousarray(segment.vectors.decode(rows[start : start + _ADDED_AT_ONCE])))
    faiss.write_index(index, str(path))
