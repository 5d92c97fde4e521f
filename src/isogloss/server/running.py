"""Run the service until it is told to stop."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import sys
from types import FrameType

import uvicorn

from isogloss.errors import ConfigError
from isogloss.server.connections import limit_connections
from isogloss.server.gate import Gate

_CLOSING_SECONDS = 10
"""Seconds that open requests have to end when the service stops."""
_IDLE_SECONDS = 5
"""Seconds that a connection may stay open between two requests."""
_HIGHEST_PORT = 65_535


def serve(app: Gate, host: str, port: int) -> None:
    """Answer requests until the process is interrupted or terminated, then end in order.

    Args:
        app: The application.
        host: Name or address to listen at.
        port: Port to listen at; 0 for any that is free.

    Raises:
        ConfigError: Nothing can listen there.
    """
    _log_to_stderr()
    with _listen(host, port) as listening:
        place = listening.getsockname()
        shown = f"[{place[0]}]" if ":" in place[0] else place[0]
        sys.stderr.write(f"searching at http://{shown}:{place[1]}/ (Ctrl-C stops)\n")
        config = configure(app)
        # The server raises the signal again once it has ended in order; that is the end we want.
        signal.signal(signal.SIGTERM, _ignore_signal)
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])


def configure(app: Gate) -> uvicorn.Config:
    """Set how the service speaks with its clients.

    Args:
        app: The application.

    Returns:
        What uvicorn needs to run it.
    """
    return uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        server_header=False,
        http=limit_connections(app.settings),
        ws="none",
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_CLOSING_SECONDS,
    )


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= _HIGHEST_PORT:  # the library would leave a socket open
        raise ConfigError(f"--port takes a number from 0 to {_HIGHEST_PORT}; got {port}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            f"nothing can listen at {host}, port {port} ({reason}); name others with --host and --port"
        ) from None


def _log_to_stderr() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("isogloss.server").setLevel(logging.INFO)


def _ignore_signal(number: int, frame: FrameType | None) -> None:
    del number, frame
