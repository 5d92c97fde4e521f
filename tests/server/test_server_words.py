"""The service with a real index: words count where the index counts them."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from isogloss.passages import Passage
from isogloss.retriever import Retriever
from isogloss.server.app import create_app
from isogloss.server.systems import System
from made_up_index import MadeUpEncoder

PASSAGES = [
    Passage("elbe", "Die Elbe fließt durch Hamburg.", "de"),
    Passage("tana", "Mto Tana ni mto mrefu zaidi.", "sw"),
    Passage("main", "Der Main fließt durch Frankfurt.", "de"),
    Passage("nile", "The Nile flows through Cairo.", "en"),
]


@pytest.mark.parametrize("query", ["Hamburg", "Frankfurt Main", "Tana", "Cairo Hamburg"])
def test_words_are_those_of_the_retriever(tmp_path: Path, query: str) -> None:
    plain = Retriever.build(MadeUpEncoder(), PASSAGES, tmp_path / "plain")
    worded = Retriever.build(MadeUpEncoder(), PASSAGES, tmp_path / "worded", lexical=True)
    with TestClient(create_app([System("plain", plain), System("worded", worded)])) as client:
        about = client.get("/about").json()
        assert ["words" in model["rankings"] for model in about["models"]] == [False, True]
        asked = {"query": query, "k": 3, "model": "worded", "ranking": "words"}
        found = [hit["id"] for hit in client.post("/search", json=asked).json()["hits"]]
        assert found == [hit.id for hit in worded.search([query], 3, lexical=True)[0]]
        assert found[0] in {each.id for each in PASSAGES if set(query.split()) & set(each.text[:-1].split())}
        assert client.post("/search", json={**asked, "model": "plain"}).json()["error"] == "unknown_ranking"
