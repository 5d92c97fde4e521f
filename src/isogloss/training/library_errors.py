"""Errors that settings, the machine or the network cause within the libraries, told in one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined] # that of the library beneath it
from safetensors import SafetensorError

from isogloss.errors import ConfigError, ModelError, first_line
from isogloss.training.processes import LostProcessError, find_place, speaks_of_lost_process


@contextmanager
def tell_library_errors(out: Path) -> Iterator[None]:
    """Turn what libraries raise for a known reason into errors of isogloss; all else passes as it is.

    Args:
        out: The run directory.

    Yields:
        Nothing.

    Raises:
        ConfigError: A package that a setting needs is missing, or a service that one names cannot be had.
        ModelError: The model cannot be written or read, or the device has too little memory.
        LostProcessError: Another process of the training has ended.
    """
    try:
        yield
    except SafetensorError as error:
        raise ModelError(f"{out}: the model cannot be written or read: {error}") from error
    except ImportError as error:
        raise ConfigError(f"[trainer]: {first_line(error)}") from error
    except HTTPError as error:
        raise ConfigError(
            f"the hub cannot be used ({first_line(error)}); --resume goes on with what is in {out}"
        ) from error
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"not enough memory on the device for this training ({first_line(error)}); take a smaller "
            "'batches.size', or see 'Precision and memory' in docs/training.md"
        ) from error
    except RuntimeError as error:
        if find_place().processes == 1 or not speaks_of_lost_process(error):
            raise
        raise LostProcessError(f"another process of the training has ended ({first_line(error)})") from error
    except _list_wandb_errors() as error:
        raise ConfigError(
            f"'trainer.report_to' = 'wandb': {first_line(error)} (or set WANDB_MODE=offline); --resume goes "
            f"on with what is in {out}"
        ) from error


def _list_wandb_errors() -> tuple[type[Exception], ...]:
    """List what wandb raises; nothing where it is not in use."""
    wandb = sys.modules.get("wandb")
    return () if wandb is None else (wandb.errors.Error,)
