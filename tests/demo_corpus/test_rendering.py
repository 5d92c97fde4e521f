"""Sentences proof-read by hand: one trap of each language's grammar at least."""

from __future__ import annotations

import pytest

from isogloss.demo_corpus.facts import RELATIONS, Article, Entity, EntityClass, Fact, Filler
from isogloss.demo_corpus.lexicon import Lexicon
from isogloss.demo_corpus.rendering import (
    render_entity,
    render_filler,
    render_paragraph,
    render_question,
    render_statement,
)


def _fact(entity: str, relation: str, value: str, index: int) -> Fact:
    found = next(candidate for candidate in RELATIONS if candidate.name == relation)
    return Fact(Entity(found.entity, tuple(entity.split("."))), found, value, index, index)


@pytest.mark.parametrize(
    ("language", "entity", "relation", "value", "index", "text", "answer"),
    [
        # German: accusative of direction, dative of the agent
        (
            "de",
            "flower_market.vienna",
            "opened",
            "1923",
            1,
            "Die ersten Besucher kamen im Jahr 1923 auf den Blumenmarkt in Wien.",
            "1923",
        ),
        (
            "de",
            "chess_club.prague",
            "founder",
            "nurse",
            0,
            "Der Schachklub in Prag wurde von einer ehemaligen Krankenschwester gegründet.",
            "einer ehemaligen Krankenschwester",
        ),
        # Spanish: participle agreement and contraction
        (
            "es",
            "music_school.cairo",
            "founder",
            "judge",
            0,
            "La escuela de música de El Cairo fue fundada por una antigua jueza.",
            "una antigua jueza",
        ),
        (
            "es",
            "toy_museum.naples",
            "entrance",
            "telescope",
            0,
            "A la entrada del museo de juguetes de Nápoles hay un telescopio.",
            "un telescopio",
        ),
        # Russian: accusative object first, verb agrees with the founder
        (
            "ru",
            "children_library.athens",
            "founder",
            "opera_singer",
            0,
            "Детскую библиотеку в Афинах основала бывшая оперная певица.",
            "бывшая оперная певица",
        ),
        (
            "ru",
            "tailor.nina.florence",
            "pet",
            "cat",
            1,
            "Прошлой зимой портниха Нина из Флоренции приютила чёрную кошку.",
            "чёрную кошку",
        ),
        # Greek: neuter, feminine and masculine agreement, final n of the article
        (
            "el",
            "antique_shop.munich",
            "closed",
            "friday",
            0,
            "Το παλαιοπωλείο του Μονάχου είναι κλειστό κάθε Παρασκευή.",
            "Παρασκευή",
        ),
        (
            "el",
            "botanical_garden.damascus",
            "director",
            "eva",
            0,
            "Τον βοτανικό κήπο της Δαμασκού τον διευθύνει η Εύα.",
            "Εύα",
        ),
        # Arabic: verb before subject agrees in gender
        (
            "ar",
            "flower_market.warsaw",
            "closed",
            "monday",
            0,
            "تغلق سوق الزهور في وارسو أبوابها كل يوم اثنين.",
            "اثنين",
        ),
        (
            "ar",
            "toy_museum.prague",
            "founder",
            "judge",
            0,
            "أسست قاضية سابقة متحف الألعاب في براغ.",
            "قاضية سابقة",
        ),
        # Hindi: oblique case, and a verb that agrees with the object
        (
            "hi",
            "film_club.delhi",
            "entrance",
            "old_cannon",
            1,
            "दिल्ली के फ़िल्म क्लब में आने वालों को सबसे पहले एक पुरानी तोप दिखती है।",
            "एक पुरानी तोप",
        ),
        (
            "hi",
            "gardener.sara.oslo",
            "pet",
            "dog",
            1,
            "पिछली सर्दियों में ओस्लो की मालिन सारा ने एक बूढ़े कुत्ते को अपने घर में जगह दी।",
            "एक बूढ़े कुत्ते",
        ),
        # Swahili: noun classes
        (
            "sw",
            "puppet_theatre.oslo",
            "closed",
            "sunday",
            1,
            "Kila Jumapili, ukumbi wa vikaragosi mjini Oslo haupokei wageni.",
            "Jumapili",
        ),
        (
            "sw",
            "clock_museum.cairo",
            "opened",
            "1901",
            0,
            "Makumbusho ya saa mjini Kairo yalifunguliwa mwaka wa 1901.",
            "1901",
        ),
        # Chinese: the verb belongs to the instrument
        ("zh", "doctor.leon.beijing", "instrument", "drum", 0, "北京的医生莱昂会打鼓。", "打鼓"),
        (
            "id",
            "baker.paul.venice",
            "commute",
            "foot",
            0,
            "Tukang roti Paul dari Venesia pergi bekerja dengan berjalan kaki.",
            "dengan berjalan kaki",
        ),
    ],
)
def test_statement(
    language: str,
    entity: str,
    relation: str,
    value: str,
    index: int,
    text: str,
    answer: str,
    lexicons: dict[str, Lexicon],
) -> None:
    statement = render_statement(lexicons[language], _fact(entity, relation, value, index))
    assert statement.text == text
    assert statement.text[statement.answer_start : statement.answer_end] == answer


def test_an_answer_at_the_start_takes_the_capital(lexicons: dict[str, Lexicon]) -> None:
    statement = render_statement(lexicons["de"], _fact("fish_market.oslo", "closed", "monday", 1))
    assert statement.text == "Montags empfängt der Fischmarkt in Oslo keine Besucher."
    assert statement.text[statement.answer_start : statement.answer_end] == "Montags"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Which animal does the translator Sofia from Cairo take care of?"),
        ("ar", "بأي حيوان تعتني المترجمة صوفيا من القاهرة؟"),
        ("hi", "काहिरा की अनुवादिका सोफ़िया किस जानवर की देखभाल करती हैं?"),
        ("el", "Ποιο ζώο φροντίζει η μεταφράστρια Σοφία από το Κάιρο;"),
    ],
)
def test_question(language: str, text: str, lexicons: dict[str, Lexicon]) -> None:
    assert render_question(lexicons[language], _fact("translator.sofia.cairo", "pet", "goat", 1)) == text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ru", "Клара вчера купила хлеб и молоко в Варшаве."),
        ("el", "Η Κλάρα αγόρασε χθες ψωμί και γάλα στη Βαρσοβία."),
        ("ar", "اشترت كلارا الخبز والحليب في وارسو أمس."),
    ],
)
def test_filler_agrees_with_its_person(language: str, text: str, lexicons: dict[str, Lexicon]) -> None:
    filler = Filler("market", (("name", "clara"), ("town", "warsaw")))
    assert render_filler(lexicons[language], filler) == text


def test_entity_is_named_in_its_first_form(lexicons: dict[str, Lexicon]) -> None:
    entity = Entity(EntityClass.PERSON, ("lawyer", "irina", "geneva"))
    assert render_entity(lexicons["de"], entity) == "Die Anwältin Irina aus Genf"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_paragraph_breaks_enclose_the_sentences(language: str, lexicons: dict[str, Lexicon]) -> None:
    facts = (
        _fact("fish_market.oslo", "opened", "1900", 0),
        _fact("fish_market.oslo", "closed", "monday", 1),
    )
    paragraph = render_paragraph(lexicons[language], Article(facts[0].entity, facts))
    sentences = [statement.text for statement in paragraph.statements]
    assert [paragraph.text[start:end] for start, end in paragraph.breaks] == sentences
    assert paragraph.text == lexicons[language].joiner.join(sentences)
