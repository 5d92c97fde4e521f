"""The real command in a process of its own, with a real (tiny, random) model and real connections."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from isogloss.demo_collection import list_passages
from isogloss.retriever import Retriever

CLIENTS = 16


@pytest.fixture(scope="module")
def index(xlmr: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "index"
    Retriever.build(str(xlmr), list_passages(), folder)
    return folder


@contextlib.contextmanager
def start(index: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "isogloss", "serve", str(index), "--port", "0", "--device", "cpu"]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stderr is not None
        try:
            lines = []
            while not (found := re.search(r"http://\S+/", lines[-1] if lines else "")):
                lines.append(process.stderr.readline())
                assert lines[-1], lines
            log = threading.Thread(target=process.stderr.read)  # or a full pipe would stop it
            log.start()
            yield process, found.group()
        finally:
            process.kill()


@pytest.fixture(scope="module")
def service(index: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with start(index) as started:
        yield started


@pytest.mark.slow
def test_it_answers_like_the_retriever(service: tuple[subprocess.Popen[str], str], index: Path) -> None:
    retriever = Retriever.load(index, device="cpu")
    for query, languages in (("Which river flows north?", None), ("Какая река?", ["ru", "sw"])):
        asked = {"query": query, "k": 5, "languages": languages}
        answer = httpx.post(f"{service[1]}search", json=asked, timeout=20)
        expected = retriever.search([query], 5, languages)[0]
        assert [hit["id"] for hit in answer.json()["hits"]] == [hit.id for hit in expected]
        assert [hit["score"] for hit in answer.json()["hits"]] == pytest.approx(
            [hit.score for hit in expected], abs=1e-5
        )


def exchange(address: str, sent: bytes, pause: float = 0.0, rest: bytes = b"") -> bytes:
    host, port = address.removeprefix("http://").strip("/").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(sent)
        time.sleep(pause)
        with contextlib.suppress(OSError):
            connection.sendall(rest)
        received = b""
        with contextlib.suppress(OSError):
            while part := connection.recv(65536):
                received += part
        return received


HEAD = b"POST /search HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"


@pytest.mark.slow
def test_what_is_no_http_does_no_harm(service: tuple[subprocess.Popen[str], str]) -> None:
    for sent in (b"\x00\xff\xfe\r\n\r\n", b"GET\r\n\r\n", b"A" * 100_000 + b"\r\n\r\n"):
        assert exchange(service[1], sent)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 431", b"")
    announced = exchange(service[1], HEAD + b"Content-Length: 999999999\r\nConnection: close\r\n\r\n{")
    assert announced.startswith(b"HTTP/1.1 413")
    chunked = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert exchange(service[1], chunked + b"8000\r\n" + b" " * 0x8000 + b"\r\n").startswith(b"HTTP/1.1 413")
    target = b"GET /../../../etc/passwd HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
    assert exchange(service[1], target).startswith(b"HTTP/1.1 404")
    assert httpx.get(f"{service[1]}health").json() == {"status": "ok"}


@pytest.mark.slow
def test_a_body_that_never_comes_is_given_up(service: tuple[subprocess.Popen[str], str]) -> None:
    begun = time.monotonic()
    received = exchange(service[1], HEAD + b"Content-Length: 20\r\n\r\n{")
    assert received.startswith(b"HTTP/1.1 408")
    assert b"body_timeout" in received
    assert 8 < time.monotonic() - begun < 25
    assert httpx.get(f"{service[1]}health").status_code == 200


@pytest.mark.slow
def test_passages_added_meanwhile_are_found(service: tuple[subprocess.Popen[str], str], index: Path) -> None:
    passage = list_passages()[0]._replace(id="added", language="fr", text="Une phrase toute nouvelle.")
    Retriever.load(index, device="cpu").add([passage])
    end = time.monotonic() + 40
    asked = {"query": "phrase", "languages": ["fr"]}
    while (answer := httpx.post(f"{service[1]}search", json=asked)).status_code == 422:
        assert time.monotonic() < end
        time.sleep(0.5)
    assert [hit["id"] for hit in answer.json()["hits"]] == ["added"]


@pytest.mark.parametrize("seconds", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_under_load_there_is_no_error_and_memory_stays(
    service: tuple[subprocess.Popen[str], str], seconds: int
) -> None:
    process = psutil.Process(service[0].pid)
    end = time.monotonic() + seconds

    def load(number: int) -> list[int]:
        statuses: list[int] = []
        with httpx.Client(base_url=service[1], timeout=30) as client:
            while time.monotonic() < end:
                query = f"query {number} number {len(statuses)}"
                statuses.append(client.post("search", json={"query": query}).status_code)
        return statuses

    def watch() -> list[int]:
        sizes = []
        while time.monotonic() < end:
            time.sleep(0.1)
            sizes.append(process.memory_info().rss)
        return sizes

    with ThreadPoolExecutor(CLIENTS + 1) as threads:
        watching = threads.submit(watch)
        statuses = [status for found in threads.map(load, range(CLIENTS)) for status in found]
    assert set(statuses) == {200}
    assert len(statuses) > 10 * seconds
    sizes = watching.result()
    settled = sizes[len(sizes) // 2]
    assert max(sizes[len(sizes) // 2 :]) - settled < 20_000_000


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_order_and_answers_what_it_has_taken(index: Path, sent: signal.Signals) -> None:
    def can_connect() -> bool:
        with contextlib.suppress(httpx.ConnectError):
            return httpx.get(f"{address}health").status_code == 200
        return False

    with start(index) as (process, address), contextlib.ExitStack() as stack:
        body = b'{"query": "Which river?"}'
        place = (address.split("/")[2].split(":")[0], int(address.split(":")[2].strip("/")))
        waiting = [stack.enter_context(socket.create_connection(place, timeout=20)) for _ in range(8)]
        for connection in waiting:
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body[:-1])
        end = time.monotonic() + 8  # a body has ten seconds
        while "isogloss_open_requests 9.0" not in httpx.get(f"{address}metrics").text:  # the 9th is this one
            assert time.monotonic() < end
        process.send_signal(sent)
        while can_connect():
            assert time.monotonic() < end
            time.sleep(0.01)
        for connection in waiting:
            connection.sendall(body[-1:])
        for connection in waiting:
            with connection.makefile("rb") as answer:
                assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
                assert b'"hits":[{' in answer.read()
        assert process.wait(20) == 0
