"""The demonstration: what its training sees and what it must not, and the whole of it in small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from isogloss.corpus import read_corpus
from isogloss.demo import DemoSize
from isogloss.demo_collection import choose_held_out, read_collection
from isogloss.demo_search import (
    TRAINED,
    UNTRAINED,
    describe_search_demo,
    list_examples,
    measure_held_out,
    prepare_search_demo,
    write_facts,
    write_questions,
)
from isogloss.errors import ConfigError
from isogloss.pretraining.settings import EncoderShape
from isogloss.pretraining.text import read_aligned_text
from isogloss.retriever import Retriever

FACTS = read_collection()
HELD_OUT = frozenset(choose_held_out([fact.id for fact in FACTS["en"]]))
SMALL = DemoSize(
    shape=EncoderShape(layers=1, hidden=32, heads=2, vocabulary=2000, length=128),
    masking_steps=2,
    ranking_steps=10,
    training_steps=20,
    batch_size=20,
)


def test_no_held_out_question_is_trained_on(tmp_path: Path) -> None:
    rows = write_questions(tmp_path / "questions.jsonl", FACTS).read_text(encoding="utf-8")
    lines = "".join(
        path.read_text(encoding="utf-8") for path in sorted(write_facts(tmp_path / "facts", FACTS).iterdir())
    )
    for told in FACTS.values():
        for fact in told:
            for written in (rows, lines):
                assert (fact.question.replace('"', '\\"') in written) == (fact.id not in HELD_OUT), fact
                assert fact.passage.replace('"', '\\"') in written or written is lines


def test_the_training_rows_are_parallel(tmp_path: Path) -> None:
    corpus = read_corpus(write_questions(tmp_path / "questions.jsonl", FACTS))
    assert set(corpus.languages) == set(FACTS)
    assert corpus.present.all()
    assert len(set(corpus.passages.tolist())) == 100
    assert len(corpus.item_ids) == 80 + 100 * 7
    text = read_aligned_text(write_facts(tmp_path / "facts", FACTS))
    assert text.present().all()


def test_examples_are_held_out_and_of_all_languages() -> None:
    asked = {fact.question: (language, fact.id) for language, told in FACTS.items() for fact in told}
    shown = [asked[question] for question in list_examples()]
    assert sorted(language for language, _ in shown) == sorted(FACTS)
    assert {name for _, name in shown} <= HELD_OUT


def test_only_an_earlier_demonstration_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="not an empty folder"):
        prepare_search_demo(tmp_path)
    assert (tmp_path / "mine").is_file()


@pytest.mark.slow
def test_the_whole_in_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = prepare_search_demo(tmp_path / "demo", SMALL)
    told = describe_search_demo(out)
    shares = [int(share) / 100 for share in re.findall(r"(\d+)%", told)]
    trained, untrained = (Retriever.load(out / name, device="cpu") for name in (TRAINED, UNTRAINED))
    assert trained.count == untrained.count == 1000  # no passage is longer than the model reads
    quality = measure_held_out(trained, FACTS)
    assert shares == pytest.approx([quality.own, quality.across, quality.pool], abs=0.006)
    assert quality.own > 3 * 3 / 100  # chance is 3 of 100
    monkeypatch.setattr("isogloss.demo_search.pretrain", None)
    assert prepare_search_demo(out) == out  # ready: nothing is trained again
    (out / "held-out.txt").unlink()
    with pytest.raises(TypeError):  # a torn one is made anew
        prepare_search_demo(out)
