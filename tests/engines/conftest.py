"""A server of Milvus Lite, which speaks what a cluster speaks, and an engine of each kind."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines_under_test import KINDS, EngineUnderTest
from milvus_lite.adapter.grpc.server import start_server_in_thread

from made_up_index import search_small_graphs


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    logging.getLogger("milvus_lite").setLevel(logging.CRITICAL)
    server, database, port = start_server_in_thread(
        data_dir=str(tmp_path_factory.mktemp("milvus") / "data"), host="127.0.0.1", port=0
    )
    yield f"http://127.0.0.1:{port}"
    server.stop(grace=0).wait()
    database.close()


# Milvus at an address differs from Milvus in a file by its index alone: once in a while is enough.
@pytest.fixture(params=[pytest.param(kind, marks=[pytest.mark.slow] * (kind == "server")) for kind in KINDS])
def engine(
    request: pytest.FixtureRequest, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EngineUnderTest]:
    sufficed = search_small_graphs(monkeypatch)
    made = EngineUnderTest(request.param, tmp_path / "index", address)
    yield made
    made.restart()
    assert any(sufficed) == (made.kind == "graph")
