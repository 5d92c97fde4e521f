"""Read and write benchmarks in BEIR's layout, with a language for every query and passage.

``corpus.jsonl``: ``_id``, ``text``, ``language``, perhaps ``title``. ``queries.jsonl``: ``_id``, ``text``,
``language``, perhaps ``question``, which translations of one question share. ``qrels/<split>.tsv``: a header,
then query id, passage id and grade. JSON lines may be compressed (``.gz``). A passage's text is its title, a
space and its text, as in BEIR; ``language`` and ``question`` are ours.

Source: BEIR (arXiv 2104.08663) and its data loader.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isogloss.benchmarks.assembly import PassageRow, QueryRow, assemble_benchmark
from isogloss.benchmarks.json_lines import read_rows, take_id, take_language, take_optional
from isogloss.benchmarks.json_nodes import JsonNode
from isogloss.benchmarks.model import Benchmark
from isogloss.corpus.source import Source, read_source
from isogloss.errors import ConfigError, DataError
from isogloss.files import is_free, replace_folder
from isogloss.languages import normalize_language
from isogloss.types import PassageUnit

QRELS_HEADER = ("query-id", "corpus-id", "score")


@dataclass(frozen=True)
class _Query:
    """Hold one row of the queries."""

    question: str
    language: str
    text: str


def read_beir(
    folder: Path,
    languages: Sequence[str] = (),
    name: str | None = None,
    *,
    split: str | None = None,
    language: str | None = None,
) -> Benchmark:
    """Read a benchmark in BEIR's layout.

    Judgements count as they stand: a translation's passage is relevant only where the qrels say so. Grades of
    zero and below say that a passage is not relevant. Queries without a relevant passage are left out, with
    a note. A query without ``question`` is known by its ``_id``.

    Args:
        folder: The folder with ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/``.
        languages: Keep only these, in this order; empty for all, by name.
        name: What to call the benchmark; the folder's name when None.
        split: Read ``qrels/<split>.tsv``; when None ``test``, or the only one there is.
        language: The language of every row that names none.

    Returns:
        The benchmark of whole passages. Languages are spelt as in the files.

    Raises:
        DataError: A file is missing, is not in the layout, or contradicts another.
        ConfigError: ``language`` is no language.
    """
    if language is not None:
        normalize_language(language)
    corpus, asked = read_source(_find_lines(folder, "corpus")), read_source(_find_lines(folder, "queries"))
    judged = read_source(_find_qrels(folder, split))
    passages = _read_passages(corpus, language)
    queries = _read_queries(asked, language)
    relevant = _read_qrels(judged, queries, passages)
    spoken = sorted(
        {*(row.language for row in passages.values()), *(row.language for row in queries.values())}
    )
    _check_spelling(spoken, folder)
    if missing := [code for code in languages if code not in spoken]:
        raise DataError(f"no query or passage in {', '.join(missing)}; there are {', '.join(spoken)}", folder)
    chosen = tuple(dict.fromkeys(languages)) or tuple(spoken)
    pool = [row for row in passages.values() if row.language in chosen]
    kept = {row.id for row in pool}
    rows = [
        QueryRow(row.question, row.language, row.text, "", found)
        for key, row in queries.items()
        if row.language in chosen
        and (found := {passage: gain for passage, gain in relevant.get(key, {}).items() if passage in kept})
    ]
    if not rows:
        raise DataError("no query has a relevant passage", judged.path)
    dropped = sum(row.language in chosen for row in queries.values()) - len(rows)
    notes = [f"{dropped} queries left out: no passage is relevant to them"] if dropped else []
    # Hashes go by the place in the folder, wherever that is.
    hashes = {
        Path(source.path).relative_to(folder).as_posix(): source.sha256 for source in (corpus, asked, judged)
    }
    return assemble_benchmark(
        name or folder.resolve().name,
        chosen,
        rows,
        pool,
        hashes,
        notes=notes,
        units=(PassageUnit.PARAGRAPH,),
    )


def write_beir(benchmark: Benchmark, folder: Path, unit: PassageUnit = PassageUnit.PARAGRAPH) -> list[Path]:
    """Write a benchmark in BEIR's layout, so that other tools can encode or evaluate it.

    Args:
        benchmark: The benchmark.
        folder: Where to; it must not exist yet, or be empty. It appears whole or not at all.
        unit: The text that stands for a passage.

    Returns:
        The files: ``corpus.jsonl``, ``queries.jsonl``, ``qrels/test.tsv``. Ids of queries are
        ``<language>:<question id>``.

    Raises:
        ConfigError: There is something in the folder.
    """
    if not is_free(folder):
        raise ConfigError(f"{folder} is there already, and not empty; name a new folder")
    query_language = [benchmark.languages[number] for number in benchmark.query_languages]
    keys = [f"{code}:{key}" for code, key in zip(query_language, benchmark.query_ids, strict=True)]
    corpus = (
        {"_id": key, "title": "", "text": text, "language": benchmark.languages[number]}
        for key, text, number in zip(
            benchmark.passage_ids, benchmark.passage_texts(unit), benchmark.passage_languages, strict=True
        )
    )
    queries = (
        {"_id": key, "text": text, "language": code, "question": question}
        for key, text, code, question in zip(
            keys, benchmark.query_texts, query_language, benchmark.query_ids, strict=True
        )
    )
    judged = zip(benchmark.judged_query, benchmark.judged_passage, benchmark.judged_gain, strict=True)
    qrels = (f"{keys[query]}\t{benchmark.passage_ids[passage]}\t{gain}\n" for query, passage, gain in judged)
    with replace_folder(folder) as temporary:
        (temporary / "qrels").mkdir()
        _write_lines(temporary / "corpus.jsonl", corpus)
        _write_lines(temporary / "queries.jsonl", queries)
        with (temporary / "qrels" / "test.tsv").open("w", encoding="utf-8", newline="\n") as stream:
            stream.write("\t".join(QRELS_HEADER) + "\n")
            stream.writelines(qrels)
    return [folder / "corpus.jsonl", folder / "queries.jsonl", folder / "qrels" / "test.tsv"]


def _find_lines(folder: Path, stem: str) -> Path:
    """Find the file of JSON lines, compressed or not."""
    found = [file for ending in (".jsonl", ".jsonl.gz") if (file := folder / f"{stem}{ending}").is_file()]
    if len(found) != 1:
        both = "both plain and compressed; remove one" if found else "not there"
        raise DataError(f"{stem}.jsonl is {both}", folder)
    return found[0]


def _find_qrels(folder: Path, split: str | None) -> Path:
    """Find the judgements: of the split asked for, else of test, else the only ones."""
    place = folder / "qrels"
    # Not glob(), which takes a folder that may not be read for an empty one.
    files = sorted(place.iterdir()) if place.is_dir() else []
    known = {file.stem: file for file in files if file.suffix == ".tsv"}
    names = ", ".join(known) or "none"
    if split is not None and split not in known:
        raise DataError(f"no qrels/{split}.tsv; there are: {names}", folder)
    if split is None and "test" not in known and len(known) != 1:
        raise DataError(f"no qrels/test.tsv; name one of the splits there are: {names}", folder)
    return known[split or "test"] if split or "test" in known else next(iter(known.values()))


def _row_language(row: JsonNode, default: str | None) -> str:
    """Read the language of a row."""
    if take_optional(row, "language") is None and default is not None:
        return default
    if isinstance(row.value, dict) and "language" not in row.value:
        raise row.error("the key 'language' is missing; add it, or name one language for all")
    return take_language(row.field("language"))


def _read_passages(source: Source, default: str | None) -> dict[str, PassageRow]:
    """Read the passages by id."""
    passages: dict[str, PassageRow] = {}
    for row in read_rows(source):
        key = take_id(row, "_id")
        if key in passages:
            raise row.error(f"the id {key!r} occurs a second time")
        title, text = take_optional(row, "title"), take_optional(row, "text")
        if title is None:
            whole = row.field("text").text()
        else:
            whole = f"{title.text()} {'' if text is None else text.text()}".strip()
        passages[key] = PassageRow(key, _row_language(row, default), whole, whole)
    return passages


def _read_queries(source: Source, default: str | None) -> dict[str, _Query]:
    """Read the queries by id."""
    queries: dict[str, _Query] = {}
    asked: set[tuple[str, str]] = set()
    for row in read_rows(source):
        key = take_id(row, "_id")
        if key in queries:
            raise row.error(f"the id {key!r} occurs a second time")
        question = key if take_optional(row, "question") is None else take_id(row, "question")
        query = _Query(question, _row_language(row, default), row.field("text").text())
        if (question, query.language) in asked:
            raise row.error(f"the question {question!r} is asked twice in {query.language!r}")
        asked.add((question, query.language))
        queries[key] = query
    return queries


def _read_qrels(
    source: Source, queries: Mapping[str, _Query], passages: Mapping[str, PassageRow]
) -> dict[str, dict[str, int]]:
    """Read the judgements: query -> passage -> grade, relevant ones alone."""
    relevant: dict[str, dict[str, int]] = {}
    lines = source.text.split("\n")
    if tuple(lines[0].rstrip("\r").split("\t")) != QRELS_HEADER:
        raise DataError(f"must start with {' '.join(QRELS_HEADER)}, divided by tabs", source.path, "line 1")
    seen: set[tuple[str, str]] = set()
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        where = f"line {number}"
        fields = line.rstrip("\r").split("\t")
        if len(fields) != len(QRELS_HEADER):
            raise DataError(
                f"three fields divided by tabs were expected, not {len(fields)}", source.path, where
            )
        query, passage, grade = fields
        if query not in queries:
            raise DataError(f"the query {query!r} is not in queries.jsonl", source.path, where)
        if passage not in passages:
            raise DataError(f"the passage {passage!r} is not in corpus.jsonl", source.path, where)
        if (query, passage) in seen:
            raise DataError(f"{query!r} and {passage!r} are judged a second time", source.path, where)
        seen.add((query, passage))
        gain = _read_grade(grade, source.path, where)
        if gain > 0:
            relevant.setdefault(query, {})[passage] = gain
    return relevant


def _read_grade(text: str, path: str, where: str) -> int:
    """Read a grade of relevance."""
    digits = text.removeprefix("-")
    if (
        not (digits.isascii() and digits.isdecimal())
        or len(digits) > 5
        or int(digits) > np.iinfo(np.int16).max
    ):
        raise DataError(f"the score must be a whole number below 32768, not {text!r}", path, where)
    return int(text)


def _check_spelling(spoken: Sequence[str], folder: Path) -> None:
    """Refuse one language under two codes, which would be taken for two."""
    known: dict[str, str] = {}
    for code in spoken:
        other = known.setdefault(normalize_language(code), code)
        if other != code:
            raise DataError(f"{other!r} and {code!r} are one language; write it one way", folder)


def _write_lines(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write JSON lines."""
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
