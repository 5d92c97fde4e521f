"""Facts and filler as sentences of one language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from isogloss.demo_corpus.facts import Article, Entity, Fact, Filler
from isogloss.demo_corpus.lexicon import Lexicon, Word
from isogloss.errors import DataError

_SLOT = re.compile(r"\{(\w+)(?:\.(\w+))?\}")
_VALUE_SLOT = re.compile(r"\{value(?:\.(\w+))?\}")
_ENTITY_AGREEMENT = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
_VALUE_AGREEMENT = re.compile(r"<([^<>]*\|[^<>]*)>")


class Statement(NamedTuple):
    """Hold a sentence and where its answer stands.

    Attributes:
        text: The sentence.
        answer_start: First character of the answer in ``text``.
        answer_end: One past its last character.
    """

    text: str
    answer_start: int
    answer_end: int


class Paragraph(NamedTuple):
    """Hold the sentences of one article as running text.

    Attributes:
        text: The sentences with the joiner of the language between them.
        statements: One per fact, in order.
        breaks: First character of each sentence in ``text`` and one past its last.
    """

    text: str
    statements: tuple[Statement, ...]
    breaks: tuple[tuple[int, int], ...]


def render_entity(lexicon: Lexicon, entity: Entity) -> str:
    """Name an entity in its first form, as at the start of a sentence.

    Args:
        lexicon: The language.
        entity: The entity.

    Returns:
        Its name, the first letter a capital where the script has capitals.
    """
    form = next(iter(lexicon.entities[entity.kind].values()))
    words = _words(lexicon, entity.words)
    return _capitalise(_fill(_agree(_ENTITY_AGREEMENT, form, lexicon, _gender(words)), words))


def render_statement(lexicon: Lexicon, fact: Fact) -> Statement:
    """State a fact.

    Args:
        lexicon: The language.
        fact: What to state; ``fact.statement`` chooses the wording.

    Returns:
        The sentence and the place of the answer in it.
    """
    words = _words(lexicon, fact.entity.words)
    value = _value(lexicon, fact)
    template = _expand(lexicon, lexicon.relations[fact.relation.name].statements[fact.statement], fact.entity)
    template = _agree(_ENTITY_AGREEMENT, template, lexicon, _gender(words))
    template = _agree(_VALUE_AGREEMENT, template, lexicon, value.gender)
    slot = _VALUE_SLOT.search(template)
    if slot is None:
        raise DataError(
            f"a statement of {fact.relation.name} has no slot for the value: {template}", lexicon.language
        )
    before = _fill(template[: slot.start()], words)
    answer = value.form(slot[1])
    text = _capitalise(before + answer + _fill(template[slot.end() :], words))
    return Statement(text, len(before), len(before) + len(answer))


def render_question(lexicon: Lexicon, fact: Fact) -> str:
    """Ask for the value of a fact.

    Args:
        lexicon: The language.
        fact: What to ask for; ``fact.question`` chooses the wording.

    Returns:
        The question.
    """
    words = _words(lexicon, fact.entity.words)
    template = _expand(lexicon, lexicon.relations[fact.relation.name].questions[fact.question], fact.entity)
    return _capitalise(_fill(_agree(_ENTITY_AGREEMENT, template, lexicon, _gender(words)), words))


def render_filler(lexicon: Lexicon, filler: Filler) -> str:
    """Write a sentence that states no fact of any relation.

    Args:
        lexicon: The language.
        filler: The sentence and its words.

    Returns:
        The sentence.
    """
    keys = dict(filler.words)
    words = {slot: lexicon.tables["name" if slot == "other" else slot][key] for slot, key in keys.items()}
    gender = words["name"].gender if "name" in words else None
    return _capitalise(_fill(_agree(_VALUE_AGREEMENT, lexicon.filler[filler.name], lexicon, gender), words))


def render_paragraph(lexicon: Lexicon, article: Article) -> Paragraph:
    """Tell all facts of an article, one sentence each.

    Args:
        lexicon: The language.
        article: The facts in order.

    Returns:
        The running text with its sentence breaks.
    """
    statements = tuple(render_statement(lexicon, fact) for fact in article.facts)
    breaks: list[tuple[int, int]] = []
    start = 0
    for statement in statements:
        breaks.append((start, start + len(statement.text)))
        start += len(statement.text) + len(lexicon.joiner)
    return Paragraph(
        lexicon.joiner.join(statement.text for statement in statements), statements, tuple(breaks)
    )


def _words(lexicon: Lexicon, keys: Mapping[str, str]) -> dict[str, Word]:
    return {table: lexicon.tables[table][key] for table, key in keys.items()}


def _value(lexicon: Lexicon, fact: Fact) -> Word:
    table = fact.relation.values
    return Word({"digits": fact.value}) if table == "year" else lexicon.tables[table][fact.value]


def _gender(words: Mapping[str, Word]) -> str | None:
    """Find the gender of an entity: that of the one word of it that has a gender."""
    return next((word.gender for word in words.values() if word.gender is not None), None)


def _expand(lexicon: Lexicon, template: str, entity: Entity) -> str:
    """Replace ``{entity.form}`` by the words that the form consists of."""
    forms = Word(lexicon.entities[entity.kind])
    return _SLOT.sub(lambda slot: forms.form(slot[2]) if slot[1] == "entity" else slot[0], template)


def _agree(pattern: re.Pattern[str], template: str, lexicon: Lexicon, gender: str | None) -> str:
    """Choose the alternative that agrees with a gender."""
    index = 0 if gender is None else lexicon.genders.index(gender)

    def choose(alternation: re.Match[str]) -> str:
        choices = alternation[1].split("|")
        if index >= len(choices):
            raise DataError(f"{alternation[0]} has no choice for {gender!r}", lexicon.language)
        return choices[index]

    return pattern.sub(choose, template)


def _fill(template: str, words: Mapping[str, Word]) -> str:
    def look_up(slot: re.Match[str]) -> str:
        if slot[1] not in words:
            raise DataError(f"unknown slot {slot[0]} in {template!r}; expected one of {', '.join(words)}")
        return words[slot[1]].form(slot[2])

    return _SLOT.sub(look_up, template)


def _capitalise(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
