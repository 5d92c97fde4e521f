"""Read a corpus of any known format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from isogloss.corpus import hub, jsonl, squad
from isogloss.corpus.model import ParallelCorpus
from isogloss.errors import ConfigError, DataError

FORMATS = ("auto", "squad", "jsonl", "hub")
_FILE_ENDINGS = (*squad.SUFFIXES, *jsonl.SUFFIXES, ".gz", ".parquet")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def read_corpus(
    path: str | Path,
    *,
    format: str = "auto",  # noqa: A002 - the word of the command line and the configuration
    languages: Sequence[str] | None = None,
    name: str | None = None,
) -> ParallelCorpus:
    """Read a corpus, whatever its format.

    Args:
        path: A folder of SQuAD JSON, one file per language; a single such file; a JSONL file or a folder
            of them; a folder with a Hugging Face dataset; or the name of one on the hub.
        format: ``squad``, ``jsonl`` or ``hub``; ``auto`` tells by what is there.
        languages: Languages to keep; all when None.
        name: What to call the corpus; taken from ``path`` when None.

    Returns:
        The corpus.

    Raises:
        ConfigError: The format is unknown.
        DataError: There is no such path or dataset, its format cannot be told, or its content is broken.
    """
    if format not in FORMATS:
        raise ConfigError(f"unknown corpus format {format!r}; it must be one of {', '.join(FORMATS)}")
    told = tell_format(path) if format == "auto" else format
    if told == "hub":
        return hub.read_hub(path, languages=languages, name=name)
    read = squad.read_squad_folder if told == "squad" else jsonl.read_jsonl
    return read(Path(path), languages=languages, name=name)


def tell_format(path: str | Path) -> str:
    """Tell the format of a corpus by what is there.

    Args:
        path: A file, a folder, or the name of a dataset on the hub.

    Returns:
        ``squad``, ``jsonl`` or ``hub``.

    Raises:
        DataError: There is nothing, or nothing known, or more than one format.
    """
    place = Path(path)
    if place.is_dir():
        return _tell_folder(place)
    if place.exists():
        return _tell_file(place)
    # A mistyped path should not wait for the network: a hub name has two parts, the first of them no folder.
    if (
        _HUB_NAME.fullmatch(str(path))
        and not place.parent.exists()
        and not place.name.endswith(_FILE_ENDINGS)
    ):
        return "hub"
    raise DataError("no such file or folder", path)


def _tell_file(file: Path) -> str:
    if file.name.endswith(jsonl.SUFFIXES):
        return "jsonl"
    if file.name.endswith(squad.SUFFIXES):
        return "squad"
    raise DataError("is neither .json nor .jsonl (.gz or not); give the format if it is one of them", file)


def _tell_folder(folder: Path) -> str:
    if hub.is_saved_dataset(folder):
        return "hub"
    found = []
    if squad.list_squad_files(folder):
        found.append("squad")
    if jsonl.list_jsonl_files(folder):
        found.append("jsonl")
    if next(folder.rglob("*.parquet"), None) is not None:
        found.append("hub")
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(f"holds files of several formats; give the format: {', '.join(found)}", folder)
    raise DataError("holds no .json, .jsonl or .parquet file", folder)
