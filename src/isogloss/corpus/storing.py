"""Store a corpus of any format, so that it can be larger than memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from isogloss.corpus.formats import measure_source, name_source, stream_records
from isogloss.corpus.stored.model import StoredCorpus, open_store
from isogloss.corpus.stored.sorting import RecordTable
from isogloss.corpus.stored.writing import write_store
from isogloss.errors import ConfigError
from isogloss.files import is_free, replace_folder
from isogloss.progress import show_progress

_TABLE = "records.sqlite"


def store_corpus(
    path: str | Path,
    out: Path,
    *,
    format: str = "auto",  # noqa: A002 - the word of the command line and the configuration
    languages: Sequence[str] | None = None,
    name: str | None = None,
    quiet: bool = False,
) -> StoredCorpus:
    """Store a corpus as files that are read without loading them.

    Records are read one by one and sorted on disk. What is one item, one passage and one article is worked
    out as ``build_corpus`` does it. Memory holds a fixed amount and some 50 bytes for each item, and of SQuAD
    JSON the largest file. While this runs, the disk holds the texts about three times.

    Args:
        path: What ``read_corpus`` reads.
        out: The folder to make.
        format: As for ``read_corpus``.
        languages: Languages to keep; all when None.
        name: What to call the corpus; taken from ``path`` when None.
        quiet: Whether to show no progress.

    Returns:
        The stored corpus.

    Raises:
        ConfigError: The format is unknown, the corpus is stored already, or the folder holds something.
        DataError: The corpus cannot be read, or its content is broken; nothing is left behind.

    Source: ours.
    """
    if not is_free(out):
        raise ConfigError(f"{out} is there already; name a new folder")
    files: dict[str, str] = {}
    with replace_folder(out) as folder:
        table = RecordTable(folder / _TABLE)
        try:
            with show_progress("reading bytes", measure_source(path), quiet=quiet) as advance:
                table.insert(stream_records(path, files, format=format, languages=languages, advance=advance))
            table.join()
            write_store(table, folder, name or name_source(path), files, languages, quiet=quiet)
        finally:
            table.close()
        (folder / _TABLE).unlink()
    return open_store(out)
