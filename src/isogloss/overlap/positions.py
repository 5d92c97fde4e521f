"""Say where in its files a training item stands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from isogloss.corpus import Corpus, Record
from isogloss.corpus.jsonl import SUFFIXES as JSONL_SUFFIXES
from isogloss.corpus.jsonl import read_row
from isogloss.corpus.languages import tell_language
from isogloss.corpus.source import read_source, stream_objects
from isogloss.corpus.squad import SUFFIXES as SQUAD_SUFFIXES
from isogloss.corpus.squad import read_questions


def locate_items(corpus: Corpus, wanted: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
    """Find items in the files of their corpus, which are read again.

    Args:
        corpus: The corpus.
        wanted: Item ids, each with a language.

    Returns:
        Item id and language -> file and position in it. Those of files that are neither SQuAD JSON nor JSON
        lines are missing.

    Raises:
        DataError: A file can no longer be read.
    """
    found: dict[tuple[str, str], str] = {}
    ids = {name for name, _ in wanted}
    for name in corpus.files if wanted else ():
        if not name.endswith((*JSONL_SUFFIXES, *SQUAD_SUFFIXES)):
            continue
        read = _read_lines(Path(name), ids) if name.endswith(JSONL_SUFFIXES) else _read_squad(name, corpus)
        for row in read:
            key = row.item_id, row.language
            if key in wanted:
                found.setdefault(key, f"{row.path}, {row.position}")
    return found


def _read_squad(name: str, corpus: Corpus) -> Iterator[Record]:
    # A file read alone may have no language in its name; the corpus then has but one.
    language = tell_language(Path(name).name.split(".")[0]) or corpus.languages[0]
    return (row for row in read_questions(read_source(Path(name)), language) if isinstance(row, Record))


def _read_lines(path: Path, ids: Collection[str]) -> Iterator[Record]:
    for position, row in stream_objects(path, {}):
        if row.get("id") in ids:
            yield read_row(row, str(path), position)
