"""The collection: parallel, complete, in its scripts, without repetitions; the held-out questions."""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from isogloss.demo_collection import (
    COLLECTION_LANGUAGES,
    choose_held_out,
    list_passages,
    read_collection,
    reading,
)
from isogloss.errors import DataError

FACTS = read_collection()
SCRIPTS = {
    "en": "LATIN", "de": "LATIN", "es": "LATIN", "id": "LATIN", "sw": "LATIN",
    "ru": "CYRILLIC", "ar": "ARABIC", "hi": "DEVANAGARI", "zh": "CJK", "el": "GREEK",
}  # fmt: skip
HELD_OUT = [
    "sahara",
    "madagascar",
    "arctictern",
    "baobab",
    "sunlight",
    "tereshkova",
    "water",
    "heart",
    "gutenberg",
    "telephone",
    "pyramid",
    "machupicchu",
    "zimbabwe",
    "magellan",
    "mozart",
    "gilgamesh",
    "quixote",
    "coffee",
    "rice",
    "lightning",
]


def test_there_are_a_hundred_facts_in_ten_languages_of_six_scripts() -> None:
    assert tuple(FACTS) == COLLECTION_LANGUAGES
    assert len(FACTS) == 10
    assert len(set(SCRIPTS.values())) == 6
    names = [fact.id for fact in FACTS["en"]]
    assert len(set(names)) == len(names) == 100
    for told in FACTS.values():
        assert [fact.id for fact in told] == names


@pytest.mark.parametrize("language", COLLECTION_LANGUAGES)
def test_nothing_is_said_twice(language: str) -> None:
    for field in ("title", "passage", "question"):
        said = Counter(getattr(fact, field) for fact in FACTS[language])
        assert [text for text, times in said.items() if times > 1] == []


@pytest.mark.parametrize("language", COLLECTION_LANGUAGES)
def test_texts_are_written_in_their_script(language: str) -> None:
    for fact in FACTS[language]:
        for text in (fact.passage, fact.question):
            letters = [letter for letter in text if unicodedata.category(letter)[0] == "L"]
            own = sum(unicodedata.name(letter).startswith(SCRIPTS[language]) for letter in letters)
            assert own >= 0.75 * len(letters), (fact.id, text)
    everything = "".join(fact.passage for fact in FACTS[language])
    assert unicodedata.normalize("NFC", everything) == everything


@pytest.mark.parametrize("language", COLLECTION_LANGUAGES)
def test_passages_are_short_and_questions_ask(language: str) -> None:
    least, most = (20, 120) if language == "zh" else (60, 320)
    marks = {"ar": "؟", "el": ";", "zh": "？"}
    for fact in FACTS[language]:
        assert least <= len(fact.passage) <= most, fact.id
        assert fact.question.endswith(marks.get(language, "?")), fact.id
        assert fact.passage[-1] in "。.।", fact.id
        assert not re.search(r"\s\s|\s[,.;:?!]", fact.passage + fact.question.rstrip(";")), fact.id


def test_years_and_numbers_agree_over_languages() -> None:
    """Years are written in digits everywhere; a translation that lost one would be wrong."""
    for place, english in enumerate(FACTS["en"]):
        years = set(re.findall(r"\b1[0-9]{3}\b|\b20[0-9]{2}\b", english.passage.replace(",", "")))
        for language in COLLECTION_LANGUAGES[1:]:
            passage = FACTS[language][place].passage
            assert years <= set(re.findall(r"[0-9]+", passage)), (english.id, language)


def test_held_out_facts_are_fixed_and_spread() -> None:
    names = [fact.id for fact in FACTS["en"]]
    assert list(choose_held_out(names)) == HELD_OUT
    assert all(len(set(names[start : start + 5]) & set(HELD_OUT)) == 1 for start in range(0, 100, 5))
    shuffled = random.Random(1).sample(names, 5)
    assert set(choose_held_out(shuffled)) == set(choose_held_out(sorted(shuffled)))


def test_passages_to_index_have_names_of_their_own() -> None:
    passages = list_passages()
    assert len({passage.id for passage in passages}) == 1000
    assert Counter(passage.language for passage in passages) == dict.fromkeys(COLLECTION_LANGUAGES, 100)
    assert passages[0].id == "nile.en"
    assert passages[0].encoded_text().startswith("The Nile\n\n")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("\t", " ", 1), "sw.tsv, line 1: expected 4 non-empty fields"),
        (lambda text: text + "\n", "sw.tsv, line 101: expected 4"),
        (lambda text: text.partition("\n")[2], "sw.tsv: has not the facts of en.tsv"),
        (lambda text: text.replace("nile\t", " nile\t", 1), "sw.tsv, line 1"),
    ],
)
def test_a_broken_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: object, told: str
) -> None:
    (tmp_path / "texts").mkdir()
    for language in COLLECTION_LANGUAGES:
        text = (files("isogloss.demo_collection") / "texts" / f"{language}.tsv").read_text(encoding="utf-8")
        changed = change(text) if language == "sw" else text  # type: ignore[operator]
        (tmp_path / "texts" / f"{language}.tsv").write_text(changed, encoding="utf-8")
    monkeypatch.setattr(reading, "files", lambda package: tmp_path)
    with pytest.raises(DataError, match=re.escape(told)):
        read_collection()
