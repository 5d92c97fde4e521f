"""Verdicts on simulated results whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from study_files import fill_folder, read_rivers

from isogloss.config import TomlValue
from isogloss.errors import ConfigError
from isogloss.significance import Interval
from isogloss.study.claim_table import explain_rows, write_row_signs
from isogloss.study.claims import CLAIMS
from isogloss.study.evidence import Evidence
from isogloss.study.folder import START, StudyFolder
from isogloss.study.judgement import Component, Verdict, judge_family, weigh
from isogloss.study.rows import ClaimRow, choose_rows, judge_claims
from isogloss.study.settings import MarginsConfig

LEVEL = 0.95
MARGINS: dict[str, TomlValue] = {"resamples": 4000, "equal": 0.03, "stable": 0.03, "strong": 0.05}


def judge(
    folder: Path,
    strengths: dict[str, float],
    changes: dict[str, TomlValue] | None = None,
    **options: object,
) -> dict[str, ClaimRow]:
    """Judge a study of invented results."""
    tables: dict[str, TomlValue] = {
        "grid": {
            "seeds": [1, 2, 3, 4, 5],
            "alphas": [0.4, 0.6],
            "strategies": ["x-x-mono", "x-y", "hybrid", "x-x", "en-en"],
        },
        "margins": MARGINS,
        **(changes or {}),
    }
    study = read_rivers(folder, tables)
    place = StudyFolder(folder / "out")
    fill_folder(study, place, strengths, **options)  # type: ignore[arg-type]
    rows = judge_claims(Evidence(study, place), ["isogloss", "reproduce"])
    return {row.id: row for row in rows}


@pytest.mark.parametrize(
    ("strengths", "verdicts"),
    [
        (
            {"hybrid": 1.0, "x-x-mono": 0.0, "x-y": 0.2, START: 0.0},
            {"8": "supported", "10": "supported", "11": "supported", "12": "supported"},
        ),
        (
            {"hybrid": 1.0, "x-x-mono": 2.5, "x-y": 2.5},
            {"8": "contradicted", "10": "contradicted", "12": "contradicted"},
        ),
        ({"hybrid": 1.0, "x-x-mono": 1.0, "x-y": 0.2}, {"8": "not shown"}),
        ({"hybrid": 1.0, "hybrid-0.4": 2.0, "hybrid-0.6": 1.0}, {"13": "contradicted"}),
        ({"hybrid": 1.0, START: 3.0}, {"11": "contradicted"}),
        ({"x-x": 0.0, "en-en": 1.0}, {"15": "supported"}),
        ({"x-x": 0.0, "en-en": -1.0}, {"15": "contradicted"}),
    ],
)
def test_verdicts_follow_the_truth(
    tmp_path: Path, strengths: dict[str, float], verdicts: dict[str, str]
) -> None:
    found = judge(tmp_path, strengths, {"claims": list(verdicts)})
    assert {name: str(found[f"{name}:tiny"].verdict) for name in verdicts} == verdicts


def test_equal_systems_are_stable_and_best_or_equal_within_wide_margins(tmp_path: Path) -> None:
    wide: dict[str, TomlValue] = {
        "margins": {**MARGINS, "stable": 0.2, "equal": 0.2},
        "claims": ["8", "12", "13"],
    }
    alike = dict.fromkeys(("hybrid", "hybrid-0.4", "hybrid-0.6", "x-x-mono", "x-y"), 1.0)
    found = judge(tmp_path, alike, wide)
    assert found["13:tiny"].verdict is Verdict.SUPPORTED
    assert found["12:tiny"].verdict is Verdict.SUPPORTED
    assert found["8:tiny"].verdict is Verdict.NOT_SHOWN


def test_native_retrieval_is_judged_on_native_benchmarks(tmp_path: Path) -> None:
    native: dict[str, TomlValue] = {
        "benchmarks": [{"name": "rivers", "data": "none", "role": "native"}],
        "claims": ["8", "14"],
    }
    found = judge(tmp_path, {"hybrid": 1.0, "x-x-mono": 2.0}, native)
    assert found["14:tiny"].verdict is Verdict.SUPPORTED
    assert "mono nDCG@10: x-x-mono" in found["14:tiny"].ours[0]
    assert found["8:tiny"].verdict is Verdict.UNDECIDED
    assert "no benchmark of the role 'parallel'" in found["8:tiny"].reason


def test_one_seed_decides_nothing(tmp_path: Path) -> None:
    one = {"grid": {"seeds": [1]}}
    found = judge(tmp_path, {"x-x-mono": 0.0, "x-y": 0.0, "hybrid": 3.0, START: 0.0}, one)
    for name in ("8", "10", "11", "12"):
        row = found[f"{name}:tiny"]
        assert row.verdict is Verdict.UNDECIDED
        assert "at least two seeds" in row.reason
        assert row.ours


def test_only_languages_that_all_know_are_split(tmp_path: Path) -> None:
    found = judge(tmp_path, {"hybrid": 1.0, START: 0.0}, {"claims": ["11"]}, trained=("de", "el", "en"))
    assert found["11:tiny"].verdict is Verdict.UNDECIDED
    assert "no languages apart" in found["11:tiny"].reason


def test_the_effect_of_a_row_is_the_difference_of_the_means(tmp_path: Path) -> None:
    found = judge(tmp_path, {"hybrid": 1.0, "x-x-mono": 0.0, "x-y": 0.2}, {"claims": ["8"]})
    row = found["8:tiny"]
    means = dict(entry.rsplit(" ", 1) for entry in row.ours[0].split(": ")[1].split(", "))
    for effect, other in zip(row.effects, ("x-x-mono", "x-y"), strict=True):
        assert effect.estimate == pytest.approx(float(means["hybrid"]) - float(means[other]), abs=1e-4)
        assert np.mean(effect.by_seed) == pytest.approx(effect.estimate, abs=1e-12)
        assert effect.interval.low <= effect.estimate <= effect.interval.high


def test_asking_for_a_claim_that_there_is_not_is_an_error(tmp_path: Path) -> None:
    rows = tuple(judge(tmp_path, {}).values())
    assert [row.id for row in choose_rows(rows, "9")] == ["9:XLM-R", "9:LaBSE"]
    assert [row.id for row in choose_rows(rows, "9:LaBSE")] == ["9:LaBSE"]
    with pytest.raises(ConfigError, match="no such claim; there are 1, 2"):
        choose_rows(rows, "16")
    assert all(row.verdict is Verdict.UNDECIDED for row in rows)
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS) == 15


def test_the_study_chooses_its_claims(tmp_path: Path) -> None:
    assert list(judge(tmp_path, {}, {"claims": ["10", "3"]})) == ["3", "10:tiny"]
    with pytest.raises(ConfigError, match="'claims' are 1, 2"):
        judge(tmp_path, {}, {"claims": ["eight"]})


def test_a_verdict_does_not_depend_on_what_is_printed_beside_it(tmp_path: Path) -> None:
    strengths = {"hybrid": 1.0, "x-x-mono": 0.9, "x-y": 0.2, START: 0.0}
    every = judge(tmp_path, strengths)
    some = judge(tmp_path, strengths, {"claims": ["8", "9"]})
    assert list(some) == ["8:tiny", "9:XLM-R", "9:LaBSE"]
    assert some["8:tiny"].family == ("8:tiny", "10:tiny", "11:tiny", "12:tiny")
    for name, row in some.items():
        assert replace(row, command="") == replace(every[name], command="")
    assert explain_rows(tuple(some.values()), MarginsConfig()) == explain_rows(
        tuple(every.values()), MarginsConfig()
    )
    worst = every["8:tiny"].judgement
    assert worst is not None
    assert worst.corrected_p_for >= worst.p_for


@pytest.mark.parametrize(
    ("bound", "by_seed", "signs"),
    [
        (0.0, (0.1, -0.1, 0.0), "+ - 0"),
        (0.1, (0.0168, 0.2, 0.1), "- + 0"),
        (-0.005, (-0.001, -0.01), "+ -"),
        (0.9, (0.73, 0.95), "- +"),
    ],
)
def test_signs_are_those_of_the_distance_to_the_bound(
    bound: float, by_seed: tuple[float, ...], signs: str
) -> None:
    effect = weigh("effect", np.asarray(by_seed), by_seed, float(np.mean(by_seed)), bound, LEVEL)
    assert effect.signs == signs


def test_a_refuted_claim_with_a_bound_has_signs_against_it(tmp_path: Path) -> None:
    """Hybrid lowers the rank distance a little with every seed, and claimed is a lot."""
    much: dict[str, TomlValue] = {"margins": {**MARGINS, "strong": 0.9, "zero_shot": 3.0}}
    found = judge(tmp_path, {"hybrid": 1.0, "x-x-mono": 0.0, START: 0.0}, much)
    (effect,) = found["10:tiny"].effects
    assert found["10:tiny"].verdict is Verdict.CONTRADICTED
    assert min(effect.by_seed) > 0
    assert effect.signs == write_row_signs(found["10:tiny"]) == "- - - - -"
    assert found["11:tiny"].verdict is Verdict.CONTRADICTED
    assert write_row_signs(found["11:tiny"]) == "- - - - -"


def component(p_for: float, p_against: float) -> Component:
    return Component("effect", 0.0, Interval(-1, 1), 0.0, (0.0,), False, p_for, p_against)


P_VALUES = st.floats(0.0001, 1.0)
FAMILIES = st.lists(
    st.lists(st.builds(component, P_VALUES, P_VALUES), min_size=1, max_size=4), min_size=1, max_size=5
)


@given(FAMILIES)
def test_a_family_is_holm_over_intersections(claims: list[list[Component]]) -> None:
    judged = judge_family(claims, LEVEL)
    for name, corrected, raw in (
        ("for", [each.corrected_p_for for each in judged], [max(c.p_for for c in claim) for claim in claims]),
        (
            "against",
            [each.corrected_p_against for each in judged],
            [min(1.0, len(claim) * min(c.p_against for c in claim)) for claim in claims],
        ),
    ):
        assert corrected == pytest.approx(holm(raw)), name
    for each, claim in zip(judged, claims, strict=True):
        assert each.decisive in claim
        sure, refuted = each.corrected_p_for < 1 - LEVEL, each.corrected_p_against < 1 - LEVEL
        assert (each.verdict is Verdict.SUPPORTED) == sure
        assert (each.verdict is Verdict.CONTRADICTED) == (refuted and not sure)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct by Holm's definition: the largest of the multiplied values up to each rank."""
    return [
        min(1.0, max((sum(other >= each for other in p_values)) * each for each in p_values if each <= p))
        for p in p_values
    ]


@given(st.floats(-3, 3), st.floats(-2, 2), st.integers(0, 2**32 - 1))
def test_p_values_invert_the_interval(shift: float, bound: float, seed: int) -> None:
    drawn = np.random.default_rng(seed).normal(shift, 1.0, 999)
    found = weigh("effect", drawn, [shift], shift, bound, LEVEL)
    if found.p_for < 1 - LEVEL:
        assert found.interval.low >= bound - 1e-9
    if found.interval.low > bound + 0.2:
        assert found.p_for < 1 - LEVEL
    mirrored = weigh("effect", -drawn, [-shift], -shift, -bound, LEVEL)
    assert (mirrored.p_for, mirrored.p_against) == (found.p_against, found.p_for)


def test_a_p_value_is_that_of_the_normal_distribution() -> None:
    drawn = np.random.default_rng(1).normal(0.5, 0.25, 200_000)
    found = weigh("effect", drawn, [0.5], 0.5, 0.0, LEVEL)
    assert found.p_for == pytest.approx(2 * stats.norm.cdf(-2.0), rel=0.05)
    assert found.p_against == 1.0


@pytest.mark.slow
def test_false_verdicts_are_rare_where_there_is_no_difference(tmp_path: Path) -> None:
    """Hybrid and baselines of one strength: 8 says "ahead", which is wrong either way it is decided."""
    rounds, wrong = 120, 0
    null: dict[str, TomlValue] = {"claims": ["8", "15"], "margins": {"resamples": 400}}
    strengths = {"hybrid": 1.0, "x-x-mono": 1.0, "x-y": 1.0, "x-x": 1.0, "en-en": 1.0}
    for draw in range(rounds):
        folder = tmp_path / str(draw)
        folder.mkdir()
        found = judge(folder, strengths, null, draw=draw, questions=40)
        wrong += any(row.verdict in (Verdict.SUPPORTED, Verdict.CONTRADICTED) for row in found.values())
    # A family at 5 % in both directions; the 99.9 % limit of a binomial count of that rate.
    assert wrong <= stats.binom.ppf(0.999, rounds, 0.05)
