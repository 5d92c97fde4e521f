"""Read native question answering sets as monolingual benchmarks: the articles held out from training.

Files are SQuAD v1.1 JSON, one or several per language (``sw-tydi.json.gz``). Which articles are held out
follows from a fixed hash of their titles, so that training and evaluation agree without a list.

Source: ours.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from pathlib import Path

from isogloss.benchmarks.assembly import PassageRow, QueryRow, assemble_benchmark
from isogloss.benchmarks.model import Benchmark
from isogloss.characters import holds_half_pair
from isogloss.corpus.languages import tell_language
from isogloss.corpus.record import Record
from isogloss.corpus.source import read_source
from isogloss.corpus.squad import list_squad_files, read_questions
from isogloss.errors import DataError
from isogloss.types import PassageUnit

HELD_OUT_SHARE = 5
"""One article in so many is held out."""

_PLACES = ("", "native", "train/native")


def is_held_out(key: str) -> bool:
    """Tell whether an article is held out for evaluation.

    Args:
        key: The article's title, surrounding white space removed; where there is none, the passage's text,
            likewise.

    Returns:
        True when CRC-32 of its UTF-8 bytes is a multiple of five: one article in five, on average.

    Source: ours.
    """
    return zlib.crc32(key.encode("utf-8")) % HELD_OUT_SHARE == 0


def read_native(path: Path, languages: Sequence[str] = (), name: str = "native") -> Benchmark:
    """Read the held-out articles of native question answering sets.

    Queries are the questions on held-out articles. The pool of a language is every distinct passage of those
    articles that has a question; the only relevant one is the question's own. A passage that also stands in
    an article that is not held out is left out with its questions, since training may have seen it. Sets
    of one language are joined.

    Args:
        path: A folder of SQuAD files, or one such file, each named by its language and perhaps its set:
            ``sw.json``, ``zh-drcd.json.gz``. A folder may also hold them as ``native`` or ``train/native``.
        languages: Read only these, in this order; empty for all, by name.
        name: What to call the benchmark.

    Returns:
        The benchmark of whole passages, monolingual and with one pool of all languages. Ids are
        ``<file>:<question id>`` and ``<file>:<article>.<paragraph>``, numbered from 0.

    Raises:
        DataError: A file is broken, or its name tells no language; a language is missing, or none of its
            articles is held out.
    """
    files = _choose_files(path, languages)
    queries: list[QueryRow] = []
    passages: list[PassageRow] = []
    hashes: dict[str, str] = {}
    notes: list[str] = []
    for language, group in files.items():
        records: dict[str, list[Record]] = {}
        for file in group:
            source = read_source(file)
            hashes[file.name] = source.sha256
            found = [row for row in read_questions(source, language) if isinstance(row, Record)]
            records[file.name.split(".")[0]] = [_check_record(row) for row in found]
        kept, seen = _hold_out(records)
        if not kept:
            raise DataError(f"no article in {language!r} is held out; a larger set is needed", path)
        if seen:
            notes.append(
                f"{language}: {seen} question(s) left out, their passage is in a training article too"
            )
        _add_language(language, kept, queries, passages)
    return assemble_benchmark(
        name, tuple(files), queries, passages, hashes, notes=notes, units=(PassageUnit.PARAGRAPH,)
    )


def _choose_files(path: Path, languages: Sequence[str]) -> dict[str, list[Path]]:
    """List the files of each language that is to be read."""
    if not path.exists():
        raise DataError("no such file or folder", path)
    known: dict[str, list[Path]] = {}
    folders = [place for name in _PLACES if (place := path / name).is_dir()]
    found = next(filter(None, map(list_squad_files, folders)), []) if path.is_dir() else [path]
    for file in found:
        language = tell_language(file.name.split(".")[0])
        if language is None:
            raise DataError("the name tells no language; rename it like sw.json or zh-drcd.json.gz", file)
        known.setdefault(language, []).append(file)
    if not known:
        raise DataError("holds no .json or .json.gz file", path)
    if missing := [language for language in languages if language not in known]:
        raise DataError(f"no file for {', '.join(missing)}; there are {', '.join(sorted(known))}", path)
    return {language: known[language] for language in dict.fromkeys(languages) or sorted(known)}


def _check_record(row: Record) -> Record:
    """Refuse what no query or passage can be made of."""
    for field, text in (("id", row.item_id), ("question", row.question), ("context", row.passage)):
        if not text.strip():
            raise DataError(f"the {field} is empty", row.path, row.position)
        if holds_half_pair(text):
            raise DataError("half of a surrogate pair stands alone", row.path, row.position)
    if row.article and holds_half_pair(row.article):
        raise DataError("half of a surrogate pair stands alone in the title", row.path, row.position)
    if any(letter.isspace() for letter in row.item_id):
        raise DataError("an id must not hold white space", row.path, row.position)
    return row


def _hold_out(records: dict[str, list[Record]]) -> tuple[dict[str, list[Record]], int]:
    """Keep the questions on held-out articles, and count those whose passage training sees elsewhere."""
    held = {name: [row for row in rows if is_held_out(_key(row))] for name, rows in records.items()}
    trained = {row.passage for rows in records.values() for row in rows if not is_held_out(_key(row))}
    trained = {_plain(passage) for passage in trained}
    kept = {name: [row for row in rows if _plain(row.passage) not in trained] for name, rows in held.items()}
    seen = sum(map(len, held.values())) - sum(map(len, kept.values()))
    return {name: rows for name, rows in kept.items() if rows}, seen


def _add_language(
    language: str, records: dict[str, list[Record]], queries: list[QueryRow], passages: list[PassageRow]
) -> None:
    """Add a language's questions and its distinct passages."""
    ids: dict[str, str] = {}
    asked: set[str] = set()
    for name, rows in records.items():
        for row in rows:
            question, text = f"{name}:{row.item_id}", _plain(row.passage)
            if question in asked:
                raise DataError(f"the id {row.item_id!r} occurs a second time", row.path, row.position)
            asked.add(question)
            if text not in ids:
                article, paragraph = re.findall(r"\d+", row.position)[:2]
                ids[text] = f"{name}:{article}.{paragraph}"
                whole = row.passage.strip()
                passages.append(PassageRow(ids[text], language, whole, whole))
            queries.append(
                QueryRow(question, language, row.question.strip(), row.article or "", {ids[text]: 1})
            )


def _key(row: Record) -> str:
    """Name what is held out as a whole."""
    return row.article or row.passage.strip()


def _plain(text: str) -> str:
    """Write texts alike that differ in white space alone."""
    return " ".join(text.split())
