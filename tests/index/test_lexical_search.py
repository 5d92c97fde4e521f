"""Search by vectors and words against bm25s and the definition of the fusion, whatever was changed before."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import ConfigError, DataError
from isogloss.fair_ranking import Fairness
from isogloss.index import bm25, create_index, lexical, open_index, writing
from isogloss.index.bm25 import IndexWords
from isogloss.lexical import score_lexically, split_words
from isogloss.lexical_fusion import fuse_lexically
from isogloss.passages import Passage
from isogloss.retriever import Retriever
from made_up_index import LANGUAGES, MODEL, WIDTH, MadeUpEncoder, add, delete, ids, vectors_of

WORDS = ["river", "1953", "Nile", "东京塔", "a", "?"]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
PASSAGES = st.builds(
    lambda number, text, title, language: Passage(f"p{number:02}", text, language, title),
    st.integers(0, 30),
    TEXTS,
    st.sampled_from(["", "Nile"]),
    st.sampled_from(LANGUAGES),
)
BATCHES = st.lists(st.lists(PASSAGES, max_size=10, unique_by=lambda one: one.id), min_size=1, max_size=4)


def create(folder: Path, passages: Sequence[Passage]) -> None:
    with create_index(folder, MODEL, WIDTH, "exact", lexical=True) as change:
        change.add(passages, vectors_of([one.text for one in passages]))
        change.commit()


def score_words(known: Sequence[Passage], query: str) -> list[float]:
    """Compute BM25 literally, within each language."""
    scores = []
    for one in known:
        own = [split_words(other.encoded_text()) for other in known if other.language == one.language]
        words, mean = split_words(one.encoded_text()), max(sum(map(len, own)), 1) / len(own)
        counts, total = Counter(words), 0.0
        for word, repeats in Counter(split_words(query)).items():
            having = sum(word in other for other in own)
            rarity = math.log(1 + (len(own) - having + 0.5) / (having + 0.5))
            part = repeats * rarity * counts[word]
            total += part / (counts[word] + 1.5 * (0.25 + 0.75 * len(words) / mean)) if counts[word] else 0
        scores.append(total)
    return scores


def rank_whole(known: Mapping[str, Passage], query: str, languages: Sequence[str] | None) -> list[str]:
    """Rank a dictionary's passages by the definition."""
    pool = [known[name] for name in sorted(known) if languages is None or known[name].language in languages]
    if not pool:
        return []
    vector = vectors_of([query]).astype(np.float64)
    products = vectors_of([one.text for one in pool]).astype(np.float64) * vector
    fused = fuse_lexically(
        products.sum(axis=1)[np.newaxis],
        np.array([score_words(pool, query)]),
        np.array([LANGUAGES.index(one.language) for one in pool], dtype=np.int16),
    )[0]
    return [pool[place].id for place in np.argsort(-fused, kind="stable")]


@settings(max_examples=40)
@given(
    batches=BATCHES,
    gone=st.lists(st.integers(0, 30), max_size=8),
    asked=TEXTS,
    k=st.integers(1, 12),
    window=st.sampled_from([3, 100]),
)
def test_the_first_k_are_those_of_the_definition(
    batches: list[list[Passage]], gone: list[int], asked: str, k: int, window: int
) -> None:
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "_SEGMENTS_OF_A_SIZE", 2)  # so that segments are merged often
        patch.setattr(lexical, "WINDOW", window)
        patch.setattr("isogloss.lexical_fusion.WINDOW", window)
        folder = Path(scratch) / "index"
        create(folder, batches[0])
        known = {one.id: one for one in batches[0]}
        for batch in batches[1:]:
            add(folder, batch)
            known.update({one.id: one for one in batch})
        names = [f"p{number:02}" for number in gone]
        delete(folder, names)
        known = {name: one for name, one in known.items() if name not in names}
        index = open_index(folder)
        for languages in (None, ["am", "sw"]):
            (found,) = index.search(vectors_of([asked]), k, languages, texts=[asked])
            assert ids(found) == rank_whole(known, asked, languages)[:k]
        assert index.find_damage() == []


def test_scores_are_those_of_bm25s(tmp_path: Path) -> None:
    pytest.importorskip("bm25s", reason="the package bm25s is not installed")
    draw = np.random.default_rng(1)
    passages = [
        Passage(f"p{n:03}", " ".join(draw.choice(WORDS[:4], size=1 + n % 9)), LANGUAGES[n % 3])
        for n in range(200)
    ]
    create(tmp_path / "i", passages[:120])
    add(tmp_path / "i", passages[120:])
    languages = np.array([n % 3 for n in range(200)], dtype=np.int16)
    queries = ["Nile 1953", "东京塔 river river", "none of them"]
    expected = score_lexically(queries, [one.text for one in passages], None, languages)(0, 3)
    index = open_index(tmp_path / "i")
    words = IndexWords(index.segments)
    for row, query in enumerate(queries):
        scores = np.zeros(200)
        for language in LANGUAGES:
            for hit in words.rank(query, language, 1000):
                (name,) = index.segments[hit.segment].ids([hit.row])
                scores[int(name[1:])] = hit.score
        np.testing.assert_allclose(scores, expected[row], rtol=1e-5)
    assert expected[2].max() == 0


def test_a_name_that_the_vectors_miss_is_found(tmp_path: Path) -> None:
    texts = [f"text {chr(97 + n)}" for n in range(12)]
    passages = [Passage(f"p{n}", text, "en" if n % 2 else "sw") for n, text in enumerate(texts)]
    named = Passage("named", "Wangari 1977", "sw")
    query = "who was Wangari"
    made = Retriever.build(MadeUpEncoder(), [*passages, named], tmp_path / "i", lexical=True)
    assert made.search([query], 1)[0][0].id != "named"
    found = made.search([query] * 70, 3, lexical=True)  # more than a block of queries
    assert {row[0].id for row in found} == {"named"}
    alone = [hit for hit in made.search([query], 13)[0] if hit.id == "named"]
    assert found[0][0] == alone[0]  # the score stays the cosine


def test_what_cannot_be_searched_by_words_is_said(tmp_path: Path) -> None:
    plain = Retriever.build(MadeUpEncoder(), [Passage("a", "b", "en")], tmp_path / "plain")
    with pytest.raises(ConfigError, match="holds no words to search by; build it again"):
        plain.search(["a"], lexical=True)
    made = Retriever.build(MadeUpEncoder(), [Passage("a", "b", "en")], tmp_path / "i", lexical=True)
    with pytest.raises(ConfigError, match="words are fused with the ranking none alone, not with quota"):
        made.search(["a"], lexical=True, ranking=Fairness.QUOTA)
    empty = Retriever.build(MadeUpEncoder(), [], tmp_path / "empty", lexical=True)
    assert empty.search(["a"], lexical=True) == [[]]


@pytest.mark.parametrize("name", ["words.npy", "places.npy", "lengths.npy"])
@settings(max_examples=15)
@given(data=st.data())
def test_damaged_words_never_lead_astray(name: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "i"
        create(folder, [Passage(f"p{n}", "river Nile", LANGUAGES[n % 3]) for n in range(9)])
        (file,) = folder.rglob(name)
        content = bytearray(file.read_bytes())
        for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
            content[place] ^= data.draw(st.integers(1, 255))
        file.write_bytes(bytes(content))
        changed = open_index_or_none(folder)
        if changed is None:
            return
        (found,) = changed
        assert len(set(found)) == len(found)
        assert set(found) <= {f"p{n}" for n in range(9)}


def open_index_or_none(folder: Path) -> list[list[str]] | None:
    """Search an index; None where it is refused as damaged."""
    try:
        index = open_index(folder)
        return [ids(found) for found in index.search(vectors_of(["river"]), 5, texts=["river"])]
    except DataError:
        return None


def test_constants_are_those_of_the_baseline() -> None:
    bm25s = pytest.importorskip("bm25s", reason="the package bm25s is not installed")
    assert (bm25s.BM25().k1, bm25s.BM25().b) == (bm25.K1, bm25.B)
