"""Encode the shards of a collection on a Ray cluster: workers hold the model, this process has the files."""

from __future__ import annotations

import logging
import re
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from isogloss.errors import ConfigError, ModelError, first_line
from isogloss.progress import Advance, ignore_progress
from isogloss.sharding.collection import Collection, Part
from isogloss.sharding.shard import encode_shard
from isogloss.sharding.worker import Description, Worker, WorkerEncoder, WorkerLost, fetch

if TYPE_CHECKING:
    from ray.actor import ActorHandle

ATTEMPTS = 3
"""Workers that may be lost over one shard, or while they load the model, before all is given up."""
_KNOCK_SECONDS = 10.0
_LOOK_SECONDS = 1.0
_TOLD_SECONDS = 60
_ADDRESS = re.compile(r"auto|[^\s/:]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5}")
_log = logging.getLogger(__name__)


class Slot(NamedTuple):
    """Say what a worker takes of a cluster.

    Attributes:
        cpus: Processor cores, from 1.
        gpus: Accelerators, 0 or 1.
    """

    cpus: int
    gpus: int


@contextmanager
def join_cluster(address: str) -> Iterator[None]:
    """Use a running Ray cluster; what is started there ends with the block.

    Standard output is the error stream meanwhile, since Ray prints there that a worker died.

    Args:
        address: ``auto`` for the cluster that this machine belongs to, or HOST:PORT of its head.

    Yields:
        Nothing.

    Raises:
        ConfigError: There is no such cluster, its Ray or Python is another release, or Ray is not installed.
    """
    if not _ADDRESS.fullmatch(address):
        raise ConfigError(f"--ray takes auto or HOST:PORT of a cluster's head, got {address!r}")
    try:
        import ray
    except ImportError as error:
        raise ConfigError("--ray needs one more library: pip install 'isogloss[ray]'") from error
    with redirect_stdout(sys.stderr):
        try:
            _knock(address)
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (RuntimeError, ValueError, OSError, SystemExit) as error:
            raise ConfigError(
                f"no Ray cluster can be joined at {address} ({first_line(error).rstrip('.')}); start one "
                "with ray start, on this machine too"
            ) from error
        try:
            yield
        finally:
            ray.shutdown()


def plan_slots(cpus: Sequence[int], gpus: Sequence[int], workers: int | None) -> list[Slot]:
    """Divide a cluster among workers.

    Args:
        cpus: Cores of each machine.
        gpus: Accelerators of each machine.
        workers: How many workers; one an accelerator when None, or one a machine where there is none.

    Returns:
        What each worker takes: an accelerator where there are enough, and as many cores as all can have.

    Raises:
        ConfigError: The cluster has fewer cores than workers.
    """
    machines = sum(1 for cores in cpus if cores)
    count = workers or sum(gpus) or machines
    if not count or sum(cpus) < count:
        raise ConfigError(f"the Ray cluster has {sum(cpus)} cores, too few for {max(count, 1)} workers")
    if sum(gpus) >= count:
        return [Slot(1, 1)] * count
    most = max(size for size in range(1, max(cpus) + 1) if sum(cores // size for cores in cpus) >= count)
    return [Slot(most, 0)] * count


def encode_on_cluster(
    model: str,
    collection: Collection,
    digest: str,
    folders: Sequence[Path],
    *,
    workers: int | None = None,
    device: str | None = None,
    advance: Advance = ignore_progress,
) -> None:
    """Encode all shards of a collection on the cluster that was joined.

    Texts go to the workers and vectors come back in pieces, so that the machines share no disk; each has
    isogloss and the model under the same name. A shard whose worker is lost goes on with another one from
    the vectors that are here.

    Args:
        model: Run, model folder or hub name, as all machines know it.
        collection: The collection.
        digest: The hash of its files.
        folders: Where to write each shard; their number is that of the parts.
        workers: How many workers; see ``plan_slots``.
        device: Where the model computes; the best there is when not given.
        advance: Called with the bytes of the collection read since the last call; all shards read all of it.

    Raises:
        ConfigError: The cluster has too few cores, or a folder holds something else.
        DataError: The collection is not what it should be.
        ModelError: A worker cannot load the model, or workers were lost more often than is tolerated.
    """
    import ray

    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    slots = plan_slots(
        [int(own.get("CPU", 0)) for own in alive],
        [0 if device == "cpu" else int(own.get("GPU", 0)) for own in alive],
        workers,
    )
    job = _Job(model, device, collection, digest, folders, advance)
    slots = slots[: len(folders)]
    with ThreadPoolExecutor(len(slots)) as threads:
        running = [threads.submit(job.work, slot) for slot in slots]
        try:
            for one in running:
                one.result()
        except BaseException as error:
            job.stop(error)
            raise
    if job.error is not None:
        raise job.error


def _knock(address: str) -> None:
    """Tell soon that nobody is there: Ray itself tries for minutes, and then ends the process."""
    if address != "auto":
        host, _, port = address.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_SECONDS).close()


class _Job:
    """Hand out shards to threads, each of which keeps one worker busy."""

    def __init__(
        self,
        model: str,
        device: str | None,
        collection: Collection,
        digest: str,
        folders: Sequence[Path],
        advance: Advance,
    ) -> None:
        self.error: BaseException | None = None
        self._model = model
        self._device = device
        self._collection = collection
        self._digest = digest
        self._folders = folders
        self._advance = advance
        self._waiting = [Part(number, len(folders)) for number in range(len(folders), 0, -1)]
        self._unfinished = len(folders)
        self._losses: dict[Part | None, int] = {}
        self._workers: set[ActorHandle[Worker]] = set()
        self._changed = threading.Condition()

    def work(self, slot: Slot) -> None:
        """Encode shards until none is left; a lost worker is replaced."""
        worker: ActorHandle[Worker] | None = None
        encoder: WorkerEncoder | None = None
        part: Part | None = None
        try:
            while True:
                try:
                    if worker is None or encoder is None:
                        worker = self._start(slot)
                        encoder = self._meet(worker, slot)
                    part = self._take() if encoder else None
                    if part is None or encoder is None:
                        return
                    self._encode(encoder, part)
                except WorkerLost as error:
                    self._give_back(part, error)
                    self._end(worker)
                    worker = encoder = None
                part = None
        except BaseException as error:  # it is raised again in the thread that waits
            self.stop(error)
        finally:
            self._end(worker)

    def stop(self, error: BaseException) -> None:
        """Give up: the first error counts, and all workers end."""
        with self._changed:
            self.error = self.error or error
            workers = list(self._workers)
            self._changed.notify_all()
        for worker in workers:
            self._end(worker)

    def _encode(self, encoder: WorkerEncoder, part: Part) -> None:
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            self._advance(count)

        try:
            encode_shard(
                encoder, self._collection, self._digest, part, self._folders[part.number - 1], advance
            )
        except WorkerLost:
            self._advance(-done)  # what is read again counts once
            raise
        with self._changed:
            self._unfinished -= 1
            self._changed.notify_all()

    def _take(self) -> Part | None:
        """Take a shard; wait while one that another worker has may come back."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._over())
            return None if self._over() else self._waiting.pop()

    def _give_back(self, part: Part | None, error: WorkerLost) -> None:
        """Put a shard back whose worker was lost, unless that happened too often."""
        with self._changed:
            self._losses[part] = self._losses.get(part, 0) + 1
            if part is not None:
                self._waiting.append(part)
            self._changed.notify_all()
            if self.error is not None:
                return
        what = "while they loaded the model" if part is None else f"over the shard {part}"
        if self._losses[part] >= ATTEMPTS:
            raise ModelError(
                f"{ATTEMPTS} workers were lost {what} (the last one: {error}); shards that are done are kept"
            )
        _log.warning("a worker was lost %s (%s); another one goes on", what, error)

    def _start(self, slot: Slot) -> ActorHandle[Worker]:
        import ray

        actor = ray.remote(Worker).options(
            num_cpus=slot.cpus, num_gpus=slot.gpus, max_restarts=0, scheduling_strategy="SPREAD"
        )
        worker: ActorHandle[Worker] = actor.remote(self._model, self._device)
        with self._changed:
            self._workers.add(worker)
        return worker

    def _meet(self, worker: ActorHandle[Worker], slot: Slot) -> WorkerEncoder | None:
        """Wait for a worker to find room and load its model; None when all is done first."""
        import ray

        reference = worker.describe.remote()
        looks = 0
        while not ray.wait([reference], timeout=_LOOK_SECONDS)[0]:
            with self._changed:
                if self._over():
                    return None
            looks += 1
            if looks % _TOLD_SECONDS == 0:
                _log.warning("still waiting for a worker of %d cores and %d GPUs, and its model", *slot)
        return WorkerEncoder(worker, fetch(reference, Description))

    def _end(self, worker: ActorHandle[Worker] | None) -> None:
        import ray

        if worker is None:
            return
        with self._changed:
            self._workers.discard(worker)
        with suppress(Exception):  # it may be gone, or the cluster
            ray.kill(worker)

    def _over(self) -> bool:
        return self.error is not None or self._unfinished == 0
