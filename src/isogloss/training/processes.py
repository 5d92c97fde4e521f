"""Several processes that train one model: start them, watch them, and say which of them this one is."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from isogloss.errors import ConfigError, IsoglossError
from isogloss.processors import count_processors

LOST_PROCESS = 75
"""Exit code of a process that stops because another one is gone; whoever started them says why."""

_STARTED = "ISOGLOSS_STARTED"
"""Set for processes that ``start_processes`` started; they end when it does."""

_PATIENCE = 10.0
"""Seconds that the other processes have to end by themselves once one has failed."""

_PAUSE = 0.1


class LostProcessError(IsoglossError):
    """Report that a process of a training has ended before its time."""


@dataclass(frozen=True)
class ProcessPlace:
    """Say which of a training's processes this one is.

    Args:
        rank: Its number, from 0; 0 writes all files and output.
        processes: How many there are.
        on_machine: How many of them are on this machine.
        started: Whether ``start_processes`` started it, rather than another launcher.
    """

    rank: int = 0
    processes: int = 1
    on_machine: int = 1
    started: bool = False


def find_place() -> ProcessPlace:
    """Read which of a training's processes this one is from the variables that every launcher sets.

    Returns:
        Its place; that of an only process where no launcher has set one.

    Raises:
        ConfigError: The variables hold no numbers.
    """
    try:
        processes = int(os.environ.get("WORLD_SIZE", "1"))
        on_machine = int(os.environ.get("LOCAL_WORLD_SIZE", str(processes)))
        return ProcessPlace(int(os.environ.get("RANK", "0")), processes, on_machine, _STARTED in os.environ)
    except ValueError as error:
        raise ConfigError(f"RANK, WORLD_SIZE and LOCAL_WORLD_SIZE should be numbers: {error}") from None


def check_shares(batch_size: int, processes: int) -> None:
    """Check that batches can be cut into one share per process.

    Args:
        batch_size: Rows of a full batch.
        processes: Number of processes.

    Raises:
        ConfigError: There is no process, or their number does not divide the batch size.
    """
    if processes < 1:
        raise ConfigError(f"a training needs at least 1 process; got {processes}")
    if batch_size > 0 and batch_size % processes:
        fitting = [number for number in range(1, batch_size + 1) if batch_size % number == 0]
        near = sorted(fitting, key=lambda number: (abs(number - processes), number))[:3]
        raise ConfigError(
            f"'batches.size' = {batch_size} cannot be shared evenly by {processes} processes; take "
            f"{', '.join(str(number) for number in sorted(near))} processes, or another size"
        )


def start_processes(arguments: Sequence[str], processes: int) -> int:
    """Run one command of isogloss in several processes on this machine, and wait for all of them.

    The first process writes to this one's stdout and stderr; of the others only the reason of a failure is
    shown. When one fails or an interrupt comes, all end. They also end when this one does, however it does.

    Args:
        arguments: The words after ``isogloss``.
        processes: How many processes, at least 2.

    Returns:
        0, or the exit code of the first process where that one has said itself what is wrong.

    Raises:
        LostProcessError: Another process failed, or one was killed.
        KeyboardInterrupt: An interrupt came; all processes have ended.
    """
    port = _find_port()
    workers: list[subprocess.Popen[bytes]] = []
    with ExitStack() as stack:
        notes = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(processes)]
        stack.callback(_show_cursor)
        stack.callback(_end, workers)
        workers.extend(_start(arguments, rank, processes, port, notes[rank]) for rank in range(processes))
        codes = _wait(workers, 0)
        while not any(codes):
            if None not in codes:
                return 0
            codes = _wait(workers, _PAUSE)
        codes = _wait(workers, _PATIENCE)
        first = codes[0]
        if first is not None and first > 0 and first != LOST_PROCESS:
            return first
        raise LostProcessError(_explain(codes, notes))


def end_with_starter() -> None:
    """End this process as soon as the one that started it has ended, however that happened."""

    def watch() -> None:
        # Nothing is ever written there: reading ends when the other end is closed.
        os.read(0, 1)
        os._exit(LOST_PROCESS)

    threading.Thread(target=watch, daemon=True).start()


def leave_lost_training() -> NoReturn:
    """End this process at once, since another one of the training has ended; its starter says so.

    An ordinary exit would destroy the network library's threads, which still wait for the other process, and
    the library would abort with a word of its own.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(LOST_PROCESS)


def speaks_of_lost_process(error: RuntimeError) -> bool:
    """Tell whether an error says that another process cannot be reached any more.

    Args:
        error: An error from communication between processes, or any other.

    Returns:
        Whether it is from communication.
    """
    from torch.distributed import DistError

    # gloo's errors have no class of their own; they begin with the file of gloo that they are from.
    return isinstance(error, DistError) or "gloo/" in str(error)


def _start(
    arguments: Sequence[str], rank: int, processes: int, port: int, notes: BinaryIO
) -> subprocess.Popen[bytes]:
    places = {
        "RANK": rank,
        "LOCAL_RANK": rank,
        "WORLD_SIZE": processes,
        "LOCAL_WORLD_SIZE": processes,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        _STARTED: 1,
    }
    # Each would otherwise take all cores.
    threads = {"OMP_NUM_THREADS": str(max(1, count_processors() // processes))}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "isogloss", *arguments],
        stdin=subprocess.PIPE,
        stdout=None if rank == 0 else subprocess.DEVNULL,
        stderr=None if rank == 0 else notes,
        env={**threads, **os.environ, **{name: str(value) for name, value in places.items()}},
        start_new_session=True,  # an interrupt from the terminal comes to us alone; we end them
    )


def _wait(workers: Sequence[subprocess.Popen[bytes]], seconds: float) -> list[int | None]:
    """Give processes some time to end by themselves, and tell their exit codes, none where they still run."""
    end = time.monotonic() + seconds
    codes = [worker.poll() for worker in workers]
    while None in codes and time.monotonic() < end:
        time.sleep(_PAUSE)
        codes = [worker.poll() for worker in workers]
    return codes


def _end(workers: Sequence[subprocess.Popen[bytes]]) -> None:
    """End what still runs; a training may be killed at any moment and resumed."""
    for worker in workers:
        if worker.poll() is None:
            worker.kill()
    for worker in workers:
        worker.wait()
        if worker.stdin is not None:
            worker.stdin.close()


def _show_cursor() -> None:
    """Give the terminal back its cursor, which the bar of a process that was ended had hidden."""
    if sys.stderr.isatty():
        sys.stderr.write("\x1b[?25h")
        sys.stderr.flush()


def _explain(codes: Sequence[int | None], notes: Sequence[BinaryIO]) -> str:
    """Say in one line which process failed, and why."""
    faults = [rank for rank, code in enumerate(codes) if code not in (None, 0, LOST_PROCESS)]
    if not faults:
        return "the processes of the training have lost one another"
    rank = faults[0]
    code = codes[rank] or 0
    name = f"process {rank + 1} of {len(codes)}"
    if code < 0:
        return f"{name} was ended by {signal.Signals(-code).name}"
    notes[rank].seek(0)
    lines = notes[rank].read().decode(errors="replace").split("\n")
    said = [line.removeprefix("isogloss: error: ").strip() for line in lines if line.strip()]
    return f"{name} failed: {said[-1] if said else f'exit code {code}'}"


def _find_port() -> int:
    """Find a port of this machine on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
