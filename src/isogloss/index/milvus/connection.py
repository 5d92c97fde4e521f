"""Connect to Milvus; what it answers in error becomes one line of ours."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from isogloss.errors import ConfigError, DataError, first_line
from isogloss.index.manifest import REBUILD

if TYPE_CHECKING:
    from pymilvus import MilvusClient

LITE = "milvus.db"
"""Where Milvus Lite keeps an index, in the index's folder."""
TOKEN = "MILVUS_TOKEN"  # noqa: S105
TIMEOUT = 60.0
"""Seconds that a request may take, with whatever is tried again."""
_CONNECTING = 10.0
_OPTIONS = {"grpc.keepalive_time_ms": 2**31 - 1}
"""No pings, which is gRPC's own default. pymilvus sends one every 10 s: a server that was not told to bear
that, Milvus Lite among them, hangs up after half a minute without requests, and connecting anew fails."""


def connect_server(address: str) -> MilvusClient:
    """Connect to a server; the token is that of the environment.

    Args:
        address: Its address.

    Returns:
        The client.

    Raises:
        ConfigError: The package is not installed, the server cannot be reached, or refuses the token.
    """
    client = _import_client()
    import grpc
    from pymilvus import MilvusException

    try:
        return client(address, token=os.environ.get(TOKEN, ""), timeout=_CONNECTING, grpc_options=_OPTIONS)
    except (MilvusException, grpc.RpcError, grpc.FutureTimeoutError) as error:
        if _refuses_token(error):
            raise _refused(address) from error
        raise ConfigError(
            f"{address}: no Milvus can be reached there; check the address, and that it runs"
        ) from error


def open_file(path: Path) -> MilvusClient:
    """Open a file of Milvus Lite, or make one.

    Args:
        path: The file; Milvus Lite makes a folder of that name.

    Returns:
        The client.

    Raises:
        ConfigError: A package is not installed.
        DataError: The file is in use, or another release's.
    """
    client = _import_client()
    from pymilvus import MilvusException

    try:
        import milvus_lite  # noqa: F401
    except ImportError as error:
        raise ConfigError("Milvus in a file needs Milvus Lite: pip install 'isogloss[milvus]'") from error
    if path.is_file():
        raise DataError(f"is of an older release of Milvus Lite; {REBUILD}", path)
    try:
        return client(str(path), grpc_options=_OPTIONS)
    except MilvusException as error:
        raise DataError(
            "cannot be opened: another process has it open (Milvus Lite serves one at a time; Milvus at an "
            "address serves many), or it is damaged",
            path,
        ) from error


@contextmanager
def explain_errors(label: str) -> Iterator[None]:
    """Say in one line what Milvus refuses, or that it does not answer.

    Args:
        label: The server, or the file.

    Yields:
        Nothing; requests are made meanwhile.

    Raises:
        ConfigError: The token is refused.
        DataError: Anything else does not work.
    """
    import grpc
    from pymilvus import MilvusException

    try:
        yield
    except (MilvusException, grpc.RpcError, grpc.FutureTimeoutError) as error:
        if _refuses_token(error):
            raise _refused(label) from error
        raise DataError(f"Milvus does not do what is asked: {_tell(error)}", label) from error


def _import_client() -> type[MilvusClient]:
    try:
        from pymilvus import MilvusClient
    except ImportError as error:
        raise ConfigError("Milvus needs the package pymilvus: pip install 'isogloss[milvus]'") from error
    # They print what goes wrong with a trace; it reaches the user as an error of ours.
    for name in ("pymilvus", "milvus_lite"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    client: type[MilvusClient] = MilvusClient
    return client


def _refuses_token(error: BaseException) -> bool:
    """Look for a refusal among an error and what caused it; pymilvus raises some errors from themselves."""
    import grpc

    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        code = current.code() if isinstance(current, grpc.Call) else None
        if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
            return True
        seen.append(current)
        current = current.__cause__
    return False


def _refused(label: str) -> ConfigError:
    given = "refuses the token in" if os.environ.get(TOKEN) else "wants a token, or user:password, in"
    return ConfigError(f"{label}: Milvus {given} the environment variable {TOKEN}")


def _tell(error: Exception) -> str:
    return first_line(Exception(getattr(error, "message", "") or str(error)))
