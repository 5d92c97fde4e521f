"""The files of the collection: ``texts/<language>.tsv``, one fact a line, aligned by id."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

from isogloss.errors import DataError
from isogloss.passages import Passage

COLLECTION_LANGUAGES = ("en", "de", "es", "id", "ru", "ar", "hi", "zh", "el", "sw")
"""Every language of the collection; the first one's file says which facts there are."""

SOURCE = "isogloss demonstration collection"
"""What the passages give as their source."""

_COLUMNS = 4
_HELD_OUT_FROM = 5
"""One fact of every so many neighbours is held out; neighbours in the files are of one topic."""


class Fact(NamedTuple):
    """Hold one fact as one language tells it.

    Attributes:
        id: Name of the fact, the same in every language.
        title: What it is about.
        passage: Two sentences about it.
        question: A question that the passage answers.
    """

    id: str
    title: str
    passage: str
    question: str


def read_collection() -> Mapping[str, Sequence[Fact]]:
    """Read the facts of every language.

    Returns:
        Language -> its facts, in one order for all languages.

    Raises:
        DataError: A file has a broken line, or not the facts of the first one.
    """
    facts = {language: _read_language(language) for language in COLLECTION_LANGUAGES}
    expected = [fact.id for fact in facts[COLLECTION_LANGUAGES[0]]]
    for language, told in facts.items():
        if [fact.id for fact in told] != expected:
            raise DataError(
                f"has not the facts of {COLLECTION_LANGUAGES[0]}.tsv in their order", f"{language}.tsv"
            )
    return facts


def list_passages() -> list[Passage]:
    """List the passages of all languages, to be indexed.

    Returns:
        Passages with ids such as ``nile.sw``.
    """
    return [
        Passage(f"{fact.id}.{language}", fact.passage, language, fact.title, SOURCE)
        for language, facts in read_collection().items()
        for fact in facts
    ]


def choose_held_out(ids: Sequence[str]) -> tuple[str, ...]:
    """Choose the facts whose questions no training may see: one of every five neighbours, by hash.

    Args:
        ids: Ids of all facts, in the order of the files, where facts of one topic stand together.

    Returns:
        A fifth of the ids, in the same order; always the same ones.
    """
    groups = [ids[start : start + _HELD_OUT_FROM] for start in range(0, len(ids), _HELD_OUT_FROM)]
    return tuple(min(group, key=_hash_id) for group in groups)


def _hash_id(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def _read_language(language: str) -> tuple[Fact, ...]:
    resource = files("isogloss.demo_collection") / "texts" / f"{language}.tsv"
    facts: list[Fact] = []
    for number, line in enumerate(resource.read_text(encoding="utf-8").splitlines(), 1):
        fields = line.split("\t")
        if len(fields) != _COLUMNS or not all(field.strip() == field != "" for field in fields):
            raise DataError(
                f"expected {_COLUMNS} non-empty fields (id, title, passage, question) between tabs",
                f"{language}.tsv",
                f"line {number}",
            )
        facts.append(Fact(*fields))
    return tuple(facts)
