"""Trainings in shards (FSDP2) on CPUs, where accelerate would train whole copies instead."""

from __future__ import annotations

from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedType
from process_runs import Job, train_here

from isogloss.training import sharding


def shard_on_cpus() -> None:
    """Let accelerate cut models into shards on CPUs, as it does on GPUs: torch can do it on both."""
    make = AcceleratorState.__init__

    def make_sharding(self: AcceleratorState, *arguments: object, **options: object) -> None:
        make(self, *arguments, **options)
        plugin = options.get("fsdp_plugin")
        if plugin is not None and self.distributed_type == DistributedType.MULTI_CPU:
            if self.mixed_precision != "no":
                plugin.set_mixed_precision(self.mixed_precision)  # type: ignore[attr-defined]
            self.distributed_type = DistributedType.FSDP
            self.fsdp_plugin = plugin
            PartialState._shared_state["distributed_type"] = DistributedType.FSDP

    AcceleratorState.__init__ = make_sharding
    sharding.check_device = lambda device: None


def train_in_shards(rank: int, job: Job) -> None:
    """Train as one of the processes that hold a shard each."""
    shard_on_cpus()
    train_here(rank, job)
