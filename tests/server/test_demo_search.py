"""The demonstration: what its training sees and what it must not, and the whole of it in small."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_service import run_service

from chromium import Browser
from isogloss.cli.main import main
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
from isogloss.server.gate import Gate

FACTS = read_collection()
HELD_OUT = frozenset(choose_held_out([fact.id for fact in FACTS["en"]]))
SMALL = DemoSize(
    shape=EncoderShape(layers=1, hidden=64, heads=2, vocabulary=2000, length=192),
    masking_steps=2,
    ranking_steps=150,
    training_steps=200,
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


@pytest.fixture(scope="module")
def small_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_search_demo(tmp_path_factory.mktemp("small") / "demo", SMALL)


@pytest.mark.slow
def test_the_whole_in_small(small_demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = shutil.copytree(small_demo, tmp_path / "demo")
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


@pytest.fixture(scope="module")
def served_demo(small_demo: Path) -> Iterator[str]:
    """The address of what ``isogloss serve --demo`` serves."""
    apps: list[Gate] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("isogloss.server.running.serve", lambda app, host, port: apps.append(app))
        assert main(["serve", "--demo", str(small_demo), "--device", "cpu"]) == 0
    with run_service(apps[0]) as address:
        yield address


def click_example(browser: Browser, address: str, language: str) -> tuple[str, str]:
    """Click the example of a language, and give its question and fact."""
    browser.show("about:blank")
    browser.show(address)
    browser.wait("document.querySelectorAll('#examples button').length === 10")
    offered = browser.evaluate("[...document.querySelectorAll('#examples button')].map((b) => b.textContent)")
    asked = {fact.question: fact.id for fact in FACTS[language]}
    number, question = next((n, text) for n, text in enumerate(offered, 1) if text in asked)
    browser.click(f"#examples li:nth-child({number}) button")
    browser.wait("document.querySelectorAll('.hit').length === 10 && !document.querySelector('.busy')")
    assert browser.evaluate("query.value") == question
    return question, asked[question]


IDS = "[...document.querySelectorAll('.hit')].map((each) => each.dataset.id)"


@pytest.mark.slow
def test_an_example_that_is_clicked_on_finds_its_fact(
    small_demo: Path, served_demo: str, browser: Browser
) -> None:
    question, fact = click_example(browser, served_demo, "sw")
    assert not browser.evaluate("document.getElementById('demonstration').hidden")
    shown = browser.evaluate(IDS)
    assert fact in {name.split(".")[0] for name in shown}
    trained = Retriever.load(small_demo / TRAINED, device="cpu")
    assert shown == [hit.id for hit in trained.search([question], 10)[0]]
    assert browser.complaints() == []


@pytest.mark.slow
def test_an_example_from_right_to_left_finds_its_fact_by_words_too(
    small_demo: Path, served_demo: str, browser: Browser
) -> None:
    question, fact = click_example(browser, served_demo, "ar")
    assert browser.evaluate("getComputedStyle(query).direction") == "rtl"
    browser.click("[data-code=ar]")
    browser.evaluate("document.querySelector('select').focus()")
    for _ in range(2):  # over the untrained model to the trained one with words
        browser.press("ArrowDown", 40)
    assert browser.evaluate("document.querySelector('select').value") == f"words:{TRAINED}"
    trained = Retriever.load(small_demo / TRAINED, device="cpu")
    expected = [hit.id for hit in trained.search([question], 10, ["ar"], lexical=True)[0]]
    browser.wait(f"JSON.stringify({IDS}) === {json.dumps(json.dumps(expected, separators=(',', ':')))}")
    assert f"{fact}.ar" in expected
    assert browser.evaluate("getComputedStyle(document.querySelector('.hit .text')).direction") == "rtl"
    assert browser.complaints() == []


@pytest.mark.slow
def test_the_pictures_of_the_documentation_are_taken(
    small_demo: Path, browser: Browser, tmp_path: Path
) -> None:
    script = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "pictures.py"))
    script["main"](["--demo", str(small_demo), "--out", str(tmp_path / "pictures")])
    for picture in script["PICTURES"]:
        content = (tmp_path / "pictures" / picture.file).read_bytes()
        assert struct.unpack(">4xII", content[12:24]) == (picture.width, 900)
        assert len(content) > 5_000  # not a blank one
