"""What every command does with the machine's errors, closed outputs and odd terminals."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from isogloss.cli import compare
from isogloss.cli.main import main

COMPARE = ["compare", "run", "--baseline", "a"]
HATS = """
{"id": "q", "language": "en", "question": "Who?", "passage": "Ann."}
{"id": "q", "language": "ja", "question": "誰?", "passage": "アン。"}
"""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (PermissionError(13, "Permission denied", "a/table.tex"), "a/table.tex: Permission denied"),
        (IsADirectoryError(21, "Is a directory", ".a.part", 0, "a"), ".a.part -> a: Is a directory"),
        (MemoryError("Unable to allocate 83 GiB"), "not enough memory (Unable to allocate 83 GiB)"),
        (MemoryError(), "not enough memory"),
    ],
)
def test_an_error_of_the_machine_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, told: str
) -> None:
    def fail(arguments: object) -> int:
        raise error

    monkeypatch.setattr(compare, "run", fail)
    assert main(COMPARE) == 2
    assert capsys.readouterr() == ("", f"isogloss: error: {told}\n")


def test_other_errors_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(arguments: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(compare, "run", fail)
    with pytest.raises(ZeroDivisionError):
        main(COMPARE)


def test_an_interrupt_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(compare, "run", stop)
    assert main(COMPARE) == 130
    assert capsys.readouterr() == ("", "isogloss: interrupted\n")


def describe(folder: Path, **streams: object) -> subprocess.CompletedProcess[str]:
    """Run ``isogloss data describe`` in a process of its own, on a terminal that knows ASCII alone."""
    (folder / "hüte 帽.jsonl").write_text(HATS, encoding="utf-8")
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [sys.executable, "-m", "isogloss", "data", "describe", "hüte 帽.jsonl"],
        cwd=folder,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        text=True,
        timeout=60,
        **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams),  # type: ignore[call-overload]
    )
    return done


def test_letters_that_a_terminal_lacks_do_not_end_a_command(tmp_path: Path) -> None:
    done = describe(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert r"corpus    h\xfcte \u5e3d" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no /dev/full here")
def test_output_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = describe(tmp_path, stdout=full)
    assert done.returncode == 2
    assert done.stderr == "isogloss: error: No space left on device\n"


def test_a_process_without_outputs_works(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "isogloss", "data", "describe", "hats.jsonl"]
    (tmp_path / "hats.jsonl").write_text(HATS, encoding="utf-8")
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *command], cwd=tmp_path, timeout=60, check=False
    )
    assert done.returncode == 0
    (tmp_path / "hats.jsonl").unlink()
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *command], cwd=tmp_path, timeout=60, check=False
    )
    assert done.returncode == 2


def test_a_reader_that_has_gone_is_no_error(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = describe(tmp_path, stdout=pipe)
        assert (done.returncode, done.stderr) == (0, "")
