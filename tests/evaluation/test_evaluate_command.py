from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from small_benchmark import HashEncoder, small_benchmark, write_benchmark

from isogloss.cli.main import main
from isogloss.encoding import load_encoder
from isogloss.evaluation import evaluate
from isogloss.results import read_results
from isogloss.types import PassageUnit, Setting
from tiny_models import set_prompts, tiny_labse


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_labse(tmp_path_factory.mktemp("models") / "labse")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_benchmark(tmp_path / "data" / "lareqa" / "small").parents[1]


def call(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    code = main(["evaluate", *(str(word) for word in words)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_a_model_is_evaluated_and_stored(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = (model, "--benchmark", "small", "--data", data, "--out", out, "--label", "start", "--seed", "3")
    code, printed, _ = call(capsys, *words)
    assert code == 0
    stored = read_results(out)
    assert (stored.info.label, stored.info.seed, stored.info.alpha) == ("start", 3, None)
    assert set(stored.info.data_files) == {"de.json", "en.json", "th.json"}
    assert stored.info.settings["unit"] == "sentence"
    assert {"isogloss", "torch"} <= set(stored.info.versions)
    macro = re.search(r"^macro +(\S+)", printed, re.MULTILINE)
    assert macro is not None
    assert macro[1] == f"{stored.table(Setting.MONO, 'mAP').macro():.4f}"
    code, _, problem = call(capsys, *words)
    assert code == 2
    assert problem == f"isogloss: error: {out} is not empty; choose another folder, or --overwrite\n"
    assert call(capsys, *words, "--overwrite")[0] == 0


def test_what_was_computed_in_bfloat16_says_so(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = (model, "--benchmark", "small", "--data", data, "--out", out, "--device", "cpu")
    assert call(capsys, *words, "--bf16")[0] == 0
    assert read_results(out).info.settings["bf16"] is True
    assert call(capsys, *words, "--overwrite")[0] == 0
    assert "bf16" not in read_results(out).info.settings


def test_the_library_finds_the_same_as_the_command(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed, _ = call(
        capsys, model, "--benchmark", "small", "--data", data, "--json", "--unit", "sentence-context"
    )
    assert code == 0
    encoder = load_encoder(str(model), quiet=True)
    results = evaluate(encoder, small_benchmark(tmp_path / "again"), PassageUnit.SENTENCE_CONTEXT)
    measures = json.loads(printed)["measures"]
    for setting in Setting:
        for name, summary in measures[setting.value].items():
            assert summary["macro"] == pytest.approx(results.table(setting, name).macro(), abs=1e-9)


def make_run(tmp_path: Path, model: Path, **provenance: object) -> Path:
    run = tmp_path / "runs" / "first"
    shutil.copytree(model, run / "model")
    (run / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")
    return run


def test_a_run_directory_tells_what_it_is(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(
        tmp_path,
        model,
        label="hybrid",
        strategy="hybrid",
        alpha=0.5,
        seed=11,
        languages=["de", "en"],
        unit="sentence-context",
    )
    set_prompts(run / "model", {"query": "Query: ", "document": "Passage: "})
    names = tmp_path / "names.txt"
    names.write_text("Article_1\n", encoding="utf-8")
    code, printed, _ = call(capsys, run, "--benchmark", "small", "--data", data)
    assert code == 0
    assert "unseen (1)" in printed
    info = read_results(run / "results" / "small").info
    assert (info.label, info.seed, info.alpha, info.trained_languages) == ("hybrid", 11, 0.5, ("de", "en"))
    assert info.model == str(run / "model")
    assert info.settings["unit"] == "sentence-context"
    assert info.settings["query_prefix"] == "Query: "
    for option, count in (("--articles", 2), ("--not-articles", 6)):
        code, _, _ = call(capsys, run, "--benchmark", "small", "--data", data, option, names)
        assert code == 0
        part = read_results(run / "results" / f"small-{option[2:]}")
        assert part.benchmark == f"small-{option[2:]}"
        assert len(set(part.query_ids)) == count
        assert len(part.passage_ids) == 72


def test_provenance_may_say_little(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path, model, strategy="x-y")
    assert call(capsys, run, "--benchmark", "small", "--data", data, "--query-prefix", "q: ")[0] == 0
    info = read_results(run / "results" / "small").info
    assert (info.label, info.seed, info.trained_languages) == ("x-y", None, ())
    assert info.settings["query_prefix"] == "q: "
    (run / "provenance.json").write_text("{", encoding="utf-8")
    code, _, problem = call(capsys, run, "--benchmark", "small", "--data", data)
    assert code == 2
    assert "provenance.json: cannot be read" in problem


def test_languages_and_trec_files(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trec = tmp_path / "trec"
    words = (model, "--benchmark", "small", "--data", data, "--languages", "th, de", "--trec", trec)
    code, printed, _ = call(capsys, *words, "--trec-depth", "all", "--max-length", "16", "--json")
    assert code == 0
    content = json.loads(printed)
    assert content["languages"] == ["th", "de"]
    assert content["info"]["settings"]["query_length"] == 16
    assert len(list(trec.iterdir())) == 6
    assert len((trec / "multi.run").read_text(encoding="utf-8").splitlines()) == 15 * 48
    assert call(capsys, *words)[0] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--benchmark", "other"), "no benchmark 'other'"),
        (("--benchmark", "small", "--languages", "xx"), "no file for xx; there are de, en, th"),
        (("--benchmark", "small", "--trec-depth", "0"), "--trec-depth takes a whole number from 1, or all"),
        (("--benchmark", "small", "--trec-settings", "mono,all"), "got 'all'"),
        (("--benchmark", "small", "--max-length", "100"), "takes 64 tokens at most, not 100"),
        (("--benchmark", "small", "--articles", "nothing.txt"), "nothing.txt: no such file"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(
    model: Path, data: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    code, printed, problem = call(capsys, model, "--data", data, *words)
    assert (code, printed) == (2, "")
    assert message in problem
    assert problem.startswith("isogloss: error: ")
    assert problem.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--benchmark", "../small"], "--benchmark takes a name of letters"),
        (["--benchmark", ""], "--benchmark takes a name of letters"),
        (["--label", "two\nlines"], "--label takes one line"),
        (["--label", " "], "--label takes one line"),
        (["--out", "{file}/results"], "file is no folder; choose another place"),
        (["--trec", "{file}"], "file is no folder; choose another place"),
        (["--out", "/proc/results"], "/proc: no permission to write there"),
    ],
)
def test_what_cannot_be_written_is_refused_before_encoding(
    model: Path,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    message: str,
) -> None:
    (tmp_path / "file").write_text("")
    # Root may write anywhere, so the system's answer is given here.
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda place, mode: str(place) != "/proc" and allowed(place, mode))
    given = [word.replace("{file}", str(tmp_path / "file")) for word in words]
    code, printed, problem = call(capsys, model, "--data", data, "--benchmark", "small", *given)
    assert (code, printed) == (2, "")
    assert message in problem
    assert problem.count("\n") == 1


def test_a_set_that_is_not_the_published_one_is_refused(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_benchmark(tmp_path / "xquad-r", ["de"])
    code, _, problem = call(capsys, model, "--benchmark", "xquad-r", "--data", folder)
    assert code == 2
    assert "1190 and 1276 were published" in problem


def test_a_missing_model_is_told_in_one_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, problem = call(capsys, "no/such-model", "--benchmark", "small", "--data", data)
    assert code == 2
    assert problem.startswith("isogloss: error: no/such-model: cannot be loaded")
    assert problem.endswith("; there is no such folder either\n")
    assert problem.count("\n") == 1


def test_evaluation_leaves_its_inputs_alone(tmp_path: Path) -> None:
    benchmark = small_benchmark(tmp_path)
    arrays = (
        benchmark.query_languages,
        benchmark.passage_languages,
        benchmark.judged_query,
        benchmark.judged_passage,
    )
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.setflags(write=False)
    first, second = (evaluate(HashEncoder(), benchmark) for _ in range(2))
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)
    np.testing.assert_array_equal(first.rank_pool, second.rank_pool)
    assert first.info.label == "hash"
