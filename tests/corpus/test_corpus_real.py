"""Real files, where the environment variable ISOGLOSS_DATA names their folder."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from isogloss.corpus import ParallelCorpus, describe_corpus, read_corpus

DATA = os.environ.get("ISOGLOSS_DATA")
pytestmark = pytest.mark.skipif(DATA is None, reason="ISOGLOSS_DATA names no folder of real data")


def path(name: str) -> Path:
    found = Path(DATA or "") / name
    if not found.exists():
        pytest.skip(f"ISOGLOSS_DATA has no {name}")
    return found


@pytest.fixture(scope="module")
def squad_mt() -> ParallelCorpus:
    return read_corpus(path("train/squad-mt"))


def blemishes(corpus: ParallelCorpus) -> dict[tuple[str, str], int]:
    return dict(Counter((Path(row.path).name, row.kind) for row in corpus.blemishes))


def test_squad_mt_has_the_known_counts(squad_mt: ParallelCorpus) -> None:
    found = describe_corpus(squad_mt)
    assert found.items_by_language == {
        "da": 4832, "en": 6708, "es": 4110, "id": 2713, "it": 4518, "sv": 2602,
    }  # fmt: skip
    assert (found.items, found.articles, found.largest_passage) == (6708, 32, 30)
    assert found.items_only_in == {"da": 0, "en": 238, "es": 0, "id": 0, "it": 0, "sv": 0}
    assert found.located_answers == found.items_by_language
    assert blemishes(squad_mt) == {("it.json", "answer not at its offset"): 21}
    assert "1973_oil_crisis" in squad_mt.article_names


def test_squad_mt_passages_are_the_english_paragraphs(squad_mt: ParallelCorpus) -> None:
    english = [row.passage for row in squad_mt.renderings["en"] if row]
    assert len(english) == len(squad_mt.item_ids)
    texts = {" ".join(text.split()) for text in english}
    # One Italian paragraph stands under questions of two English ones, so those two are one passage.
    assert len(set(squad_mt.passages.tolist())) == len(texts) - 1 == 1272


def test_squad_mt_is_held_out_by_whole_articles(squad_mt: ParallelCorpus) -> None:
    rest, held = squad_mt.split_articles(0.1, seed=0)
    assert not set(rest.article_names) & set(held.article_names)
    assert len(held.item_ids) == pytest.approx(0.1 * 6708, rel=0.2)


def test_squad_mt_sentences_hold_their_answers(squad_mt: ParallelCorpus) -> None:
    rows = [row for column in squad_mt.renderings.values() for row in column if row]
    inside = np.array([start <= row.answer_start < end for row in rows for start, end in [row.sentence]])
    assert inside.mean() > 0.999
    shorter = np.array([end - start < len(row.passage) for row in rows for start, end in [row.sentence]])
    assert shorter.mean() > 0.9


@pytest.mark.slow
def test_squad_mt_is_read_in_seconds() -> None:
    start = time.perf_counter()
    read_corpus(path("train/squad-mt"))
    assert time.perf_counter() - start < 20


@pytest.mark.slow
def test_native_files_have_the_known_counts() -> None:
    corpus = read_corpus(path("train/native"))
    assert describe_corpus(corpus).items_by_language == {
        "am": 1723, "ar": 693, "en": 3696, "ja": 31748, "ko": 1625,
        "pt": 3286 + 837, "sw": 2755, "th": 5761, "zh": 3524 + 3219,
    }  # fmt: skip
    kind = "answer not at its offset"
    found = blemishes(corpus)
    assert found[("pt-squad-sample.json.gz", kind)] == 1176
    assert found[("am-amqa.json.gz", kind)] == 6
    assert set(found) == {
        (name, kind)
        for name in (
            "pt-squad-sample.json.gz",
            "am-amqa.json.gz",
            "ar-arcd.json.gz",
            "zh-cmrc.json.gz",
        )
    }
    assert (corpus.present.sum(axis=1) == 1).all()


def test_a_file_whose_name_tells_no_language() -> None:
    corpus = read_corpus(path("train/native/pt-faquad.json.gz"))
    assert (corpus.languages, len(corpus.item_ids)) == (("pt",), 837)


def test_lareqa_files_have_their_own_sentences() -> None:
    corpus = read_corpus(path("benchmarks/lareqa/xquad-r"))
    assert corpus.present.all()
    assert (len(corpus.item_ids), len(set(corpus.passages.tolist()))) == (1190, 240)
    assert corpus.blemishes == ()
    for column in corpus.renderings.values():
        assert all(row and row.sentence[0] <= row.answer_start < row.sentence[1] for row in column)
