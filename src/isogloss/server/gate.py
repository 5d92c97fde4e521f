"""What every request passes: limits on its body, headers of every answer, counts and a line in the log."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from isogloss.server.metrics import Metrics
from isogloss.server.refusals import FAILURE, Refusal, refuse_for_now
from isogloss.server.settings import ServiceSettings

LOG = logging.getLogger("isogloss.server")

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_OTHER = "other"
"""What paths that are none of ours are counted and logged as: they may hold anything."""
_ALWAYS = ("/health", "/metrics")
"""Paths that are answered when others are refused already: they tell how the service is."""


class Gate:
    """Wrap an application: it sees whole bodies of a bounded size alone, and what it raises is not shown."""

    def __init__(
        self, app: ASGIApp, settings: ServiceSettings, metrics: Metrics, paths: Collection[str]
    ) -> None:
        """Set what to wrap.

        Args:
            app: The application.
            settings: The limits.
            metrics: What counts the requests.
            paths: The application's paths.
        """
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._paths = frozenset(paths)
        self._open = 0
        metrics.open.set_function(lambda: self._open)

    @property
    def settings(self) -> ServiceSettings:
        """The limits."""
        return self._settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it.

        Args:
            scope: What is asked.
            receive: Gives the parts of the body.
            send: Takes the parts of the answer.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 0
        self._open += 1

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", ()), *own]}
            await send(message)

        try:
            await self._answer(scope, receive, send_on)
        except Exception as error:
            self._log_failure(error)
            if not status:
                await FAILURE.to_response()(scope, receive, send_on)
        finally:
            self._open -= 1
            self._count(scope, status, time.perf_counter() - start)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            # Fewer than the connections in any case, so that there is one to close for a client that comes.
            spare = self._settings.connections - 1 - self._settings.open_requests
            allowed = self._settings.open_requests + (spare if scope["path"] in _ALWAYS else 0)
            if self._open > allowed:
                raise refuse_for_now("overloaded", "too many requests at once; try again in a moment")
            async with asyncio.timeout(self._settings.body_seconds):
                body = await self._read_body(scope, receive)
        except TimeoutError:
            refusal = Refusal(408, "body_timeout", "the body did not arrive in time", {"Connection": "close"})
            await refusal.to_response()(scope, receive, send)
        except Refusal as refused:
            await refused.to_response()(scope, receive, send)
        else:
            if body is not None:
                await self._app(scope, _replay(body, receive), send)

    async def _read_body(self, scope: Scope, receive: Receive) -> bytes | None:
        """Read the whole body; None when the client has gone."""
        limit = self._settings.body_bytes
        refusal = Refusal(413, "body_too_large", f"a body has {limit} bytes at most", {"Connection": "close"})
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced[:20]) > limit:
            raise refusal
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise refusal
            if not message.get("more_body", False):
                return b"".join(parts)

    def _log_failure(self, error: Exception) -> None:
        """Log where a request failed; an error's message may hold its query."""
        told = repr(error) if self._settings.log_queries else type(error).__name__
        LOG.error("a request failed: %s\n%s", told, "".join(traceback.format_tb(error.__traceback__)))

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        path = scope["path"] if scope["path"] in self._paths else _OTHER
        told = str(status) if status else "gone"
        self._metrics.requests.labels(path, told).inc()
        self._metrics.seconds.labels(path).observe(seconds)
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else _OTHER
        LOG.info("%s %s %s %.1f ms", method, path, told, seconds * 1000)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the application its body; what it receives after that is the client's going."""
    given = False

    async def receive_on() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_on
