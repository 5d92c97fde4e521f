from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import replace

import pytest

from isogloss.demo_corpus import lexicon as lexicon_module
from isogloss.demo_corpus.facts import (
    ENTITY_PARTS,
    FILLER_SLOTS,
    QUESTIONS,
    RELATIONS,
    STATEMENTS,
    Entity,
    EntityClass,
    Fact,
    Filler,
    value_keys,
)
from isogloss.demo_corpus.lexicon import LANGUAGES, Lexicon, Templates, Word, load_lexicons
from isogloss.demo_corpus.rendering import render_filler, render_question, render_statement
from isogloss.errors import DataError

UNFILLED = re.compile(r"[{}\[\]<>|_]")
ENDS = {"ar": (".", "؟"), "hi": ("।", "?"), "zh": ("。", "？"), "el": (".", ";")}


def _every_text(lexicon: Lexicon) -> list[str]:
    """Write each template with each entity word and each value at least once."""
    texts = []
    for relation in RELATIONS:
        tables = [list(lexicon.tables[table]) for table in ENTITY_PARTS[relation.entity]]
        values = value_keys(lexicon, relation)
        for turn in range(max(len(values), *(len(table) for table in tables))):
            entity = Entity(relation.entity, tuple(table[turn % len(table)] for table in tables))
            value = values[turn % len(values)]
            facts = [Fact(entity, relation, value, index, index) for index in range(STATEMENTS)]
            texts += [render_statement(lexicon, fact).text for fact in facts]
            texts += [render_question(lexicon, fact) for fact in facts]
    for name, slots in FILLER_SLOTS.items():
        tables = [list(lexicon.tables["name" if slot == "other" else slot]) for slot in slots]
        for turn in range(max(len(table) for table in tables)):
            words = tuple((slot, table[turn % len(table)]) for slot, table in zip(slots, tables, strict=True))
            texts.append(render_filler(lexicon, Filler(name, words)))
    return texts


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_is_filled_and_well_formed(language: str, lexicons: dict[str, Lexicon]) -> None:
    full_stop, question_mark = ENDS.get(language, (".", "?"))
    for text in _every_text(lexicons[language]):
        assert not UNFILLED.search(text), text
        assert "  " not in text, text
        assert text == text.strip(), text
        assert text == unicodedata.normalize("NFC", text) or language == "hi", text
        assert text.endswith((full_stop, question_mark)), text
        assert not text[0].islower(), text
        assert text.count(full_stop) + text.count(question_mark) == 1, text
        if language == "es" and text.endswith("?"):
            assert text.startswith("¿"), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_letters_belong_to_the_script_of_the_language(language: str, lexicons: dict[str, Lexicon]) -> None:
    lexicon = lexicons[language]
    letters = {
        char for text in _every_text(lexicon) for char in text if unicodedata.category(char)[0] in "LM"
    }
    strangers = {char for char in letters if not unicodedata.name(char).startswith(lexicon.script)}
    assert not strangers


@pytest.mark.parametrize("language", LANGUAGES)
def test_digits_are_the_shared_ones(language: str, lexicons: dict[str, Lexicon]) -> None:
    digits = {char for text in _every_text(lexicons[language]) for char in text if char.isdigit()}
    assert digits <= set("0123456789")


def test_there_are_enough_scripts_entities_relations_and_values(lexicons: dict[str, Lexicon]) -> None:
    english = lexicons["en"]
    assert len(lexicons) == 10
    assert {lexicon.script for lexicon in lexicons.values()} == {
        "LATIN",
        "CYRILLIC",
        "GREEK",
        "ARABIC",
        "DEVANAGARI",
        "CJK",
    }
    assert len(RELATIONS) >= 8
    assert {relation.name for relation in RELATIONS} == set(english.relations)
    assert set(FILLER_SLOTS) == set(english.filler)
    assert set(EntityClass) == set(english.entities)
    assert (
        sum(len(value_keys(english, relation)) for relation in RELATIONS if relation.values != "year") >= 40
    )
    for templates in english.relations.values():
        assert (len(templates.statements), len(templates.questions)) == (STATEMENTS, QUESTIONS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_of_a_table_differ_in_every_form(language: str, lexicons: dict[str, Lexicon]) -> None:
    for table, words in lexicons[language].tables.items():
        forms = {name for word in words.values() for name in word.forms}
        if table == "kind":
            forms.discard("subject")  # the prefix of a Swahili noun class is shared on purpose
        for form in forms:
            repeated = [
                text for text, n in Counter(word.form(form) for word in words.values()).items() if n > 1
            ]
            assert not repeated, (table, form)


@pytest.mark.parametrize("language", LANGUAGES)
def test_genders_are_declared_and_the_same_for_names(language: str, lexicons: dict[str, Lexicon]) -> None:
    lexicon = lexicons[language]
    for words in lexicon.tables.values():
        assert {word.gender for word in words.values()} <= {None, *lexicon.genders}
    assert {key: word.gender for key, word in lexicon.tables["name"].items()} == {
        key: word.gender for key, word in lexicons["en"].tables["name"].items()
    }


def test_a_lexicon_that_lacks_an_entry_is_refused(
    lexicons: dict[str, Lexicon], monkeypatch: pytest.MonkeyPatch
) -> None:
    relations = dict(lexicons["sw"].relations)
    relations["pet"] = Templates(relations["pet"].statements[:1], relations["pet"].questions)
    damaged = {**lexicons, "sw": replace(lexicons["sw"], relations=relations)}
    monkeypatch.setattr(lexicon_module, "_read_lexicon", damaged.__getitem__)
    with pytest.raises(DataError, match=r"lexicons/sw\.json.*relations\.pet\.statements\[1\]"):
        load_lexicons()


def test_a_row_with_a_missing_form_is_refused() -> None:
    with pytest.raises(DataError, match=r"tables\.town\.rows\.oslo: expected 2 non-empty forms"):
        lexicon_module._word("ru", "town", "oslo", ["in", "from"], ["в Осло"])


def test_a_form_that_a_word_lacks_is_named() -> None:
    with pytest.raises(DataError, match="no form 'dat' among nom"):
        Word({"nom": "die Stadt"}).form("dat")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("{entity} sleeps.", "no slot for the value"),
        ("{entity} eats {value} in {country}.", "unknown slot {country}"),
    ],
)
def test_a_template_that_cannot_be_filled_is_named(
    statement: str, message: str, lexicons: dict[str, Lexicon]
) -> None:
    lexicon = replace(lexicons["en"], relations={"pet": Templates((statement,), ())})
    relation = next(relation for relation in RELATIONS if relation.name == "pet")
    fact = Fact(Entity(EntityClass.PERSON, ("baker", "anna", "oslo")), relation, "goat", 0, 0)
    with pytest.raises(DataError, match=re.escape(message)):
        render_statement(lexicon, fact)


def test_an_alternation_without_a_choice_for_the_gender_is_named(lexicons: dict[str, Lexicon]) -> None:
    lexicon = replace(lexicons["el"], relations={"opened": Templates(("{entity} [α|β] {value}.",), ())})
    fact = Fact(Entity(EntityClass.PLACE, ("toy_museum", "oslo")), RELATIONS[0], "1900", 0, 0)
    with pytest.raises(DataError, match="has no choice for 'n'"):
        render_statement(lexicon, fact)
