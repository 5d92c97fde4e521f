"""Trainings in one or several forked processes, some of which are killed by SIGKILL at a given moment."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from isogloss.config import TrainConfig
from isogloss.training.loss import ContrastiveLoss
from isogloss.training.processes import LostProcessError
from isogloss.training.run import train
from isogloss.training.trainer import PlannedTrainer

SERVER = multiprocessing.get_context("forkserver")
"""Forks each process from one that has imported everything and computed nothing."""
SERVER.set_forkserver_preload(["isogloss.training.run", "isogloss.encoding"])

LOST = 3
"""Exit code of a process that has lost another."""

DEADLINE = 150.0
"""Seconds that any of these processes may take on a loaded machine."""


@dataclass(frozen=True)
class Killing:
    """Kill one process so many seconds after an event has come for the n-th time."""

    event: str
    count: int
    delay: float
    rank: int = 0

    def __str__(self) -> str:
        return f"rank {self.rank}, {self.event} {self.count} + {1000 * self.delay:.0f} ms"


class Countdown(TrainerCallback):
    """Start the clock of a killing at its event."""

    def __init__(self, killing: Killing) -> None:
        self.killing = killing
        self.seen = 0

    def come(self, event: str) -> None:
        if event == self.killing.event:
            self.seen += 1
            if self.seen == self.killing.count:
                threading.Timer(self.killing.delay, os.kill, (os.getpid(), signal.SIGKILL)).start()

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        self.come("step")

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        self.come("epoch")

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        self.come("end")


@dataclass(frozen=True)
class Job:
    """Say what each process does, and as which of how many."""

    config: TrainConfig
    out: Path
    records: Path
    resume: bool = False
    killing: Killing | None = None

    def record(self, rank: int) -> Path:
        """Name the file of the rows that one process trained on."""
        return self.records / f"{rank}.jsonl"


def run_training(job: Job, processes: int = 1) -> list[int]:
    """Train, and give the exit codes of the processes."""
    job.records.mkdir(parents=True)
    return run_together(train_here, processes, job)


def run_together(work: Callable[..., None], processes: int, *arguments: object) -> list[int]:
    """Do something in several processes that find each other, and give their exit codes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    workers: list[BaseProcess] = [
        SERVER.Process(target=take_place, args=(work, rank, processes, port, *arguments))
        for rank in range(processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(DEADLINE)
        worker.kill()
        worker.join()
    return [int(worker.exitcode or 0) for worker in workers]


def take_place(work: Callable[..., None], rank: int, processes: int, port: int, *arguments: object) -> None:
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes}
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": 1}
    if processes > 1:
        os.environ.update({name: str(value) for name, value in {**places, **where}.items()})
    torch.set_num_threads(1)
    work(rank, *arguments)


def train_here(rank: int, job: Job) -> None:
    """Train as one of the processes, and write down each batch as it comes."""
    record_rows(job.record(rank))
    callbacks: tuple[TrainerCallback, ...] = ()
    if job.killing is not None and job.killing.rank == rank:
        countdown = Countdown(job.killing)
        save = PlannedTrainer._save_checkpoint

        def save_late(self: PlannedTrainer, *arguments: object, **options: object) -> None:
            countdown.come("save")
            save(self, *arguments, **options)  # type: ignore[arg-type]

        PlannedTrainer._save_checkpoint = save_late  # type: ignore[method-assign]
        callbacks = (countdown,)
    try:
        train(job.config, job.out, resume=job.resume, callbacks=callbacks)
    except LostProcessError:
        os._exit(LOST)


def record_rows(path: Path) -> None:
    """Write the token rows of every training batch that the loss sees, without those that fill up a share."""
    forward = ContrastiveLoss.forward

    def spy(
        self: ContrastiveLoss, sentence_features: Iterable[Mapping[str, Tensor]], labels: Tensor | None = None
    ) -> Tensor:
        features = list(sentence_features)
        columns = []
        for column in features:
            mask = column["attention_mask"].bool()
            rows = [ids[own].tolist() for ids, own in zip(column["input_ids"], mask, strict=True)]
            real = [True] * len(rows) if labels is None else (labels[:, 0] >= 0).tolist()
            columns.append([row for row, kept in zip(rows, real, strict=True) if kept])
        if torch.is_grad_enabled():
            with path.open("a") as file:
                file.write(json.dumps(columns) + "\n")
        return forward(self, features, labels)

    ContrastiveLoss.forward = spy  # type: ignore[method-assign]


def read_batches(job: Job, processes: int = 1) -> list[list[list[list[int]]]]:
    """Put the shares of the processes together: for each batch, its columns of token rows.

    Processes that were killed may have come one batch further than others; such a batch is left out, and so
    is a line that was cut off.
    """
    shares = []
    for rank in range(processes):
        text = job.record(rank).read_text() if job.record(rank).is_file() else ""
        shares.append([json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")])
    assert job.killing is not None or len({len(share) for share in shares}) == 1
    return [
        [[row for part in parts for row in part[column]] for column in range(len(parts[0]))]
        for parts in zip(*shares, strict=False)
    ]
