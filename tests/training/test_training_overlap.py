"""``isogloss train`` keeps the benchmarks that its settings name out of training."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import tomli_w
from training_runs import Consumed, Interrupted, Settings, StopAt, weights_of

from isogloss.batching import count_composition
from isogloss.cli.main import main
from isogloss.config import (
    CheckedBenchmarkConfig,
    CorpusConfig,
    OverlapConfig,
    TrainConfig,
    ValidationConfig,
    dump_config,
)
from isogloss.errors import ConfigError, DataError
from isogloss.training.plans import plan_run
from isogloss.training.run import train

PASSAGE = (
    "The old town of Wessel is crossed by the river Lorne, which floods its lower streets each spring and "
    "leaves behind the fine sand that the glass makers of the valley have used for centuries."
)
"""Long enough to be compared, unlike the texts of the corpus it is put into."""

LEAKED = ("q08", "q09")
"""Items of the passage that is put in place of one of the corpus; only the first is in the benchmark."""


@pytest.fixture
def leaking(settings: Settings, tmp_path: Path) -> TrainConfig:
    """Settings of a run with a corpus of which a benchmark has one passage, in one language."""
    rows = [json.loads(line) for line in Path(settings.base.corpora[0].path).read_text("utf-8").splitlines()]
    for row in rows:
        if row["id"] == LEAKED[0] and row["language"] == "en":
            row |= {"passage": f"{PASSAGE} Lorne.", "answer": "Lorne", "answer_start": PASSAGE.index("Lorne")}
    corpus = tmp_path / "rivers.jsonl"
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    asked = {
        "id": "question-of-the-town",
        "language": "en",
        "question": "Which river crosses the old town of Wessel?",
        "passage": PASSAGE,
        "article": "article 5",
        "answer": "Lorne",
        "answer_start": PASSAGE.index("Lorne"),
    }
    (tmp_path / "town").mkdir()
    (tmp_path / "town" / "town.jsonl").write_text(json.dumps(asked) + "\n", encoding="utf-8")
    checked = OverlapConfig(benchmarks=(CheckedBenchmarkConfig("town", str(tmp_path / "town")),))
    return replace(settings(), corpora=(CorpusConfig(str(corpus)),), overlap=checked)


def with_policy(config: TrainConfig, policy: str) -> TrainConfig:
    return replace(config, overlap=replace(config.overlap, policy=policy))


def write_settings(config: TrainConfig, folder: Path) -> str:
    file = folder / "run.toml"
    file.write_text(tomli_w.dumps(dump_config(config)), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("command", ["train", "plan"])
def test_shared_passages_are_refused_before_anything_is_written(
    leaking: TrainConfig, tmp_path: Path, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    out = ["--out", str(tmp_path / "run")] if command == "train" else []
    assert main([command, write_settings(leaking, tmp_path), *out]) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("isogloss: error: training data share passages or answer sentences")
    assert "2 of 48 items of rivers in town" in printed.err
    assert "--drop-overlap" in printed.err
    assert "--allow-overlap" in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_dropped_items_are_in_no_batch_and_in_every_record(
    leaking: TrainConfig, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [write_settings(leaking, tmp_path), "--set", "trainer.max_steps=2", "--drop-overlap"]
    assert main(["train", *words, "--out", str(tmp_path / "run")]) == 0
    found = (
        "rivers and town: 2 of 48 items share a passage or an answer sentence; 0 of 1 questions are alike; "
        "1 articles are shared (1 questions); the items are left out"
    )
    assert capfd.readouterr().err == f"isogloss: {found}\n"
    stored = json.loads((tmp_path / "run" / "provenance.json").read_text("utf-8"))
    assert stored["overlap"]["policy"] == "drop"
    (report,) = stored["overlap"]["reports"]
    assert (report["leaked_examples"], report["articles"]) == (list(LEAKED), ["article 5"])
    assert report["summary"] == found
    assert stored["items"]["rivers"] + stored["held_out_items"]["rivers"] == 46
    assert list(stored["overlap"]["files"]) == ["town/town.jsonl"]
    assert "town/town.jsonl" in json.loads((tmp_path / "run" / "data.json").read_text("utf-8"))
    small = tmp_path / "town"
    words = ["--benchmark", "town", "--data", str(small), "--out", str(tmp_path / "results"), "--quiet"]
    assert main(["evaluate", str(tmp_path / "run"), *words]) == 0
    assert f"note: training data: {found}\n" in capfd.readouterr().out


def test_both_commands_plan_the_same_batches(
    leaking: TrainConfig, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    plans = plan_run(with_policy(leaking, "drop"))
    assert plans.overlap is not None
    assert plans.corpora[0].item_ids[8:10] == LEAKED, "the corpora as read are whole"
    parts = [*plans.train.corpora, *(plans.validation.corpora if plans.validation else ())]
    assert sum(len(part.item_ids) for part in parts) == 46
    assert not {name for part in parts for name in part.item_ids} & set(LEAKED)
    assert main(["plan", write_settings(leaking, tmp_path), "--drop-overlap", "--json"]) == 0
    printed = capfd.readouterr()
    assert count_composition(plans.train, 1).digest in printed.out
    assert printed.err.endswith("the items are left out\n")


def test_allowed_items_stay_on_record(leaking: TrainConfig) -> None:
    plans = plan_run(replace(with_policy(leaking, "allow"), validation=ValidationConfig(share=0.0)))
    assert set(LEAKED) <= set(plans.train.corpora[0].item_ids)
    assert plans.overlap is not None
    assert plans.overlap.to_dict()["policy"] == "allow"


@pytest.mark.slow
def test_a_run_that_dropped_items_resumes_with_the_same_batches(
    leaking: TrainConfig, consumed: Consumed, tmp_path: Path
) -> None:
    config = with_policy(leaking, "drop")
    whole = train(config, tmp_path / "whole")
    batches = list(consumed.trained)
    consumed.trained.clear()
    with pytest.raises(Interrupted):
        train(config, tmp_path / "part", callbacks=(StopAt(5),))
    with pytest.raises(ConfigError, match=r"other settings \(overlap.policy\)"):
        train(with_policy(leaking, "allow"), tmp_path / "part", resume=True)
    consumed.trained.clear()
    resumed = train(config, tmp_path / "part", resume=True)
    assert consumed.trained == batches[4:], "the last checkpoint is of step 4"
    assert weights_of(resumed.model) == weights_of(whole.model)


def test_a_changed_benchmark_is_not_resumed_with(leaking: TrainConfig, tmp_path: Path) -> None:
    config = with_policy(leaking, "drop")
    with pytest.raises(Interrupted):
        train(config, tmp_path / "run", callbacks=(StopAt(1),))
    file = tmp_path / "town" / "town.jsonl"
    file.write_text(file.read_text("utf-8").replace("Which river", "What river"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"another version of town/town.jsonl"):
        train(config, tmp_path / "run", resume=True)


@pytest.mark.slow
def test_two_processes_drop_the_same_and_speak_once(
    leaking: TrainConfig, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = write_settings(leaking, tmp_path)
    words = ["train", file, "--out", str(tmp_path / "run"), "--processes", "2"]
    assert main(words) == 2
    assert capfd.readouterr().err.count("--drop-overlap") == 1
    assert main([*words, "--drop-overlap", "--set", "trainer.max_steps=2"]) == 0
    assert capfd.readouterr().err.count("the items are left out") == 1
    stored = json.loads((tmp_path / "run" / "provenance.json").read_text("utf-8"))
    assert stored["items"]["rivers"] + stored["held_out_items"]["rivers"] == 46


def test_without_a_benchmark_nothing_is_checked(settings: Settings, tmp_path: Path) -> None:
    train(settings(validation=ValidationConfig(share=0.0), max_steps=1), tmp_path / "run")
    assert json.loads((tmp_path / "run" / "provenance.json").read_text("utf-8"))["overlap"] == "not checked"


@pytest.mark.parametrize(
    ("overlap", "message"),
    [
        (OverlapConfig(policy="forbid"), "'overlap.policy' is one of refuse, drop, allow; got 'forbid'"),
        (
            OverlapConfig(benchmarks=(CheckedBenchmarkConfig("a", "b"),) * 2),
            "two of 'overlap.benchmarks' are named 'a'",
        ),
        (
            OverlapConfig(benchmarks=(CheckedBenchmarkConfig("a", "b", layout="squad"),)),
            r"'overlap.benchmarks\[0\].layout' is one of auto, lareqa, .*; got 'squad'",
        ),
    ],
)
def test_wrong_settings_are_refused(settings: Settings, overlap: OverlapConfig, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_run(replace(settings(), overlap=overlap))


@pytest.mark.slow
def test_translated_squad_is_clean_of_xquad_and_not_of_mlqa(real_data: Path, settings: Settings) -> None:
    corpus = CorpusConfig(str(real_data / "train" / "squad-mt"))
    benchmarks = [CheckedBenchmarkConfig(name, str(real_data)) for name in ("xquad-r", "mlqa-r")]
    config = replace(settings(), corpora=(corpus,), overlap=OverlapConfig(benchmarks=(benchmarks[0],)))
    clean = plan_run(config)
    assert clean.overlap is not None
    (line,) = clean.overlap.to_lines()
    assert line.startswith("squad-mt and xquad-r: 0 of 6,708 items share a passage")
    assert line.endswith("32 articles are shared (819 questions)")
    unchecked = plan_run(replace(config, overlap=OverlapConfig()))
    assert count_composition(clean.train, 1).digest == count_composition(unchecked.train, 1).digest
    with pytest.raises(DataError, match="10 of 6,708 items of squad-mt in mlqa-r"):
        plan_run(replace(config, overlap=OverlapConfig(benchmarks=(benchmarks[1],))))
