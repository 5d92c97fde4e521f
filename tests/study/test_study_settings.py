"""Study files: the ready ones, and what is wrong with others."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from study_files import read_rivers, write_study

from isogloss.batching import BatchPlan, choose_strategy
from isogloss.batching.strategy import DEFAULT_ALPHA
from isogloss.cli.main import main
from isogloss.config import TomlValue, dump_config, parse_config
from isogloss.corpus import read_corpus
from isogloss.errors import ConfigError
from isogloss.study.grid import build_training, list_cells, list_trials
from isogloss.study.reading import read_study
from isogloss.study.settings import StudyConfig, label_alpha

STUDIES = Path(__file__).parents[2] / "studies"


@pytest.mark.parametrize("name", sorted(path.name for path in STUDIES.glob("*.toml")))
def test_the_ready_studies_are_read_and_planned(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["reproduce", str(STUDIES / name), "--out", str(tmp_path / "out"), "--data", "data", "--plan"]
    assert main([*command, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert {cell["state"] for cell in plan["cells"]} == {"to do"}
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert all(cell["name"] in shown for cell in plan["cells"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["small.toml", "minilm.toml", "few-shot.toml", "paper.toml"])
def test_studies_of_real_data_ask_where_they_are(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", str(STUDIES / name), "--out", str(tmp_path / "out"), "--plan"]) == 2
    told = capsys.readouterr().err
    assert "say which folder that is by --data" in told
    assert told.count("\n") == 1


def test_every_strategy_of_the_ready_studies_has_the_same_trials() -> None:
    for path in STUDIES.glob("*.toml"):
        study = read_study(path, Path("out"), Path("data"))
        trials = list_trials(study)
        tried = {(cell.encoder, cell.strategy) for cell in list_cells(study)}
        assert len(trials) == len(tried) * len(study.tuning.trials)
        assert study.tuning.seed not in study.grid.seeds


def test_ready_studies_compare_their_training_data_with_every_judged_benchmark() -> None:
    for path in STUDIES.glob("*.toml"):
        study = read_study(path, Path("out"), Path("data"))
        config = build_training(study, list_cells(study)[0], "none")
        compared = {(each.name, each.data) for each in config.overlap.benchmarks}
        judged = {(each.name, each.data) for each in study.benchmarks if each.role != "shown"}
        assert judged <= compared, path.name


def test_the_hours_in_the_head_of_a_study_file_are_those_of_the_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in STUDIES.glob("*.toml"):
        arguments = ["reproduce", str(path), "--out", str(tmp_path / "out"), "--data", "data", "--plan"]
        assert main([*arguments, "--json"]) == 0
        planned = json.loads(capsys.readouterr().out)["estimated_hours_left"]
        (stated,) = re.findall(r"^# Time: (?:about )?([\d.]+) (h|minutes)\b", path.read_text(), re.MULTILINE)
        hours = float(stated[0]) / (60 if stated[1] == "minutes" else 1)
        assert planned == pytest.approx(hours, rel=0.1), path.name


def test_settings_read_back_as_they_were_written() -> None:
    for path in STUDIES.glob("*.toml"):
        study = read_study(path, Path("out"), Path("data"))
        assert parse_config(StudyConfig, dump_config(study), "again") == study


def test_cells_differ_in_what_their_names_say_alone(tmp_path: Path) -> None:
    changes: dict[str, TomlValue] = {"grid": {"seeds": [3, 4], "alphas": [0.2, 0.5], "shares": [0.5, 0.25]}}
    study = read_rivers(tmp_path, changes)
    cells = list_cells(study)
    assert len({cell.name for cell in cells}) == len(cells) == 6 + 2 + 2 * 2 * 3
    common = []
    for cell in cells:
        config = build_training(study, cell, "none")
        assert (config.seed, config.data_share) == (cell.seed, cell.share)
        assert (config.batches.strategy, config.batches.alpha) == (cell.strategy, cell.alpha)
        batches = dataclasses.replace(config.batches, strategy="", alpha=None)
        common.append(dataclasses.replace(config, seed=0, data_share=1.0, batches=batches))
    assert all(config == common[0] for config in common)


def test_the_ends_of_the_curve_are_the_pure_strategies(tmp_path: Path) -> None:
    assert label_alpha(0.0) == ("x-y", "x-y")
    assert label_alpha(1.0) == ("x-x-mono", "x-x-mono")
    assert label_alpha(DEFAULT_ALPHA) == ("hybrid", "hybrid")
    assert label_alpha(0.4) == ("hybrid", "hybrid-0.4")
    study = read_rivers(tmp_path)
    corpus = read_corpus(str(dict(study.training["corpora"][0])["path"]))  # type: ignore[index, arg-type, call-overload]
    for alpha in (0.0, 1.0):
        pure, hybrid = (
            BatchPlan((corpus,), choose_strategy(*chosen), 4, seed=5)
            for chosen in ((label_alpha(alpha)[0],), ("hybrid", alpha))
        )
        for one, other in zip(pure.batches(0), hybrid.batches(0), strict=True):
            assert one.kind == other.kind
            assert one.items.tolist() == other.items.tolist()
            assert one.query_languages.tolist() == other.query_languages.tolist()


WRONG: list[tuple[dict[str, TomlValue], str]] = [
    ({"grid": {"strategy": ["x-y"]}}, "unknown setting 'grid.strategy' (did you mean 'grid.strategies'?)"),
    ({"grid": {"strategies": ["x-z"]}}, "got 'x-z'"),
    ({"grid": {"seeds": []}}, "'grid.seeds' is empty"),
    ({"grid": {"seeds": [1, 1]}}, "'grid.seeds' has 1 twice"),
    ({"grid": {"seeds": [-1]}}, "a seed is a whole number from 0"),
    ({"grid": {"alphas": [1.5]}}, "'grid.alphas' are from 0 to 1; got 1.5"),
    ({"grid": {"shares": [1.0]}}, "above 0 and below 1; got 1.0"),
    ({"encoders": []}, "'encoders' is empty"),
    ({"encoders": [{"name": "a/b", "model": "m"}]}, "got 'a/b'"),
    ({"encoders": [{"name": "a"}]}, "needs either 'model' or a table 'pretrain'"),
    ({"encoders": [{"name": "a", "model": "m", "published": "BERT"}]}, "one of XLM-R, LaBSE; got 'BERT'"),
    ({"encoders": [{"name": "a", "model": "m"}, {"name": "a", "model": "n"}]}, "'encoders' has a twice"),
    (
        {"encoders": [{"name": "a", "model": "m", "training": {"loss": {}}}]},
        "encoders differ in model and trainer alone",
    ),
    (
        {"benchmarks": [{"name": "a", "data": "d", "role": "main"}]},
        "one of parallel, native, shown; got 'main'",
    ),
    ({"benchmarks": [{"name": "a", "data": "d", "layout": "x"}]}, "'benchmarks.layout' is one of auto"),
    ({"benchmarks": [{"name": "a", "data": "d", "debias": ["lsar"]}]}, "'benchmarks.debias' are centre, lir"),
    ({"benchmarks": [{"name": "a", "data": "d", "debias": ["lir", "lir"]}]}, "has lir twice"),
    ({"benchmarks": [{"name": "a", "data": "d", "articles": "x", "not_articles": "y"}]}, "give one"),
    ({"benchmarks": [{"name": "a", "data": "d"}, {"name": "a", "data": "e"}]}, "'benchmarks' has a twice"),
    ({"training": {"seed": 1}}, "'training.seed' is decided by 'grid.seeds'"),
    ({"training": {"batches": {"strategy": "x-y"}}}, "'training.batches.strategy' is decided by"),
    ({"training": {"data_share": 0.5}}, "'training.data_share' is decided by 'grid.shares'"),
    ({"training": {"batch": {"size": 4}}}, "unknown setting 'batch' (did you mean 'batches'?)"),
    ({"tuning": {"seed": 9, "trials": [{"loss": {"temperature": 0.1}}]}}, "trials differ in 'trainer' alone"),
    ({"tuning": {"seed": 1, "trials": [{"trainer": {}}]}}, "'tuning.seed' 1 is also one of 'grid.seeds'"),
    (
        {"tuning": {"seed": 9, "trials": [{"trainer": {}}]}, "training": {"validation": {"share": 0.0}}},
        "'training.validation.share' must be above 0",
    ),
    ({"margins": {"equal": -1.0}}, "'margins.equal' is at least 0; got -1.0"),
    ({"margins": {"level": 1.0}}, "'margins.level' lies between 0.5 and 1"),
    ({"margins": {"resamples": 10}}, "'margins.resamples' is at least 100; got 10"),
    ({"claims": ["16"]}, "'claims' are 1, 2"),
    ({"name": 3}, "'name' should be a string; got 3"),
]


@pytest.mark.parametrize(("changes", "told"), WRONG, ids=[told[:40] for _, told in WRONG])
def test_a_wrong_study_is_one_line(
    changes: dict[str, TomlValue], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = write_study(tmp_path, "none", changes)
    assert main(["reproduce", str(study), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("isogloss: error: ")
    assert error.count("\n") == 1
    assert told in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--plan", "--claim", "8"], "--plan and --claim exclude each other"),
        (["--plan", "--only", "x"], "--plan and --only exclude each other"),
        (["--hours", "nan"], "--hours takes a number from 0; got nan"),
        (["--hours", "-1"], "--hours takes a number from 0; got -1.0"),
        (["--claim", "77"], "--claim 77: no such claim"),
    ],
)
def test_wrong_options_are_one_line(
    options: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = write_study(tmp_path, "none")
    assert main(["reproduce", str(study), "--out", str(tmp_path / "out"), *options]) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(rf"isogloss: error: {re.escape(told)}.*\n", error)


def test_a_missing_place_is_named(tmp_path: Path) -> None:
    study = write_study(tmp_path, "{data}/model")
    with pytest.raises(ConfigError, match=r"reads '\{data\}/model'; say which folder that is by --data"):
        read_study(study, tmp_path / "out")
    read = read_study(study, tmp_path / "out", Path("here"))
    assert read.encoders[0].model == "here/model"
