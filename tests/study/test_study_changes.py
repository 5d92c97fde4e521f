"""What changes after a study has begun is said in its report, since verdicts may have been seen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from study_files import read_rivers

from isogloss.errors import ConfigError
from isogloss.study.folder import StudyFolder, check_study, list_changes, open_study
from isogloss.study.report import build_report, write_report_json, write_report_markdown, write_report_page
from isogloss.study.settings import EncoderConfig, StudyBenchmark, StudyConfig

NTREX = StudyBenchmark("ntrex", "data", role="shown")


def begin(folder: Path) -> tuple[StudyConfig, StudyFolder]:
    study, place = read_rivers(folder), StudyFolder(folder / "out")
    assert list_changes(study, place) == []
    open_study(study, place)
    return study, place


def test_what_was_added_or_left_out_is_listed(tmp_path: Path) -> None:
    study, place = begin(tmp_path)
    assert list_changes(study, place) == []
    (rivers,) = study.benchmarks
    part = replace(rivers, not_articles="train.jsonl")
    changed = replace(
        study,
        claims=("8",),
        benchmarks=(part, NTREX),
        encoders=(*study.encoders, EncoderConfig("second", "there")),
        grid=replace(study.grid, seeds=(1, 3, 4), strategies=("hybrid", "x-y"), alphas=(0.4,)),
    )
    check_study(changed, place)
    assert list_changes(changed, place) == [
        "encoders added: second",
        "benchmarks added: rivers-not-articles, ntrex",
        "benchmarks left out: rivers",
        "grid.strategies left out: x-x-mono",
        "grid.seeds added: 3, 4",
        "grid.seeds left out: 2",
        "grid.alphas added: 0.4",
    ]


def test_hints_and_baselines_are_no_changes(tmp_path: Path) -> None:
    study, place = begin(tmp_path)
    (rivers,), (tiny,) = study.benchmarks, study.encoders
    free = replace(
        study,
        benchmarks=(replace(rivers, debias=("centre",)),),
        encoders=(replace(tiny, minutes=3.0),),
        grid=replace(study.grid, strategies=study.grid.strategies[::-1]),
    )
    assert list_changes(free, place) == []


def test_a_benchmark_that_counts_otherwise_is_refused(tmp_path: Path) -> None:
    study, place = begin(tmp_path)
    (rivers,) = study.benchmarks
    with pytest.raises(ConfigError, match="begun with other settings \\(benchmarks 'rivers'\\)"):
        check_study(replace(study, benchmarks=(replace(rivers, role="shown"),)), place)


def test_the_report_says_what_changed(tmp_path: Path) -> None:
    study, place = begin(tmp_path)
    said = "Changed since the study began, so perhaps after verdicts were seen: benchmarks added: ntrex."
    for benchmarks, changes in (((), []), ((NTREX,), ["benchmarks added: ntrex"])):
        now = replace(study, benchmarks=(*study.benchmarks, *benchmarks))
        report = build_report(now, place, ["isogloss", "reproduce"])
        assert json.loads(write_report_json(report))["changes"] == changes
        for text in (write_report_markdown(report), write_report_page(report)):
            assert (said in text) is bool(changes)


def test_resamples_may_be_raised_but_not_lowered(tmp_path: Path) -> None:
    study, place = begin(tmp_path)
    before = study.margins.resamples
    finer = replace(study, margins=replace(study.margins, resamples=before * 5))
    check_study(finer, place)
    assert list_changes(finer, place) == [f"margins.resamples raised: {before * 5:,}, {before:,} before"]
    for other in (
        replace(study.margins, resamples=before - 1),
        replace(study.margins, resamples=before * 5, equal=0.5),
    ):
        with pytest.raises(ConfigError, match="margins are fixed before the first cell"):
            check_study(replace(study, margins=other), place)
