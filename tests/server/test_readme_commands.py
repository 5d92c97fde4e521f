"""README.md's way from a folder of text to a page works as it stands, with a tiny model for LaBSE."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from commands import Call
from isogloss.server.gate import Gate

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
LABSE = "sentence-transformers/LaBSE"
CONTEXT = "Η παλιά πόλη έχει μια γέφυρα."


def write_texts(folder: Path) -> None:
    """Write a file of each kind that the README names beside the command."""
    (folder / "sw").mkdir(parents=True)
    (folder / "sw" / "mto.txt").write_text("Mto Tana ni mto mrefu zaidi nchini Kenya.", encoding="utf-8")
    row = {"id": "elbe", "text": "Die Elbe fließt durch Hamburg.", "title": "Elbe"}
    (folder / "de.jsonl").write_text(json.dumps(row), encoding="utf-8")
    (folder / "es.csv").write_text("id,text\nebro,El Ebro cruza la ciudad vieja.\n", encoding="utf-8")
    table = {"id": ["volga"], "text": ["Волга течёт через старый город."]}
    pq.write_table(pa.table(table), folder / "ru.parquet")
    squad = {"data": [{"title": "Πόλη", "paragraphs": [{"context": CONTEXT, "qas": []}]}]}
    (folder / "el.json").write_text(json.dumps(squad), encoding="utf-8")


def test_three_commands_lead_from_a_folder_of_text_to_the_page(
    tmp_path: Path, labse: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    (block,) = re.findall(r"## From a folder of text to a search page\n\n((?: {4}.*\n)+)", PAGE)
    install, index, serve = (shlex.split(line, comments=True) for line in block.splitlines())
    *pip, requirement = install
    assert pip == ["pip", "install"]
    extra = re.fullmatch(r"\.\[(\w+)\]", requirement)
    assert extra is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert extra[1] in project["optional-dependencies"]

    monkeypatch.chdir(tmp_path)
    write_texts(tmp_path / "texts")
    assert index[:4] == ["isogloss", "index", LABSE, "texts"]
    code, out, err = call(*(str(labse) if word == LABSE else word for word in index[1:]))
    assert (code, err) == (0, "")
    assert out == "5 passages added\n5 passages in 5 languages (de 1, el 1, es 1, ru 1, sw 1), search exact\n"

    served: list[tuple[Gate, str, int]] = []
    monkeypatch.setattr("isogloss.server.running.serve", lambda *given: served.append(given))
    assert serve[0] == "isogloss"
    assert call(*serve[1:])[0] == 0
    ((app, host, port),) = served
    address = f"http://{host}:{port}"
    assert address in block
    with TestClient(app, address) as client:
        assert client.get("/").headers["content-type"].startswith("text/html")
        answer = client.post("/search", json={"query": "a question"})
    (shown,) = re.findall(r"`isogloss (search [^`]+)`", PAGE)
    code, out, err = call(*shlex.split(shown), "--json")
    assert (code, err) == (0, "")
    (found,) = json.loads(out)
    for hits in (answer.json()["hits"], found["hits"]):
        assert {(hit["id"], hit["language"]) for hit in hits} == {
            *(("sw/mto.txt", "sw"), ("elbe", "de"), ("ebro", "es"), ("volga", "ru"), ("el/0/0", "el"))
        }
    assert [hit["id"] for hit in answer.json()["hits"]] == [hit["id"] for hit in found["hits"]]
    assert found["query"] == "a question"
