"""The gate alone, with bodies that come slowly, in pieces, or not to their end."""

from __future__ import annotations

import asyncio
import json

import pytest
from starlette.types import Message, Receive, Scope, Send

from isogloss.server.gate import Gate
from isogloss.server.metrics import Metrics
from isogloss.server.settings import ServiceSettings


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = (await receive())["body"]
    if body == b"fail":
        raise ZeroDivisionError
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def answer(
    parts: list[bytes | None], *, seconds: float = 0.0, headers: list[tuple[bytes, bytes]] | None = None
) -> tuple[int, bytes]:
    """Send a body in parts with pauses; None hangs up. Gives status and body, (0, b"") for no answer."""
    settings = ServiceSettings(body_bytes=100, body_seconds=0.1)
    gate = Gate(echo, settings, Metrics(), ["/"])
    sent: list[Message] = []
    left = list(parts)

    async def receive() -> Message:
        await asyncio.sleep(seconds)
        part = left.pop(0)
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": bool(left)}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/", "method": "POST", "headers": headers or []}
    asyncio.run(gate(scope, receive, send))
    if not sent:
        return 0, b""
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def test_a_body_arrives_whole() -> None:
    assert answer([b"one ", b"two ", b"three"]) == (200, b"one two three")
    assert answer([b"x" * 100]) == (200, b"x" * 100)
    assert answer([b""]) == (200, b"")


@pytest.mark.parametrize("parts", [[b"x" * 101], [b"x" * 60, b"x" * 60, b"never read"]])
def test_a_body_over_the_limit_is_refused_where_it_passes_it(parts: list[bytes | None]) -> None:
    status, body = answer(parts)
    assert (status, json.loads(body)["error"]) == (413, "body_too_large")


@pytest.mark.parametrize("length", [b"101", b"9" * 30, b"-5", b"1e3", "١".encode()])
def test_an_announced_length_is_not_waited_for(length: bytes) -> None:
    status, _ = answer([None], headers=[(b"content-length", length)])
    assert status == 413


def test_a_slow_body_is_given_up() -> None:
    status, body = answer([b"x"] * 50, seconds=0.02)
    assert (status, json.loads(body)["error"]) == (408, "body_timeout")


def test_a_client_that_hangs_up_gets_nothing() -> None:
    assert answer([b"half", None]) == (0, b"")


def test_a_failure_becomes_an_answer() -> None:
    status, body = answer([b"fail"])
    assert (status, json.loads(body)["error"]) == (500, "internal_error")
