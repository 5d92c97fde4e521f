"""``isogloss index`` and ``isogloss search`` as a user calls them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import get_args

import pytest

from commands import Call
from isogloss import retriever
from isogloss.cli.main import build_parser
from isogloss.fair_ranking import Fairness
from isogloss.index import Compression, Engine
from made_up_index import MadeUpEncoder
from tiny_models import SENTENCES

ROWS = [
    {"id": f"p{n}", "text": text, "language": "sw" if n % 2 else "en"} for n, text in enumerate(SENTENCES)
]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS), encoding="utf-8")
    return path


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a made-up model in the place of the one that is named."""
    monkeypatch.setattr(retriever, "_load_encoder", lambda *_: MadeUpEncoder())


def test_from_a_file_to_hits_and_back(tmp_path: Path, rows: Path, xlmr: Path, call: Call) -> None:
    index = tmp_path / "index"
    code, out, err = call("index", xlmr, rows, "--out", index)
    assert (code, err) == (0, "")
    assert out == "8 passages added\n8 passages in 2 languages (en 4, sw 4), search exact\n"
    code, out, _ = call("search", index, SENTENCES[1], "-k", 2, "--language", "swh")
    assert code == 0
    assert out.splitlines()[0] == "  1  1.0000  sw  p1"
    assert out.splitlines()[1] == f"     {SENTENCES[1]}"
    assert len(out.splitlines()) == 4
    code, out, _ = call("search", index, SENTENCES[2], SENTENCES[3], "-k", 1, "--json")
    found = json.loads(out)
    assert [entry["query"] for entry in found] == [SENTENCES[2], SENTENCES[3]]
    assert [[hit["id"] for hit in entry["hits"]] for entry in found] == [["p2"], ["p3"]]
    assert set(found[0]["hits"][0]) == {"id", "score", "language", "title", "text", "source"}
    assert call("index", "--out", index, "--delete", "p0", "--delete", "none")[1].startswith(
        "1 passages deleted"
    )
    moved = shutil.copytree(xlmr, tmp_path / "moved")
    code, out, _ = call("index", moved, rows, "--out", index, "--add", "--json")
    assert json.loads(out) == {"added": 8, "passages": 8, "languages": {"en": 4, "sw": 4}}
    assert call("index", "--out", index, "--check") == (
        0,
        "8 passages in 2 languages (en 4, sw 4), search exact\nno damage\n",
        "",
    )


@pytest.mark.usefixtures("made_up")
def test_a_check_names_what_is_damaged(tmp_path: Path, rows: Path, call: Call) -> None:
    index = tmp_path / "index"
    assert call("index", "any", rows, "--out", index)[0] == 0
    (file,) = index.rglob("vectors.npy")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    code, out, _ = call("index", "--out", index, "--check")
    assert code == 1
    assert out.splitlines()[-1] == f"{file}: differs from its checksum"
    assert call("index", "--out", index, "--check", "--json")[0] == 1
    file.write_bytes(content[:-1])
    assert_refused(call("index", "--out", index, "--check"), "instead of")


@pytest.mark.usefixtures("made_up")
def test_words_and_fair_rankings(tmp_path: Path, rows: Path, call: Call) -> None:
    index = tmp_path / "index"
    out = call("index", "any", rows, "--out", index, "--lexical")[1]
    assert out.splitlines()[-1] == "8 passages in 2 languages (en 4, sw 4), search exact and by words"
    assert call("index", "any", rows, "--out", index, "--add")[0] == 0
    code, out, _ = call("search", index, SENTENCES[3].split()[0], "--lexical", "-k", 1, "--json")
    assert (code, json.loads(out)[0]["hits"][0]["id"]) == (0, "p3")
    for ranking in ("none", "quota", "calibrated", "fused"):
        code, out, _ = call("search", index, "river", "--ranking", ranking, "-k", 8, "--json")
        languages = [hit["language"] for hit in json.loads(out)[0]["hits"]]
        assert (code, sorted(languages)) == (0, ["en"] * 4 + ["sw"] * 4)
        if ranking == "quota":
            assert all(set(languages[place : place + 2]) == {"en", "sw"} for place in (0, 2, 4, 6))


def assert_refused(result: tuple[int, str, str], message: str) -> None:
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.startswith("isogloss: error: ")
    assert len(err.splitlines()) == 1
    assert message in err


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["index", "--out", "new"], "name a model and passages"),
        (["index", "m", "--out", "new"], "name a model and passages"),
        (["index", "m", "none", "--out", "new"], "none: no such file or folder"),
        (["index", "m", "rows.jsonl", "--out", "index"], "holds an index already"),
        (["index", "m", "rows.jsonl", "--out", "rows.jsonl"], "rows.jsonl"),
        (["index", "m", "rows.jsonl", "--out", "new", "--add"], "no index here"),
        (
            ["index", "m", "rows.jsonl", "--out", "index", "--add", "--engine", "exact"],
            "--engine is set when",
        ),
        (
            ["index", "m", "rows.jsonl", "--out", "index", "--add", "--lexical"],
            "--lexical is set when",
        ),
        (["index", "--check", "--lexical", "--out", "index"], "leave out --lexical"),
        (["search", "index", "river", "--lexical"], "holds no words to search by"),
        (["index", "m", "rows.jsonl", "--out", "new", "--overlap", "-1"], "--overlap takes a whole number"),
        (["index", "m", "rows.jsonl", "--out", "new", "--language", "xx-yy-zz-no"], "xx-yy-zz-no"),
        (["index", "m", "--delete", "p1", "--out", "index"], "leave out MODEL"),
        (["index", "--check", "--detect", "--out", "index"], "leave out --detect"),
        (["index", "--delete", "p1", "--out", "new"], "no index here"),
        (["search", "new", "river"], "no index here"),
        (["search", "index", " "], "query 1 is empty"),
        (["search", "index", "a", os.fsdecode(b"\xff")], "query 2 is no text in UTF-8; got '\\udcff'"),
        (["search", "index", "a", "--language", os.fsdecode(b"\xff")], "no passage in the language"),
        (
            ["index", "m", "rows.jsonl", "--out", "new", "--language", os.fsdecode(b"\xff")],
            "no language code",
        ),
        (["index", "m", os.fsdecode(b"\xff"), "--out", "new"], "no such file or folder"),
        (["search", "index", "river", "-k", "0"], "from 1; got 0"),
        (["search", "index", "river", "--language", "swx"], "did you mean sw?"),
        (["search", "index", "river", "--language", ","], "languages are a list"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    tmp_path: Path, rows: Path, call: Call, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("index", "any", rows, "--out", "index")[0] == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert_refused(call(*words), message)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_command_offers_what_the_library_knows() -> None:
    """The lists stand twice, since the library's cannot be read before NumPy is loaded."""
    assert choices("index", "engine") == (*get_args(Engine), "milvus")
    assert choices("index", "compression") == get_args(Compression)
    assert choices("search", "ranking") == tuple(Fairness)


def choices(command: str, option: str) -> tuple[str, ...]:
    """Read what an option of a command takes."""
    (commands,) = (one for one in build_parser()._actions if isinstance(one.choices, dict))
    (found,) = (one for one in commands.choices[command]._actions if one.dest == option)
    return tuple(found.choices)
