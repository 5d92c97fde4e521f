"""Real sockets that send nothing, half a head, or too many requests, or that read no answer."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from fake_searcher import FakeSearcher
from running_service import run_service

from isogloss.demo_collection import list_passages
from isogloss.errors import ConfigError
from isogloss.server.app import create_app
from isogloss.server.settings import ServiceSettings
from isogloss.server.systems import System

SOON = 10.0
BODY = b'{"query": "the river", "k": 3}'
HEAD = b"POST /search HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
REQUEST = HEAD % len(BODY) + BODY


@contextlib.contextmanager
def serve(
    searcher: FakeSearcher | None = None,
    *,
    head_seconds: float = 60.0,
    answer_seconds: float = 10.0,
    open_requests: int = 600,
    connections: int = 800,
) -> Iterator[tuple[str, Callable[[], socket.socket]]]:
    """Run a service; gives its address and a way to connect."""
    settings = ServiceSettings(
        head_seconds=head_seconds,
        answer_seconds=answer_seconds,
        open_requests=open_requests,
        connections=connections,
    )
    app = create_app([System("only", searcher or FakeSearcher())], settings)
    with run_service(app) as address, contextlib.ExitStack() as stack:
        host, port = address.split("/")[2].split(":")

        def connect() -> socket.socket:
            connection = stack.enter_context(socket.socket())
            connection.settimeout(SOON)
            # So small before it connects that no long answer fits into what the system keeps for the reader.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect((host, int(port)))
            return connection

        yield address, connect


def is_closed(connection: socket.socket, seconds: float) -> bool:
    """Tell whether the other side closes within some seconds."""
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def read_answer(connection: socket.socket) -> bytes:
    """Read one answer, up to the end of its body."""
    connection.settimeout(SOON)
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536) or pytest.fail(f"closed after {received!r}")
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().splitlines() if line.startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def wait_until(is_true: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("sent", [b"", b"POST /sea", REQUEST[:40]])
def test_a_head_that_does_not_come_ends_the_connection(sent: bytes) -> None:
    with serve(head_seconds=0.3) as (address, connect):
        begun = time.monotonic()
        connection = connect()
        connection.sendall(sent)
        assert is_closed(connection, SOON)
        assert time.monotonic() - begun >= 0.3
        assert httpx.get(f"{address}health").status_code == 200


def test_a_head_that_drips_is_not_waited_for_longer() -> None:
    with serve(head_seconds=0.3) as (_, connect):
        connection = connect()
        begun = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - begun < SOON:
                connection.sendall(b"X")
                time.sleep(0.02)
        assert time.monotonic() - begun < SOON


def test_the_second_head_on_a_connection_has_the_same_time() -> None:
    with serve(head_seconds=0.3) as (_, connect):
        connection = connect()
        connection.sendall(REQUEST)
        assert read_answer(connection).startswith(b"HTTP/1.1 200")
        connection.sendall(REQUEST[:20])
        assert is_closed(connection, 3.0)  # before the five seconds between two requests


def test_a_slow_search_is_not_a_slow_head() -> None:
    with serve(FakeSearcher(seconds=0.8), head_seconds=0.2) as (_, connect):
        connection = connect()
        connection.sendall(REQUEST)
        assert read_answer(connection).startswith(b"HTTP/1.1 200")


def test_an_answer_that_is_not_read_ends_the_connection() -> None:
    long = [each._replace(text=each.text * 800) for each in list_passages()[:100]]
    with serve(FakeSearcher(long), answer_seconds=1.0) as (address, connect):
        connection = connect()
        body = b'{"query": "the", "k": 100}'
        connection.sendall(HEAD % len(body) + body)
        wait_until(lambda: open_requests(address) == 2)
        wait_until(lambda: open_requests(address) == 1)


def open_requests(address: str) -> int:
    """Read how many requests are open, the one that asks included."""
    text = httpx.get(f"{address}metrics").text
    return next(
        int(float(line.split()[1]))
        for line in text.splitlines()
        if line.startswith("isogloss_open_requests ")
    )


def test_at_the_limit_of_connections_the_one_that_waited_longest_makes_room() -> None:
    with serve(open_requests=3, connections=5) as (address, connect):
        idle = [connect() for _ in range(4)]
        busy = connect()
        busy.sendall(REQUEST[:-1])
        wait_until(lambda: open_requests(address) == 2)  # with a connection more: the first one has to go
        assert is_closed(idle[0], SOON)
        for _ in range(3):
            assert httpx.get(f"{address}health").json() == {"status": "ok"}
        busy.sendall(REQUEST[-1:])
        assert read_answer(busy).startswith(b"HTTP/1.1 200")


def test_many_idle_sockets_do_not_stop_the_service() -> None:
    with serve(open_requests=10, connections=20) as (address, connect):
        idle = [connect() for _ in range(100)]
        assert httpx.post(f"{address}search", json={"query": "river"}).status_code == 200
        assert httpx.get(f"{address}health").status_code == 200
        assert all(is_closed(each, SOON) for each in idle[:80])


def test_too_many_requests_are_refused_as_every_refusal_and_counted() -> None:
    searcher = FakeSearcher()
    with serve(searcher, open_requests=2, connections=9) as (address, connect):
        searcher.gate.clear()
        try:
            waiting = [connect() for _ in range(2)]
            for connection in waiting:
                connection.sendall(REQUEST)
            wait_until(lambda: open_requests(address) == 3)
            refused = httpx.post(f"{address}search", json={"query": "river"})
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert json.loads(refused.text) == {
                "error": "overloaded",
                "message": "too many requests at once; try again in a moment",
            }
            assert refused.headers["x-content-type-options"] == "nosniff"
            assert httpx.get(f"{address}health").json() == {"status": "ok"}
            counted = httpx.get(f"{address}metrics").text
            assert 'isogloss_requests_total{path="/search",status="503"} 1.0' in counted
        finally:
            searcher.gate.set()
        for connection in waiting:
            assert read_answer(connection).startswith(b"HTTP/1.1 200")
        assert httpx.post(f"{address}search", json={"query": "river"}).status_code == 200


def test_slow_probes_of_health_leave_a_connection_to_close() -> None:
    probe = REQUEST[:-1].replace(b"/search", b"/health")
    with serve(open_requests=2, connections=6) as (address, connect):
        for _ in range(5):
            connect().sendall(probe)
        wait_until(lambda: httpx.get(f"{address}health").status_code == 503)
        refused = httpx.get(f"{address}metrics")
        assert (refused.status_code, refused.json()["error"]) == (503, "overloaded")
        idle = connect()
        for _ in range(2):  # one more than may stay, at least
            connect()
        assert is_closed(idle, SOON)


def test_there_are_more_connections_than_requests() -> None:
    with pytest.raises(ConfigError, match="'connections' are more than 'open_requests'; got 5"):
        ServiceSettings(open_requests=5, connections=5)
