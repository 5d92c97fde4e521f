"""Write mined negatives beside their corpus, and read them for training on that corpus alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from isogloss._version import __version__
from isogloss.corpus import ParallelCorpus
from isogloss.corpus.source import (
    JSONObject,
    stream_objects,
    take_integer,
    take_list,
    take_object,
    take_string,
)
from isogloss.encoding.batches import BatchEncoder
from isogloss.encoding.space import Space
from isogloss.errors import DataError
from isogloss.files import replace_file
from isogloss.hard_negatives.model import MinedNegatives, MinedQuestion, MiningSettings, MiningSummary

FORMAT = "isogloss mined negatives"
VERSION = 1


def describe_mining(
    corpus: ParallelCorpus, encoder: BatchEncoder, settings: MiningSettings
) -> dict[str, object]:
    """Describe where mined negatives are from: the first line of their file.

    Args:
        corpus: The corpus.
        encoder: The model.
        settings: Which passages became negatives.

    Returns:
        JSON-able content: format, versions, corpus with the SHA-256 of its files, model with its fingerprint,
        prefixes and lengths, settings.

    Raises:
        ModelError: It cannot be told which model this is.
    """
    spaces: list[Space] = [encoder.space("query"), encoder.space("passage")]
    return {
        "format": FORMAT,
        "version": VERSION,
        "isogloss": __version__,
        "corpus": {
            "name": corpus.name,
            "languages": list(corpus.languages),
            "items": len(corpus.item_ids),
            "files": dict(corpus.files),
        },
        "model": {
            "name": encoder.name,
            "fingerprint": spaces[0].fingerprint,
            "computing": spaces[0].computing,
            **{f"{space.kind}_prefix": space.prefix for space in spaces},
            **{f"{space.kind}_length": space.max_length for space in spaces},
        },
        "settings": settings.to_dict(),
    }


def write_negatives(
    path: Path, description: Mapping[str, object], questions: Iterable[MinedQuestion]
) -> MiningSummary:
    """Write mined negatives as JSON lines; the file appears when all are written.

    Args:
        path: The file.
        description: The first line, as ``describe_mining`` writes it.
        questions: What was found; questions without a negative are counted and not written.

    Returns:
        The counts.
    """
    summary = MiningSummary()
    with replace_file(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(json.dumps(description, ensure_ascii=False) + "\n")
        for question in questions:
            summary.add(question)
            if question.negatives:
                file.write(json.dumps(_write_question(question), ensure_ascii=False) + "\n")
    return summary


def _write_question(question: MinedQuestion) -> dict[str, object]:
    return {
        "id": question.item_id,
        "language": question.language,
        "positives": {name: round(score, 6) for name, score in question.positives.items()},
        "negatives": [
            {"id": negative.item_id, "language": negative.language, "score": round(negative.score, 6)}
            for negative in question.negatives
        ],
    }


def read_negatives(path: Path, corpus: ParallelCorpus) -> MinedNegatives:
    """Read the negatives that were mined for a corpus.

    Args:
        path: The file that ``write_negatives`` wrote.
        corpus: The corpus as it was read for training, in all its languages or some.

    Returns:
        The negatives among the corpus's items and languages.

    Raises:
        DataError: The file is broken, or is not for this corpus.
    """
    files: dict[str, str] = {}
    rows = stream_objects(path, files)
    if (first := next(rows, None)) is None:
        raise DataError("is empty; isogloss negatives writes such files", path)
    name = str(path)
    _check_description(first[1], name, first[0], corpus)
    items = {item: place for place, item in enumerate(corpus.item_ids)}
    languages = {language: place for place, language in enumerate(corpus.languages)}
    seen: set[tuple[str, str]] = set()
    entries: list[tuple[int, int, int, int]] = []
    for position, row in rows:
        asked = _read_place(row, name, position)
        if asked in seen:
            raise DataError(f"gives question {asked[0]!r} in {asked[1]} twice", name, position)
        seen.add(asked)
        for entry in take_list(row, "negatives", name, position):
            found = _read_place(take_object(entry, name, position), name, position)
            # Another choice of languages leaves out items and languages that the file has.
            if {asked[0], found[0]} <= items.keys() and {asked[1], found[1]} <= languages.keys():
                entries.append((items[asked[0]], languages[asked[1]], items[found[0]], languages[found[1]]))
    if not entries:
        raise DataError(
            "names no negative of the corpus's items and languages; mine again, with smaller margins", path
        )
    return MinedNegatives(corpus.item_ids, corpus.languages, np.array(entries, dtype=np.int32), files)


def _read_place(row: JSONObject, path: str, position: str) -> tuple[str, str]:
    return take_string(row, "id", path, position), take_string(row, "language", path, position)


def _check_description(row: JSONObject, path: str, position: str, corpus: ParallelCorpus) -> None:
    """Check that the file is one of mined negatives, and of this very corpus."""
    if row.get("format") != FORMAT:
        raise DataError("is no file of mined negatives; isogloss negatives writes such files", path, position)
    if (version := take_integer(row, "version", path, position)) != VERSION:
        raise DataError(f"has version {version}, this isogloss reads {VERSION}; mine again", path, position)
    mined_for = take_object(row.get("corpus"), path, position)
    files = take_object(mined_for.get("files"), path, position)
    if sorted(map(str, files.values())) != sorted(corpus.files.values()):
        raise DataError(
            f"was mined for other files than those of corpus {corpus.name!r} (SHA-256 differ); mine again, "
            "or name the right file",
            path,
            position,
        )
