"""Read a corpus of any known format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from isogloss.corpus import hub, jsonl, squad
from isogloss.corpus.record import Blemish, Record
from isogloss.corpus.stored.files import is_store
from isogloss.corpus.stored.model import Corpus, open_store
from isogloss.errors import ConfigError, DataError
from isogloss.progress import Advance, ignore_progress

FORMATS = ("auto", "squad", "jsonl", "hub", "store")
_FILE_ENDINGS = (*squad.SUFFIXES, *jsonl.SUFFIXES, ".gz", ".parquet")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def read_corpus(
    path: str | Path,
    *,
    format: str = "auto",  # noqa: A002 - the word of the command line and the configuration
    languages: Sequence[str] | None = None,
    name: str | None = None,
) -> Corpus:
    """Read a corpus, whatever its format.

    Args:
        path: A folder of SQuAD JSON, one file per language; a single such file; a JSONL file or a folder
            of them; a folder with a Hugging Face dataset; the name of one on the hub; or a folder that
            ``store_corpus`` made.
        format: ``squad``, ``jsonl``, ``hub`` or ``store``; ``auto`` tells by what is there.
        languages: Languages to keep; all when None.
        name: What to call the corpus; taken from ``path`` when None.

    Returns:
        The corpus; a stored one is opened and read where it is used, all others are in memory.

    Raises:
        ConfigError: The format is unknown.
        DataError: There is no such path or dataset, its format cannot be told, or its content is broken.
    """
    told = _choose_format(path, format)
    if told == "store":
        return open_store(Path(path), languages=languages, name=name)
    if told == "hub":
        return hub.read_hub(path, languages=languages, name=name)
    read = squad.read_squad_folder if told == "squad" else jsonl.read_jsonl
    return read(Path(path), languages=languages, name=name)


def stream_records(
    path: str | Path,
    files: dict[str, str],
    *,
    format: str = "auto",  # noqa: A002
    languages: Sequence[str] | None = None,
    advance: Advance = ignore_progress,
) -> Iterator[Record | Blemish]:
    """Read the questions of a corpus one by one, before it is known which belong together.

    Args:
        path: What ``read_corpus`` reads, but a stored corpus.
        files: Where path and SHA-256 of each file go when it is read.
        format: As for ``read_corpus``.
        languages: Languages whose files a reader may need to know or fetch; others may be yielded too.
        advance: Called with the bytes read since the last call.

    Returns:
        Records, and the flaws that the reader sees.

    Raises:
        ConfigError: The format is unknown, or the corpus is stored already.
        DataError: As for ``read_corpus``.
    """
    told = _choose_format(path, format)
    if told == "store":
        raise ConfigError(f"{path} is a stored corpus already")
    if told == "hub":
        return hub.stream_hub(path, None, languages, files)
    if told == "squad":
        return squad.stream_squad(Path(path), languages, files, advance)
    return jsonl.stream_jsonl(Path(path), files, advance)


def measure_source(path: str | Path) -> int:
    """Measure the files of a corpus.

    Args:
        path: The file or folder, or the name of a dataset on the hub.

    Returns:
        Their bytes; 0 where there are none here.
    """
    place = Path(path)
    files = place.iterdir() if place.is_dir() else [place]
    return sum(file.stat().st_size for file in files if file.is_file())


def name_source(path: str | Path) -> str:
    """Name a corpus after the place that it is read from.

    Args:
        path: The file or folder, or the name of a dataset on the hub.

    Returns:
        The last part of the path; of a file or folder up to the first dot.
    """
    name = Path(path).resolve().name
    return name.split(".")[0] if Path(path).exists() else name


def _choose_format(path: str | Path, asked: str) -> str:
    if asked not in FORMATS:
        raise ConfigError(f"unknown corpus format {asked!r}; it must be one of {', '.join(FORMATS)}")
    return tell_format(path) if asked == "auto" else asked


def tell_format(path: str | Path) -> str:
    """Tell the format of a corpus by what is there.

    Args:
        path: A file, a folder, or the name of a dataset on the hub.

    Returns:
        ``squad``, ``jsonl``, ``hub`` or ``store``.

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
    if is_store(folder):
        return "store"
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
