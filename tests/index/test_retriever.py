"""Build, load, search and change with a model, in Python."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from isogloss import indexing
from isogloss.errors import ConfigError, DataError, ModelError
from isogloss.passages import Passage
from isogloss.retriever import Hit, Retriever
from made_up_index import MadeUpEncoder, passage
from tiny_models import SENTENCES, set_prompts

CODES = ("en", "de", "es", "ru", "el", "ja", "hi", "en")
PASSAGES = [Passage(f"p{n}", text, code) for n, (text, code) in enumerate(zip(SENTENCES, CODES, strict=True))]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, xlmr: Path) -> Path:
    folder = tmp_path_factory.mktemp("built") / "index"
    Retriever.build(str(xlmr), PASSAGES, folder)
    return folder


@pytest.fixture
def made(tmp_path: Path) -> Retriever:
    texts = [passage(f"p{n}", f"text {chr(97 + n)}", "en" if n % 2 else "sw") for n in range(25)]
    return Retriever.build(MadeUpEncoder(), texts, tmp_path / "made")


def test_what_was_built_is_found_again(built: Path, xlmr: Path) -> None:
    loaded = Retriever.load(built)
    assert loaded.model_name == str(xlmr)
    assert loaded.count == 8
    assert dict(loaded.languages) == {"en": 2, "de": 1, "el": 1, "es": 1, "hi": 1, "ja": 1, "ru": 1}
    best = [hits[0] for hits in loaded.search(SENTENCES, 3)]
    assert [hit.id for hit in best] == [one.id for one in PASSAGES]
    assert best[1] == Hit("p1", pytest.approx(1, abs=1e-6), "de", "", SENTENCES[1], "")
    assert {hit.language for hit in loaded.search(["town"], 9, ["deu", "RU"])[0]} == {"de", "ru"}
    assert loaded.search([]) == []


def test_threads_may_search_at_once(built: Path) -> None:
    loaded = Retriever.load(built)
    alone = [loaded.search([text], 3) for text in SENTENCES]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda text: loaded.search([text], 3), SENTENCES * 3))
    assert together == alone * 3


def test_long_documents_are_split_and_replaced_whole(tmp_path: Path, xlmr: Path) -> None:
    document = Passage("long", " ".join(SENTENCES * 3), "en", "Rivers")
    retriever = Retriever.build(str(xlmr), [document, PASSAGES[1]], tmp_path / "i")
    parts = [hit for hit in retriever.search(["river"], 50)[0] if hit.id != "p1"]
    assert len(parts) > 2
    assert {hit.id for hit in parts} == {f"long#{n}" for n in range(len(parts))}
    assert all(hit.text in document.text and hit.title == "Rivers" for hit in parts)
    assert retriever.add([Passage("long", "Short now.", "en")]) == 1
    assert (retriever.count, dict(retriever.languages)) == (2, {"de": 1, "en": 1})
    retriever.add([document])
    assert retriever.delete(["long#1"]) == 1
    assert retriever.count == len(parts)
    assert retriever.delete(["long"]) == len(parts) - 1


def test_another_model_is_refused(built: Path, xlmr: Path, labse: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"made with another model than .*fingerprint"):
        Retriever.load(built, model=str(labse))
    changed = shutil.copytree(xlmr, tmp_path / "changed")
    assert Retriever.load(built, model=str(changed)).count == 8  # the same model elsewhere
    (changed / "config.json").write_text(
        (changed / "config.json").read_text(encoding="utf-8").replace("}", " }"), encoding="utf-8"
    )
    with pytest.raises(ModelError, match="not the same: fingerprint"):
        Retriever.load(built, model=str(changed))


def test_the_index_keeps_the_models_prompts(tmp_path: Path, labse: Path) -> None:
    prompted = shutil.copytree(labse, tmp_path / "prompted")
    set_prompts(prompted, {"query": "Query: ", "document": "Passage: "})
    Retriever.build(str(prompted), PASSAGES, tmp_path / "i")
    known = Retriever.load(tmp_path / "i")._index.manifest.model
    assert (known.query_prefix, known.passage_prefix) == ("Query: ", "Passage: ")


@pytest.mark.parametrize(
    ("queries", "k", "languages", "message"),
    [
        (["  "], 3, None, "query 1 is empty"),
        (["a", ""], 3, None, "query 2 is empty"),
        (["a", "half \ud800"], 3, None, r"query 2 is no text in UTF-8; got 'half \\ud800'"),
        (["a"], 0, None, "k, the number of passages"),
        (["a"], 3, ["de"], "no passage in the language 'de'; the index has en, sw"),
        (["a"], 3, ["swx"], r"the index has en, sw; did you mean sw\?"),
        (["a"], 3, ["no such"], "no passage in the language 'no such'"),
        (["a"], 3, [], "languages are a list"),
        (["a"], 3, "sw", "languages are a list"),
        ("a", 3, None, "queries are a list"),
    ],
)
def test_wrong_searches_are_refused(
    made: Retriever, queries: list[str], k: int, languages: list[str] | None, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        made.search(queries, k, languages)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Passage("", "text", "en"), "passage 2: the id is empty"),
        (Passage("x", " \n", "en"), "passage 2: the text of 'x' is empty"),
        (Passage("x", "text", "klingon"), "passage 2: the language of 'x': 'klingon' is no language code"),
        (Passage("x", "half \ud800", "en", source="f, line 3"), "f, line 3: 'x' holds half a surrogate"),
        (Passage("good", "again", "en", source="f, line 3"), "'good' is given twice: 'fine' and f, line 3"),
    ],
)
def test_wrong_passages_are_refused_and_nothing_is_added(
    made: Retriever, wrong: Passage, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        made.add([Passage("good", "fine", "en"), wrong])
    assert not made.reload()
    assert made.count == 25


def test_a_killed_build_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "ENCODED_AT_ONCE", 40)
    texts = [passage(f"p{n}", f"text {n} {chr(97 + n % 26)}") for n in range(100)]
    encoder = MadeUpEncoder()
    encoder.fails_after = 3
    with pytest.raises(KeyboardInterrupt):
        Retriever.build(encoder, texts, tmp_path / "i")
    with pytest.raises(DataError, match="no index here"):
        Retriever.load(tmp_path / "i", encoder=encoder)
    again = MadeUpEncoder()
    assert Retriever.build(again, texts, tmp_path / "i").count == 100
    assert (encoder.texts, again.texts) == (30, 70)
    assert {entry.name for entry in (tmp_path / "i").iterdir()} == {".lock", "index.json", "segments"}


def test_another_process_s_changes_are_seen_after_reload(made: Retriever) -> None:
    other = Retriever.load(made.folder, encoder=MadeUpEncoder())
    other.add([passage("ж", "нове", "en"), passage("p0", "instead", "en")])
    assert (made.count, other.count) == (25, 26)
    assert made.reload()
    assert not made.reload()
    assert made.search(["about ж\n\nнове"], 1)[0][0].id == "ж"
    assert made.delete(["none"]) == 0
    shutil.rmtree(made.folder)
    Retriever.build(MadeUpEncoder("1" * 64), [], made.folder)
    with pytest.raises(ModelError, match="fingerprint"):
        made.reload()
    with pytest.raises(ModelError, match="fingerprint"):
        other.add([passage("x", "y")])
