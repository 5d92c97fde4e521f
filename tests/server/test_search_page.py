"""The page in a headless Chromium: searching, filtering and comparing with real clicks and keys."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from fake_searcher import BROKEN, FakeSearcher
from running_service import run_service

from chromium import Browser
from isogloss.demo_collection import list_passages
from isogloss.demo_search import list_examples
from isogloss.server.app import create_app
from isogloss.server.systems import System

ARROW_DOWN, ARROW_UP, ESCAPE, ENTER, SLASH, TAB = 40, 38, 27, 13, 191, 9
EXAMPLES = list_examples()
WOMAN = next(question for question in EXAMPLES if "first woman in space" in question)
DESERT = next(question for question in EXAMPLES if "Wüste" in question)
NARROW = "a-model-with-a-name-that-is-longer-than-most"
ARABIC = next(question for question in EXAMPLES if question.endswith("؟"))


@pytest.fixture(scope="module")
def searcher() -> FakeSearcher:
    return FakeSearcher(has_words=True)


@pytest.fixture(scope="module")
def address(searcher: FakeSearcher) -> Iterator[str]:
    systems = [System("trained", searcher), System("untrained", FakeSearcher(searcher.passages[::-1]))]
    app = create_app(systems, demonstration=True, examples=[WOMAN, ARABIC])
    with run_service(app) as served:
        yield served


def show(browser: Browser, address: str, **look: bool | int) -> None:
    browser.show("about:blank")
    browser.show(address, **look)  # type: ignore[arg-type]
    browser.wait("document.querySelectorAll('#chips button').length === 10")


def search(browser: Browser, query: str, columns: int = 1) -> None:
    browser.click("#query")
    browser.evaluate("query.select()")
    browser.write(query)
    browser.press("Enter", ENTER)
    browser.wait(f"document.querySelectorAll('ol.hits').length === {columns} && {READY}")


READY = "!columns.hidden && !document.querySelector('.busy') && document.querySelectorAll('.hit').length > 0"
PROBLEM = "document.querySelector('.problem')?.textContent"
IDS = "[...document.querySelectorAll('ol.hits')].map((l) => [...l.children].map((h) => h.dataset.id))"


def hits(browser: Browser) -> list[list[str]]:
    browser.wait("!document.querySelector('.busy')")
    found: list[list[str]] = browser.evaluate(IDS)
    return found


def test_one_is_not_many(browser: Browser) -> None:
    alone = list_passages()[0]
    with run_service(create_app([System("only", FakeSearcher([alone]))])) as address:
        browser.show(address)
        browser.wait("document.querySelectorAll('#chips button').length === 1")
        told = "document.getElementById('extent').textContent"
        assert browser.evaluate(told) == "1 passage in 1 language"
        search(browser, alone.text)
        assert hits(browser) == [[alone.id]]
        assert browser.evaluate("document.getElementById('told').textContent") == "1 passage found"


def test_a_search_shows_what_the_service_finds(
    browser: Browser, address: str, searcher: FakeSearcher
) -> None:
    show(browser, address)
    assert (
        browser.evaluate("document.getElementById('extent').textContent") == "1,000 passages in 10 languages"
    )
    assert browser.evaluate("document.activeElement.id") == "query"
    search(browser, WOMAN)
    assert hits(browser) == [[hit.id for hit in searcher.rank(WOMAN, 10, None)]]
    first = browser.evaluate("document.querySelector('.hit').innerText")
    best = searcher.rank(WOMAN, 1, None)[0]
    assert "English" in first
    assert f"{best.score:.3f}" in first
    assert "isogloss demonstration collection" in first
    assert browser.evaluate("document.querySelector('.hit .text').lang") == "en"
    legend = browser.evaluate("[...document.querySelectorAll('.legend li')].map((each) => each.textContent)")
    assert sum(int(entry.split()[-1]) for entry in legend) == 10
    widths = browser.evaluate("[...document.querySelectorAll('.bar i')].map((each) => each.offsetWidth)")
    assert len(widths) == len(legend)
    assert all(width > 0 for width in widths)
    assert "10 passages found" in browser.evaluate("document.getElementById('told').textContent")
    assert browser.complaints() == []


def test_chips_filter_and_show_that_they_do(browser: Browser, address: str, searcher: FakeSearcher) -> None:
    show(browser, address)
    search(browser, WOMAN)
    browser.click("[data-code=sw]")
    browser.wait("[...document.querySelectorAll('.hit')].every((each) => each.dataset.id.endsWith('.sw'))")
    browser.click("[data-code=ar]")
    browser.wait("[...document.querySelectorAll('.hit')].some((each) => each.dataset.id.endsWith('.ar'))")
    assert {name.split(".")[1] for name in hits(browser)[0]} <= {"sw", "ar"}
    pressed = "[...document.querySelectorAll('[aria-pressed=true]')].map((each) => each.dataset.code)"
    assert sorted(browser.evaluate(pressed)) == ["ar", "sw"]
    browser.click("[data-code=ar]")
    browser.click("[data-code=sw]")
    browser.wait(f"document.querySelector('.hit').dataset.id === '{searcher.rank(WOMAN, 1, None)[0].id}'")
    assert browser.evaluate(pressed) == []
    assert browser.evaluate("document.querySelector('[data-code=sw] small').textContent") == "100"


def test_two_rankings_stand_side_by_side(browser: Browser, address: str, searcher: FakeSearcher) -> None:
    show(browser, address)
    search(browser, WOMAN)
    browser.click("#compare")
    browser.wait("document.querySelectorAll('ol.hits').length === 2 && !document.querySelector('.busy')")
    browser.wait("document.querySelectorAll('.hit').length === 20")
    labels = "[...document.querySelectorAll('select')].map((each) => each.selectedOptions[0].textContent)"
    assert browser.evaluate(labels) == ["trained, by score alone", "untrained, by score alone"]
    tops = browser.evaluate(
        "[...document.querySelectorAll('.column')].map((c) => c.getBoundingClientRect().top)"
    )
    assert tops[0] == tops[1]
    assert browser.evaluate("document.activeElement.id") == "compare"
    for _ in range(2):  # to the first list, to the second
        browser.press("Tab", TAB)
    assert browser.evaluate("document.activeElement.ariaLabel") == "Second ranking"
    words = [hit.id for hit in searcher.rank(WOMAN, 10, None, lexical=True)]
    browser.press("ArrowDown", ARROW_DOWN)
    browser.wait(f"document.querySelectorAll('ol.hits')[1].children[0].dataset.id === '{words[0]}'")
    assert browser.evaluate(labels)[1] == "trained, by score and by words"
    assert hits(browser)[1] == words
    assert browser.evaluate("document.activeElement.ariaLabel") == "Second ranking"
    browser.press("ArrowDown", ARROW_DOWN)
    browser.wait("document.querySelectorAll('.legend')[1].children.length === 10")
    assert browser.evaluate(labels)[1] == "trained, a like share for every language"
    browser.click("#compare")
    browser.wait("document.querySelectorAll('ol.hits').length === 1")


def test_models_of_different_languages_answer_each_in_its_own(browser: Browser) -> None:
    passages = FakeSearcher().passages
    broad = FakeSearcher([each for each in passages if each.language != "sw"])
    narrow = FakeSearcher([each for each in passages if each.language in ("sw", "en")][20:])
    with run_service(create_app([System("broad", broad), System(NARROW, narrow)])) as served:
        show(browser, f"{served}#q={quote(WOMAN)}&r=none:broad&r=none:{NARROW}")
        browser.wait("document.querySelectorAll('.hit').length === 20")
        assert browser.evaluate("document.getElementById('extent').textContent") == (
            f"broad: 900 passages in 9 languages; {NARROW}: 180 passages in 2 languages"
        )
        labels = "[...document.querySelectorAll('#chips button')].map((each) => each.textContent)"
        assert set(browser.evaluate(labels)) >= {"English100 / 80", "German100 / 0", "Swahili0 / 100"}
        assert (
            browser.evaluate("document.querySelector('[data-code=sw]').title") == f"broad: 0, {NARROW}: 100"
        )
        browser.click("[data-code=sw]")
        assert browser.wait(PROBLEM).startswith("languages: there is no sw;")
        assert hits(browser) == [[], [hit.id for hit in narrow.rank(WOMAN, 10, ["sw"])]]
        assert browser.evaluate("document.getElementById('told').textContent") == "10 passages found"
        browser.click("[data-code=en]")
        browser.wait(f"!({PROBLEM}) && document.querySelectorAll('.hit').length === 20")
        assert hits(browser) == [
            [hit.id for hit in broad.rank(WOMAN, 10, ["en"])],
            [hit.id for hit in narrow.rank(WOMAN, 10, ["en", "sw"])],
        ]
        notes = "[...document.querySelectorAll('.summary:first-child')].map((each) => each.textContent)"
        assert browser.evaluate(notes) == ["broad has nothing in Swahili", "Languages of the first 10"]
        show(browser, f"{served}#q={quote(WOMAN)}&l=sw,en&r=none:broad&r=none:{NARROW}", width=360)
        browser.wait("document.querySelectorAll('.hit').length === 20")
        assert browser.evaluate("document.documentElement.scrollWidth") <= 360
        assert browser.complaints() == []


def test_a_link_keeps_a_single_ranking_and_passes_over_an_unknown_one(browser: Browser, address: str) -> None:
    chosen = "[...document.querySelectorAll('select')].map((each) => each.value)"
    show(browser, f"{address}#q={quote(WOMAN)}&r=words:trained")
    browser.wait("document.querySelectorAll('.hit').length === 10")
    assert browser.evaluate(chosen) == ["words:trained"]
    assert "r=words%3Atrained" in browser.evaluate("location.hash")
    browser.evaluate(f"location.hash = '#q={quote(WOMAN)}&r=gone'")
    browser.wait(f"{chosen}[0] === 'none:trained'")
    browser.wait("!location.hash.includes('r=')")
    assert browser.complaints() == []


def test_the_keyboard_does_all(browser: Browser, address: str) -> None:
    show(browser, address)
    focus = "document.activeElement.dataset.id || document.activeElement.id"
    browser.write(WOMAN)
    browser.press("Enter", ENTER)
    browser.wait("document.querySelectorAll('.hit').length === 10")
    names = hits(browser)[0]
    browser.press("ArrowDown", ARROW_DOWN)
    assert browser.evaluate(focus) == names[0]
    browser.press("ArrowDown", ARROW_DOWN)
    assert browser.evaluate(focus) == names[1]
    browser.press("ArrowUp", ARROW_UP)
    browser.press("ArrowUp", ARROW_UP)
    assert browser.evaluate(focus) == "query"
    browser.press("ArrowDown", ARROW_DOWN)
    browser.press("/", SLASH)
    assert browser.evaluate(focus) == "query"
    assert browser.evaluate("query.value") == WOMAN
    browser.press("Escape", ESCAPE)
    assert browser.evaluate("query.value") == ""
    assert browser.evaluate("document.getElementById('columns').hidden")
    browser.write("a/b")
    assert browser.evaluate("query.value") == "a/b"


def test_text_runs_in_its_own_direction(browser: Browser, address: str) -> None:
    show(browser, address)
    search(browser, ARABIC)
    assert browser.evaluate("getComputedStyle(query).direction") == "rtl"
    browser.click("[data-code=ar]")
    browser.wait("document.querySelector('.hit .text').lang === 'ar'")
    assert browser.evaluate("getComputedStyle(document.querySelector('.hit .text')).direction") == "rtl"
    assert browser.evaluate("getComputedStyle(document.querySelector('.hit h3')).direction") == "rtl"
    browser.click("[data-code=ar]")
    search(browser, WOMAN)
    assert browser.evaluate("getComputedStyle(query).direction") == "ltr"


def test_an_example_is_searched_for_by_a_click(browser: Browser, address: str) -> None:
    show(browser, address)
    assert browser.evaluate("document.querySelectorAll('#examples button').length") == 2
    browser.click("#examples button")
    browser.wait("document.querySelectorAll('.hit').length === 10")
    assert browser.evaluate("query.value") == WOMAN
    assert browser.evaluate("document.getElementById('start').hidden")
    assert "demonstration" in browser.evaluate("document.getElementById('demonstration').innerText")
    assert "sentence-transformers/LaBSE" in browser.evaluate("document.querySelector('pre').textContent")


def test_a_link_shows_the_same_and_the_query_is_in_no_request_line(browser: Browser, address: str) -> None:
    state = f"#q={quote(WOMAN)}&l=en,de&r=words:trained&r=none:untrained"
    show(browser, address + state)
    browser.wait(
        "document.querySelectorAll('ol.hits').length === 2 && document.querySelectorAll('.hit').length > 10"
    )
    assert browser.evaluate("query.value") == WOMAN
    assert {name.split(".")[1] for name in hits(browser)[0]} <= {"en", "de"}
    assert browser.evaluate("[...document.querySelectorAll('select')].map((each) => each.value)") == [
        "words:trained",
        "none:untrained",
    ]
    asked = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event.get("method") == "Network.requestWillBeSent"
    ]
    assert any(url.endswith("/search") for url in asked)
    assert not any("woman" in url.partition("#")[0] for url in asked)


def test_a_refusal_is_shown_and_goes_away(browser: Browser, address: str) -> None:
    show(browser, address)
    browser.write("?!")
    browser.press("Enter", ENTER)
    assert "letter or digit" in browser.wait(PROBLEM)
    browser.evaluate("query.value = ''")
    search(browser, WOMAN)
    assert not browser.evaluate(PROBLEM)
    browser.evaluate(f"query.value = {json.dumps(BROKEN)}")
    browser.press("Enter", ENTER)
    browser.wait(PROBLEM)
    assert "/secret" not in browser.evaluate("document.body.innerText")


def test_only_the_last_of_two_quick_searches_is_shown(
    browser: Browser, address: str, searcher: FakeSearcher
) -> None:
    show(browser, address)
    searcher.seconds = 0.3
    try:
        browser.write(WOMAN)
        browser.press("Enter", ENTER)
        time.sleep(0.05)
        browser.evaluate(f"query.value = {json.dumps(DESERT)}")
        browser.press("Enter", ENTER)
        browser.wait("document.querySelector('.hit') !== null")
        time.sleep(0.5)
        assert hits(browser)[0][0] == searcher.rank(DESERT, 1, None)[0].id == "sahara.de"
    finally:
        searcher.seconds = 0.0


def test_markup_in_passages_and_queries_stays_text(browser: Browser) -> None:
    evil = (
        FakeSearcher()
        .passages[0]
        ._replace(
            id="evil",
            text="<img src=x onerror='window.broken=1'> woman",
            title="<script>window.broken=2</script>",
        )
    )
    with run_service(create_app([System("only", FakeSearcher([evil]))])) as served:
        browser.show("about:blank")
        browser.show(served)
        browser.wait("document.querySelectorAll('#chips button').length === 1")
        search(browser, f"<b>{WOMAN}</b>")
        assert browser.evaluate("document.querySelector('.hit .text').textContent") == evil.text
        assert browser.evaluate("document.querySelectorAll('.hit img, .hit script').length") == 0
        assert browser.evaluate("window.broken ?? null") is None
        assert browser.complaints() == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_sticks_out_and_all_can_be_read(
    browser: Browser, address: str, width: int, dark: bool
) -> None:
    show(browser, f"{address}#q={quote(ARABIC)}&r=none:trained&r=none:untrained", width=width, dark=dark)
    browser.wait("document.querySelectorAll('.hit').length === 20")
    assert browser.evaluate("innerWidth") == width
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.complaints() == []
    script = """(() => {
      const paper = getComputedStyle(document.body).backgroundColor, found = new Set();
      const words = (node) => [...node.childNodes].some((c) => c.nodeType === 3 && c.data.trim());
      for (const node of document.querySelectorAll("body *")) {
        if (!words(node) || node.closest("noscript, [hidden], option")) continue;
        let box = node;
        while (box && getComputedStyle(box).backgroundColor === "rgba(0, 0, 0, 0)") box = box.parentElement;
        const back = box ? getComputedStyle(box).backgroundColor : paper;
        found.add([getComputedStyle(node).color, back].join("|"));
      }
      return [...found];
    })()"""
    pairs = [entry.split("|") for entry in browser.evaluate(script)]
    assert len(pairs) >= 4
    for ink, back in pairs:
        low, high = sorted((luminance(ink), luminance(back)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, back)
    assert (luminance(browser.evaluate("getComputedStyle(document.body).backgroundColor")) < 0.05) == dark


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_controls_have_names_and_roles(browser: Browser, address: str) -> None:
    show(browser, f"{address}#q={quote(WOMAN)}")
    browser.wait("document.querySelectorAll('.hit').length === 10")
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    named = {
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node.get("ignored")
    }
    assert ("searchbox", "Search in any language") in named
    assert ("search", "") in named
    assert ("group", "Only these languages") in named
    assert ("checkbox", "Compare two rankings side by side") in named
    assert ("combobox", "Ranking") in named
    assert ("list", "Languages of the results") in named
    assert {name for role, name in named if role == "button"} >= {"Search", "Swahili 100"}


def test_a_service_that_is_gone_is_told(browser: Browser, tmp_path: Path) -> None:
    with run_service(create_app([System("only", FakeSearcher())])) as served:
        show(browser, served)
    browser.write(WOMAN)
    browser.press("Enter", ENTER)
    assert browser.wait(PROBLEM) == "the service cannot be reached"
