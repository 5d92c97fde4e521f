"""Read a Hugging Face dataset, from the hub or from a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from isogloss.corpus.identity import build_corpus
from isogloss.corpus.jsonl import read_row
from isogloss.corpus.languages import tell_language
from isogloss.corpus.model import ParallelCorpus
from isogloss.corpus.record import Blemish, Record
from isogloss.corpus.source import holds, take_integer, take_string
from isogloss.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict


class _Table(NamedTuple):
    label: str
    language: str | None
    rows: Dataset


def read_hub(
    source: str | Path,
    *,
    split: str | None = None,
    languages: Sequence[str] | None = None,
    name: str | None = None,
) -> ParallelCorpus:
    """Read a Hugging Face dataset.

    Rows have the columns of the JSONL format, or those of SQuAD (``id``, ``title``, ``context``,
    ``question``, ``answers`` with ``text`` and ``answer_start``). The language of a row is its ``language``
    or ``lang`` column, else what the configuration (``xquad.en``) or the split (``en``) is called, else
    the one language of ``languages``. Code that comes with a dataset is never run.

    Args:
        source: Name on the hub (``owner/name``), a folder of data files, or a folder that
            ``save_to_disk`` wrote.
        split: The split to read. When None: all splits if they are called by language codes, else
            ``train``, else the only one.
        languages: Languages to keep; all when None. Configurations of other languages are not fetched.
        name: What to call the corpus; the last part of ``source`` when None.

    Returns:
        The corpus. Questions of the SQuAD columns that have no answer are listed in its blemishes.

    Raises:
        DataError: The dataset cannot be had, or its rows are not what they should be.
    """
    files: dict[str, str] = {}
    read = list(stream_hub(source, split, languages, files))
    records = [row for row in read if isinstance(row, Record)]
    blemishes = [row for row in read if isinstance(row, Blemish)]
    corpus = build_corpus(name or Path(source).resolve().name, records, files, blemishes)
    return corpus if languages is None else corpus.select_languages(languages)


def stream_hub(
    source: str | Path, split: str | None, languages: Sequence[str] | None, files: dict[str, str]
) -> Iterator[Record | Blemish]:
    """Read the rows of a Hugging Face dataset, one after the other.

    Args:
        source: As for ``read_hub``.
        split: The split to read, likewise.
        languages: Languages whose configurations are fetched; all when None.
        files: Where name and fingerprint of each table go.

    Yields:
        A record for each row, and a blemish for each of the SQuAD columns that has no answer.

    Raises:
        DataError: The dataset cannot be had, or its rows are not what they should be.
    """
    path = f"hf:{source}"
    sole = languages[0] if languages is not None and len(languages) == 1 else None
    empty = True
    for table in _load_tables(str(source), split, languages):
        files[f"{path}:{table.label}"] = str(table.rows._fingerprint)
        columns = set(table.rows.column_names)
        squad = {"context", "answers"} <= columns
        if not squad and "passage" not in columns:
            known = ", ".join(sorted(columns))
            raise DataError(f"has no 'passage', nor 'context' and 'answers'; its columns: {known}", path)
        read = _read_squad_row if squad else read_row
        for number, row in enumerate(table.rows):
            position = f"{table.label} row {number}"
            language = _language_of_row(row, path, position) or table.language or sole
            if language is None:
                raise DataError("no 'language' column, and no name tells the language", path, position)
            record = read(row, path, position, language)
            empty = False
            yield record
            if squad and not record.answer:
                yield Blemish(path, position, "question without an answer", language)
    if empty:
        raise DataError("holds no questions", path)


def _load_tables(source: str, split: str | None, languages: Sequence[str] | None) -> Iterator[_Table]:
    import datasets
    from datasets.exceptions import DatasetsError

    try:
        if is_saved_dataset(Path(source)):
            yield from _choose_splits(datasets.load_from_disk(source), "", None, source, split)
            return
        configurations = datasets.get_dataset_config_names(source)
        for configuration, language in _choose_configurations(configurations, source, languages).items():
            loaded = datasets.load_dataset(source, configuration)
            yield from _choose_splits(loaded, configuration, language, source, split)
    except (OSError, ValueError, KeyError, RuntimeError, DatasetsError) as error:
        reason = " ".join(str(error).split())
        here = "" if Path(source).exists() else "; there is no such folder here either"
        message = f"cannot be loaded as a Hugging Face dataset: {reason}{here}"
        raise DataError(message, f"hf:{source}") from error


def is_saved_dataset(folder: Path) -> bool:
    """Tell whether a folder was written by ``save_to_disk`` of the datasets library.

    Args:
        folder: Any path.

    Returns:
        True when the folder holds the file that marks such a dataset.
    """
    return any((folder / mark).is_file() for mark in ("state.json", "dataset_dict.json"))


def _choose_configurations(
    configurations: Sequence[str], source: str, languages: Sequence[str] | None
) -> dict[str, str | None]:
    told = {name: tell_language(name.rsplit(".", 1)[-1]) for name in configurations}
    spoken = {name: language for name, language in told.items() if language is not None}
    if spoken:
        kept = {name: code for name, code in spoken.items() if languages is None or code in languages}
        if not kept:
            known = ", ".join(sorted(set(spoken.values())))
            raise DataError(f"has none of the languages asked for; it has {known}", f"hf:{source}")
        return dict(kept)
    if "default" in told or len(told) == 1:
        return {"default" if "default" in told else configurations[0]: None}
    known = ", ".join(configurations)
    raise DataError(f"its configurations are not called by languages: {known}", f"hf:{source}")


def _choose_splits(
    loaded: Dataset | DatasetDict, configuration: str, language: str | None, source: str, split: str | None
) -> Iterator[_Table]:
    if not isinstance(loaded, dict):
        yield _Table(configuration or "rows", language, loaded)
        return
    names = list(loaded)
    told = [tell_language(name) for name in names]
    if split is None and language is None and None not in told:
        for name, code in zip(names, told, strict=True):
            yield _Table(_label(configuration, name), code, loaded[name])
        return
    chosen = split or (names[0] if len(names) == 1 else "train")
    if chosen not in names:
        known = ", ".join(names)
        raise DataError(f"has no split {chosen!r}; it has {known}", f"hf:{source}")
    yield _Table(_label(configuration, chosen), language, loaded[chosen])


def _label(configuration: str, split: str) -> str:
    return f"{configuration}:{split}" if configuration else split


def _language_of_row(row: Mapping[str, object], path: str, position: str) -> str | None:
    for key in ("language", "lang"):
        if holds(row, key):
            return take_string(row, key, path, position)
    return None


def _read_squad_row(row: Mapping[str, object], path: str, position: str, language: str) -> Record:
    answer, start = _read_answer(row["answers"], path, position)
    return Record(
        item_id=take_string(row, "id", path, position),
        language=language,
        question=take_string(row, "question", path, position),
        passage=take_string(row, "context", path, position),
        article=take_string(row, "title", path, position).strip() or None if holds(row, "title") else None,
        answer=answer,
        answer_start=start,
        path=path,
        position=position,
    )


def _read_answer(answers: object, path: str, position: str) -> tuple[str, int]:
    """Read the first answer with a text and an offset, from parallel lists or a list of answers."""
    pairs: list[Mapping[str, object]]
    match answers:
        case None:
            return "", -1
        case {"text": list(texts), "answer_start": list(starts)}:
            if len(texts) != len(starts):
                raise DataError("'answers' must have as many offsets as texts", path, position)
            pairs = [{"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True)]
        case list():
            pairs = [answer for answer in answers if isinstance(answer, dict)]
        case _:
            raise DataError("'answers' must hold lists 'text' and 'answer_start'", path, position)
    for pair in pairs:
        text, start = (
            take_string(pair, "text", path, position),
            take_integer(pair, "answer_start", path, position),
        )
        if text.strip() and start != -1:
            return text, start
    return "", -1
