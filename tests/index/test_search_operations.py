"""What docs/search.md says of copies, servers, new indexes, damage, upgrades, counts and limits."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from commands import Call
from isogloss import retriever
from isogloss.errors import DataError, ModelError
from isogloss.files import hold_lock
from isogloss.index import open_index, writing
from isogloss.index.manifest import FORMAT, MILVUS_FORMAT
from isogloss.index.milvus.collection import MOST, NAME_BYTES, TEXT_BYTES
from isogloss.index.names import NAME_DTYPE
from isogloss.passages import Passage, check_passages
from isogloss.passages.csv_tables import _LONGEST_FIELD
from isogloss.passages.model import _TITLE_LETTERS
from isogloss.retriever import Retriever
from isogloss.server.app import create_app
from isogloss.server.metrics import Metrics
from isogloss.server.schema import SearchRequest
from isogloss.server.settings import ServiceSettings
from isogloss.server.systems import System
from made_up_index import MadeUpEncoder, add, assert_same, create, delete, passage

PAGE = (Path(__file__).parents[2] / "docs" / "search.md").read_text(encoding="utf-8")
OPERATIONS, LIMITS = PAGE[PAGE.index("## Operations") :].split("## Limits")
THREE = [passage(f"p{n}", f"text {chr(97 + n)}", "en" if n % 2 else "sw") for n in range(3)]
KNOWN = {one.id: one for one in THREE}


def block(number: int) -> list[str]:
    """Read the lines of one of the blocks of commands."""
    found = re.findall(r"(?:^ {4}.*\n)+", OPERATIONS, re.MULTILINE)
    assert len(found) == 2
    return [line.strip() for line in found[number].splitlines()]


@pytest.fixture
def rivers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    create(Path("rivers"), THREE)
    return tmp_path / "rivers"


def test_a_copy_under_the_lock_is_whole_and_keeps_changes_out(rivers: Path, call: Call) -> None:
    (command,) = block(0)
    words = shlex.split(command)
    if shutil.which(words[0]) is None:
        pytest.skip("there is no program flock here")
    subprocess.run(words, check=True)
    assert call("index", "--out", "rivers-copy", "--check")[0] == 0
    assert_same(open_index(Path("rivers-copy")), KNOWN)
    delete(Path("rivers-copy"), ["p0"])
    assert_same(open_index(rivers), KNOWN)
    # The lock that the command holds is the one that keeps changes out, and they it.
    held = [*words[:2], "sh", "-c", "echo held; read end"]
    with subprocess.Popen(held, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as copying:
        assert copying.stdout is not None
        assert copying.stdout.readline() == "held\n"
        code, out, err = call("index", "--out", rivers, "--delete", "p0")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "another process is changing this index; try again later" in err
        assert "another process is changing this index; try again later" in OPERATIONS
        assert_same(open_index(rivers), KNOWN)
        copying.communicate("end\n")
    with hold_lock(rivers / writing.LOCK):
        assert subprocess.run([words[0], "-n", words[1], "true"], check=False).returncode == 1
    assert call("index", "--out", rivers, "--delete", "p0")[0] == 0


@pytest.mark.parametrize("first", ["index.json", "segments"])
def test_a_copy_that_a_change_overtook_is_refused(
    rivers: Path, tmp_path: Path, first: str, call: Call
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    order = [first, *({"index.json", "segments"} - {first})]
    for name in order:
        source = rivers / name
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, copy / name)
        if name == first:
            add(rivers, [passage("p0", "so many are deleted that the rest is written again")])
    with pytest.raises(DataError, match="is missing; build it again"):
        open_index(copy)
    code, out, err = call("index", "--out", copy, "--check")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_a_snapshot_at_any_moment_of_a_change_is_whole(
    rivers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots: list[Path] = []

    def watch(name: str) -> None:
        step = getattr(writing, name)

        def note(*given: object, **named: object) -> object:
            snapshots.append(shutil.copytree(rivers, tmp_path / f"snapshot-{len(snapshots)}"))
            return step(*given, **named)

        monkeypatch.setattr(writing, name, note)

    for name in ("delete_rows", "merge_segments", "write_manifest", "remove_leftovers"):
        watch(name)
    new = passage("p0", "another text", "am")
    add(rivers, [new])
    assert len(snapshots) >= 5
    changed = []
    for snapshot in snapshots:
        index = open_index(snapshot)
        assert index.find_damage() == []
        changed.append("am" in index.languages)
        assert_same(index, KNOWN | {new.id: new} if changed[-1] else KNOWN)
    assert changed == sorted(changed)
    assert {*changed} == {False, True}


def test_a_link_is_turned_to_a_new_index_of_the_same_model(
    rivers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, turn = block(1)
    assert shlex.split(index)[-2:] == ["--out", "rivers-2"]
    encoder = MadeUpEncoder()
    Path("rivers-now").symlink_to("rivers")
    serving = Retriever.load("rivers-now", encoder=encoder)
    assert serving.count == 3
    Retriever.build(encoder, [THREE[0]], "rivers-2")
    subprocess.run(["sh", "-c", turn], check=True)
    assert not Path("rivers-next").is_symlink()
    assert serving.search(["text b"], 1)[0][0].id == "p1"
    assert serving.reload()
    assert [hit.id for hit in serving.search(["text b"], 9)[0]] == ["p0"]
    other = MadeUpEncoder("1" * 64)
    Retriever.build(other, THREE, "rivers-3")
    subprocess.run(["sh", "-c", turn.replace("rivers-2", "rivers-3")], check=True)
    with pytest.raises(ModelError, match="made with another model"):
        serving.reload()
    assert [hit.id for hit in serving.search(["text b"], 9)[0]] == ["p0"]
    assert "10 s" in OPERATIONS
    assert ServiceSettings().reload_seconds == 10


def test_a_search_that_meets_damage_says_so(
    rivers: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retriever, "_load_encoder", lambda *_: MadeUpEncoder())
    (texts,) = rivers.glob("segments/*/passages.arrow")
    content = texts.read_bytes()
    place = content.index(b"text a")
    texts.write_bytes(content.replace(b"text a", b"text z"))
    assert call("search", rivers, "x")[0] == 0  # a letter: --check alone finds it
    code, out, _ = call("index", "--out", rivers, "--check")
    assert (code, str(texts.relative_to(rivers.parent)) in out) == (1, True)
    code, out, err = call("serve", rivers)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"{texts.name}: differs from its checksum; build it again" in err
    texts.write_bytes(content[:place] + b"\xff" * 6 + content[place + 6 :])
    code, out, err = call("search", rivers, "x")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert texts.name in err
    served = create_app([System("rivers", Retriever.load(rivers))])
    with TestClient(served, raise_server_exceptions=False) as client:
        assert client.post("/search", json={"query": "x"}).status_code == 500


def test_every_count_and_format_that_is_named_is_there() -> None:
    families = text_string_to_metric_families(Metrics().write().decode())
    there = {family.name + "_total" * (family.type == "counter") for family in families}
    assert {*re.findall(r"`(isogloss_\w+)`", OPERATIONS)} == there
    for name in (FORMAT, MILVUS_FORMAT):
        assert f"`{name}`" in OPERATIONS
    settings = ServiceSettings()
    assert f"near {settings.waiting_queries}, from which on queries are refused" in OPERATIONS
    assert f"a search took longer than {settings.answer_seconds:g} s" in OPERATIONS


def test_the_limits_are_those_of_the_code(rivers: Path, call: Call) -> None:
    rows = dict(re.findall(r"^\| ([^|]+) \| (.*) \|$", LIMITS, re.MULTILINE))
    settings = ServiceSettings()
    assert rows["`-k`"].endswith(f"| {MOST:,}, where there are more | {settings.most_hits}")
    assert f"{settings.query_letters:,} characters; {settings.body_bytes:,} bytes" in rows["a query"]
    assert f"{TEXT_BYTES:,} bytes" in rows["a text"]
    assert f"{_TITLE_LETTERS} characters are encoded | {TEXT_BYTES:,} bytes" in rows["a title"]
    assert rows["a field of CSV"].startswith(f"{_LONGEST_FIELD:,} characters")
    assert f"| {NAME_BYTES:,} bytes" in rows["an id, a document's"]
    most = json.dumps(SearchRequest.model_json_schema()["properties"]["languages"])
    assert f'"maxItems": {int(rows["languages"].split("| ")[-1].split()[0].replace(",", ""))}' in most
    assert rows["passages of a segment"].startswith(f"{256 ** NAME_DTYPE['row'].itemsize:,}")
    assert f"holds {writing.SEGMENT_ROWS:,}\npassages" in LIMITS
    # What stands there as unlimited.
    odd = [Passage(name, "x " * 50_000, "sw", "t" * 500) for name in ("y" * 5000, "\u202e", 'x" or')]
    Retriever(rivers, open_index(rivers), MadeUpEncoder()).add(check_passages(odd))
    assert_same_ids(rivers, {*KNOWN, *(one.id for one in odd)})
    with pytest.raises(DataError, match="the id is empty"):
        list(check_passages([Passage(" \t", "x", "sw")]))


def assert_same_ids(folder: Path, expected: set[str]) -> None:
    found = Retriever.load(folder, encoder=MadeUpEncoder()).search(["q" * 100_000], 1000)[0]
    assert {hit.id for hit in found} == expected
