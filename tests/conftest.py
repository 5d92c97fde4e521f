"""What all tests share: no network, one thread, the folder of real data."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

# Before any library reads them: tests load local files alone, with the same result on any number of cores.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest
from hypothesis import settings

from chromium import Browser, find_chromium, open_browser
from commands import Call

# A shared machine is slow now and then; that is no failure of the code.
settings.register_profile("isogloss", deadline=None, print_blob=True)
settings.load_profile("isogloss")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that looks up a host: nothing here may depend on a network."""
    look_up = socket.getaddrinfo

    def refuse(host: str | bytes | None, *arguments: object, **keywords: object) -> object:
        if host in (None, "", "localhost", "127.0.0.1", "::1", socket.gethostname()):
            return look_up(host, *arguments, **keywords)  # type: ignore[arg-type]
        raise AssertionError(f"a test tried to reach {host!r}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the vectors of each test apart, and off the user's disk."""
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real corpora and benchmarks; tests that need it are skipped where it is not given."""
    folder = os.environ.get("ISOGLOSS_DATA")
    if not folder:
        pytest.skip("ISOGLOSS_DATA does not name the folder of real data")
    return Path(folder)


@pytest.fixture(scope="session")
def xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as that of FacebookAI/xlm-roberta-base; tests that change a model make their own."""
    from tiny_models import tiny_xlmr  # here, since it loads torch

    return tiny_xlmr(tmp_path_factory.mktemp("models") / "xlmr")


@pytest.fixture(scope="session")
def labse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as that of sentence-transformers/LaBSE; tests that change a model make their own."""
    from tiny_models import tiny_labse

    return tiny_labse(tmp_path_factory.mktemp("models") / "labse")


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """A way to run a command."""
    from isogloss.cli.main import main  # here, since this file is read for every test

    def run(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium with a profile of its own; tests that need one are skipped where there is none."""
    program = find_chromium()
    if program is None:
        pytest.skip("no chromium is installed")
    with open_browser(program, tmp_path_factory.mktemp("profile")) as opened:
        yield opened
