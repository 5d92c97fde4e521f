"""One client's connection: who sends no request, or reads no answer, does not keep it."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

from isogloss.server.settings import ServiceSettings


class Connection(H11Protocol):
    """Speak HTTP with one client, as uvicorn does, within limits of time and number.

    At the limit of connections the one that has waited longest for a request is closed, so that a new
    client, a probe of ``/health`` among them, is heard; those with a request under way are fewer
    (``Gate`` sees to it), so that there is always one to close.
    """

    settings: ClassVar[ServiceSettings] = ServiceSettings()
    _deadline: asyncio.TimerHandle | None = None
    _idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the head of the first request.

        Args:
            transport: The socket.
        """
        super().connection_made(transport)
        self._idle_since = time.monotonic()
        self._set_deadline(self.settings.head_seconds)
        if len(self.connections) > self.settings.connections:
            self._close_longest_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection.

        Args:
            exc: Why it was lost; None where it was closed.
        """
        self._unset_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends; a head that begins has to end in time.

        Args:
            data: Bytes of a request.
        """
        super().data_received(data)
        if self._is_idle():
            if self._deadline is None:
                self._set_deadline(self.settings.head_seconds)
        elif not self.flow.write_paused:
            self._unset_deadline()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self._idle_since = time.monotonic()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Wait until the client reads what it was sent, but not for ever."""
        super().pause_writing()
        self._set_deadline(self.settings.answer_seconds)

    def resume_writing(self) -> None:
        """Go on writing."""
        self._unset_deadline()
        super().resume_writing()

    def shutdown(self) -> None:
        """End after the request that is under way, if there is one."""
        self._unset_deadline()
        super().shutdown()

    def _set_deadline(self, seconds: float) -> None:
        self._unset_deadline()
        self._deadline = self.loop.call_later(seconds, self._end)

    def _unset_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self) -> None:
        self._deadline = None
        self.transport.abort()

    def _close_longest_idle(self) -> None:
        idle = [
            each
            for each in self.connections
            if isinstance(each, Connection) and each is not self and each._is_idle()
        ]
        if idle:
            min(idle, key=lambda each: each._idle_since)._end()

    def _is_idle(self) -> bool:
        return not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete)


def limit_connections(limits: ServiceSettings) -> type[Connection]:
    """Make the class of connections that keep to a service's limits.

    Args:
        limits: The limits.

    Returns:
        What uvicorn takes for its protocol.
    """

    class LimitedConnection(Connection):
        settings = limits

    return LimitedConnection
