"""Starting and ending several processes; the dealing of batches, beside what accelerate does by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pytest
from accelerate import skip_first_batches
from accelerate.data_loader import BatchSamplerShard, prepare_data_loader
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader
from training_runs import Settings
from transformers import TrainerControl, TrainerState, TrainingArguments

from isogloss.batching import PlanSampler
from isogloss.config import BatchesConfig
from isogloss.errors import ConfigError
from isogloss.training.arguments import build_arguments
from isogloss.training.callbacks import PlanEpoch
from isogloss.training.plans import plan_run
from isogloss.training.processes import (
    LOST_PROCESS,
    LostProcessError,
    ProcessPlace,
    check_shares,
    find_place,
    start_processes,
)
from isogloss.training.rows import RowTexts, SharedSampler, planned_dataset, sample_planned_batches

Starter = Callable[[str], None]


def mono_plan(settings: Settings) -> PlanSampler:
    return PlanSampler(plan_run(settings(batches=BatchesConfig(strategy="x-x-mono", size=8))).train)


def whole(sampler: PlanSampler) -> SharedSampler:
    """Give whole batches, of any length: of a sampler with a fixed one, accelerate drops what is not full."""
    return SharedSampler(sampler, 1)


def languages_of(sampler: PlanSampler, rows: list[int]) -> set[str]:
    """Name the languages of rows, by their numbers."""
    plan = sampler.plan
    found = set()
    for row in rows:
        number, slot = divmod(row, plan.batch_size)
        batch = plan.batch(*divmod(number, plan.steps_per_epoch))
        found.add(plan.corpora[batch.corpus].languages[batch.query_languages[slot]])
    return found


def deal(
    sampler: PlanSampler | SharedSampler, processes: int, *, split: bool = False
) -> list[list[list[int]]]:
    """Deal batches as accelerate does for the trainer: the rows of each process by step."""
    return [
        list(BatchSamplerShard(sampler, processes, rank, split_batches=split, even_batches=False))
        for rank in range(processes)
    ]


def join(dealt: list[list[list[int]]]) -> list[list[int]]:
    """Put the shares of each step together again."""
    return [list(chain.from_iterable(shares)) for shares in zip(*dealt, strict=True)]


def test_stock_dealing_mixes_languages_and_ours_does_not(settings: Settings) -> None:
    sampler = mono_plan(settings)
    first, second = deal(whole(sampler), 2)
    mixed = [
        languages_of(sampler, own) != languages_of(sampler, other)
        for own, other in zip(first, second, strict=False)
    ]
    assert any(mixed)
    for own, other in zip(*deal(SharedSampler(sampler, 2), 2), strict=True):
        rows = [row for row in own + other if row % 8 < len(sampler.plan.batch(0, own[0] // 8))]
        assert len(languages_of(sampler, rows)) == 1


def test_stock_splitting_loses_batches_that_are_not_full_and_ours_does_not(settings: Settings) -> None:
    sampler = mono_plan(settings)
    planned = list(sampler)
    assert any(len(batch) < 8 for batch in planned)
    split = join(deal(sampler, 2, split=True))
    assert len(split) < len(planned)
    shared = join(deal(SharedSampler(sampler, 2), 2))
    assert [rows[: len(batch)] for rows, batch in zip(shared, planned, strict=True)] == planned


@given(lengths=st.lists(st.integers(1, 12), min_size=1, max_size=8), processes=st.sampled_from([1, 2, 3, 4]))
@hypothesis_settings(max_examples=60)
def test_shares_are_equally_long_and_make_up_the_batch(lengths: list[int], processes: int) -> None:
    class Batches:
        """Stand for a sampler of a plan with batches of 12."""

        def __len__(self) -> int:
            return len(lengths)

        def __iter__(self):  # noqa: ANN204
            return iter([list(range(12 * place, 12 * place + rows)) for place, rows in enumerate(lengths)])

    sampler = SharedSampler(Batches(), processes)  # type: ignore[arg-type]
    dealt = deal(sampler, processes)
    assert len(sampler) == len(lengths) * processes
    for step, rows in enumerate(lengths):
        shares = [dealt[rank][step] for rank in range(processes)]
        assert {len(share) for share in shares} == {-(-rows // processes)}
        (joined,) = join([[share] for share in shares])
        assert joined == list(range(12 * step, 12 * step + len(joined)))
        assert rows <= len(joined) <= 12


def test_rows_that_fill_up_a_share_are_marked(settings: Settings) -> None:
    plan = plan_run(settings()).train
    step = next(step for step in range(plan.steps_per_epoch) if len(plan.batch(0, step)) == 7)
    dataset = planned_dataset(RowTexts(plan, processes=2), plan.steps_per_epoch)
    assert isinstance(sample_planned_batches(dataset, batch_size=8), SharedSampler)
    rows = dataset[8 * step : 8 * step + 8]
    assert rows["label"] == [[0], [1], [2], [3], [4], [5], [6], [-1]]
    assert rows["query"][6] == rows["query"][7]
    alone = planned_dataset(RowTexts(plan), plan.steps_per_epoch)
    assert set(alone[0]) == {"query", "passage"}


def resumed_rows(sampler: PlanSampler | SharedSampler, epoch: int, skipped: int, *, ours: bool) -> list[int]:
    """Resume in an epoch with what the trainer does, with or without our callback: the first rows."""
    loader = prepare_data_loader(
        DataLoader(range(10_000), batch_sampler=sampler, collate_fn=list),  # type: ignore[arg-type]
        num_processes=2,
        process_index=0,
        even_batches=False,
    )
    arguments = TrainingArguments("none", use_cpu=True)
    if ours:
        state = TrainerState(epoch=float(epoch))
        PlanEpoch().on_epoch_begin(arguments, state, TrainerControl(), train_dataloader=loader)
    # From here on as transformers' trainer does at the start of a resumed epoch.
    loader = skip_first_batches(loader, skipped)
    loader.set_epoch(epoch)
    inner = getattr(loader.batch_sampler, "batch_sampler", None)
    if hasattr(inner, "set_epoch"):
        inner.set_epoch(epoch)
    return list(next(iter(loader)))


def test_stock_resuming_replays_the_first_epoch_and_ours_does_not(settings: Settings) -> None:
    stock = resumed_rows(whole(mono_plan(settings)), 2, 1, ours=False)
    sampler = mono_plan(settings)
    steps = sampler.plan.steps_per_epoch
    assert stock[0] // 8 < steps
    ours = resumed_rows(SharedSampler(sampler, 2), 2, 1, ours=True)
    assert ours[0] == 8 * (2 * steps + 1)


@pytest.mark.parametrize(
    ("size", "processes", "fits"), [(8, 1, True), (100, 4, True), (100, 3, False), (7, 2, False)]
)
def test_processes_must_divide_the_batch_size(size: int, processes: int, fits: bool) -> None:
    if fits:
        check_shares(size, processes)
        return
    with pytest.raises(
        ConfigError, match=rf"'batches\.size' = {size} cannot be shared evenly by {processes}"
    ):
        check_shares(size, processes)


def test_the_message_names_numbers_that_fit() -> None:
    with pytest.raises(ConfigError, match="take 1, 2, 4 processes"):
        check_shares(100, 3)
    with pytest.raises(ConfigError, match="at least 1 process; got 0"):
        check_shares(100, 0)


def test_the_place_comes_from_the_launchers_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_place() == ProcessPlace()
    for name, value in (("RANK", "3"), ("WORLD_SIZE", "8"), ("LOCAL_WORLD_SIZE", "4")):
        monkeypatch.setenv(name, value)
    assert find_place() == ProcessPlace(rank=3, processes=8, on_machine=4)
    monkeypatch.setenv("RANK", "first")
    with pytest.raises(ConfigError, match="RANK, WORLD_SIZE and LOCAL_WORLD_SIZE should be numbers"):
        find_place()


def test_more_processes_than_gpus_are_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    with pytest.raises(ConfigError, match="4 processes need as many GPUs; here are 2"):
        build_arguments(settings(), tmp_path, validate=False)


@pytest.fixture
def as_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Starter:
    """Let a shell script stand for the interpreter that the processes are started with."""

    def use(script: str) -> None:
        file = tmp_path / "worker"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        monkeypatch.setattr("sys.executable", str(file))

    return use


def test_output_is_that_of_the_first_process(capfd: pytest.CaptureFixture[str]) -> None:
    assert start_processes(["--version"], 2) == 0
    printed = capfd.readouterr()
    assert printed.out.startswith("isogloss ")
    assert printed.out.count("\n") == 1
    assert printed.err == ""


def test_each_process_is_told_its_place(as_worker: Starter, tmp_path: Path) -> None:
    as_worker(f'echo "$RANK $LOCAL_RANK $WORLD_SIZE $MASTER_ADDR $*" > {tmp_path}/told$RANK')
    assert start_processes(["train", "x y"], 3) == 0
    for rank in range(3):
        told = (tmp_path / f"told{rank}").read_text().strip()
        assert told == f"{rank} {rank} 3 127.0.0.1 -P -m isogloss train x y"


def test_an_error_of_the_first_process_stands_for_all(
    as_worker: Starter, capfd: pytest.CaptureFixture[str]
) -> None:
    as_worker('echo "isogloss: error: no such file" >&2; exit 2')
    assert start_processes(["train"], 3) == 2
    assert capfd.readouterr().err == "isogloss: error: no such file\n"


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ('echo "isogloss: error: no memory" >&2; exit 2', "process 2 of 3 failed: no memory"),
        ("exit 7", "process 2 of 3 failed: exit code 7"),
        ("kill -9 $$", "process 2 of 3 was ended by SIGKILL"),
    ],
)
def test_a_failure_of_another_process_ends_all_and_is_named(
    as_worker: Starter, capfd: pytest.CaptureFixture[str], end: str, message: str
) -> None:
    as_worker(f"if [ $RANK = 1 ]; then {end}; fi; sleep 0.5; exit {LOST_PROCESS}")
    with pytest.raises(LostProcessError, match=message):
        start_processes(["train"], 3)
    assert capfd.readouterr().err == ""


def test_processes_that_hang_after_a_failure_are_ended(
    as_worker: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isogloss.training.processes._PATIENCE", 0.3)
    as_worker("if [ $RANK = 1 ]; then exit 7; fi; exec sleep 600")
    start = time.monotonic()
    with pytest.raises(LostProcessError, match="process 2 of 2 failed"):
        start_processes(["train"], 2)
    assert time.monotonic() - start < 60


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Take interrupts as a terminal's process does: a shell's background jobs are started to ignore them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_an_interrupt_ends_all(as_worker: Starter, tmp_path: Path) -> None:
    as_worker(f"echo $$ > {tmp_path}/pid$RANK; exec sleep 600")

    def interrupt() -> None:
        while not all((tmp_path / f"pid{rank}").is_file() for rank in range(2)):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        start_processes(["train"], 2)
    for rank in range(2):
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / f"pid{rank}").read_text()), 0)


def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    """Even when that one is killed and can tell them nothing."""
    worker = tmp_path / "worker"
    code = (
        "import os, pathlib, time; from isogloss.training.processes import end_with_starter; "
        "end_with_starter(); "
        f"pathlib.Path({str(tmp_path)!r}, 'pid' + os.environ['RANK']).write_text(str(os.getpid())); "
        "time.sleep(600)"
    )
    worker.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}"\n')
    worker.chmod(0o755)
    starter = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import sys; sys.executable = {str(worker)!r}; "
            "from isogloss.training.processes import start_processes; start_processes(['train'], 2)",
        ]
    )
    pids = [tmp_path / f"pid{rank}" for rank in range(2)]
    wait_until(lambda: all(pid.is_file() and pid.read_text() for pid in pids))
    starter.kill()
    starter.wait()
    wait_until(lambda: not any(Path(f"/proc/{pid.read_text()}/cmdline").is_file() for pid in pids))


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
