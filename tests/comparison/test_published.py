from __future__ import annotations

from collections import defaultdict
from statistics import fmean

import pytest

from isogloss.published import (
    MACRO,
    STRATEGIES,
    published_languages,
    published_macro,
    published_models,
    read_published,
)
from isogloss.types import Setting

HEADLINES = """
XLM-R x-x-mono .7918 .6737 .5479 .6475 .5843 .4731 410.2 287.5
XLM-R x-y      .7554 .6997 .5934 .6256 .6200 .5076 295.4 226.7
XLM-R hybrid   .7977 .7053 .5927 .6481 .6234 .5121 286.6 227.1
LaBSE x-x-mono .8083 .7519 .6517 .6807 .6561 .5504 261.5 225.3
LaBSE x-y      .8008 .7618 .6791 .6710 .6767 .5755 225.2 198.3
LaBSE hybrid   .8167 .7672 .6817 .6864 .6811 .5785 221.1 195.0
"""
MIRACL = {"XLM-R": (0.4148, 0.3993, 0.4054), "LaBSE": (0.4551, 0.4184, 0.4411)}


def test_all_figures_are_there_once() -> None:
    figures = read_published()
    assert len(figures) == 795
    keys = {(f.model, f.benchmark, f.setting, f.measure, f.language, f.strategy) for f in figures}
    assert len(keys) == 795
    assert {figure.strategy for figure in figures} == set(STRATEGIES)


def test_printed_means_are_the_means_of_the_languages() -> None:
    groups: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    for f in read_published():
        groups[f.model, f.benchmark, f.setting, f.measure, f.strategy][f.language] = f.value
    checked = 0
    for key, by_language in groups.items():
        languages = [value for language, value in by_language.items() if language != MACRO]
        if MACRO in by_language and languages:
            assert fmean(languages) == pytest.approx(by_language[MACRO], abs=0.000051), key
            checked += 1
    assert checked == 57


@pytest.mark.parametrize("line", HEADLINES.strip().splitlines())
def test_headlines(line: str) -> None:
    model, strategy, *numbers = line.split()
    places = [(name, setting, "mAP") for name in ("xquad-r", "mlqa-r") for setting in Setting]
    places += [(name, Setting.MULTI, "rank distance") for name in ("xquad-r", "mlqa-r")]
    for (benchmark, setting, measure), number in zip(places, numbers, strict=True):
        value = published_macro(model, benchmark, strategy, setting, measure)
        assert value == pytest.approx(float(number), abs=0.051 if measure == "rank distance" else 1e-9)


def test_miracl_and_what_is_not_published() -> None:
    assert published_models("miracl-dev") == ("XLM-R", "LaBSE")
    for model, numbers in MIRACL.items():
        for strategy, number in zip(STRATEGIES, numbers, strict=True):
            assert published_macro(model, "miracl-dev", strategy, Setting.MONO, "nDCG@10") == number
    assert published_models("other") == ()
    assert published_macro("XLM-R", "xquad-r", "hybrid", Setting.MONO, "MRR") is None


def test_published_languages() -> None:
    mlqa = {"ar", "de", "en", "es", "hi", "vi", "zh"}
    assert published_languages("mlqa-r") == mlqa
    assert published_languages("xquad-r") == mlqa | {"el", "ru", "th", "tr"}
    assert published_languages("other") == frozenset()
