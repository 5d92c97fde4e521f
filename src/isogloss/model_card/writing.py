"""Compose a card and put it beside the model, without losing one that was written by hand."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from isogloss.errors import ConfigError
from isogloss.files import write_text
from isogloss.model_card.front_matter import write_front_matter
from isogloss.model_card.record import RunRecord
from isogloss.model_card.sections import SECTIONS

CARD_FILE = "README.md"
_SEAL = re.compile(r"<!-- isogloss card ([0-9a-f]{64}) -->\n\Z")


def compose_card(record: RunRecord) -> str:
    """Write the whole card.

    Args:
        record: What the run tells.

    Returns:
        Front matter and Markdown; the last line, which is not shown, says that nobody has changed it since.
    """
    body = "\n\n".join(section for write in SECTIONS if (section := write(record)))
    text = f"{write_front_matter(record)}\n{body}\n\n"
    return f"{text}<!-- isogloss card {_hash(text)} -->\n"


def write_card(folder: Path, text: str, *, overwrite: bool = False) -> Path:
    """Write a card into a model's folder; one that was changed by hand stays.

    Args:
        folder: The model's folder.
        text: The card.
        overwrite: Whether to replace a card that isogloss did not write, or that was changed since.

    Returns:
        The file.

    Raises:
        ConfigError: There is no such folder, or a card that must not be replaced.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder; a card is written for a finished run's model")
    path = folder / CARD_FILE
    if path.exists() and not overwrite and not _is_untouched(path):
        raise ConfigError(f"{path} was written or changed by hand; --overwrite replaces it")
    write_text(path, text)
    return path


def _is_untouched(path: Path) -> bool:
    """Tell whether a card is one of ours that nobody has changed."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    seal = _SEAL.search(text)
    return seal is not None and seal[1] == _hash(text[: seal.start()])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
