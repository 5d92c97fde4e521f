"""``isogloss serve``: what it refuses before it listens, and what it hands on."""

from __future__ import annotations

import builtins
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from fake_searcher import FakeSearcher

from isogloss.cli.main import main
from isogloss.retriever import Retriever
from isogloss.server.gate import Gate
from made_up_index import create, passage


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Let the command change variables of this test alone."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    monkeypatch.setattr(os, "environ", environment)
    return environment


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Gate, str, int]]:
    """Load fakes in place of indexes, and note what would be served in place of serving it."""
    calls: list[tuple[Gate, str, int]] = []
    monkeypatch.setattr("isogloss.index.check_index", lambda folder: None)
    monkeypatch.setattr(Retriever, "load", lambda folder, device=None: FakeSearcher())
    monkeypatch.setattr("isogloss.server.running.serve", lambda *given: calls.append(given))
    return calls


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["serve", *words]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("isogloss: error: ")
    assert error.count("\n") == 1
    return error


def names(app: Gate) -> list[str]:
    from starlette.testclient import TestClient

    with TestClient(app) as client:
        return [model["name"] for model in client.get("/about").json()["models"]]


def test_an_index_is_called_by_its_folder(tmp_path: Path, served: list[tuple[Gate, str, int]]) -> None:
    assert main(["serve", str(tmp_path / "labse"), "--port", "9"]) == 0
    app, host, port = served[0]
    assert (host, port) == ("127.0.0.1", 9)
    assert names(app) == ["labse"]


def test_two_indexes_are_compared(tmp_path: Path, served: list[tuple[Gate, str, int]]) -> None:
    assert main(["serve", str(tmp_path / "a"), "--compare", str(tmp_path / "b")]) == 0
    assert names(served[0][0]) == ["a", "b"]
    assert main(["serve", str(tmp_path / "a" / "index"), "--compare", str(tmp_path / "b" / "index")]) == 0
    assert names(served[1][0]) == ["a index", "b index"]


@pytest.mark.parametrize(
    ("words", "before", "processors", "threads"),
    [
        ([], None, 8, "7"),
        ([], None, 1, "1"),
        ([], "5", 8, "5"),
        (["--threads", "3"], None, 8, "3"),
        (["--threads", "3"], "5", 8, "3"),
    ],
)
def test_a_processor_is_left_to_the_requests(
    tmp_path: Path,
    served: list[tuple[Gate, str, int]],
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    before: str | None,
    processors: int,
    threads: str,
) -> None:
    monkeypatch.setattr("isogloss.processors.count_processors", lambda: processors)
    environment |= {} if before is None else {"OMP_NUM_THREADS": before}
    assert main(["serve", str(tmp_path), *words]) == 0
    assert environment["OMP_NUM_THREADS"] == threads
    assert len(served) == 1


def test_the_number_of_threads_is_told_before_anything_counts_them() -> None:
    told = "import sys; from isogloss.cli.main import main; main(['serve'])"
    done = subprocess.run(
        [sys.executable, "-c", f"{told}; print('numpy' in sys.modules, 'torch' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False False\n"


def test_what_cannot_be_served_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, served: list[tuple[Gate, str, int]]
) -> None:
    assert "name the index to serve" in refused(capsys)
    assert "leave --compare out" in refused(capsys, "--demo", "--compare", "b")
    assert "rename a folder" in refused(capsys, str(tmp_path), "--compare", str(tmp_path))
    assert "--threads takes a number from 1; got 0" in refused(capsys, str(tmp_path), "--threads", "0")
    assert served == []


def test_a_folder_without_an_index_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert str(tmp_path) in refused(capsys, str(tmp_path))


@pytest.mark.parametrize(
    ("name", "share"), [("vectors.npy", 0.99), ("passages.arrow", 0.5), ("names.npy", 0.99)]
)
def test_a_damaged_index_is_refused(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    share: float,
) -> None:
    served: list[object] = []
    monkeypatch.setattr(Retriever, "load", lambda folder, device=None: FakeSearcher())
    monkeypatch.setattr("isogloss.server.running.serve", lambda *given: served.append(given))
    create(tmp_path / "index", [passage("a", "text")])
    assert main(["serve", str(tmp_path / "index")]) == 0
    (file,) = (tmp_path / "index").rglob(name)
    content = bytearray(file.read_bytes())
    content[int(share * len(content))] ^= 1
    file.write_bytes(bytes(content))
    error = refused(capsys, str(tmp_path / "index"))
    assert f"{file}: differs from its checksum; build it again" in error
    assert len(served) == 1
    assert main(["serve", str(tmp_path / "index"), "--no-check"]) == 0
    assert len(served) == 2


def test_a_demonstration_takes_no_folder_of_anything_else(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("mine", encoding="utf-8")
    assert "not an empty folder" in refused(capsys, "--demo", str(tmp_path))
    assert (tmp_path / "thesis.tex").read_text(encoding="utf-8") == "mine"


def test_a_place_where_nothing_can_listen_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isogloss.index.check_index", lambda folder: None)
    monkeypatch.setattr(Retriever, "load", lambda folder, device=None: FakeSearcher())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = refused(capsys, str(tmp_path), f"--port={port}")
    assert f"nothing can listen at 127.0.0.1, port {port} (" in error
    assert "a number from 0 to 65535; got -1" in refused(capsys, str(tmp_path), "--port=-1")
    assert "a number from 0 to 65535; got 70000" in refused(capsys, str(tmp_path), "--port=70000")


def test_a_host_that_is_none_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Retriever, "load", lambda folder, device=None: FakeSearcher())
    monkeypatch.setattr("isogloss.index.check_index", lambda folder: None)
    assert "nothing can listen at ::zz" in refused(capsys, str(tmp_path), "--host", "::zz")


def test_a_missing_extra_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name == "uvicorn":
            raise ImportError(name)
        return whole(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    assert "pip install 'isogloss[serve]'" in refused(capsys, str(tmp_path))
