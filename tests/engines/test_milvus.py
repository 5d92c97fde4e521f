"""What Milvus has of its own: the way of a user, limits, one line for each thing that can be wrong."""

from __future__ import annotations

import fcntl
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from engines_under_test import EngineUnderTest
from hypothesis import given, settings
from hypothesis import strategies as st
from milvus_lite.adapter.grpc.server import start_server_in_thread
from milvus_lite.search.filter.tokens import TokenKind, tokenize

from commands import Call
from isogloss import retriever
from isogloss.errors import ConfigError, DataError, ModelError
from isogloss.index import Change, MilvusPlace, change_index, create_index, open_index
from isogloss.index.milvus import collection as module
from isogloss.index.milvus import reading
from isogloss.index.milvus.collection import Collection, quote
from isogloss.index.milvus.connection import LITE
from isogloss.index.milvus.place import read_place, write_place
from isogloss.retriever import Retriever
from isogloss.server.rankings import list_rankings
from made_up_index import MODEL, WIDTH, MadeUpEncoder, passage, vectors_of

ROWS = [{"id": f"p{n}", "text": f"text {chr(97 + n)}", "language": "sw" if n % 2 else "en"} for n in range(8)]


@pytest.fixture
def call(call: Call, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command, with a made-up model in the place of the one that is named."""
    monkeypatch.setattr(retriever, "_load_encoder", lambda *_: MadeUpEncoder())
    return call


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS), encoding="utf-8")
    return path


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[EngineUnderTest]:
    engine = EngineUnderTest("lite", tmp_path / "index", "")
    yield engine
    engine.restart()


def fails(call: Call, *words: object) -> str:
    """Run a command that must fail with one line and exit code 2, and give the line."""
    code, out, err = call(*words)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    return err


@settings(max_examples=200)
@given(st.text())
def test_quoted_text_is_one_constant_of_a_filter(text: str) -> None:
    tokens = [token for token in tokenize(f"id in [{quote(text)}]") if token.kind is TokenKind.STRING]
    assert [token.value for token in tokens] == [text]


def test_from_a_file_to_hits_in_milvus(
    tmp_path: Path, rows: Path, address: str, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILVUS_TOKEN", "root:secret")
    index = tmp_path / "index"
    words = ("--engine", "milvus", "--address", address, "--collection", "way_of_a_user")
    code, out, err = call("index", "any", rows, "--out", index, *words)
    assert (code, err) == (0, "")
    assert out == (
        f"8 passages added\n8 passages in 2 languages (en 4, sw 4), search by Milvus at {address} "
        "(way_of_a_user, AUTOINDEX)\n"
    )
    assert "secret" not in (index / "index.json").read_text(encoding="utf-8")
    assert sorted(path.name for path in index.iterdir()) == [".lock", "index.json"]
    code, out, err = call("search", index, "text b", "-k", 2, "--language", "sw", "--json")
    assert (code, err) == (0, "")
    (entry,) = json.loads(out)
    assert (entry["hits"][0]["id"], entry["hits"][0]["score"]) == ("p1", pytest.approx(1))
    assert {hit["language"] for hit in entry["hits"]} == {"sw"}
    assert call("index", "--out", index, "--delete", "p0", "--delete", "none")[1].startswith(
        "1 passages deleted"
    )
    assert call("index", "any", rows, "--out", index, "--add", "--json")[1] == (
        '{\n "added": 8,\n "passages": 8,\n "languages": {\n  "en": 4,\n  "sw": 4\n }\n}\n'
    )
    assert "Milvus keeps this one" in fails(call, "index", "--out", index, "--check")
    again = tmp_path / "again"
    error = fails(call, "index", "any", rows, "--out", again, *words)
    assert error.endswith("holds a collection 'way_of_a_user' already; name another one\n")
    assert not again.exists()


@pytest.mark.parametrize("kind", ["lite", "server"])
def test_the_collection_is_partitioned_by_language(kind: str, tmp_path: Path, address: str) -> None:
    engine = EngineUnderTest(kind, tmp_path / "index", address)
    engine.create([passage("a", "x")])
    collection = engine.open()._collection
    about = collection._client.describe_collection(collection.place.collection)
    fields = {field["name"]: field for field in about["fields"]}
    assert list(fields) == [
        *("id", "document", "language", "title", "text", "source", "start", "change", "vector")
    ]
    assert [name for name, field in fields.items() if field.get("is_primary")] == ["id"]
    assert [name for name, field in fields.items() if field.get("is_partition_key")] == ["language"]
    assert fields["vector"]["params"]["dim"] == WIDTH
    assert about["consistency_level"] == 0  # strong
    assert not about["enable_dynamic_field"]
    made = collection._client.describe_index(collection.place.collection, "vector")
    assert (made["index_type"], made["metric_type"]) == ({"lite": "FLAT", "server": "AUTOINDEX"}[kind], "IP")
    engine.restart()


def test_languages_are_filtered_in_milvus(tmp_path: Path, address: str) -> None:
    """Filtering what comes back would miss the one Swahili passage: 300 others are nearer to the query."""
    engine = EngineUnderTest("server", tmp_path / "index", address)
    near = [passage(f"e{n}", f"the same{n}", "en") for n in range(300)]
    engine.create([*near, passage("s", "far away", "sw"), passage("q", "odd", 'x" or id != "')])
    index = engine.open()
    client = index._collection._client
    search, asked, given = client.search, [], []

    def note(*arguments: object, **keywords: object) -> list[list[dict[str, dict[str, object]]]]:
        answer = search(*arguments, **keywords)
        asked.append(keywords["filter"])
        given.append({hit["entity"]["language"] for hits in answer for hit in hits})
        return answer

    client.search = note
    queries = vectors_of(["the same"])
    assert [found.passage.id for found in index.search(queries, 5, ["sw"])[0]] == ["s"]
    assert asked == ['language in ["sw"]']
    assert [found.passage.id for found in index.search(queries, 5, ['x" or id != "'])[0]] == ["q"]
    assert len(index.search(queries, 5, ["sw", "en"])[0]) == len(index.search(queries, 5)[0]) == 5
    assert list(dict.fromkeys(asked)) == [
        'language in ["sw"]',
        'language in ["x\\" or id != \\""]',
        'language in ["sw", "en"]',
        "",
    ]
    assert given[:2] == [{"sw"}, {'x" or id != "'}]


def test_a_retriever_sees_what_another_writes(lite: EngineUnderTest) -> None:
    passages = [passage(f"p{n}", f"text {chr(97 + n)}", "en" if n % 2 else "sw") for n in range(6)]
    made = Retriever.build(MadeUpEncoder(), passages, lite.folder, engine=MilvusPlace())
    other = Retriever.load(lite.folder, encoder=MadeUpEncoder())
    assert not other.reload()
    assert made.add([passage("new", "something new", "am")]) == 1
    assert made.search(["something new"], 1)[0][0].id == "new"
    assert other.reload()
    assert dict(other.languages) == {"en": 3, "sw": 3, "am": 1}
    assert other.search(["something new"], 1, ["am"]) == made.search(["something new"], 1, ["am"])
    assert other.delete(["new", "p1"]) == 2
    with pytest.raises(ModelError, match="made with another model"):
        Retriever.load(lite.folder, encoder=MadeUpEncoder("1" * 64))
    with pytest.raises(ConfigError, match="holds an index already"):
        Retriever.build(MadeUpEncoder(), passages, lite.folder, engine=MilvusPlace())


def test_a_killed_build_goes_on_without_encoding_again(lite: EngineUnderTest) -> None:
    passages = [passage(f"p{n}", f"text {chr(97 + n)}") for n in range(25)]
    encoder = MadeUpEncoder()
    encoder.fails_after = 2
    with pytest.raises(KeyboardInterrupt):
        Retriever.build(encoder, passages, lite.folder, engine=MilvusPlace())
    lite.restart()
    encoder.fails_after = None
    assert Retriever.build(encoder, passages, lite.folder, engine=MilvusPlace()).count == 25
    assert encoder.texts == 25
    assert sorted(path.name for path in lite.folder.iterdir()) == [".lock", "index.json", LITE]


def test_counts_are_made_again_where_they_do_not_add_up(lite: EngineUnderTest) -> None:
    lite.create([passage("a", "x", "en"), passage("b", "y", "sw")])
    manifest = read_place(lite.folder)
    for wrong in (None, {}, {"en": 7}):
        write_place(lite.folder, type(manifest)(manifest.model, WIDTH, manifest.place, wrong))
        assert dict(lite.open().languages) == {"en": 1, "sw": 1}
        with change_index(lite.folder) as change:
            change.add([passage("a", "x", "am")], vectors_of(["x"]))
            change.commit()
        assert read_place(lite.folder).languages == {"am": 1, "sw": 1}
        lite.add([passage("a", "x", "en")])


def test_large_batches_are_sent_in_parts(lite: EngineUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REQUEST_BYTES", 300)
    monkeypatch.setattr(module, "_NAMES", 3)
    monkeypatch.setattr(module, "MOST", 4)
    monkeypatch.setattr(reading, "_ANSWER_BYTES", 1)
    passages = [passage(f"d#{n}", f"text {chr(97 + n)}", "en", "d") for n in range(20)]
    with create_index(lite.folder, MODEL, WIDTH, MilvusPlace()) as change:
        sizes = watch_requests(change)
        change.add(passages, vectors_of([one.text for one in passages]))
        change.commit()
    assert sum(sizes) == 20
    assert max(sizes) < 20
    assert lite.open().count == 20
    lite.add([passage("d#0", "text", "en", "d")])
    assert dict(lite.open().languages) == {"en": 1}


def watch_requests(change: Change) -> list[int]:
    client = change._collection._client
    upsert, sizes = client.upsert, []

    def note(name: str, rows: list[object], **others: object) -> object:
        sizes.append(len(rows))
        return upsert(name, rows, **others)

    client.upsert = note
    return sizes


def test_what_milvus_cannot_hold_or_give_is_refused(
    lite: EngineUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    lite.create([passage("a", "x"), passage("b", "y")])
    for wrong, message in (
        (passage("ü" * 600, "x"), "the id of 'ü+' has 1,200 bytes; Milvus holds 1,024 at most"),
        (passage("c", "y" * 70_000), "the text of 'c' has 70,000 bytes; Milvus holds 65,535 at most"),
    ):
        with pytest.raises(DataError, match=message):
            lite.add([passage("good", "x"), wrong])
    assert lite.open().count == 2
    monkeypatch.setattr(reading, "MOST", 1)
    with pytest.raises(ConfigError, match="Milvus gives 1 passages for a query at most; k is 2"):
        lite.open().search(vectors_of(["x"]), 2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--engine", "milvus", "--address", "localhost"), "'localhost' is no address of Milvus"),
        (("--engine", "milvus", "--address", "http://root:secret@host"), "MILVUS_TOKEN"),
        (("--engine", "milvus", "--collection", "1 of them"), "'1 of them' cannot name a collection"),
        (("--address", "http://localhost:1"), "--address goes with --engine milvus"),
        (("--engine", "exact", "--collection", "c"), "--collection goes with --engine milvus"),
        (
            ("--engine", "milvus", "--address", "http://127.0.0.1:9"),
            "127.0.0.1:9: no Milvus can be reached",
        ),
    ],
)
def test_wrong_places_are_refused(
    tmp_path: Path, rows: Path, call: Call, words: tuple[str, ...], message: str
) -> None:
    assert message in fails(call, "index", "any", rows, "--out", tmp_path / "index", *words)
    assert not (tmp_path / "index").exists()


def test_wrong_tokens_are_refused(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refuser(grpc.GenericRpcHandler):
        def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            def refuse(request: bytes, context: grpc.ServicerContext) -> None:
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "auth check failure")

            return grpc.unary_unary_rpc_method_handler(refuse)

    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Refuser()])
    address = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        for token, message in (
            ("", "wants a token, or user:password, in"),
            ("root:no", "refuses the token in"),
        ):
            monkeypatch.setenv("MILVUS_TOKEN", token)
            with pytest.raises(ConfigError, match=f"{address}: Milvus {message} the environment variable"):
                Collection(tmp_path, MilvusPlace(address))
    finally:
        server.stop(grace=0).wait()


def test_missing_packages_are_named(lite: EngineUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    lite.create([])
    for package, message in (
        ("milvus_lite", "needs Milvus Lite"),
        ("pymilvus", "needs the package pymilvus"),
    ):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(ConfigError, match=rf"{message}.*: pip install 'isogloss\[milvus\]'"):
            lite.open()


def test_no_server_is_pinged_until_it_hangs_up(
    lite: EngineUnderTest, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers of gRPC's default settings take regular pings for an attack, and close the connection."""
    opened: list[dict[str, object]] = []
    connect = grpc.insecure_channel

    def note(target: str, options: Sequence[tuple[str, object]] = (), **others: object) -> grpc.Channel:
        opened.append(dict(options))
        return connect(target, options=options, **others)

    monkeypatch.setattr(grpc, "insecure_channel", note)
    monkeypatch.setenv("MILVUS_TOKEN", "someone:new")  # pymilvus shares connections of one token
    lite.create([])
    Collection(lite.folder, MilvusPlace(address))
    assert [options["grpc.keepalive_time_ms"] for options in opened] == [2**31 - 1] * 2


def test_files_that_cannot_be_opened_are_named(lite: EngineUnderTest, call: Call) -> None:
    lite.create([passage("a", "x")])
    lite.restart()
    with (lite.folder / LITE / "LOCK").open("r+") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert "another process has it open" in fails(call, "search", lite.folder, "x")
    kept = (lite.folder / LITE).rename(lite.folder / "kept")
    (lite.folder / LITE).write_bytes(b"SQLite format 3")
    assert "is of an older release of Milvus Lite" in fails(call, "search", lite.folder, "x")
    (lite.folder / LITE).unlink()
    assert "has no collection 'isogloss' any more" in fails(call, "search", lite.folder, "x")
    lite.restart()
    assert kept.is_dir()


def test_another_model_s_collection_is_refused(lite: EngineUnderTest, call: Call) -> None:
    lite.create([passage("a", "x")])
    manifest = read_place(lite.folder)
    other = type(MODEL)("other", "1" * 64, "", "", None, None)
    write_place(lite.folder, type(manifest)(other, WIDTH, manifest.place, {}))
    assert "does not hold vectors of other" in fails(call, "search", lite.folder, "x")
    write_place(lite.folder, type(manifest)(MODEL, WIDTH + 1, manifest.place, {}))
    assert "does not hold vectors of made up" in fails(call, "search", lite.folder, "x")


def test_damaged_descriptions_are_refused(lite: EngineUnderTest) -> None:
    lite.create([])
    path = lite.folder / "index.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(stored).replace("made up", "made on"), encoding="utf-8")
    with pytest.raises(DataError, match="was changed or damaged"):
        open_index(lite.folder)
    for name, value in (("model", 3), ("dimensions", -1), ("address", "file:x"), ("languages", {"en": "1"})):
        module_content = {**stored["content"], name: value}
        reading_manifest(lite.folder, module_content)
        with pytest.raises(DataError, match="is damaged"):
            open_index(lite.folder)


def reading_manifest(folder: Path, content: dict[str, object]) -> None:
    from isogloss.index.manifest import MILVUS_FORMAT, write_description

    write_description(folder, MILVUS_FORMAT, content)


def test_a_server_that_goes_away_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 1.0)
    server, database, port = start_server_in_thread(data_dir=str(tmp_path / "d"), host="127.0.0.1", port=0)
    engine = EngineUnderTest("server", tmp_path / "index", f"http://127.0.0.1:{port}")
    engine.create([passage("a", "x")])
    index = engine.open()
    server.stop(grace=0).wait()
    database.close()
    with pytest.raises(DataError, match=rf"^http://127.0.0.1:{port}: Milvus does not do what is asked: .+$"):
        index.search(vectors_of(["x"]), 1)


def test_rankings_and_words_are_refused_before_a_query_is_encoded(
    tmp_path: Path, rows: Path, call: Call
) -> None:
    built = fails(call, "index", "model", rows, "--out", tmp_path / "i", "--engine", "milvus", "--lexical")
    assert "an index in Milvus cannot be searched by words" in built
    assert call("index", "model", rows, "--out", tmp_path / "i", "--engine", "milvus")[0] == 0
    assert "in Milvus cannot be ranked by quota" in fails(
        call, "search", tmp_path / "i", "a", "--ranking", "quota"
    )
    assert "in Milvus cannot be searched by words" in fails(call, "search", tmp_path / "i", "a", "--lexical")
    served = Retriever.load(tmp_path / "i", encoder=MadeUpEncoder())
    assert list_rankings(served) == ("none",)
