"""The page in a headless Chromium: nothing refused, nothing sticks out, sorting, saving, printing."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from report_results import LABELS, MANY, pooled, sentences

from chromium import Browser
from isogloss.report import build_section, write_page

ARABIC = "تقرير الانحياز اللغوي: hybrid"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two benchmarks, labels in three scripts, one of them markup."""
    labels = ("الأساس", "עברי", LABELS[2])
    sections = [
        build_section(pooled(labels=labels), baseline=labels[0], resamples=100),
        build_section([sentences(languages=MANY)]),
    ]
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(write_page(sections, ARABIC), encoding="utf-8")
    return path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_refused_and_nothing_sticks_out(
    browser: Browser, page: Path, width: int, dark: bool
) -> None:
    browser.show(page, width=width, dark=dark)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate("innerWidth") == width
    assert browser.complaints() == []
    assert browser.evaluate("getComputedStyle(document.body).maxWidth") != "none"  # styles were applied


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_text_stands_out_from_its_background(browser: Browser, page: Path, dark: bool) -> None:
    """Computed colours of every text of the page, those in figures too (in cells: against the cell)."""
    browser.show(page, dark=dark)
    script = """(() => {
      const paper = getComputedStyle(document.body).backgroundColor, found = new Set();
      const words = (node) => [...node.childNodes].some((c) => c.nodeType === 3 && c.data.trim());
      for (const node of document.querySelectorAll("body *")) {
        if (["SCRIPT", "title", "desc"].includes(node.tagName) || !words(node)) continue;
        const style = getComputedStyle(node), svg = node.tagName === "text";
        const cell = svg && node.parentNode.querySelector(":scope > title ~ rect");
        const box = cell || node.closest("pre");
        const back = box ? getComputedStyle(box)[cell ? "fill" : "backgroundColor"] : paper;
        found.add([svg ? style.fill : style.color, back].join("|"));
      }
      return [...found];
    })()"""
    pairs = [entry.split("|") for entry in browser.evaluate(script)]
    assert len(pairs) > 20
    for ink, back in pairs:
        low, high = sorted((luminance(ink), luminance(back)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, back)
    assert (luminance(browser.evaluate("getComputedStyle(document.body).backgroundColor")) < 0.05) == dark


HEAD = "document.querySelector('table.sortable').tHead.rows[0].cells"
COLUMN = (
    "[...document.querySelector('table.sortable').tBodies[0].rows].map((row) => row.cells[{}].dataset.value)"
)


def test_tables_are_sorted_by_click_and_by_key(browser: Browser, page: Path) -> None:
    browser.show(page)
    before = browser.evaluate(COLUMN.format(1))
    values = sorted(map(float, before))
    browser.evaluate(f"{HEAD}[1].querySelector('button').click()")
    assert [float(value) for value in browser.evaluate(COLUMN.format(1))] == values[::-1]
    assert browser.evaluate(f"[...{HEAD}].map((cell) => cell.getAttribute('aria-sort'))")[:2] == [
        None,
        "descending",
    ]
    browser.evaluate(f"{HEAD}[1].querySelector('button').focus()")
    for kind in ("keyDown", "keyUp"):
        browser.call(
            "Input.dispatchKeyEvent",
            type=kind,
            key="Enter",
            code="Enter",
            text="\r",
            windowsVirtualKeyCode=13,
        )
    assert [float(value) for value in browser.evaluate(COLUMN.format(1))] == values
    browser.evaluate(f"{HEAD}[0].querySelector('button').click()")
    names = browser.evaluate(COLUMN.format(0))
    assert names == sorted(names)
    assert browser.evaluate(f"[...{HEAD}].map((cell) => cell.getAttribute('aria-sort'))")[:2] == [
        "ascending",
        None,
    ]
    assert (
        browser.evaluate("document.querySelectorAll('table.sortable tfoot tr')[0].cells[0].textContent")
        == "all (5)"
    )


def test_lower_is_better_comes_first_and_missing_values_last(browser: Browser, page: Path) -> None:
    browser.show(page)
    table = "[...document.querySelectorAll('table.sortable')].find((each) => each.dataset.better === 'lower')"
    browser.evaluate(f"delete {table}.tBodies[0].rows[0].cells[1].dataset.value")
    browser.evaluate(f"{table}.tHead.rows[0].cells[1].querySelector('button').click()")
    values = browser.evaluate(
        f"[...{table}.tBodies[0].rows].map((row) => row.cells[1].dataset.value ?? null)"
    )
    assert values[-1] is None
    assert [float(value) for value in values[:-1]] == sorted(map(float, values[:-1]))
    browser.evaluate(f"{table}.tHead.rows[0].cells[1].querySelector('button').click()")
    assert browser.evaluate(f"{table}.tBodies[0].rows[4].cells[1].dataset.value ?? null") is None


def test_figures_are_saved_as_drawings_and_data(browser: Browser, page: Path) -> None:
    browser.show(page)
    browser.evaluate("URL.createObjectURL = (blob) => { window.saved = blob; return 'blob:none'; }")
    browser.evaluate("HTMLAnchorElement.prototype.click = function () { window.named = this.download; }")
    count = browser.evaluate("document.querySelectorAll('figure').length")
    assert count == 1 + 5 + 3 + 2 + 1
    for number in range(count):
        figure = f"document.querySelectorAll('figure')[{number}]"
        browser.evaluate(f"{figure}.querySelector('.links button').click()")
        drawing = ET.fromstring(browser.evaluate("window.saved.text()"))
        assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
        assert ".figure" in (drawing[0].text or "")
        assert "prefers-color-scheme" not in (drawing[0].text or "")
        name = browser.evaluate("window.named")
        assert name.endswith(".svg")
        assert browser.evaluate(f"{figure}.querySelector('a').download") == name.replace(".svg", ".csv")
        data = browser.evaluate(
            f"decodeURIComponent({figure}.querySelector('a').href.split(',').slice(1).join(','))"
        )
        assert data.endswith("\n")
        assert len(data.splitlines()) > 1
    assert browser.complaints() == []


def test_the_value_under_the_pointer_is_shown(browser: Browser, page: Path) -> None:
    browser.show(page)
    script = """(() => {
      const figure = [...document.querySelectorAll("figure")].at(-1), svg = figure.querySelector("svg");
      const box = svg.getBoundingClientRect(), cell = Number(svg.dataset.cell);
      const at = (start, place) => Number(start) + (place + 0.5) * cell;
      svg.dispatchEvent(new PointerEvent("pointermove", {
        clientX: box.left + at(svg.dataset.left, 3),
        clientY: box.top + at(svg.dataset.top, 1),
      }));
      return figure.querySelector("output").textContent;
    })()"""
    matrix = build_section([sentences(languages=MANY)]).systems[0].matrix("accuracy")
    assert browser.evaluate(script) == f"am queries, az passages: {matrix[1, 3]:.4f}"


def test_right_to_left_names_stand_in_their_own_direction(browser: Browser, page: Path) -> None:
    browser.show(page)
    assert browser.evaluate("getComputedStyle(document.querySelector('h1')).direction") == "rtl"
    directions = browser.evaluate(
        "[...document.querySelectorAll('.systems bdi')].map((each) => getComputedStyle(each).direction)"
    )
    assert directions == ["rtl", "rtl", "ltr", "ltr"]
    assert browser.evaluate("document.documentElement.dir || 'ltr'") == "ltr"
    assert browser.evaluate("getComputedStyle(document.querySelector('svg text')).unicodeBidi") == "plaintext"
    assert browser.evaluate("document.querySelector('h1').textContent") == ARABIC


def test_without_scripts_everything_can_be_read(browser: Browser, page: Path) -> None:
    browser.show(page, script=False)
    browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert browser.evaluate("document.querySelectorAll('button').length") == 0
    assert browser.evaluate("document.querySelectorAll('figure svg').length") == 12
    assert browser.evaluate(
        "[...document.querySelectorAll('figure a')].every((a) => a.href.startsWith('data:'))"
    )
    browser.evaluate(
        "document.querySelectorAll('details').forEach((each) => each.querySelector('summary').click())"
    )
    assert browser.evaluate("document.querySelectorAll('details:not([open])').length") == 0


def test_a_script_that_gets_in_does_not_run(browser: Browser, page: Path, tmp_path: Path) -> None:
    """The policy is the second wall behind the escaping: it is tried with a page that somebody changed."""
    changed = tmp_path / "changed.html"
    text = page.read_text(encoding="utf-8")
    attack = "<script>window.broken = 1</script><img src=http://127.0.0.1:9/x onerror='window.broken = 2'>"
    changed.write_text(text.replace("<main>", f"<main>{attack}", 1), encoding="utf-8")
    browser.show(changed)
    assert browser.evaluate("window.broken ?? null") is None
    assert browser.complaints() != []


def test_the_print_is_light_complete_and_on_few_pages(browser: Browser, page: Path) -> None:
    browser.show(page, dark=True, media="print")
    assert browser.evaluate("getComputedStyle(document.body).color") == "rgb(29, 27, 24)"
    hidden = (
        "[...document.querySelectorAll('nav, .links')].every((e) => getComputedStyle(e).display === 'none')"
    )
    assert browser.evaluate(hidden)
    browser.call("Emulation.setEmulatedMedia", media="")
    pdf = browser.print_pdf()
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert 4 <= pages <= 16
