"""Compressed vectors: what is read is near what was written, and is found as full precision finds it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from isogloss.errors import ConfigError, DataError
from isogloss.fair_ranking import Fairness
from isogloss.index import Index, change_index, create_index, graph, scoring, writing
from isogloss.index.compression import StoredVectors, VectorWriter, quantise
from isogloss.index.reading import open_index
from isogloss.passages import Passage
from isogloss.retriever import Retriever
from isogloss.sharding import Collection, Part, encode_shard, join_shards
from made_up_index import (
    LANGUAGES,
    MODEL,
    WIDTH,
    MadeUpEncoder,
    add,
    assert_same,
    delete,
    ids,
    passage,
    vectors_of,
)

KINDS = ("float32", "float16", "int8", "binary")
BYTES = {"float32": 4 * 96, "float16": 2 * 96, "int8": 96 + 4, "binary": 96 + 4 + 16}


def make_clustered(count: int, seed: int, width: int = 96) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).standard_normal((40, width), dtype=np.float32)
    vectors = centres[rng.integers(0, 40, count)] + 0.8 * rng.standard_normal(
        (count, width), dtype=np.float32
    )
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def build(folder: Path, vectors: np.ndarray, kind: str) -> None:
    languages = ["en" if n % 2 else "am" if n % 3 else "sw" for n in range(len(vectors))]
    passages = [passage(f"p{n:05}", "x", language) for n, language in enumerate(languages)]
    with create_index(folder, MODEL, vectors.shape[1], "auto", compression=kind) as change:  # type: ignore[arg-type]
        change.add(passages, vectors)
        change.commit()


@given(
    arrays.arrays(
        np.float32, st.tuples(st.integers(1, 5), st.integers(1, 70)), elements=st.floats(-1, 1, width=32)
    )
)
def test_whole_numbers_are_within_half_a_step_and_come_back_as_they_were(drawn: np.ndarray) -> None:
    drawn[:, 0] += 1.5
    vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    numbers, scales = quantise(vectors)
    decoded = numbers * scales[:, np.newaxis]
    assert np.all(np.abs(decoded - vectors) <= 0.5001 * scales[:, np.newaxis])
    again, same = quantise(decoded)
    np.testing.assert_array_equal(again, numbers)
    np.testing.assert_array_equal(same, scales)


def test_every_number_of_16_bits_is_read_as_numpy_reads_it(tmp_path: Path) -> None:
    numbers = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite = numbers[np.isfinite(numbers)]
    for name, written in (("finite", finite), ("all", numbers)):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "vectors.npy", written.reshape(-1, 1))
        stored = StoredVectors(tmp_path / name, ["vectors.npy"], len(written), 1)
        decoded = stored.decode(slice(None))[:, 0]
        np.testing.assert_array_equal(decoded, written.astype(np.float32))
        np.testing.assert_array_equal(np.signbit(decoded), np.signbit(written))
        one = np.ones((1, 1), dtype=np.float32)
        np.testing.assert_array_equal(stored.multiply(one, slice(None))[0], written.astype(np.float32))


@given(st.integers(1, 200), st.integers(1, 130), st.integers(1, 20), st.integers(0, 9))
def test_signs_find_the_rows_of_least_distance(count: int, width: int, wanted: int, seed: int) -> None:
    vectors = make_clustered(count, seed, width)
    query = make_clustered(1, seed + 100, width)[0]
    rows = np.arange(0, count, 1 + seed % 3)
    with tempfile.TemporaryDirectory() as folder:
        writer = VectorWriter(Path(folder), count, width, "binary")
        writer.append(vectors)
        found = StoredVectors(Path(folder), writer.close(), count, width).find_alike(query, rows, wanted)
    differing = ((vectors[rows] > 0) != (query > 0)).sum(axis=1)
    limit = np.sort(differing)[min(wanted, len(rows)) - 1]
    np.testing.assert_array_equal(found, rows[differing <= limit])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_stored_is_searched(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, queries = make_clustered(5000, 0), make_clustered(40, 1)
    build(tmp_path / "i", vectors, kind)
    assert delete(tmp_path / "i", [f"p{n:05}" for n in range(0, 5000, 11)]) == 455
    index = open_index(tmp_path / "i")
    (segment,) = index.segments
    stored = sum(f.bytes for f in segment.entry.files if f.name in ("vectors.npy", "scales.npy", "bits.npy"))
    assert abs(stored / 5000 - BYTES[kind]) < 0.1
    decoded = segment.vectors.decode(slice(None)).astype(np.float64)
    for languages in (None, ["sw"], ["am", "en"]):
        live = np.concatenate([segment.live_rows(*pair) for pair in segment.select(languages)])
        names = segment.ids(live.tolist())
        same = 0
        for query, found in zip(queries, index.search(queries, 10, languages), strict=True):
            scores = dict(zip(names, decoded[live] @ query.astype(np.float64), strict=True))
            best = sorted(scores, key=lambda name: (-scores[name], name))[:10]
            np.testing.assert_allclose([one.score for one in found], [scores[n] for n in ids(found)])
            same += len(set(best) & set(ids(found)))
        assert same >= 0.99 * 400 if kind == "binary" else same == 400


@pytest.mark.parametrize("kind", KINDS)
def test_merging_changes_no_score(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path / "i", make_clustered(300, 0), kind)
    queries = make_clustered(5, 1)
    before = open_index(tmp_path / "i").search(queries, 250)
    monkeypatch.setattr(writing, "_SEGMENTS_OF_A_SIZE", 2)
    for number in range(4):
        with change_index(tmp_path / "i") as change:
            change.add([passage(f"new{number}", "y", "en")], make_clustered(1, 50 + number))
            change.commit()
    delete(tmp_path / "i", [f"new{number}" for number in range(4)])
    after = open_index(tmp_path / "i")
    assert after.segments[0].vectors.compression == kind
    assert after.search(queries, 250) == before
    assert after.find_damage() == []


@pytest.mark.parametrize("name", ["vectors.npy", "scales.npy", "bits.npy"])
def test_damage_is_found(name: str, tmp_path: Path) -> None:
    build(tmp_path / "i", make_clustered(50, 0), "binary")
    (path,) = tmp_path.rglob(name)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    (line,) = open_index(tmp_path / "i").find_damage()
    assert name in line
    path.write_bytes(content[:-1])
    with pytest.raises(DataError, match="bytes"):
        open_index(tmp_path / "i")
    path.unlink()
    with pytest.raises(DataError, match="missing"):
        open_index(tmp_path / "i")


def test_binary_vectors_go_with_no_other_engine(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match="leave out the engine 'exact'"),
        create_index(tmp_path / "i", MODEL, WIDTH, "exact", compression="binary"),
    ):
        pass
    assert not (tmp_path / "i").exists()


def test_an_index_of_before_is_one_of_float32(tmp_path: Path) -> None:
    """The folder was written by the code before vectors could be compressed."""
    old = Path(__file__).parent / "index-before-compression"
    assert "compression" not in json.loads((old / "index.json").read_text(encoding="utf-8"))["content"]
    folder = shutil.copytree(old, tmp_path / "i")
    known = {
        name: passage(name, text, language)
        for name, text, language in (
            ("awash", "አዋሽ", "am"),
            ("tana", "Mto Tana", "sw"),
            ("nile", "The Nile", "en"),
        )
    }
    assert open_index(folder).manifest.compression == "float32"
    assert open_index(folder).find_damage() == []
    assert_same(open_index(folder), known)
    known["new"] = passage("new", "a river", "sw")
    add(folder, [known["new"]])
    assert delete(folder, ["nile"]) == 1
    del known["nile"]
    assert_same(open_index(folder), known)
    assert {segment.vectors.compression for segment in open_index(folder).segments} == {"float32"}


def find_stored(
    index: Index, query: np.ndarray, k: int, languages: Sequence[str] | None, candidates: int | None
) -> list[tuple[str, float]]:
    """Rank what a folder holds by a product in double precision with the stored vectors, ties by id.

    Of each segment with signs, only the given number of rows (and its ties) of the most equal signs count.
    """
    found = []
    for segment in index.segments:
        vectors = read_vectors(segment.folder)
        gone = set(segment.deleted.tolist())
        rows = [
            row
            for language, (start, end) in segment.entry.languages.items()
            for row in range(start, end)
            if row not in gone and (languages is None or language in languages)
        ]
        if candidates is not None and len(rows) > candidates:
            bits = np.unpackbits(np.load(segment.folder / "bits.npy").view(np.uint8), axis=1)
            differing = {row: int((bits[row, : len(query)] != (query > 0)).sum()) for row in rows}
            last = sorted(differing.values())[candidates - 1]
            rows = [row for row in rows if differing[row] <= last]
        names = segment.ids(rows)
        found += [
            (-float((vectors[row] * query.astype(np.float64)).sum()), name)
            for row, name in zip(rows, names, strict=True)
        ]
    return [(name, -score) for score, name in sorted(found)[:k]]


def read_vectors(folder: Path) -> np.ndarray:
    """Read a segment's vectors with NumPy alone."""
    stored = np.load(folder / "vectors.npy").astype(np.float64)
    return stored * np.load(folder / "scales.npy")[:, None] if (folder / "scales.npy").exists() else stored


PASSAGES = st.builds(
    lambda number, text, language: passage(f"p{number:02}", text, language),
    st.integers(0, 30),
    st.sampled_from(["river", "town", "bridge", "mill", "stone", "a", "b", "old mill"]),
    st.sampled_from(LANGUAGES),
)
BATCHES = st.lists(st.lists(PASSAGES, max_size=14, unique_by=lambda one: one.id), min_size=1, max_size=4)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12)
@given(batches=BATCHES, gone=st.lists(st.integers(0, 30), max_size=8), k=st.integers(1, 6))
def test_after_any_changes_the_stored_vectors_decide(
    kind: str, batches: list[list[Passage]], gone: list[int], k: int
) -> None:
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "_SEGMENTS_OF_A_SIZE", 2)
        patch.setattr(scoring, "CANDIDATES_PER_HIT", 1)  # so that signs leave something out
        patch.setattr(scoring, "DECODED_ROWS", 3)
        folder, known = Path(scratch) / "i", {one.id: one for batch in batches for one in batch}
        with create_index(folder, MODEL, WIDTH, "auto", compression=kind) as change:  # type: ignore[arg-type]
            change.commit()
        for batch in batches:
            add(folder, batch)
        deleted = {f"p{number:02}" for number in gone}
        assert delete(folder, deleted) == len(known.keys() & deleted)
        index = open_index(folder)
        assert index.count == len(known.keys() - deleted)
        queries = vectors_of(["what", "where?", "river"])
        for languages in (None, ["sw"], ["am", "en"]):
            for query, found in zip(queries, index.search(queries, k, languages), strict=True):
                expected = find_stored(index, query, k, languages, k if kind == "binary" else None)
                assert ids(found) == [name for name, _ in expected]
                np.testing.assert_allclose(
                    [hit.score for hit in found], np.clip([score for _, score in expected], -1, 1)
                )
                assert all(hit.passage == known[hit.passage.id] for hit in found)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_rankings_and_words_are_those_of_the_decoded_vectors(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "check_vectors", lambda *_: None)  # decoded ones are not quite of length 1
    texts = [f"{word} {other}" for word in ("river", "town", "mill", "old") for other in "abcde"]
    passages = [passage(f"p{n:02}", texts[n % 20], LANGUAGES[n % 3]) for n in range(60)]
    vectors, queries = make_clustered(60, 0), make_clustered(4, 1)
    for name, compression in (("i", kind), ("decoded", "float32")):
        made = create_index(tmp_path / name, MODEL, 96, "auto", compression=compression, lexical=True)  # type: ignore[arg-type]
        with made as change:
            change.add(passages, vectors)
            change.commit()
        if name == "i":
            (segment,) = open_index(tmp_path / name).segments
            places = {known: row for row, known in enumerate(segment.ids(range(60)))}
            vectors = read_vectors(segment.folder)[[places[one.id] for one in passages]].astype(np.float32)
        delete(tmp_path / name, ["p07", "p20"])
    small, whole = open_index(tmp_path / "i"), open_index(tmp_path / "decoded")
    assert small.engine == ("by signs and by words" if kind == "binary" else "exact and by words")
    for languages in (None, ["sw", "am"]):
        for ranking in Fairness:
            assert small.search(queries, 7, languages, ranking) == whole.search(
                queries, 7, languages, ranking
            )
        words = ["river a", "old", "none", "mill b c"]
        assert small.search(queries, 7, languages, texts=words) == whole.search(
            queries, 7, languages, texts=words
        )


@pytest.mark.parametrize("kind", ["float16", "int8"])
def test_graphs_over_compressed_vectors(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("faiss")
    monkeypatch.setattr(graph, "LEAST_ROWS", 1000)
    passages = [passage(f"p{n:04}", "x", LANGUAGES[n % 3]) for n in range(3000)]
    with create_index(tmp_path / "i", MODEL, 96, "graph", compression=kind) as change:  # type: ignore[arg-type]
        change.add(passages, make_clustered(3000, 0))
        change.commit()
    index = open_index(tmp_path / "i")
    assert index.engine == "with graphs"
    same = 0
    queries = make_clustered(30, 1)
    for query, found in zip(queries, index.search(queries, 10), strict=True):
        scores = dict(find_stored(index, query, 3000, None, None))
        np.testing.assert_allclose([hit.score for hit in found], [scores[name] for name in ids(found)])
        same += len(set(list(scores)[:10]) & set(ids(found)))
    assert same >= 0.99 * 300


@pytest.mark.parametrize("kind", KINDS)
def test_shards_are_joined_in_any_way(kind: str, tmp_path: Path) -> None:
    """Vectors of a joined index are what an index that was made at once stores of the same passages."""
    rows = tmp_path / "rows.jsonl"
    texts = [f"{'river' * (n % 5 + 1)} {chr(97 + n % 26)}" for n in range(40)]
    rows.write_text(
        "".join(f'{{"id": "p{n}", "text": "{text}", "language": "en"}}\n' for n, text in enumerate(texts)),
        encoding="utf-8",
    )
    collection = Collection(rows)
    folders = [tmp_path / str(number) for number in (1, 2)]
    for number, folder in enumerate(folders, start=1):
        encode_shard(MadeUpEncoder(), collection, "0", Part(number, 2), folder)
    join_shards(folders, tmp_path / "joined", compression=kind, quiet=True)  # type: ignore[arg-type]
    whole = collection.stream(Part(1, 1))
    Retriever.build(MadeUpEncoder(), whole, tmp_path / "once", compression=kind)  # type: ignore[arg-type]
    joined, once = open_index(tmp_path / "joined"), open_index(tmp_path / "once")
    assert joined.find_damage() == []
    assert joined.manifest.compression == kind
    stored = [
        {
            name: vector.tolist()
            for segment in index.segments
            for name, vector in zip(
                segment.ids(range(segment.entry.rows)), read_vectors(segment.folder), strict=True
            )
        }
        for index in (joined, once)
    ]
    assert stored[0] == stored[1]
    assert len(stored[0]) == 40
    queries = vectors_of(["what", "where?"])
    assert joined.search(queries, 40) == once.search(queries, 40)


def test_a_shard_of_another_kind_is_refused(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"id": "a", "text": "b", "language": "en"}\n', encoding="utf-8")
    encode_shard(MadeUpEncoder(), Collection(rows), "0", Part(1, 1), tmp_path / "1")
    note = (tmp_path / "1" / "shard.json").read_bytes()
    shutil.rmtree(tmp_path / "1")
    with create_index(tmp_path / "1", MODEL, WIDTH, "exact", compression="int8") as change:
        change.add([passage("a", "b")], vectors_of(["b"]))
        change.commit()
    (tmp_path / "1" / "shard.json").write_bytes(note)
    with pytest.raises(DataError, match="was changed after it was made"):
        join_shards([tmp_path / "1"], tmp_path / "joined", quiet=True)
