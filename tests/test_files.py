"""A reader sees the old content or the new; nothing but files is ever replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from isogloss.errors import ConfigError
from isogloss.files import hold_lock, replace_file, replace_folder, write_text


def test_a_failed_write_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(ZeroDivisionError):
        write_half(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_missing_folders_are_made_and_the_mask_is_kept(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "deep" / "a.txt", "new")
        with replace_folder(tmp_path / "folder") as temporary:
            (temporary / "inner").mkdir()
            (temporary / "inner" / "b").write_text("b")
            (temporary / "inner" / "b").chmod(0o600)
    finally:
        os.umask(before)
    modes = {
        name: (tmp_path / name).stat().st_mode & 0o777
        for name in ("deep/a.txt", "folder", "folder/inner", "folder/inner/b")
    }
    assert modes == {"deep/a.txt": 0o640, "folder": 0o750, "folder/inner": 0o750, "folder/inner/b": 0o640}


def test_what_a_link_points_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_devices_and_folders_are_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(ConfigError, match="is no ordinary file"):
            write_text(tmp_path / name, "new")
    assert (tmp_path / "pipe").is_fifo()


def test_a_failed_folder_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        fill_half(tmp_path / "folder")
    assert not list(tmp_path.iterdir())


def test_a_folder_takes_the_place_of_an_older_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    for content in ("old", "new"):
        with replace_folder(path, over=True) as temporary:
            (temporary / content).write_text(content)
    assert [entry.name for entry in tmp_path.rglob("*")] == ["folder", "new"]


def test_an_old_folder_is_never_seen_in_part_and_comes_back_if_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    for name in ("a", "b"):
        (path / name).write_text(name)

    def fail(self: Path, target: Path) -> None:
        assert not target.exists()
        (aside,) = tmp_path.glob(".folder.*.old.part")
        assert sorted(entry.name for entry in aside.iterdir()) == ["a", "b"]
        raise OSError(5, "input/output error")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="input/output"), replace_folder(path, over=True):
        pass
    assert sorted(entry.relative_to(tmp_path).as_posix() for entry in tmp_path.rglob("*")) == [
        "folder",
        "folder/a",
        "folder/b",
    ]


def test_a_lock_keeps_others_out_until_it_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / ".lock"
    told = "somebody is at work here"
    with hold_lock(path, told), pytest.raises(ConfigError, match=told), hold_lock(path, told):
        pass
    with hold_lock(path, told):
        pass


def write_half(path: Path) -> None:
    with replace_file(path) as temporary:
        temporary.write_text("half")
        temporary.write_text(str(1 // 0))


def fill_half(path: Path) -> None:
    with replace_folder(path) as temporary:
        (temporary / "half").write_text(str(1))
        (temporary / "rest").write_text(str(1 // 0))
