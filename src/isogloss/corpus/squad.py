"""Read SQuAD v1.1 JSON, one file per language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from isogloss.corpus.identity import build_corpus
from isogloss.corpus.languages import tell_language
from isogloss.corpus.model import ParallelCorpus
from isogloss.corpus.record import Blemish, Record
from isogloss.corpus.source import (
    Source,
    holds,
    parse_json,
    read_source,
    take_integer,
    take_list,
    take_object,
    take_spans,
    take_string,
)
from isogloss.errors import DataError
from isogloss.progress import Advance, ignore_progress

SUFFIXES = (".json", ".json.gz")


def read_squad_folder(
    path: Path, *, languages: Sequence[str] | None = None, name: str | None = None
) -> ParallelCorpus:
    """Read a folder of SQuAD v1.1 JSON files, or one such file.

    The language of a file is its name without ``.json`` or ``.json.gz`` (``en.json``, ``zh-Hans.json.gz``),
    or the part before the first hyphen when that is a code of two or three letters (``sw-tydi.json.gz``).
    Questions of equal id in different languages are translations of each other. Of several answers the
    first that has a text and an offset counts. A paragraph may carry ``sentence_breaks``,
    ``[[start, end], ...]`` in code points, as the files of LAReQA do.

    Args:
        path: The folder or file. All files are read, so that every language helps to tell passages apart.
        languages: Languages to keep; all when None. When ``path`` is a file whose name tells no language
            (``train.json.gz``), the one language named here is its language.
        name: What to call the corpus; the name of the folder or file when None.

    Returns:
        The corpus. Questions without an answer are kept, those that SQuAD v2 marks impossible are left out;
        both are listed in its blemishes.

    Raises:
        DataError: A file is broken, the folder holds none, or a language cannot be told or is missing.
    """
    files: dict[str, str] = {}
    read = list(stream_squad(path, languages, files))
    records = [row for row in read if isinstance(row, Record)]
    blemishes = [row for row in read if isinstance(row, Blemish)]
    corpus = build_corpus(name or path.resolve().name.split(".")[0], records, files, blemishes)
    return corpus if languages is None else corpus.select_languages(languages)


def stream_squad(
    path: Path,
    languages: Sequence[str] | None,
    files: dict[str, str],
    advance: Advance = ignore_progress,
) -> Iterator[Record | Blemish]:
    """Read the questions of a folder of SQuAD files, or of one such file, a file at a time.

    Args:
        path: The folder or file.
        languages: As for ``read_squad_folder``; all files are read whatever they are.
        files: Where path and SHA-256 of each file go when it is read.
        advance: Called with the bytes of each file that was read.

    Yields:
        A record for each question, and a blemish for each that has no answer.

    Raises:
        DataError: A file is broken, the folder holds none, or a language cannot be told.
    """
    for file, language in _choose_files(path, languages).items():
        source = read_source(file)
        files[source.path] = source.sha256
        empty = True
        for row in read_questions(source, language):
            yield row
            if isinstance(row, Record):
                empty = False
                if not row.answer and row.answer_start < 0:
                    yield Blemish(row.path, row.position, "question without an answer", language)
        if empty:
            raise DataError("holds no questions", file)
        advance(file.stat().st_size)


def list_squad_files(folder: Path) -> list[Path]:
    """List the SQuAD files of a folder.

    Args:
        folder: An existing folder; its own folders are not looked into.

    Returns:
        Its ``.json`` and ``.json.gz`` files by name, hidden ones left out.
    """
    return sorted(
        file
        for file in folder.iterdir()
        if file.name.endswith(SUFFIXES) and not file.name.startswith(".") and file.is_file()
    )


def read_questions(source: Source, language: str) -> Iterator[Record | Blemish]:
    """Read the questions of one SQuAD file.

    Args:
        source: The file's text.
        language: Its language.

    Yields:
        One record per question, in the order of the file; a blemish where the passage has no answer.
    """
    path = source.path
    top = take_object(parse_json(source.text, path), path, "top level")
    for number, value in enumerate(take_list(top, "data", path, "top level")):
        where = f"data[{number}]"
        article = take_object(value, path, where)
        title = take_string(article, "title", path, where).strip() if holds(article, "title") else ""
        for index, paragraph in enumerate(take_list(article, "paragraphs", path, where)):
            spot = f"{where}.paragraphs[{index}]"
            yield from _read_paragraph(
                take_object(paragraph, path, spot), path, spot, language, title or None
            )


def _read_paragraph(
    fields: Mapping[str, object], path: str, position: str, language: str, article: str | None
) -> Iterator[Record | Blemish]:
    passage = take_string(fields, "context", path, position)
    breaks = (
        take_spans(fields, "sentence_breaks", path, position) if holds(fields, "sentence_breaks") else None
    )
    for number, value in enumerate(take_list(fields, "qas", path, position)):
        where = f"{position}.qas[{number}]"
        question = take_object(value, path, where)
        if question.get("is_impossible") is True:
            # Its passage is about the question but does not answer it: no positive to train on.
            yield Blemish(path, where, "question marked impossible", language)
            continue
        answer, answer_start = _read_answer(question, path, where)
        yield Record(
            item_id=take_string(question, "id", path, where),
            language=language,
            question=take_string(question, "question", path, where),
            passage=passage,
            passage_key=f"{path} {position}",
            article=article,
            answer=answer,
            answer_start=answer_start,
            sentence_breaks=breaks,
            path=path,
            position=where,
        )


def _read_answer(question: Mapping[str, object], path: str, position: str) -> tuple[str, int]:
    """Read the first answer that has a text and an offset.

    Translated files mark an answer that the translation lost by an offset of -1 and no text.
    """
    for number, value in enumerate(take_list(question, "answers", path, position)):
        where = f"{position}.answers[{number}]"
        answer = take_object(value, path, where)
        text, start = (
            take_string(answer, "text", path, where),
            take_integer(answer, "answer_start", path, where),
        )
        if text.strip() and start != -1:
            return text, start
    return "", -1


def _choose_files(path: Path, languages: Sequence[str] | None) -> dict[Path, str]:
    if not path.exists():
        raise DataError("no such file or folder", path)
    if not path.is_dir():
        return {path: _language_of_file(path, languages)}
    chosen = {file: _require_language(file) for file in list_squad_files(path)}
    if not chosen:
        raise DataError("holds no .json or .json.gz file", path)
    return chosen


def _language_of_file(path: Path, languages: Sequence[str] | None) -> str:
    told = tell_language(path.name.split(".")[0])
    if told is None and languages is not None and len(languages) == 1:
        return languages[0]
    return told or _require_language(path)


def _require_language(path: Path) -> str:
    language = tell_language(path.name.split(".")[0])
    if language is None:
        raise DataError(
            "the name tells no language; rename it like en.json, or read it alone and name one", path
        )
    return language
