"""Find the files of a model: its folder, and in it the transformer with its tokenizer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from isogloss.errors import ModelError
from isogloss.model_source import fetch_model, find_model

TOKENIZER_FILE = "tokenizer.json"
TOKENIZER_PATTERNS = ("*.json", "*.model", "*.txt")
"""The files of a model on the hub that its tokenizer may need."""
_LOADABLE = (TOKENIZER_FILE, "vocab.txt", "vocab.json", "tokenizer_config.json")


def find_folder(model: str, patterns: Sequence[str] | None = None) -> Path:
    """Find the folder of a model, and download it where it is named by its name on the hub.

    Args:
        model: Run directory, model folder, folder of a tokenizer alone, or name on the hub.
        patterns: The files to download, such as ``*.json``; all when not given.

    Returns:
        The folder.

    Raises:
        ModelError: There is no such folder and no such model on the hub, or it cannot be fetched.
    """
    name = find_model(model).model
    folder = Path(name)
    if folder.is_dir() and any((folder / file).is_file() for file in _LOADABLE):
        return folder
    return fetch_model(name, patterns)


def find_transformer(folder: Path) -> Path:
    """Find where in a model's folder its transformer and tokenizer are.

    Args:
        folder: A model's folder.

    Returns:
        The folder of the first module of a sentence-transformers model; else the folder itself.

    Raises:
        ModelError: ``modules.json`` cannot be read, or the model does not start with a transformer.
    """
    file = folder / "modules.json"
    if not file.is_file():
        return folder
    modules = read_json(file)
    first = modules[0] if isinstance(modules, list) and modules else None
    if not isinstance(first, dict) or not isinstance(first.get("path"), str):
        raise ModelError(f"{file}: names no modules")
    kind = str(first.get("type", "")).rsplit(".", maxsplit=1)[-1]
    if kind != "Transformer":
        raise ModelError(f"{folder}: starts with {kind or 'an unknown module'}, not with a transformer")
    return folder / str(first["path"])


def read_json(file: Path) -> object:
    """Read a JSON file of a model.

    Args:
        file: The file.

    Returns:
        Its content.

    Raises:
        ModelError: It cannot be read.
    """
    try:
        content: object = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{file}: cannot be read ({error})") from error
    return content


def read_object(file: Path) -> Mapping[str, object]:
    """Read a JSON file of a model that holds one object.

    Args:
        file: The file.

    Returns:
        The object; empty where there is no such file.

    Raises:
        ModelError: It cannot be read, or holds something else.
    """
    if not file.is_file():
        return {}
    content = read_json(file)
    if not isinstance(content, dict):
        raise ModelError(f"{file}: holds no JSON object")
    return content
