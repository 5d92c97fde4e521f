"""Search an index: one state of it, whatever is changed meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import ConfigError, DataError
from isogloss.fair_ranking import Fairness
from isogloss.index.bm25 import IndexWords
from isogloss.index.engines import Found
from isogloss.index.fair import Place, rank_places
from isogloss.index.graph import SegmentGraphs, Walk
from isogloss.index.lexical import rank_with_words
from isogloss.index.manifest import REBUILD, SEGMENTS, Manifest, ModelIdentity, read_manifest
from isogloss.index.moments import LanguageMoments
from isogloss.index.scoring import QUERIES, Pools, Scored, score_rows
from isogloss.index.segment import Segment
from isogloss.index.vectors import check_queries
from isogloss.progress import show_progress

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
        self._moments = LanguageMoments(self.segments)
        self._words = IndexWords(self.segments) if manifest.lexical else None

    @property
    def model(self) -> ModelIdentity:
        """What made the vectors."""
        return self.manifest.model

    @property
    def engine(self) -> str:
        """How it is searched, for people."""
        kind = "with graphs" if any(segment.entry.graphs for segment in self.segments) else "exact"
        if self.manifest.compression == "binary":
            kind = "by signs"
        return f"{kind} and by words" if self.manifest.lexical else kind

    @property
    def count(self) -> int:
        """Number of passages."""
        return self.manifest.count

    @property
    def languages(self) -> Mapping[str, int]:
        """Language -> number of passages, most first."""
        return self.manifest.languages

    def search(
        self,
        vectors: NDArray[np.float32],
        k: int,
        languages: Sequence[str] | None = None,
        ranking: Fairness = Fairness.NONE,
        texts: Sequence[str] | None = None,
    ) -> list[list[Found]]:
        """Find the best passages for some queries.

        Args:
            vectors: float32 ``[q, d]``: the queries' vectors, each of length 1.
            k: How many passages are wanted, from 1; all where there are fewer.
            languages: Search these languages only; all when None.
            ranking: How the passages of all these languages are ranked together.
            texts: The queries' texts, to search by their words too; None for the vectors alone.

        Returns:
            The passages for each query, best first, of equal scores the smaller id first.

        Raises:
            ConfigError: The words of the passages were not counted, or are to be ranked fairly.
            DataError: A file is damaged.
            ModelError: The queries' vectors are not such as the index holds.

        Source: exact search is ours; for graphs see ``isogloss.index.graph``, for rankings
            ``isogloss.index.fair`` and ``isogloss.index.lexical``.
        """
        check_queries(vectors, self.manifest.dimensions)
        words = self._require_words(ranking) if texts is not None else None
        searched = [name for name in self.languages if languages is None or name in languages]
        found: list[list[Found]] = []
        for start in range(0, len(vectors), QUERIES):
            block = vectors[start : start + QUERIES]
            if words is None or texts is None:
                ranked = rank_places(
                    self._find, self._moments.measure, self._language_of, block, k, searched, ranking
                )
            else:
                asked = texts[start : start + QUERIES]
                ranked = rank_with_words(self._find, self._locate, words, block, asked, k, searched)
            found += [[self._read(place) for place in places] for places in ranked]
        return found

    def is_changed(self) -> bool:
        """Tell whether the folder holds another state by now.

        Returns:
            True when it does.

        Raises:
            DataError: The index is gone or damaged.
        """
        return read_manifest(self.folder).digest != self.manifest.digest

    def find_damage(self, *, quiet: bool = True) -> list[str]:
        """Compare every byte of the index with its checksum.

        Args:
            quiet: Whether to show no progress.

        Returns:
            A line for each file that differs; ``index.json`` was compared when it was read.
        """
        total = sum(file.bytes for segment in self.segments for file in segment.entry.all_files())
        with show_progress(f"checking bytes of {self.folder}", total, quiet=quiet) as advance:
            return [line for segment in self.segments for line in segment.find_damage(advance)]

    def check_search(self, ranking: Fairness, *, lexical: bool) -> None:
        """Refuse a kind of search that this index cannot do, before a query is encoded.

        Args:
            ranking: How passages are to be ranked together.
            lexical: Whether they are to be searched by words too.

        Raises:
            ConfigError: Words were not counted, or do not go with the ranking.
        """
        if lexical:
            self._require_words(ranking)

    def _require_words(self, ranking: Fairness) -> IndexWords:
        """Insist that passages can be searched by words."""
        if self._words is None:
            raise ConfigError(
                f"{self.folder}: holds no words to search by; build it again with isogloss index --lexical"
            )
        if ranking is not Fairness.NONE:
            raise ConfigError(f"words are fused with the ranking none alone, not with {ranking}")
        return self._words

    def _find(self, queries: NDArray[np.float32], k: int, languages: Sequence[str]) -> list[list[Place]]:
        """Find the best k places by score, then id."""
        pools = Pools(queries, k)
        for number, (segment, graphs) in enumerate(zip(self.segments, self._graphs, strict=True)):
            walks, rest = graphs.choose(languages, k)
            pools.scan(number, segment, segment.select(rest))
            for walk in walks:
                self._search_graph(pools, number, queries, walk)
        return [self._order(pools.best(query, self.segments), k) for query in range(len(queries))]

    def _search_graph(self, pools: Pools, number: int, queries: NDArray[np.float32], walk: Walk) -> None:
        """Take candidates from a graph, or from all wanted rows where it cannot be sure of the best."""
        graphs, segment = self._graphs[number], self.segments[number]
        for query, vector in enumerate(queries):
            rows = graphs.search(vector, pools.k, walk)
            if rows is None:
                pools.scan(number, segment, segment.select(walk.languages), query)
            else:
                pools.put(query, number, rows, segment.vectors.decode(rows) @ vector)

    def _order(self, best: Mapping[int, Scored], k: int) -> list[Place]:
        """Order candidates by falling score, then id, and keep the first k."""
        places = [
            Place(score, name, number, row)
            for number, scored in best.items()
            for score, name, row in zip(
                scored.scores.tolist(),
                self.segments[number].ids(scored.rows.tolist()),
                scored.rows.tolist(),
                strict=True,
            )
        ]
        return sorted(places, key=lambda place: (-place.score, place.id))[:k]

    def _locate(self, query: NDArray[np.float32], number: int, rows: Sequence[int]) -> list[Place]:
        """Make places of rows of a segment."""
        segment = self.segments[number]
        scores = score_rows(segment, np.asarray(rows), query).tolist()
        named = zip(scores, segment.ids(rows), rows, strict=True)
        return [Place(score, name, number, row) for score, name, row in named]

    def _language_of(self, place: Place) -> str:
        return self.segments[place.segment].language_of(place.row)

    def _read(self, place: Place) -> Found:
        # Vectors of single precision are not quite of length 1.
        score = min(1.0, max(-1.0, place.score))
        return Found(self.segments[place.segment].passages([place.row])[0], score)


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


def check_index(folder: Path) -> None:
    """Refuse an index of which a byte differs from its checksum; another process may change it meanwhile.

    Args:
        folder: The index's folder.

    Raises:
        DataError: There is no index, or it is damaged.
    """
    for _ in range(_TRIES):
        index = open_index(folder)
        try:
            damage = index.find_damage(quiet=False)
        except FileNotFoundError as error:
            damage = [f"{error.filename}: is missing"]
        if not damage:
            return
        if not index.is_changed():
            raise DataError(f"{damage[0]}; {REBUILD}")
    raise DataError("changes faster than it can be checked; try again", folder / SEGMENTS)
