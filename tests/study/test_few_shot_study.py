"""Few items of a held-back language: the cells, the curve and its fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_files import fill_folder, read_rivers, write_rivers, write_study

from isogloss.cli.main import main
from isogloss.config import TomlValue
from isogloss.errors import ConfigError
from isogloss.results import Results, read_results, write_results
from isogloss.study.curve_figures import draw_curves
from isogloss.study.curves import list_curves
from isogloss.study.evidence import Evidence
from isogloss.study.few_shot import fit_log_curve
from isogloss.study.folder import StudyFolder
from isogloss.study.grid import build_training, list_cells
from isogloss.study.report import write_report

ITEMS = [0, 2, 8]
STUDIES = Path(__file__).resolve().parents[2] / "studies"


def few_shot(folder: Path, items: list[int] = ITEMS, **grid: TomlValue) -> dict[str, TomlValue]:
    """Change the small study: a corpus of Greek of which few items are taken."""
    folder.mkdir(parents=True, exist_ok=True)
    greek = write_rivers(folder / "greek.jsonl", 24, "Evros", ("el",))
    write_rivers(folder / "lakes.jsonl", 8, "Oder")
    whole = write_rivers(folder / "train.jsonl", 24, "Rhine", ("de", "en"))
    return {
        "grid": {
            "seeds": [1, 2],
            "strategies": ["hybrid"],
            "items": list(items),
            "item_corpora": ["greek"],
            "item_strategies": ["hybrid"],
            **grid,
        },
        "training": {"corpora": [{"path": str(whole)}, {"path": str(greek), "name": "greek"}]},
    }


@given(
    start=st.floats(-1, 1),
    slope=st.floats(-0.2, 0.2),
    items=st.lists(st.integers(0, 5000), min_size=3, max_size=8, unique=True),
)
def test_planted_curves_are_found(start: float, slope: float, items: list[int]) -> None:
    scores = start + slope * np.log(1.0 + np.asarray(items))
    assert fit_log_curve(items, scores).tolist() == pytest.approx([start, slope], abs=1e-9)


def test_the_fit_is_that_of_another_function() -> None:
    generator = np.random.default_rng(1)
    items = [0, 10, 30, 100, 300, 1000]
    scores = generator.random((6, 20))
    found = fit_log_curve(items, scores)
    for curve in range(20):
        slope, start = np.polyfit(np.log1p(items), scores[:, curve], 1)
        assert found[:, curve].tolist() == pytest.approx([start, slope])


def test_cells_hold_back_the_named_corpora_alone(tmp_path: Path) -> None:
    study = read_rivers(tmp_path, few_shot(tmp_path))
    cells = list_cells(study)
    assert [cell.label for cell in cells if cell.seed == 1] == [
        "hybrid",
        "hybrid-items0",
        "hybrid-items2",
        "hybrid-items8",
    ]
    for cell in cells:
        first, second = build_training(study, cell, "model").corpora
        assert (first.items, second.items) == (None, cell.items)


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        ({"items": [-1, 3]}, "'grid.items' are numbers of items from 0; got -1"),
        (
            {"item_corpora": ["latin"]},
            "'grid.item_corpora' are named by 'training.corpora.name'; got 'latin'",
        ),
        ({"item_corpora": []}, "'grid.items' and 'grid.item_corpora' go together"),
        ({"items": [3, 3]}, "'grid.items' has 3 twice"),
        ({"item_strategies": ["y-y"]}, "got 'y-y'"),
    ],
)
def test_grids_that_do_not_fit_are_refused(tmp_path: Path, grid: dict[str, TomlValue], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_rivers(tmp_path, few_shot(tmp_path, **grid))


def test_the_study_decides_the_number_of_items(tmp_path: Path) -> None:
    changes = few_shot(tmp_path)
    changes["training"]["corpora"][1]["items"] = 4  # type: ignore[index]
    with pytest.raises(ConfigError, match=r"'training.corpora.items' is decided by 'grid.items'"):
        read_rivers(tmp_path, changes)


def invent_study(folder: Path, role: str = "parallel") -> Evidence:
    """Fill a study with invented results that grow with the logarithm of the items."""
    changes = few_shot(folder, items=[0, 10, 30, 100, 300, 1000], seeds=[1, 2, 3])
    changes["benchmarks"] = [
        {"name": "rivers", "data": str(folder / "lakes.jsonl"), "layout": "parallel", "role": role}
    ]
    study = read_rivers(folder, changes)
    place = StudyFolder(folder / "out")
    strengths = {f"hybrid-items{items}": 0.1 * np.log1p(items) for items in study.grid.items}
    fill_folder(study, place, {"hybrid": 1.0, **strengths})
    return Evidence(study, place)


def test_a_curve_that_grows_is_fitted_with_intervals(tmp_path: Path) -> None:
    curves = [curve for curve in list_curves(invent_study(tmp_path)) if curve.axis == "items"]
    assert [str(curve.measure) for curve in curves] == ["mono mAP", "cross mAP", "multi mAP", "rank distance"]
    for curve in curves[:3]:
        (line,) = curve.lines
        assert [point.x for point in line.points] == [0, 10, 30, 100, 300, 1000]
        assert line.fit is not None
        means = [point.mean for point in line.points]
        expected = np.polyfit(np.log1p([point.x for point in line.points]), means, 1)
        assert [line.fit.slope, line.fit.start] == pytest.approx(expected)
        assert line.fit.slope_interval is not None
        assert 0 < line.fit.slope_interval.low < line.fit.slope < line.fit.slope_interval.high
        assert line.fit.r2 > 0.9
        assert len(line.points[0].by_seed) == 3


def test_a_native_benchmark_has_a_line_for_each_language(tmp_path: Path) -> None:
    curves = [curve for curve in list_curves(invent_study(tmp_path, "native")) if curve.axis == "items"]
    assert [line.label for line in curves[0].lines] == ["hybrid de", "hybrid el", "hybrid en"]
    greek = curves[0].lines[1]
    assert greek.fit is not None
    for point in greek.points:
        assert point.interval is not None
        assert point.interval.low <= point.mean <= point.interval.high


def drop_translations(path: Path) -> None:
    """Leave every question of a run with the answer in its own language alone."""
    results = read_results(path)
    assert isinstance(results, Results)
    own = results.query_languages[results.judged_query] == results.passage_languages[results.judged_passage]
    kept = ("judged_query", "judged_passage", "judged_gain", "rank_language", "rank_pool", "own_above")
    write_results(replace(results, **{name: getattr(results, name)[own] for name in kept}), path)


def test_questions_without_translations_have_no_rank_distance_and_a_report(tmp_path: Path) -> None:
    evidence = invent_study(tmp_path, "native")
    for path in evidence.folder.path.rglob("rivers/results.*"):
        drop_translations(path.parent)
    curves = [curve for curve in list_curves(evidence) if curve.axis == "items"]
    assert {str(curve.measure) for curve in curves} == {"mono mAP", "multi mAP"}
    write_report(evidence.study, evidence.folder, ["isogloss"])
    assert "hybrid el: a + b log(1 + n)" in (evidence.folder.path / "report.md").read_text(encoding="utf-8")


def test_the_fit_is_drawn_told_and_stored(tmp_path: Path) -> None:
    evidence = invent_study(tmp_path)
    figures = [each for each in draw_curves(list_curves(evidence)) if "items" in each.name]
    assert len(figures) == 1
    assert figures[0].svg.count("b = +") >= 3
    write_report(evidence.study, evidence.folder, ["isogloss"])
    out = evidence.folder.path
    assert "hybrid: a + b log(1 + n) with a = " in (out / "report.md").read_text(encoding="utf-8")
    document = json.loads((out / "report.json").read_text(encoding="utf-8"))
    (fit,) = {
        tuple(curve["lines"][0]["fit"])
        for curve in document["curves"]
        if curve["axis"] == "items" and curve["measure"] == "mono mAP"
    }
    assert fit == ("start", "slope", "start_interval", "slope_interval", "r2")
    assert "items of the held-back corpora" in (out / "report.html").read_text(encoding="utf-8")


def test_one_seed_is_fitted_without_intervals(tmp_path: Path) -> None:
    study = read_rivers(tmp_path, few_shot(tmp_path, seeds=[1]))
    fill_folder(study, StudyFolder(tmp_path / "out"), {f"hybrid-items{items}": items / 8 for items in ITEMS})
    curves = list_curves(Evidence(study, StudyFolder(tmp_path / "out")))
    fits = [curve.lines[0].fit for curve in curves if curve.axis == "items"]
    assert all(fit is not None and fit.slope_interval is None for fit in fits)
    assert len(fits) == 4


@pytest.mark.slow
def test_a_small_study_runs_from_cells_to_the_fit(
    xlmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = write_study(tmp_path, xlmr, few_shot(tmp_path))
    assert main(["reproduce", str(study), "--out", str(tmp_path / "out")]) == 0
    capsys.readouterr()
    runs = tmp_path / "out" / "runs" / "tiny"
    for items in ITEMS:
        for seed in (1, 2):
            record = json.loads((runs / f"hybrid-items{items}-seed{seed}" / "provenance.json").read_text())
            assert record["items"].get("greek", 0) == items
            assert ("el" in record["languages"]) == (items > 0)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    curves = [curve for curve in report["curves"] if curve["axis"] == "items"]
    assert len(curves) == 4
    assert all(len(curve["lines"][0]["points"]) == 3 and curve["lines"][0]["fit"] for curve in curves)


def test_the_study_of_the_repository_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--out", str(tmp_path / "out"), "--data", str(tmp_path / "data"), "--plan", "--json"]
    assert main(["reproduce", str(STUDIES / "few-shot.toml"), *words]) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["cells"]) == 21
