"""The report of a study in a headless Chromium: nothing sticks out, on phones either, light and dark."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from study_files import fill_folder, read_rivers

from chromium import Browser
from isogloss.study.folder import START, StudyFolder
from isogloss.study.report import build_report, write_report_markdown, write_report_page

ARABIC = "دراسة hybrid"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Invented results with all claims, both curves, and a title from right to left."""
    folder = tmp_path_factory.mktemp("page")
    grid = {
        "seeds": [1, 2],
        "alphas": [0.2, 0.4, 0.6],
        "shares": [0.5],
        "share_strategies": ["hybrid", "x-y"],
    }
    study = dataclasses.replace(read_rivers(folder, {"grid": grid}), name=ARABIC)  # type: ignore[dict-item]
    place = StudyFolder(folder / "out")
    labels = (
        "x-x-mono",
        "x-y",
        "hybrid",
        "hybrid-0.2",
        "hybrid-0.4",
        "hybrid-0.6",
        "hybrid-share0.5",
        "x-y-share0.5",
    )
    fill_folder(study, place, {label: 0.2 * number for number, label in enumerate((START, *labels))})
    report = build_report(study, place, ["isogloss", "reproduce", "study.toml", "--out", "a b"])
    assert "'a b' --claim 8:tiny" in write_report_markdown(report)
    path = folder / "report.html"
    path.write_text(write_report_page(report), encoding="utf-8")
    return path


def test_the_page_is_the_same_text_each_time_and_names_no_other_file(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    claims = text.split('<table class="claims">')[1].split("</table>")[0]
    assert claims.count('<tr><th scope="row"><bdi>') == 16
    assert "http" not in text.split("<body>")[1].replace("http://www.w3.org/2000/svg", "")
    assert text.count("curve over") == 2 * 2  # title and description of two figures
    for word in ("supported", "cannot be decided here", "Holm p", ARABIC):
        assert word in text


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_refused_and_nothing_sticks_out(
    browser: Browser, page: Path, width: int, dark: bool
) -> None:
    browser.show(page, width=width, dark=dark)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate("innerWidth") == width
    assert browser.complaints() == []
    assert browser.evaluate("getComputedStyle(document.querySelector('h1')).direction") == "rtl"
    heights = "[...document.querySelectorAll('.claims tbody tr')].map((row) => row.offsetHeight)"
    assert max(browser.evaluate(heights)) < 700
