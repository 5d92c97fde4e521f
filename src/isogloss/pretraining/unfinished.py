"""The folder of a pre-training that is not finished: settings, start, checkpoints, losses so far."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import tomli_w

from isogloss.config import dump_config
from isogloss.errors import ConfigError
from isogloss.files import hold_lock, is_free, write_text
from isogloss.pretraining.settings import PretrainConfig
from isogloss.run_directory import check_same_files, check_same_settings

LogEntry: TypeAlias = dict[str, str | float]
"""What a trainer logged at one step, and in which phase."""
_INSTEAD = "remove the folder to start anew"


@dataclass(frozen=True)
class UnfinishedRun:
    """Know what lies where in the folder of an unfinished pre-training.

    Args:
        folder: The folder, beside that of the model to make.
    """

    folder: Path

    @property
    def settings(self) -> Path:
        """Name the file of the settings."""
        return self.folder / "pretrain.toml"

    @property
    def data(self) -> Path:
        """Name the file of the texts' hashes."""
        return self.folder / "data.json"

    @property
    def start(self) -> Path:
        """Name the folder of tokenizer and encoder before the first step, in Hugging Face's format."""
        return self.folder / "start"

    @property
    def log(self) -> Path:
        """Name the file of the losses so far, one JSON object a line."""
        return self.folder / "log.jsonl"

    def checkpoints(self, phase: str) -> Path:
        """Name the folder of the checkpoints of a phase.

        Args:
            phase: ``masking`` or ``ranking``.

        Returns:
            The folder.
        """
        return self.folder / phase

    def has_checkpoints(self) -> bool:
        """Tell whether there is anything to go on from."""
        return any(self.folder.glob("*/checkpoint-*"))


def name_unfinished(out: Path) -> UnfinishedRun:
    """Name the folder of the unfinished run of a model.

    Args:
        out: Folder of the model to make.

    Returns:
        The folder beside it.
    """
    return UnfinishedRun(out.with_name(f"{out.name}.unfinished"))


def check_start(out: Path, config: PretrainConfig, *, resume: bool) -> None:
    """Check that a pre-training can start, or go on, before any text is read.

    Args:
        out: Folder of the model to make.
        config: The settings.
        resume: Whether to continue an interrupted run, if there is one.

    Raises:
        ConfigError: The folder is not free, an interrupted run is in the way, or it has other settings.
    """
    run = name_unfinished(out)
    if not is_free(out):
        raise ConfigError(f"{out} is not empty; choose another folder for the encoder")
    if not run.folder.exists():
        return
    if not resume:
        raise ConfigError(
            f"{run.folder} holds an interrupted pre-training; --resume goes on with it, or remove it"
        )
    if run.settings.is_file():
        check_same_settings(run.settings, config, _INSTEAD)


@contextmanager
def open_unfinished(
    out: Path, config: PretrainConfig, files: Mapping[str, str], *, resume: bool
) -> Iterator[UnfinishedRun]:
    """Make the folder of a pre-training, or open that of an interrupted one; one process has it at a time.

    Args:
        out: Folder of the model to make.
        config: The settings.
        files: Path -> SHA-256 of the texts.
        resume: Whether to continue an interrupted run, if there is one.

    Yields:
        The folder. It is removed when the block ends, and when it fails before the first checkpoint.

    Raises:
        ConfigError: Another process has the folder, or a text of the run to resume has changed.
    """
    run = name_unfinished(out)
    in_use = f"{run.folder} is in use by another pre-training; wait for it, or choose another folder"
    try:
        run.folder.mkdir(parents=True, exist_ok=resume)
    except FileExistsError:
        raise ConfigError(in_use) from None
    with hold_lock(run.folder / "lock", told=in_use):
        # The settings are written last: without them nothing else counts.
        if run.settings.is_file():
            check_same_files(run.data, files, _INSTEAD)
        else:
            write_text(run.data, json.dumps(dict(files), ensure_ascii=False, indent=1) + "\n")
            write_text(run.settings, tomli_w.dumps(dump_config(config)))
        try:
            yield run
        except BaseException:
            if not run.has_checkpoints():
                shutil.rmtree(run.folder, ignore_errors=True)
            raise
        shutil.rmtree(run.folder, ignore_errors=True)
