"""Passages with vectors made up from their texts, and a dictionary as the oracle of an index."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from isogloss.encoding.batches import BatchEncoder, EncodedBatch, Kind
from isogloss.encoding.space import Space
from isogloss.index import Found, Index, ModelIdentity, change_index, create_index, graph
from isogloss.passages import Passage

WIDTH = 8
MODEL = ModelIdentity("made up", "0" * 64, "", "", None, None)
LANGUAGES = ("am", "en", "sw")


def vectors_of(texts: Sequence[str]) -> NDArray[np.float32]:
    """Make up a unit vector from a text: equal texts have equal ones."""
    raw = np.asarray(
        [
            np.frombuffer(hashlib.shake_256(text.rstrip("0123456789").encode()).digest(WIDTH), dtype=np.uint8)
            for text in texts
        ],
        dtype=np.float64,
    ).reshape(len(texts), WIDTH)
    raw[:, 0] += [len(text) for text in texts]
    centred = raw - 127.5
    return (centred / np.linalg.norm(centred, axis=1, keepdims=True)).astype(np.float32)


def passage(name: str, text: str, language: str = "en", document: str = "") -> Passage:
    return Passage(name, text, language, f"about {name}", f"made, {name}", document, len(name))


def create(folder: Path, passages: Sequence[Passage], engine: str = "exact", **how: object) -> None:
    with create_index(folder, MODEL, WIDTH, engine, **how) as change:  # type: ignore[arg-type]
        change.add(passages, vectors_of([one.text for one in passages]))
        change.commit()


def add(folder: Path, passages: Sequence[Passage]) -> None:
    with change_index(folder) as change:
        change.add(passages, vectors_of([one.text for one in passages]))
        change.commit()


def delete(folder: Path, names: Iterable[str]) -> int:
    with change_index(folder) as change:
        count = change.delete(names)
        change.commit()
    return count


def find_exactly(
    known: Mapping[str, Passage], query: NDArray[np.float32], k: int, languages: Sequence[str] | None
) -> list[tuple[str, float]]:
    """Rank all passages of a dictionary by a product in double precision, ties by id."""
    pool = [one for one in known.values() if languages is None or one.language in languages]
    vectors = vectors_of([one.text for one in pool]).astype(np.float64)
    scores = [float((row * query.astype(np.float64)).sum()) for row in vectors]
    ranked = sorted((-score, one.id) for score, one in zip(scores, pool, strict=True))[:k]
    return [(name, -score) for score, name in ranked]


def assert_same(index: Index, known: Mapping[str, Passage]) -> None:
    """Compare all that an index holds with a dictionary: counts, order, scores and every field."""
    counts = {code: sum(one.language == code for one in known.values()) for code in LANGUAGES}
    assert dict(index.languages) == {code: count for code, count in counts.items() if count}
    assert index.count == len(known)
    queries = vectors_of(["what", "where?"])
    for languages in (None, ["sw"], ["am", "en"]):
        for k in (1, 3, len(known) + 1):
            for query, found in zip(queries, index.search(queries, k, languages), strict=True):
                expected = find_exactly(known, query, k, languages)
                assert [one.passage.id for one in found] == [name for name, _ in expected]
                assert [one.passage for one in found] == [known[name] for name, _ in expected]
                np.testing.assert_allclose([one.score for one in found], [score for _, score in expected])


def ids(found: Sequence[Found]) -> list[str]:
    return [one.passage.id for one in found]


def search_small_graphs(patch: pytest.MonkeyPatch, width: int = 16) -> list[bool]:
    """Have graphs built and searched however few the passages; give a list of whether each search sufficed.

    Without this, graphs of so few passages are left alone, since an exact search is quicker.
    """
    sufficed: list[bool] = []
    search = graph.SegmentGraphs.search

    def note(*given: object) -> NDArray[np.int64] | None:
        found = search(*given)  # type: ignore[arg-type]
        sufficed.append(found is not None)
        return found

    patch.setattr(graph, "LEAST_ROWS", 1)
    patch.setattr(graph, "_SEARCH_WIDTH", width)
    patch.setattr(graph, "_ROWS_PER_NODE", 0)
    patch.setattr(graph.SegmentGraphs, "search", note)
    return sufficed


class MadeUpEncoder(BatchEncoder):
    """Make vectors up from texts, ten at a time.

    Attributes:
        texts: How many texts were encoded.
        fails_after: Batches after which encoding raises, as a kill would end it; None for never.
    """

    def __init__(self, fingerprint: str = "0" * 64) -> None:
        super().__init__("made up", {"query": "", "passage": ""}, {}, quiet=True)
        self.fingerprint = fingerprint
        self.texts = 0
        self.fails_after: int | None = None

    def dimension(self) -> int:
        return WIDTH

    def space(self, kind: Kind) -> Space:
        return Space("made up", self.fingerprint, kind, "", None, "cpu")

    def encode_batches(self, kind: Kind, texts: Sequence[str]) -> Generator[EncodedBatch, None, None]:
        for number, start in enumerate(range(0, len(texts), 10)):
            if number == self.fails_after:
                raise KeyboardInterrupt
            chosen = texts[start : start + 10]
            self.texts += len(chosen)
            rows = np.arange(start, start + len(chosen))
            yield EncodedBatch(rows, vectors_of(chosen), np.zeros(len(chosen), dtype=np.bool_))
