"""Compressed vectors: what is read is near what was written, and is found as full precision finds it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from isogloss.cli.main import main
from isogloss.errors import ConfigError, DataError
from isogloss.index import change_index, create_index, open_index, writing
from isogloss.index.compression import StoredVectors, VectorWriter, quantise
from made_up_index import MODEL, WIDTH, add, create, delete, ids, passage, vectors_of

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


@given(st.integers(1, 200), st.integers(1, 130), st.integers(1, 20), st.integers(0, 9))
def test_signs_find_the_rows_of_least_distance(count: int, width: int, wanted: int, seed: int) -> None:
    import tempfile

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


def test_indexes_of_before_are_read_as_float32(tmp_path: Path) -> None:
    create(tmp_path / "i", [passage("a", "b")])
    add(tmp_path / "i", [passage("c", "d")])
    assert open_index(tmp_path / "i").manifest.compression == "float32"
    assert open_index(tmp_path / "i").search(vectors_of(["b"]), 1)[0][0].passage.id == "a"


@pytest.mark.parametrize(
    "arguments",
    [["m", "p", "--add", "--vectors", "int8"], ["--check", "--vectors", "int8"]],
    ids=["add", "check"],
)
def test_the_setting_is_made_once(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["index", *arguments, "--out", str(tmp_path / "i")]) == 2
    said = capsys.readouterr().err.strip()
    assert "--vectors" in said
    assert "\n" not in said
