"""Words and sentence templates of one language, read from ``lexicons/<language>.json``.

A template holds slots and alternations:

``{entity}``, ``{entity.acc}``
    The entity that the sentence is about, in its first form or in the named one.
``{value}``, ``{value.in}``
    The answer, in the first form of its table or in the named one.
``{town.in}``
    Any other word, in the named form (filler sentences and entity forms).
``[открылся|открылась]``
    Words that agree with the gender of the entity, in the order of ``genders``.
``<основал|основала>``
    Words that agree with the gender of the value (in filler sentences: of the person).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import TypedDict

from isogloss.errors import DataError

LANGUAGES = ("en", "de", "es", "id", "ru", "ar", "hi", "zh", "el", "sw")
"""Every language of the demonstration; the first one names the tables and entries of all."""

GENDER = "gender"
"""The column that holds a gender, not a form of the word."""


@dataclass(frozen=True)
class Word:
    """Hold the forms of one entry.

    Attributes:
        forms: Form name to text; the first form is the default.
        gender: Grammatical gender or noun class, None where the language needs none.
    """

    forms: Mapping[str, str]
    gender: str | None = None

    def form(self, name: str | None = None) -> str:
        """Look up one form.

        Args:
            name: The form; None for the first.

        Returns:
            The text of the form.

        Raises:
            DataError: If the word has no such form.
        """
        if name is None:
            return next(iter(self.forms.values()))
        if name not in self.forms:
            raise DataError(
                f"no form {name!r} among {', '.join(self.forms)}; correct the template or add the form"
            )
        return self.forms[name]


@dataclass(frozen=True)
class Templates:
    """Hold the paraphrases of one relation; the same index means the same wording in every language."""

    statements: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Lexicon:
    """Hold everything that is written in one language.

    Attributes:
        language: ISO 639-1 code.
        name: English name of the language.
        script: First word of the Unicode names of its letters, such as ``CYRILLIC``.
        genders: Order of the choices in alternations; the first is the default.
        joiner: What stands between two sentences of a paragraph.
        entities: Entity class to its forms, as templates over words.
        tables: Table to key to word.
        relations: Relation to its templates.
        filler: Name of a filler sentence to its template.
    """

    language: str
    name: str
    script: str
    genders: tuple[str, ...]
    joiner: str
    entities: Mapping[str, Mapping[str, str]]
    tables: Mapping[str, Mapping[str, Word]]
    relations: Mapping[str, Templates]
    filler: Mapping[str, str]


class _TableFile(TypedDict):
    columns: list[str]
    rows: dict[str, list[str]]


class _TemplatesFile(TypedDict):
    statements: list[str]
    questions: list[str]


class _LexiconFile(TypedDict):
    language: str
    name: str
    script: str
    genders: list[str]
    joiner: str
    entities: dict[str, dict[str, str]]
    tables: dict[str, _TableFile]
    relations: dict[str, _TemplatesFile]
    filler: dict[str, str]


def load_lexicons() -> dict[str, Lexicon]:
    """Read the lexicons of all languages.

    Returns:
        Language code to lexicon, in the order of ``LANGUAGES``.

    Raises:
        DataError: If a file lacks entries that the English one has, or the other way round.
    """
    lexicons = {language: _read_lexicon(language) for language in LANGUAGES}
    expected = _inventory(lexicons[LANGUAGES[0]])
    for language, lexicon in lexicons.items():
        difference = expected ^ _inventory(lexicon)
        if difference:
            raise DataError(
                f"entries differ from {LANGUAGES[0]}.json: {', '.join(sorted(difference))}",
                path=f"lexicons/{language}.json",
            )
    return lexicons


def _read_lexicon(language: str) -> Lexicon:
    resource = files("isogloss.demo_corpus") / "lexicons" / f"{language}.json"
    source: _LexiconFile = json.loads(resource.read_text(encoding="utf-8"))
    return Lexicon(
        language=source["language"],
        name=source["name"],
        script=source["script"],
        genders=tuple(source["genders"]),
        joiner=source["joiner"],
        entities=source["entities"],
        tables={
            table: {
                key: _word(language, table, key, content["columns"], row)
                for key, row in content["rows"].items()
            }
            for table, content in source["tables"].items()
        },
        relations={
            relation: Templates(tuple(content["statements"]), tuple(content["questions"]))
            for relation, content in source["relations"].items()
        },
        filler=source["filler"],
    )


def _word(language: str, table: str, key: str, columns: list[str], row: list[str]) -> Word:
    if len(row) != len(columns) or not all(row):
        raise DataError(
            f"expected {len(columns)} non-empty forms ({', '.join(columns)}), found {row}",
            path=f"lexicons/{language}.json",
            position=f"tables.{table}.rows.{key}",
        )
    forms = dict(zip(columns, row, strict=True))
    gender = forms.pop(GENDER, None)
    return Word(forms, gender)


def _inventory(lexicon: Lexicon) -> set[str]:
    """Name everything that all languages must have, paraphrases counted."""
    names = {f"tables.{table}.{key}" for table, words in lexicon.tables.items() for key in words}
    names |= {f"entities.{name}" for name in lexicon.entities}
    names |= {f"filler.{name}" for name in lexicon.filler}
    for relation, templates in lexicon.relations.items():
        names |= {f"relations.{relation}.statements[{index}]" for index in range(len(templates.statements))}
        names |= {f"relations.{relation}.questions[{index}]" for index in range(len(templates.questions))}
    return names
