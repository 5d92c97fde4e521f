from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.demo_corpus.facts import FILLER_LINES, Article, Fact, World, invent_world
from isogloss.demo_corpus.lexicon import load_lexicons

ENGLISH = load_lexicons()["en"]


def _parts(world: World) -> tuple[tuple[Article, ...], ...]:
    return world.train, world.test, world.distractors, world.untold


def _facts(articles: tuple[Article, ...]) -> list[Fact]:
    return [fact for article in articles for fact in article.facts]


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**32))
def test_the_parts_share_no_entity_and_have_their_sizes(seed: int) -> None:
    world = invent_world(ENGLISH, seed)
    entities = [article.entity for part in _parts(world) for article in part]
    assert len(set(entities)) == len(entities) == 576
    assert len(_facts(world.train)) == 800
    assert 100 <= len(_facts(world.test)) <= 120
    assert 250 <= len(_facts(world.test)) + len(_facts(world.distractors)) <= 300
    assert len(set(world.filler)) == FILLER_LINES


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**32))
def test_an_article_tells_three_to_five_different_things_about_its_entity(seed: int) -> None:
    for part in _parts(invent_world(ENGLISH, seed)):
        for article in part:
            assert 3 <= len(article.facts) <= 5
            assert len({fact.relation for fact in article.facts}) == len(article.facts)
            for fact in article.facts:
                assert fact.entity == article.entity
                assert fact.relation.entity == article.entity.kind
                assert fact.value not in article.entity.keys


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**32))
def test_every_word_of_a_test_fact_is_met_in_the_bitext(seed: int) -> None:
    world = invent_world(ENGLISH, seed)
    met = {
        key for article in world.untold for fact in article.facts for key in (*fact.entity.keys, fact.value)
    }
    for fact in _facts(world.test):
        assert met.issuperset(fact.entity.keys)
        assert fact.value in met or fact.relation.values == "year"


def test_equal_seeds_give_equal_worlds_and_others_do_not() -> None:
    assert invent_world(ENGLISH, 3) == invent_world(ENGLISH, 3)
    assert invent_world(ENGLISH, 3) != invent_world(ENGLISH, 4)


def test_both_classes_of_entities_have_short_and_long_articles() -> None:
    world = invent_world(ENGLISH, 0)
    lengths = {(article.entity.kind, len(article.facts)) for article in world.test}
    assert {length for kind, length in lengths if kind == "place"} == {3, 4, 5}
    assert {length for kind, length in lengths if kind == "person"} == {3, 4, 5}
