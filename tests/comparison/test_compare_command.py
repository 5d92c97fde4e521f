from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from synthetic_results import DATA_FILES, invent_family, invent_results

from isogloss.cli.main import main
from isogloss.results import RunInfo, SentenceResults, write_results
from isogloss.types import LanguagePair, Setting

FAST = ["--resamples", "200"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Six run directories: three strategies, two seeds, one benchmark."""
    folder = tmp_path_factory.mktemp("runs")
    paths = []
    for results in invent_family((0, 1), questions=8):
        run = folder / f"{results.info.label}-{results.info.seed}"
        write_results(results, run / "results" / results.benchmark)
        paths.append(str(run))
    return paths


def test_runs_are_compared(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *runs, "--baseline", "x-x-mono", *FAST]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("xquad-r: means over 3 languages, 8 questions and the seeds")
    assert "published, XLM-R" not in shown.out
    assert shown.err == ""


def test_folders_of_results_are_taken_too(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    folders = [str(Path(run) / "results" / "xquad-r") for run in runs]
    assert main(["compare", *runs, "--baseline", "x-y", *FAST, "--format", "json"]) == 0
    first = capsys.readouterr().out
    assert main(["compare", *folders, "--baseline", "x-y", *FAST, "--format", "json"]) == 0
    assert capsys.readouterr().out == first
    (document,) = json.loads(first)
    assert document["baseline"] == "x-y"


@pytest.mark.parametrize(
    ("format_", "start"),
    [("text", "xquad-r: "), ("markdown", "**xquad-r: "), ("latex", "% needs "), ("json", "[\n{")],
)
def test_every_format_goes_to_a_file(runs: list[str], tmp_path: Path, format_: str, start: str) -> None:
    out = tmp_path / "new" / "table"
    options = ["--format", format_, "--published", "--per-language", "--out", str(out)]
    assert main(["compare", *runs, "--baseline", "x-x-mono", *FAST, *options]) == 0
    text = out.read_text(encoding="utf-8")
    assert text.startswith(start)
    assert "published, LaBSE" in text


def test_options_reach_the_comparison(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--margin", "0.9", "--rank-margin", "0.8", "--seed", "4", "--format", "json"]
    assert main(["compare", *runs, "--baseline", "x-x-mono", *FAST, *options]) == 0
    (document,) = json.loads(capsys.readouterr().out)
    assert [document[key] for key in ("margin", "rank_margin", "seed", "resamples")] == [0.9, 0.8, 4, 200]


def test_a_run_can_be_shown_beside_and_is_not_tested(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = invent_results("start", None, strength=-1.0, questions=8)
    write_results(start, tmp_path / "start")
    options = ["--baseline", "x-y", *FAST, "--format", "json"]
    assert main(["compare", *runs, *options]) == 0
    (alone,) = json.loads(capsys.readouterr().out)
    assert main(["compare", *runs, *options, "--beside", str(tmp_path / "start")]) == 0
    (beside,) = json.loads(capsys.readouterr().out)
    assert beside["differences"] == alone["differences"]
    assert [each["label"] for each in beside["references"]] == ["chance", "start"]
    shown = {(each["setting"], each["measure"]): each["mean"] for each in beside["references"][1]["scores"]}
    assert shown["mono", "mAP"] == pytest.approx(start.table(Setting.MONO, "mAP").macro())


def test_what_is_shown_beside_is_of_the_same_data(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = invent_results("start", None, questions=8, data_files={"de.json": "x"})
    write_results(other, tmp_path / "start")
    assert main(["compare", *runs, "--baseline", "x-y", *FAST, "--beside", str(tmp_path / "start")]) == 2
    assert "another version of de.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"de.json": "a1", "el.json": "x", "en.json": "c3"}, "another version of el.json; evaluate both"),
        ({"de.json": "a1", "en.json": "c3"}, "without el.json; evaluate both on the same files"),
        ({**DATA_FILES, "hi.json": "d4"}, "with the further file hi.json; evaluate both"),
        ({"el.json": "x", "en.json": "c3"}, "another version of el.json; without de.json; evaluate both"),
    ],
)
def test_other_data_is_refused_and_the_file_is_named(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], said: str
) -> None:
    write_results(invent_results("late", 0, questions=8, data_files=files), tmp_path / "late")
    message = fail([*runs, str(tmp_path / "late"), "--baseline", "x-y"], capsys)
    assert "late, seed 0 (runs/late-0) is evaluated on other data than x-x-mono, seed 0" in message
    assert said in message


def test_measures_are_chosen_by_name(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--baseline", "x-y", *FAST, "--format", "json", "--published", "--measures"]
    assert main(["compare", *runs, *options, "mono mAP, MRC@10, Complete@20"]) == 0
    (document,) = json.loads(capsys.readouterr().out)
    found = [
        (each["setting"], each["measure"]) for each in document["differences"] if each["label"] == "hybrid"
    ]
    assert found == [("mono", "mAP"), ("multi", "MRC@10"), ("multi", "Complete@20")]
    assert document["family"].startswith(
        "6 tests: 2 systems (x-x-mono, hybrid) against x-y in 3 measures (mono mAP, "
    )
    # Chance has no closed form for the second, the paper no figures for the last two.
    assert [len(each["scores"]) for each in document["references"]] == [2, 1, 1, 1, 1, 1, 1]


def test_wrong_measures_are_all_said_in_one_line(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = fail([*runs, "--baseline", "x-y", "--measures", "mAP, mono ndcg@10, wool"], capsys)
    assert message == (
        "isogloss: error: measures: 'mAP' needs its setting: mono mAP or cross mAP or multi mAP; "
        "unknown measure 'mono ndcg@10'; did you mean 'mono nDCG@10'?; unknown measure 'wool'\n"
    )


def test_a_run_beside_may_lack_a_setting(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_results(invent_results("start", None, questions=8, ranked=(Setting.MONO,)), tmp_path / "start")
    options = ["--baseline", "x-y", *FAST, "--beside", str(tmp_path / "start")]
    assert main(["compare", *runs, *options, "--format", "json"]) == 0
    (document,) = json.loads(capsys.readouterr().out)
    assert [each["measure"] for each in document["references"][1]["scores"]] == ["mAP"]
    assert main(["compare", *runs, *options]) == 0
    assert capsys.readouterr().out.count("start ") == 1


def test_sentence_results_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = []
    for place, label in enumerate("ab"):
        for seed in (0, 1, 2):
            draw = np.random.default_rng([place, seed])
            right = draw.random((40, 6)) < 0.3 + 0.4 * place
            rows = np.arange(40)[:, None]
            results = SentenceResults(
                benchmark="tatoeba",
                info=RunInfo(label, label, seed, data_files={"de-en": "1"}),
                languages=("de", "en", "sw"),
                question_ids=tuple(f"{row:02}" for row in range(40)),
                pairs=tuple(LanguagePair(*pair) for pair in permutations(("de", "en", "sw"), 2)),
                ranks=np.where(right, 1, 2).astype(np.int32),
                nearest=np.where(right, rows, (rows + 1) % 40).astype(np.int32),
                pool_sizes=np.full(6, 40),
            )
            write_results(results, tmp_path / f"{label}{seed}" / "results" / "tatoeba")
            paths.append(str(tmp_path / f"{label}{seed}"))
    assert main(["compare", *paths, "--baseline", "a", *FAST]) == 0
    text = capsys.readouterr().out
    assert "tatoeba: means over 3 languages, 40 questions" in text
    assert "1 system (b) against a in 2 measures (cross accuracy, cross mAP)" in " ".join(text.split())
    assert "3/0/0" in text
    assert main(["compare", *paths, "--baseline", "a", *FAST, "--measures", "accuracy,F1"]) == 0
    assert "(cross accuracy, F1)" in capsys.readouterr().out.replace("\n  ", " ")
    message = fail([*paths, "--baseline", "a", "--measures", "mono mAP"], capsys)
    assert "'mono mAP' needs the setting mono; the results have cross" in message


def test_a_run_may_hold_a_variant_under_its_own_label(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place, label in enumerate(("plain", "debiased")):
        results = invent_results(label, 0, draw=place, questions=12)
        write_results(results, tmp_path / "run" / "results" / f"xquad-r-{label}")
    assert main(["compare", str(tmp_path / "run"), "--baseline", "plain", *FAST]) == 0
    assert "1 system (debiased) against plain" in " ".join(capsys.readouterr().out.split())


def test_several_benchmarks_give_a_table_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for label in ("a", "b"):
        for benchmark in ("xquad-r", "mlqa-r"):
            results = invent_results(label, 0, benchmark=benchmark, draw=ord(label), questions=5)
            write_results(results, tmp_path / label / "results" / benchmark)
    runs = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert main(["compare", *runs, "--baseline", "a", *FAST, "--format", "json"]) == 0
    assert [each["benchmark"] for each in json.loads(capsys.readouterr().out)] == ["mlqa-r", "xquad-r"]
    assert (
        main(["compare", *runs, "--baseline", "a", *FAST, "--format", "json", "--benchmark", "xquad-r"]) == 0
    )
    assert [each["benchmark"] for each in json.loads(capsys.readouterr().out)] == ["xquad-r"]
    (tmp_path / "b" / "results" / "mlqa-r" / "results.json").unlink()
    assert main(["compare", *runs, "--baseline", "a"]) == 2
    assert f"isogloss evaluate {runs[1]} --benchmark mlqa-r --data FOLDER" in capsys.readouterr().err


def fail(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must fail, and return its one line."""
    assert main(["compare", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    return shown.err


def test_known_errors_are_one_line(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "labels here: hybrid, x-x-mono, x-y" in fail([*runs, "--baseline", "nothing"], capsys)
    assert "no such folder" in fail([str(tmp_path / "none"), "--baseline", "a"], capsys)
    empty = fail([str(tmp_path), "--baseline", "a"], capsys)
    assert f"no results; first: isogloss evaluate {tmp_path} --benchmark xquad-r --data FOLDER" in empty
    other = fail([*runs, "--baseline", "x-y", "--benchmark", "mlqa-r"], capsys)
    assert "no results on mlqa-r (there are those on xquad-r); first: isogloss evaluate" in other
    assert "at least 100 resamples" in fail([*runs, "--baseline", "x-y", "--resamples", "3"], capsys)
    assert "given twice" in fail([*runs, runs[0], "--baseline", "x-y"], capsys)


def test_damaged_results_are_named(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run" / "results" / "xquad-r"
    write_results(invent_results("late", 0, questions=8), folder)
    (folder / "ranks.npz").write_bytes(b"half")
    assert str(folder) in fail([*runs, str(tmp_path / "run"), "--baseline", "x-y"], capsys)
