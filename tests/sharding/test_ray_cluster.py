"""Encoding on a real Ray cluster of two nodes on this machine: a worker is killed, everything arrives once.

Ray is in no list of the tests' requirements, since it has 240 MB: without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from commands import Call
from isogloss.index import open_index
from isogloss.passages import hash_passages
from isogloss.sharding import Collection, Part, encode_shard, load_model
from tiny_models import SENTENCES

# Warnings of Ray's own, of which there are other ones in every release, are none of ours.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Start two nodes of one core each; one head and one more."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'isogloss[ray]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        path = os.environ.get("PYTHONPATH", "")
        patch.setenv(
            "PYTHONPATH", os.pathsep.join(filter(None, [str(Path(__file__).parents[2] / "src"), path]))
        )
        from ray.cluster_utils import Cluster

        node = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 80 << 20, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=node)
        cluster.add_node(**node)
        try:
            yield f"127.0.0.1:{cluster.address.rpartition(':')[2]}"
        finally:
            cluster.shutdown()


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "en.jsonl"
    listed = [{"id": f"p{n}", "text": f"{SENTENCES[n % 8]} {n}"} for n in range(3000)]
    listed += [{"id": f"long{n}", "text": " ".join(SENTENCES * 4)} for n in range(20)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in listed), encoding="utf-8")
    return path


def find_workers(method: str = "") -> list[psutil.Process]:
    """Find this cluster's processes that hold a model, and do something now."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            title = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if title.startswith(f"ray::Worker{method and '.' + method}"):
            found.append(process)
    return found


def kill_a_worker(method: str, times: int, killed: list[int], over: threading.Event) -> None:
    """Kill workers, each while it runs a method."""
    while len(killed) < times and not over.is_set():
        for process in find_workers(method)[:1]:
            os.kill(process.pid, signal.SIGKILL)
            killed.append(process.pid)
            process.wait(timeout=20)
        time.sleep(0.002)


def index_while_killing(
    call: Call, method: str, times: int, words: list[object]
) -> tuple[int, str, str, int]:
    killed: list[int] = []
    over = threading.Event()
    killer = threading.Thread(target=kill_a_worker, args=(method, times, killed, over))
    killer.start()
    try:
        code, out, err = call(*words)
    finally:
        over.set()
        killer.join()
    return code, out, err, len(killed)


def vectors_of(folder: Path) -> dict[str, np.ndarray]:
    return {
        name: vector
        for segment in open_index(folder).segments
        for name, vector in zip(
            segment.ids(range(segment.entry.rows)), segment.vectors.decode(slice(None)), strict=True
        )
    }


def test_a_worker_killed_while_encoding_costs_its_shard_only(
    address: str, rows: Path, xlmr: Path, tmp_path: Path, call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    words = ["index", xlmr, rows, "--ray", address, "--shards", 4, "--out", tmp_path / "index", "--json"]
    code, out, err, killed = index_while_killing(call, "encode", 1, words)
    assert (code, killed) == (0, 1), err
    lost = [record.getMessage() for record in caplog.records if "a worker was lost" in record.getMessage()]
    assert len(lost) == 1
    assert "over the shard" in lost[0]
    assert find_workers() == []
    assert not (tmp_path / "index.shards").exists()
    index = open_index(tmp_path / "index")
    assert index.find_damage() == []
    assert index.count == json.loads(out)["added"] == sum(segment.entry.rows for segment in index.segments)
    # Shards made here, one after the other, hold the same vectors to the bit.
    encoder, alone = load_model(str(xlmr), "cpu"), {}
    for number in range(1, 5):
        folder = tmp_path / f"shard-{number}"
        encode_shard(encoder, Collection(rows), hash_passages(rows), Part(number, 4), folder)
        alone |= vectors_of(folder)
    there = vectors_of(tmp_path / "index")
    assert there.keys() == alone.keys()
    assert {name.partition("#")[0] for name in there} == {
        json.loads(line)["id"] for line in rows.read_text(encoding="utf-8").splitlines()
    }
    for name, vector in there.items():
        np.testing.assert_array_equal(vector, alone[name])


def test_workers_that_die_again_and_again_end_in_one_line(
    address: str, rows: Path, xlmr: Path, tmp_path: Path, call: Call
) -> None:
    words = ["index", xlmr, rows, "--ray", address, "--shards", 1, "--out", tmp_path / "index"]
    code, out, err, killed = index_while_killing(call, "encode", 3, words)
    assert (code, out, killed) == (2, "", 3)
    last = err.splitlines()[-1]
    assert last.startswith("isogloss: error: 3 workers were lost over the shard 1/1")
    assert find_workers() == []
    assert not (tmp_path / "index").exists()
    # What was encoded is kept, and used when the command is given again.
    assert call(*words)[0] == 0


def test_what_goes_wrong_on_a_worker_is_told_in_one_line(
    address: str, rows: Path, xlmr: Path, tmp_path: Path, call: Call
) -> None:
    broken = shutil.copytree(xlmr, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"no tensors")
    empty = tmp_path / "en.jsonl"
    empty.write_text('{"id": "a", "text": " "}\n', encoding="utf-8")
    for words, message in (
        ([broken, rows], "cannot be loaded"),
        ([xlmr, empty], "line 1: 'text' is missing or empty"),
        ([xlmr, rows, "--workers", 9], "has 2 cores, too few for 9 workers"),
    ):
        code, out, err = call("index", *words, "--ray", address, "--out", tmp_path / "index")
        assert (code, out, len(err.splitlines())) == (2, "", 1), err
        assert message in err
        assert find_workers() == []


def test_an_address_where_nobody_is_gives_one_line(rows: Path, tmp_path: Path, call: Call) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'isogloss[ray]'")
    code, out, err = call("index", "m", rows, "--ray", "127.0.0.1:1", "--out", tmp_path / "index")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "no Ray cluster can be joined at 127.0.0.1:1" in err
