"""The checkpoints of a run: where they lie, and which of them can be trusted."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open

LOSS_FILE = "loss.safetensors"
"""Holds a learned temperature."""

MODULES_FILE = "modules.json"
"""Describes a model of sentence-transformers."""

_STATE_FILE = "trainer_state.json"
_SCHEDULE_FILE = "scheduler.pt"
_OPTIMIZER_FILE = "optimizer.pt"
_SHARDED_FILES = ("pytorch_model_fsdp.bin", "optimizer.bin")
"""Written by a training in shards (FSDP), in this order, in place of the optimizer's file."""

_PREFIX = "checkpoint-"


def checkpoint_folder(checkpoints: Path, step: int) -> Path:
    """Name the folder of one checkpoint.

    Args:
        checkpoints: Folder of all checkpoints of a run.
        step: Optimizer step after which it was written.

    Returns:
        The folder, by the trainer's naming.
    """
    return checkpoints / f"{_PREFIX}{step}"


def find_checkpoint(
    checkpoints: Path, parts: Sequence[str] = (), description: str = MODULES_FILE
) -> Path | None:
    """Find the last checkpoint that is whole; torn ones are named on stderr and passed over.

    Args:
        checkpoints: Folder of all checkpoints of a run.
        parts: Further files that a checkpoint of this run must hold.
        description: The file that says what its model is made of.

    Returns:
        Its folder; none when the run stopped before the first whole one.
    """
    numbers = [folder.name.removeprefix(_PREFIX) for folder in checkpoints.glob(f"{_PREFIX}*")]
    for step in sorted((int(number) for number in numbers if number.isdecimal()), reverse=True):
        folder = checkpoint_folder(checkpoints, step)
        flaw = find_flaw(folder, parts, description)
        if flaw is None:
            return folder
        print(f"isogloss: passing over {folder}: {flaw}", file=sys.stderr)  # noqa: T201
    return None


def measure_progress(checkpoints: Path) -> float:
    """Tell how far a training is by its checkpoints, without looking for flaws in them.

    Args:
        checkpoints: Folder of all checkpoints of a run.

    Returns:
        Share of the steps that are done, from 0 to 1; 0 where there is no checkpoint.
    """
    shares = [0.0]
    for file in checkpoints.glob(f"{_PREFIX}*/{_STATE_FILE}"):
        try:
            state = json.loads(file.read_text(encoding="utf-8"))
            shares.append(min(1.0, state["global_step"] / state["max_steps"]))
        except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
            continue  # torn: training passes over it too
    return max(shares)


def remove_torn(checkpoints: Path, parts: Sequence[str] = (), description: str = MODULES_FILE) -> None:
    """Remove torn checkpoints, so that none is completed by files of another run of the same steps.

    Args:
        checkpoints: Folder of all checkpoints of a run.
        parts: Further files that a checkpoint of this run must hold.
        description: The file that says what its model is made of.
    """
    for folder in checkpoints.glob(f"{_PREFIX}*"):
        if find_flaw(folder, parts, description) is not None:
            shutil.rmtree(folder)


def find_flaw(folder: Path, parts: Sequence[str] = (), description: str = MODULES_FILE) -> str | None:
    """Say what is wrong with a checkpoint, such as one that was cut off while it was written.

    Args:
        folder: The checkpoint.
        parts: Further files that it must hold.
        description: The file that says what its model is made of.

    Returns:
        The first flaw found; none when all files are there and can be opened.
    """
    sharded = (folder / _SHARDED_FILES[0]).is_file()
    optimizer = _SHARDED_FILES if sharded else (_OPTIMIZER_FILE,)
    needed = [_STATE_FILE, description, *optimizer, _SCHEDULE_FILE, *_name_random_states(folder), *parts]
    absent = [name for name in needed if not (folder / name).is_file()]
    if absent:
        return f"{absent[0]} is missing"
    if not any(path.name != LOSS_FILE for path in folder.glob("*.safetensors")):
        return "the model's weights are missing"
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    torn = [path for path in files if not _is_whole(path)]
    return f"{torn[0].relative_to(folder).as_posix()} is torn" if torn else None


def _name_random_states(folder: Path) -> list[str]:
    """Name the files of the random generators: one, or one for each process that wrote the checkpoint."""
    numbers = [path.stem.removeprefix("rng_state_") for path in folder.glob("rng_state_*.pth")]
    last = max((int(number) for number in numbers if number.isdecimal()), default=-1)
    return [f"rng_state_{rank}.pth" for rank in range(last + 1)] or ["rng_state.pth"]


def _is_whole(path: Path) -> bool:
    """Tell whether a file of a checkpoint can be opened as what its name says."""
    match path.suffix:
        case ".json":
            try:
                json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                return False
        case ".safetensors":
            try:
                with safe_open(str(path), framework="numpy"):
                    pass
            except SafetensorError:
                return False
        case ".pt" | ".pth" | ".bin":
            # The table of contents stands at the end of such an archive: a cut file has none.
            return zipfile.is_zipfile(path)
    return True
