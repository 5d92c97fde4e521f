"""Recognise a model by its content: the same files make the same vectors, wherever they lie."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from isogloss.errors import ModelError
from isogloss.model_source import OTHER_FORMS

_OF_TRAINING = frozenset(
    {"optimizer.pt", "scheduler.pt", "scaler.pt", "trainer_state.json", "training_args.bin"}
)
_SHOWN = (".md", ".png", ".jpg", ".svg")
_ADAPTER = "adapter_config.json"


def fingerprint_model(model: str | Path) -> str:
    """Hash everything in a model that decides its vectors: names and contents of its files.

    Left out are descriptions, the state of training, hidden files, and copies for other runtimes
    or with a language-modelling head. The model
    that an adapter belongs to is hashed with it.

    Args:
        model: Folder, or hub name of a model that was loaded before: its local copy is hashed.

    Returns:
        SHA-256, 64 hexadecimal digits.

    Raises:
        ModelError: There is no such folder and no local copy, or a file cannot be read.

    Source: ours.
    """
    folder = Path(model) if Path(model).is_dir() else _find_snapshot(str(model))
    total = hashlib.sha256()
    files = sorted((path.relative_to(folder).as_posix(), path) for path in _list_files(folder))
    if not files:
        raise ModelError(f"{model}: no model in the folder")
    for name, path in files:
        try:
            with path.open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
        # A name may hold bytes that are no text; the line break ends it, a name of two lines is quoted.
        total.update(f"{name!a} {content}\n".encode())
    if (folder / _ADAPTER).is_file():
        total.update(f"on {fingerprint_model(_read_base(folder / _ADAPTER))}\n".encode())
    return total.hexdigest()


def _list_files(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """List the files that may decide a vector; one that is not known to be harmless is among them."""
    real = folder.resolve()
    if real in above:  # a link to a folder that it stands in
        return
    for path in folder.iterdir():
        if path.name.startswith(".") or (not above and path.name in OTHER_FORMS):
            continue
        if path.is_dir():  # or a link to one: a module may lie elsewhere, and is loaded from there
            yield from _list_files(path, (*above, real))
        elif path.name in _OF_TRAINING or path.name.startswith("rng_state") or path.suffix in _SHOWN:
            continue
        elif path.is_file():
            yield path


def _read_base(path: Path) -> str:
    """Read which model an adapter belongs to."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: cannot be read ({error})") from error
    base = content.get("base_model_name_or_path") if isinstance(content, dict) else None
    if not isinstance(base, str) or not base:
        raise ModelError(f"{path}: does not name the model that the adapter belongs to")
    return base


def _find_snapshot(name: str) -> Path:
    """Find the local copy of a model of the hub, where sentence-transformers put it."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    from sentence_transformers.util.misc import ORIGINAL_TRANSFORMER_MODELS

    # A bare name is one of sentence-transformers' own models, a few of the oldest excepted.
    own = "/" not in name and name.lower() not in ORIGINAL_TRANSFORMER_MODELS
    full = f"sentence-transformers/{name}" if own else name
    try:
        found = snapshot_download(
            full, cache_dir=os.environ.get("SENTENCE_TRANSFORMERS_HOME"), local_files_only=True
        )
    except (HFValidationError, LocalEntryNotFoundError) as error:
        raise ModelError(f"{name}: no such folder, and no local copy of a model of that name") from error
    return Path(str(found))
