"""Compressed vectors as a user asks for them, and what is said of files that hold something else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from commands import Call
from isogloss import retriever
from isogloss.cli.main import main
from isogloss.index.manifest import FORMAT, compute_crc, write_description
from isogloss.index.reading import open_index
from made_up_index import WIDTH, MadeUpEncoder
from tiny_models import SENTENCES

KINDS = ("float32", "float16", "int8", "binary")


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A collection, in the folder where commands run, and a made-up model in the place of any other."""
    monkeypatch.setattr(retriever, "_load_encoder", lambda *_: MadeUpEncoder())
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "rows.jsonl"
    listed = [
        {"id": f"p{n}", "text": text, "language": "sw" if n % 2 else "en"} for n, text in enumerate(SENTENCES)
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in listed), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_by_its_commands(kind: str, rows: Path, tmp_path: Path, call: Call) -> None:
    how = "by signs" if kind == "binary" else "exact"
    said = f"8 passages in 2 languages (en 4, sw 4), search {how}\n"
    assert call("index", "m", rows, "--out", "i", "--compression", kind) == (
        0,
        f"8 passages added\n{said}",
        "",
    )
    more = tmp_path / "more.jsonl"
    more.write_text('{"id": "new", "text": "a new river", "language": "sw"}\n', encoding="utf-8")
    assert call("index", "m", more, "--out", "i", "--add")[0] == 0
    assert call("index", "--out", "i", "--delete", "p0", "--delete", "p1")[0] == 0
    assert {segment.vectors.compression for segment in open_index(tmp_path / "i").segments} == {kind}
    for query, language, name in ((SENTENCES[2], "en", "p2"), ("a new river", "sw", "new")):
        code, out, _ = call("search", "i", query, "--language", language, "-k", 1, "--json")
        (hit,) = json.loads(out)[0]["hits"]
        assert (code, hit["id"]) == (0, name)
        assert hit["score"] == pytest.approx(1, abs=0.02)
    code, out, _ = call("search", "i", SENTENCES[0], "-k", 9, "--json")
    listed = {hit["id"] for hit in json.loads(out)[0]["hits"]}
    assert listed == {"new", *(f"p{n}" for n in range(2, 8))}
    assert call("index", "--out", "i", "--check")[1].splitlines()[-1] == "no damage"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["m", "rows.jsonl", "--add", "--compression", "int8"],
            "--compression is set when the index is made",
        ),
        (["--check", "--compression", "int8"], "leave out --compression"),
        (["--delete", "p1", "--compression", "int8"], "leave out --compression"),
        (
            ["m", "rows.jsonl", "--shard", "1/2", "--compression", "int8"],
            "--compression is set when shards are joined",
        ),
        (["m", "rows.jsonl", "--compression", "binary", "--engine", "exact"], "leave out the engine 'exact'"),
        (["m", "rows.jsonl", "--compression", "binary", "--engine", "graph"], "leave out the engine 'graph'"),
        (
            ["m", "rows.jsonl", "--compression", "int8", "--engine", "milvus"],
            "Milvus stores vectors as float32",
        ),
        (["--join", "s", "--compression", "int8", "--engine", "milvus"], "leave out --engine"),
    ],
)
@pytest.mark.usefixtures("rows")
def test_what_does_not_go_together_is_said_in_one_line(
    words: list[str], message: str, tmp_path: Path, call: Call
) -> None:
    code, out, err = call("index", *words, "--out", "i")
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "i").exists()


def test_an_unknown_kind_is_refused(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["index", "m", str(rows), "--out", "i", "--compression", "int4"])
    assert raised.value.code == 2
    assert "'int4'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("vectors.npy", np.zeros((4, WIDTH), np.int16)),
        ("vectors.npy", np.zeros((4, WIDTH + 1), np.int8)),
        ("scales.npy", np.zeros(4, np.float64)),
        ("scales.npy", np.zeros((4, 1), np.float32)),
        ("bits.npy", np.zeros((4, 1), np.int64)),
        ("bits.npy", np.zeros((2, 2), np.uint64)),
    ],
)
def test_a_file_of_another_shape_or_type_is_refused(
    name: str, array: np.ndarray, rows: Path, tmp_path: Path, call: Call
) -> None:
    rows.write_text("".join(rows.read_text(encoding="utf-8").splitlines(keepends=True)[:4]), encoding="utf-8")
    assert call("index", "m", rows, "--out", "i", "--compression", "binary")[0] == 0
    (path,) = tmp_path.rglob(name)
    np.save(path, array)
    manifest = json.loads((tmp_path / "i" / "index.json").read_text(encoding="utf-8"))["content"]
    for file in manifest["segments"][0]["files"]:
        if file["name"] == name:
            file.update(bytes=path.stat().st_size, crc32=compute_crc(path))
    write_description(tmp_path / "i", FORMAT, manifest)
    code, out, err = call("search", "i", "river")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert f"{name}: has the shape" in err


@pytest.mark.parametrize("kind", ["int8", "binary"])
def test_a_scale_that_is_no_number_is_refused(kind: str, rows: Path, tmp_path: Path, call: Call) -> None:
    assert call("index", "m", rows, "--out", "i", "--compression", kind)[0] == 0
    (path,) = tmp_path.rglob("scales.npy")
    scales = np.load(path)
    scales[3] = np.nan
    np.save(path, scales)
    code, out, err = call("search", "i", "river")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "holds NaN" in err
