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
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest

from commands import Call
from isogloss.encoding.batches import EncodedBatch, Kind
from isogloss.index import Compression, Manifest, open_index
from isogloss.passages import hash_passages
from isogloss.sharding import Collection, Part, cluster, encode_shard, join_shards, load_model
from isogloss.sharding.worker import WorkerEncoder
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


@dataclass
class Attempt:
    """Hold what one worker was asked for one shard, and what arrived here."""

    part: Part
    node: str
    pid: int
    asked: list[str] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)


class Watch:
    """Note every attempt to encode a shard, and kill the worker of one of them in the middle."""

    def __init__(self, doomed: Part) -> None:
        self.doomed = doomed
        self.attempts: list[Attempt] = []
        self._own = threading.local()
        self._encode_shard = cluster.encode_shard
        self._encode_batches = WorkerEncoder.encode_batches

    def install(self, patch: pytest.MonkeyPatch) -> None:
        watch = self

        def encode_batches(
            encoder: WorkerEncoder, kind: Kind, texts: Sequence[str]
        ) -> Generator[EncodedBatch, None, None]:
            return watch.encode_batches(encoder, kind, texts)

        patch.setattr(cluster, "encode_shard", self.encode_shard)
        patch.setattr(WorkerEncoder, "encode_batches", encode_batches)

    def encode_shard(
        self, encoder: WorkerEncoder, collection: Collection, digest: str, part: Part, *others: object
    ) -> Manifest:
        import ray

        # A lambda travels by value: workers do not have this module.
        look = encoder._worker.__ray_call__.remote(
            lambda _: (__import__("ray").get_runtime_context().get_node_id(), __import__("os").getpid())
        )
        self._own.attempt = Attempt(part, *ray.get(look))
        self.attempts.append(self._own.attempt)
        return self._encode_shard(encoder, collection, digest, part, *others)

    def encode_batches(
        self, encoder: WorkerEncoder, kind: Kind, texts: Sequence[str]
    ) -> Generator[EncodedBatch, None, None]:
        attempt = self._own.attempt
        attempt.asked += texts
        for batch in self._encode_batches(encoder, kind, texts):
            attempt.arrived += [texts[row] for row in batch.rows]
            if attempt.part == self.doomed and not any(
                other.part == self.doomed for other in self.attempts if other is not attempt
            ):
                with suppress(ProcessLookupError):
                    os.kill(attempt.pid, signal.SIGKILL)
            yield batch


def test_a_killed_worker_costs_what_it_had_not_sent_of_its_shard(
    address: str,
    rows: Path,
    xlmr: Path,
    tmp_path: Path,
    call: Call,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch = Watch(Part(3, 4))
    watch.install(monkeypatch)
    words = ["index", xlmr, rows, "--ray", address, "--shards", 4, "--out", tmp_path / "index", "--json"]
    code, out, err = call(*words)
    assert code == 0, err
    lost = [record.getMessage() for record in caplog.records if "a worker was lost" in record.getMessage()]
    assert len(lost) == 1
    assert "over the shard 3/4" in lost[0]
    assert find_workers() == []
    assert not (tmp_path / "index.shards").exists()
    index = open_index(tmp_path / "index")
    assert index.find_damage() == []
    assert index.count == json.loads(out)["added"] == sum(segment.entry.rows for segment in index.segments)
    # Shards made here, one after the other, hold the same vectors to the bit.
    alone = make_shards(rows, xlmr, tmp_path, 4)
    there, here = vectors_of(tmp_path / "index"), {}
    for folder in alone:
        here |= vectors_of(folder)
    assert there.keys() == here.keys()
    assert {name.partition("#")[0] for name in there} == {
        json.loads(line)["id"] for line in rows.read_text(encoding="utf-8").splitlines()
    }
    for name, vector in there.items():
        np.testing.assert_array_equal(vector, here[name])
    check_attempts(watch, [texts_of(folder) for folder in alone])


def check_attempts(watch: Watch, shards: Sequence[set[str]]) -> None:
    """Compare what was encoded with the texts of each shard: nothing was asked for that had arrived."""
    assert len({attempt.node for attempt in watch.attempts}) == 2
    for number, texts in enumerate(shards, start=1):
        own = [attempt for attempt in watch.attempts if attempt.part.number == number]
        assert len(own) == (2 if number == watch.doomed.number else 1)
        assert set(own[0].asked) == texts
        assert len(own[0].asked) == len(texts)
        arrived = [text for attempt in own for text in attempt.arrived]
        assert sorted(arrived) == sorted(texts)
        for before, after in pairwise(own):
            assert before.pid != after.pid
            assert 0 < len(before.arrived) < len(texts)
            assert set(after.asked) == texts - set(before.arrived)
            assert len(after.asked) == len(texts) - len(before.arrived)


def make_shards(rows: Path, model: Path, where: Path, of: int) -> list[Path]:
    """Make all shards here, by a model in this process."""
    encoder, digest = load_model(str(model), "cpu"), hash_passages(rows)
    folders = [where / f"shard-{number}" for number in range(1, of + 1)]
    for number, folder in enumerate(folders, start=1):
        encode_shard(encoder, Collection(rows), digest, Part(number, of), folder)
    return folders


def texts_of(folder: Path) -> set[str]:
    return {
        passage.encoded_text()
        for segment in open_index(folder).segments
        for passage in segment.passages(range(segment.entry.rows))
    }


@pytest.mark.parametrize("compression", ["int8", "binary"])
def test_what_a_cluster_encodes_is_compressed_where_it_is_joined(
    compression: Compression, address: str, xlmr: Path, tmp_path: Path, call: Call
) -> None:
    rows = tmp_path / "en.jsonl"
    listed = [{"id": f"p{n}", "text": f"{SENTENCES[n % 8]} {n}"} for n in range(60)]
    rows.write_text("".join(f"{json.dumps(row)}\n" for row in listed), encoding="utf-8")
    words = ["--ray", address, "--shards", 2, "--compression", compression, "--out", tmp_path / "index"]
    code, out, err = call("index", xlmr, rows, *words)
    assert (code, out.splitlines()[0]) == (0, "60 passages added"), err
    made = open_index(tmp_path / "index")
    assert {segment.vectors.compression for segment in made.segments} == {compression}
    assert made.find_damage() == []
    join_shards(make_shards(rows, xlmr, tmp_path, 2), tmp_path / "alone", compression=compression, quiet=True)
    alone = vectors_of(tmp_path / "alone")
    assert len(alone) == 60
    for name, vector in vectors_of(tmp_path / "index").items():
        np.testing.assert_array_equal(vector, alone.pop(name))
    assert alone == {}
    found = [
        call("search", tmp_path / name, *(row["text"] for row in listed[:5]), "--json")
        for name in ("index", "alone")
    ]
    assert found[0] == found[1]
    assert len(json.loads(found[0][1])[4]["hits"]) == 10


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
        # Where a worker takes long to start, progress is shown before.
        told = [line for line in err.splitlines() if not line.startswith("indexing bytes: ")]
        assert (code, out, len(told)) == (2, "", 1), err
        assert message in err
        assert find_workers() == []


def test_an_address_where_nobody_is_gives_one_line(rows: Path, tmp_path: Path, call: Call) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'isogloss[ray]'")
    code, out, err = call("index", "m", rows, "--ray", "127.0.0.1:1", "--out", tmp_path / "index")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "no Ray cluster can be joined at 127.0.0.1:1" in err
