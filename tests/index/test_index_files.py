"""What lies in the folder of an index: checked, committed at once, cleared of what killed changes left."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from isogloss.errors import ConfigError, DataError
from isogloss.index import (
    change_index,
    check_index,
    create_index,
    open_index,
    read_manifest,
    segment,
    writing,
)
from isogloss.index.manifest import SEGMENTS
from made_up_index import (
    MODEL,
    WIDTH,
    add,
    assert_same,
    create,
    delete,
    passage,
    search_small_graphs,
    vectors_of,
)

ONE = [passage(name, f"text {name}", "sw" if name == "b" else "en") for name in "abcefghi"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create(tmp_path / "index", ONE)
    return tmp_path / "index"


def files_of(folder: Path) -> list[Path]:
    return sorted(file for file in (folder / SEGMENTS).rglob("*") if file.is_file())


def test_no_file_is_a_pickle(folder: Path) -> None:
    delete(folder, ["a"])
    assert {file.suffix for file in files_of(folder)} == {".npy", ".arrow"}
    for file in files_of(folder):
        if file.suffix == ".npy":
            np.load(file, allow_pickle=False)


@pytest.mark.parametrize("name", ["vectors.npy", "passages.arrow", "names.npy", "deleted-2.npy"])
def test_a_file_that_was_cut_or_lost_is_refused(folder: Path, name: str) -> None:
    delete(folder, ["a"])
    file = next(file for file in files_of(folder) if file.name == name)
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    with pytest.raises(DataError, match=r"instead of .*build it again"):
        open_index(folder)
    file.unlink()
    with pytest.raises(DataError, match=r"is missing; build it again"):
        open_index(folder)


@pytest.mark.parametrize("name", ["vectors.npy", "passages.arrow", "names.npy"])
def test_the_full_check_finds_one_changed_byte(folder: Path, name: str) -> None:
    file = next(file for file in files_of(folder) if file.name == name)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    damage = open_index(folder).find_damage()
    assert len(damage) == 1
    assert str(file) in damage[0]


@pytest.mark.parametrize("name", ["graph-0.faiss", "deleted-2.npy"])
def test_a_changed_byte_of_a_graph_or_a_deletion_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pytest.importorskip("faiss")
    search_small_graphs(monkeypatch)
    create(tmp_path / "index", ONE, "graph")
    delete(tmp_path / "index", ["a"])
    assert open_index(tmp_path / "index").count == 7
    (file,) = (tmp_path / "index").rglob(name)
    content = file.read_bytes()
    for place in (0, len(content) // 2, len(content) - 1):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(DataError, match=f"{name}.*changed or damaged after it was written; build it"):
            open_index(tmp_path / "index")


def test_a_check_goes_on_in_the_state_that_another_process_makes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = segment.compute_crc
    changes = iter([[one._replace(text=f"{one.text} new") for one in ONE]])

    def change_first(*given: object) -> int:
        for passages in changes:
            add(folder, passages)
        return compute(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(segment, "compute_crc", change_first)
    check_index(folder)
    assert next(changes, None) is None


def test_damaged_files_are_not_given_a_new_checksum(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_SEGMENTS_OF_A_SIZE", 2)
    add(folder, [passage("d", "one more")])
    file = next(file for file in files_of(folder) if file.name == "vectors.npy")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(DataError, match="differs from its checksum"):
        add(folder, [passage("q", "new")])
    assert open_index(folder).count == 9


@pytest.mark.parametrize("size", [0, 10, 200])
def test_a_damaged_manifest_is_refused(folder: Path, size: int) -> None:
    manifest = folder / "index.json"
    manifest.write_bytes(manifest.read_bytes()[:size])
    with pytest.raises(DataError, match="build it again"):
        open_index(folder)


def test_every_changed_value_of_the_manifest_is_refused(folder: Path) -> None:
    manifest = folder / "index.json"
    text = manifest.read_text(encoding="utf-8")
    stored = json.loads(text)
    stored["content"]["dimensions"] += 1
    manifest.write_text(json.dumps(stored), encoding="utf-8")
    with pytest.raises(DataError, match="changed or damaged"):
        open_index(folder)
    manifest.write_text(text.replace("isogloss-index-1", "isogloss-index-9"), encoding="utf-8")
    with pytest.raises(DataError, match="isogloss-index-9"):
        open_index(folder)


def test_there_is_no_index(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none"):
        with pytest.raises(DataError, match="no index here"):
            open_index(place)
        with pytest.raises(DataError, match="no index here"), change_index(place):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_not_filled(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds an index already"):
        create(folder, ONE)
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"notes\.txt|index"):
        create(tmp_path, ONE)
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_two_writers_keep_out_of_each_others_way(folder: Path) -> None:
    with change_index(folder) as change:
        with pytest.raises(ConfigError, match="another process is changing this index"):
            add(folder, [passage("d", "new")])
        change.delete(["a"])
        change.commit()
    assert open_index(folder).count == 7


def test_a_change_without_commit_changes_nothing(folder: Path) -> None:
    before = files_of(folder)
    with pytest.raises(DataError, match="'x' is given twice: made, x and made, x"):
        add(folder, [passage("x", "one"), passage("y", "two"), passage("x", "three")])
    assert_same(open_index(folder), {one.id: one for one in ONE})
    assert files_of(folder) == before


def test_an_id_is_known_again_in_a_later_segment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SEGMENT_ROWS", 2)
    twice = [passage("x", "one"), passage("y", "two"), passage("z", "three"), passage("x", "four")]
    with pytest.raises(DataError, match="'x' is given twice"):
        add(folder, twice)
    # A part of a document may not bear the name of a passage, nor the other way round.
    with pytest.raises(DataError, match="'x' is given twice"):
        add(folder, [passage("x", "one"), passage("x#0", "two", document="x"), passage("q", "three")])


def test_what_a_killed_change_left_is_removed(folder: Path) -> None:
    left = folder / SEGMENTS / "0123456789abcdef"
    shutil.copytree(next((folder / SEGMENTS).iterdir()), left)
    (left.parent / read_manifest(folder).segments[0].name / "deleted-9.npy").write_bytes(b"half")
    (folder / ".index.json.x.part").write_bytes(b"half")
    assert_same(open_index(folder), {one.id: one for one in ONE})
    add(folder, [passage("d", "new")])
    assert not left.exists()
    names = {file.name for file in folder.rglob("*")}
    assert not {"deleted-9.npy", ".index.json.x.part", ".encoded"} & names


def test_a_reader_keeps_its_state_while_others_write(folder: Path) -> None:
    old = open_index(folder)
    for number in range(12):
        add(folder, [passage(f"new {number}", f"text {number}"), passage("a", f"river {number}")])
    delete(folder, ["b"])
    assert_same(old, {one.id: one for one in ONE})
    assert open_index(folder).count == 7 + 12


def test_readers_see_whole_states_only(folder: Path) -> None:
    """Each change replaces all passages: a reader finds all of one change, never a mixture."""
    add(folder, [one._replace(text=f"{one.text} first") for one in ONE])
    stop = threading.Event()
    faults: list[object] = []

    def read() -> None:
        while not stop.is_set():
            try:
                found = open_index(folder).search(vectors_of(["what"]), 10)[0]
                states = {one.passage.text.split()[-1] for one in found}
                if len(found) != len(ONE) or len(states) != 1:
                    faults.append([one.passage for one in found])
            except Exception as error:  # shown below
                faults.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(25):
        add(folder, [one._replace(text=f"{one.text} {number}") for one in ONE])
    stop.set()
    for reader in readers:
        reader.join()
    assert faults == []


def test_many_small_changes_leave_few_segments(tmp_path: Path) -> None:
    create(tmp_path / "i", [])
    known = {}
    for number in range(40):
        one = passage(f"p{number}", f"text {number}", ("am", "en", "sw")[number % 3])
        known[one.id] = one
        add(tmp_path / "i", [one])
    index = open_index(tmp_path / "i")
    assert len(index.segments) <= 9
    assert_same(index, known)


def test_a_segment_of_deleted_rows_is_written_again(tmp_path: Path) -> None:
    passages = [passage(f"p{number}", f"text {number}") for number in range(100)]
    create(tmp_path / "i", passages)
    delete(tmp_path / "i", [one.id for one in passages[:30]])
    manifest = read_manifest(tmp_path / "i")
    assert [(segment.rows, segment.deleted) for segment in manifest.segments] == [(70, None)]
    assert_same(open_index(tmp_path / "i"), {one.id: one for one in passages[30:]})


def test_graphs_without_their_library_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with (
        pytest.raises(ConfigError, match=r"pip install 'isogloss\[faiss\]'"),
        create_index(tmp_path / "i", MODEL, WIDTH, "graph"),
    ):
        pass
    assert not (tmp_path / "i").exists()
