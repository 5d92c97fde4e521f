"""An invented small world: its entities, what is true of them, and which part of it each file may tell.

Nothing here belongs to a language; words are named by their keys in the lexicons.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from isogloss.demo_corpus.lexicon import Lexicon

YEARS = tuple(str(year) for year in range(1860, 2016))
"""The values of relations whose answer is a year; written with the same digits in every language."""

STATEMENTS = 2
"""Paraphrases of each statement."""
QUESTIONS = 2
"""Paraphrases of each question."""

TRAIN_ARTICLES = 200
TEST_ARTICLES = 28
DISTRACTOR_ARTICLES = 38
PEOPLE = 288
FILLER_LINES = 450

_ARTICLE_LENGTHS = (3, 4, 5, 4)
_UNTOLD_LENGTHS = (3,)


class EntityClass(StrEnum):
    """Name the two classes of entities."""

    PLACE = "place"
    PERSON = "person"


class Relation(NamedTuple):
    """Name one kind of fact.

    Attributes:
        name: Key of its templates.
        entity: The class of entities it holds for.
        values: The table its answers come from, ``year`` for ``YEARS``.
    """

    name: str
    entity: EntityClass
    values: str


RELATIONS = (
    Relation("opened", EntityClass.PLACE, "year"),
    Relation("founder", EntityClass.PLACE, "founder"),
    Relation("closed", EntityClass.PLACE, "weekday"),
    Relation("entrance", EntityClass.PLACE, "object"),
    Relation("location", EntityClass.PLACE, "spot"),
    Relation("director", EntityClass.PLACE, "name"),
    Relation("event", EntityClass.PLACE, "event"),
    Relation("collection", EntityClass.PERSON, "collectible"),
    Relation("pet", EntityClass.PERSON, "pet"),
    Relation("instrument", EntityClass.PERSON, "instrument"),
    Relation("language", EntityClass.PERSON, "tongue"),
    Relation("commute", EntityClass.PERSON, "transport"),
    Relation("holiday", EntityClass.PERSON, "town"),
    Relation("lesson", EntityClass.PERSON, "skill"),
)

ENTITY_PARTS = {
    EntityClass.PLACE: ("kind", "town"),
    EntityClass.PERSON: ("profession", "name", "town"),
}
"""The tables that the words of an entity come from."""

FILLER_SLOTS = {
    "tourists": ("season", "town"),
    "rain": ("season", "town"),
    "hospital": ("name", "town"),
    "meeting": ("name", "other", "town"),
    "park": ("season", "event", "town"),
    "market": ("name", "town"),
    "walk": ("name", "season", "town"),
}
"""The words of each filler sentence; ``other`` is a second name, of the gender of the first."""


class Entity(NamedTuple):
    """Identify an entity by its class and the keys of its words."""

    kind: EntityClass
    keys: tuple[str, ...]

    @property
    def id(self) -> str:
        """Join the keys into an identifier."""
        return ".".join(self.keys)

    @property
    def words(self) -> dict[str, str]:
        """Map the tables to the keys of this entity's words."""
        return dict(zip(ENTITY_PARTS[self.kind], self.keys, strict=True))


class Fact(NamedTuple):
    """State one thing about one entity, and how it is worded.

    Attributes:
        entity: Whom or what the fact is about.
        relation: The kind of fact.
        value: Key of the answer in ``relation.values``.
        statement: Index of the paraphrase that states it.
        question: Index of the paraphrase that asks for it.
    """

    entity: Entity
    relation: Relation
    value: str
    statement: int
    question: int

    @property
    def id(self) -> str:
        """Name the question about this fact, the same in every language."""
        return f"{self.entity.id}.{self.relation.name}"


class Article(NamedTuple):
    """Hold the facts of one entity, in the order in which its paragraph tells them."""

    entity: Entity
    facts: tuple[Fact, ...]


class Filler(NamedTuple):
    """Choose the words of one filler sentence: slot and key."""

    name: str
    words: tuple[tuple[str, str], ...]


class World(NamedTuple):
    """Hold all facts, split so that no entity stands in two parts.

    Attributes:
        train: Articles of the retrieval training corpus.
        test: Articles of the benchmark that are asked about.
        distractors: Articles of the benchmark without questions.
        untold: Articles that only the bitext draws on.
        filler: Sentences of the bitext that state no fact of any relation.
    """

    train: tuple[Article, ...]
    test: tuple[Article, ...]
    distractors: tuple[Article, ...]
    untold: tuple[Article, ...]
    filler: tuple[Filler, ...]


def invent_world(lexicon: Lexicon, seed: int) -> World:
    """Invent entities and facts and split them.

    Args:
        lexicon: Any language; only its keys and the genders of its names are read.
        seed: Fixes every choice.

    Returns:
        The world; equal seeds give equal worlds.

    Source:
        Ours.
    """
    draw = random.Random(seed)  # noqa: S311, not for secrets
    places = _places(lexicon)
    people = _people(lexicon, draw)
    draw.shuffle(places)
    draw.shuffle(people)
    decks = {relation: _deal(value_keys(lexicon, relation), draw) for relation in RELATIONS}

    def tell(start: int, stop: int | None, lengths: Sequence[int]) -> tuple[Article, ...]:
        entities = _alternate(places[start:stop], people[start:stop])
        return tuple(
            _article(entity, length, decks, draw)
            for entity, length in zip(entities, itertools.cycle(lengths), strict=False)
        )

    train_end = TRAIN_ARTICLES // 2
    test_end = train_end + TEST_ARTICLES // 2
    distractor_end = test_end + DISTRACTOR_ARTICLES // 2
    return World(
        train=tell(0, train_end, _ARTICLE_LENGTHS),
        test=tell(train_end, test_end, _ARTICLE_LENGTHS),
        distractors=tell(test_end, distractor_end, _ARTICLE_LENGTHS),
        untold=tell(distractor_end, None, _UNTOLD_LENGTHS),
        filler=_filler(lexicon, draw),
    )


def value_keys(lexicon: Lexicon, relation: Relation) -> tuple[str, ...]:
    """List the possible answers of a relation.

    Args:
        lexicon: Any language.
        relation: The relation.

    Returns:
        Keys, in the order of the lexicon.
    """
    return YEARS if relation.values == "year" else tuple(lexicon.tables[relation.values])


def _places(lexicon: Lexicon) -> list[Entity]:
    pairs = itertools.product(lexicon.tables["kind"], lexicon.tables["town"])
    return [Entity(EntityClass.PLACE, pair) for pair in pairs]


def _people(lexicon: Lexicon, draw: random.Random) -> list[Entity]:
    tables = (lexicon.tables[table] for table in ENTITY_PARTS[EntityClass.PERSON])
    return [
        Entity(EntityClass.PERSON, keys) for keys in draw.sample(list(itertools.product(*tables)), PEOPLE)
    ]


def _alternate(first: Sequence[Entity], second: Sequence[Entity]) -> Iterator[Entity]:
    """Yield the entities of two classes in turn, so that long and short articles fall on both."""
    for turn, pair in enumerate(zip(first, second, strict=True)):
        yield from pair if turn % 4 < 2 else reversed(pair)


def _deal(values: Sequence[str], draw: random.Random) -> Iterator[str]:
    """Yield all values, then all again in another order, so that every part of the world has each."""
    while True:
        yield from draw.sample(values, len(values))


def _article(
    entity: Entity, length: int, decks: Mapping[Relation, Iterator[str]], draw: random.Random
) -> Article:
    relations = draw.sample([relation for relation in RELATIONS if relation.entity == entity.kind], length)
    return Article(entity, tuple(_fact(entity, relation, decks[relation], draw) for relation in relations))


def _fact(entity: Entity, relation: Relation, deck: Iterator[str], draw: random.Random) -> Fact:
    # Nobody spends the holidays at home: a word of the entity is never its own answer.
    value = next(key for key in deck if key not in entity.keys)
    return Fact(entity, relation, value, draw.randrange(STATEMENTS), draw.randrange(QUESTIONS))


def _filler(lexicon: Lexicon, draw: random.Random) -> tuple[Filler, ...]:
    chosen: dict[Filler, None] = {}
    for name in itertools.cycle(FILLER_SLOTS):
        if len(chosen) == FILLER_LINES:
            break
        words: dict[str, str] = {}
        for slot in FILLER_SLOTS[name]:
            words[slot] = draw.choice(
                _second_names(lexicon, words["name"]) if slot == "other" else list(lexicon.tables[slot])
            )
        chosen.setdefault(Filler(name, tuple(words.items())))
    return tuple(chosen)


def _second_names(lexicon: Lexicon, first: str) -> list[str]:
    names = lexicon.tables["name"]
    return [key for key, word in names.items() if key != first and word.gender == names[first].gender]
