"""Several processes train what one trains: the same batches, losses and weights, and one set of files."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from process_runs import Job, Killing, read_batches, run_training
from training_runs import Settings, largest_difference, losses_of

from isogloss.config import BatchesConfig, CorpusConfig, LoraConfig, LossConfig, TrainConfig, ValidationConfig
from isogloss.training.plans import plan_run

Make = Callable[..., TrainConfig]
HALF = ValidationConfig(share=0.5, batches=3, every=4, patience=0)


@pytest.fixture
def make(settings: Settings, still: Path) -> Make:
    """Make settings of runs whose encoder has no dropout."""

    def make(**changes: object) -> TrainConfig:
        model = replace(settings.base.model, name=str(still))
        return settings(model=model, learning_rate=3e-5, **changes)  # type: ignore[arg-type]

    return make


def validation_losses(run: Path) -> list[float]:
    entries = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [entry["eval_loss"] for entry in entries if "eval_loss" in entry]


def check_agreement(config: TrainConfig, folder: Path, numbers: tuple[int, ...]) -> None:
    """Train with each number of processes, and compare all with the first."""
    jobs = [Job(config, folder / f"run{number}", folder / f"rows{number}") for number in numbers]
    for job, number in zip(jobs, numbers, strict=True):
        assert run_training(job, number) == [0] * number
        written = json.loads((job.out / "provenance.json").read_text())
        assert written["processes"] == number
    reference = json.loads((jobs[0].out / "provenance.json").read_text())
    for job, number in zip(jobs[1:], numbers[1:], strict=True):
        assert read_batches(job, number) == read_batches(jobs[0])
        losses, expected = losses_of(job.out), losses_of(jobs[0].out)
        assert losses == pytest.approx(expected, abs=1e-5)
        assert validation_losses(job.out) == pytest.approx(validation_losses(jobs[0].out), abs=1e-5)
        assert largest_difference(job.out / "model", jobs[0].out / "model") < 1e-5
        written = json.loads((job.out / "provenance.json").read_text())
        for key in ("train_loss", "validation_loss", "temperature"):
            assert written[key] == pytest.approx(reference[key], abs=1e-5)
        for key in ("steps", "best_step", "truncated", "items"):
            assert written[key] == reference[key]


@pytest.mark.slow
def test_1_2_and_4_processes_agree_after_50_steps(make: Make, tmp_path: Path) -> None:
    check_agreement(make(max_steps=50), tmp_path, (1, 2, 4))


@pytest.mark.slow
def test_with_negatives_a_learned_temperature_and_accumulation(make: Make, tmp_path: Path) -> None:
    config = make(
        max_steps=10,
        gradient_accumulation_steps=2,
        batches=BatchesConfig(size=4, negatives="given"),
        validation=HALF,
        loss=LossConfig(learn_temperature=True),
        learning_rate_mapping={"log_scale": 0.05},
        logging_steps=3,
    )
    check_agreement(config, tmp_path, (1, 4))
    written = json.loads((tmp_path / "run4" / "provenance.json").read_text())
    assert abs(written["temperature"] - 0.05) > 1e-3


def repeat_questions(corpus: Path, folder: Path) -> Path:
    """Write a corpus in which every question is asked of four passages."""
    rows = [json.loads(line) for line in corpus.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        row["question"] = f"{row['language']}: {int(row['id'][1:]) % 12}?"
    path = folder / "repeated.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.slow
def test_two_directions_with_masked_answers_agree(make: Make, corpus_path: Path, tmp_path: Path) -> None:
    config = make(
        max_steps=10,
        batches=BatchesConfig(size=4, negatives="random"),
        validation=HALF,
        loss=LossConfig(directions=2),
    )
    config = replace(config, corpora=(CorpusConfig(str(repeat_questions(corpus_path, tmp_path))),))
    check_agreement(config, tmp_path, (1, 2, 4))
    unmasked = replace(config, loss=LossConfig(directions=2, mask_false_negatives=False))
    assert run_training(Job(unmasked, tmp_path / "unmasked", tmp_path / "rows")) == [0]
    masked, plain = (losses_of(tmp_path / name) for name in ("run1", "unmasked"))
    assert plain[1] > masked[1]


@pytest.mark.slow
def test_with_mini_batches_encoded_twice(make: Make, tmp_path: Path) -> None:
    """Processes cut their shares differently, and add up gradients with the last mini-batch alone."""
    config = make(
        max_steps=6,
        gradient_accumulation_steps=2,
        batches=BatchesConfig(size=8, negatives="given"),
        validation=HALF,
        loss=LossConfig(learn_temperature=True, mini_batch_tokens=40),
        learning_rate_mapping={"log_scale": 0.05},
        logging_steps=3,
    )
    check_agreement(config, tmp_path, (1, 2, 4))
    plain = Job(
        replace(config, loss=LossConfig(learn_temperature=True)), tmp_path / "plain", tmp_path / "rows"
    )
    assert run_training(plain) == [0]
    assert losses_of(tmp_path / "run4") == pytest.approx(losses_of(plain.out), abs=1e-5)
    assert largest_difference(tmp_path / "run4" / "model", plain.out / "model") < 1e-5


@pytest.mark.slow
def test_eq1_agrees_where_processes_have_no_row_of_a_batch(make: Make, tmp_path: Path) -> None:
    """Batches of three rows, shared by four."""
    config = make(
        max_steps=8,
        batches=BatchesConfig(size=4, strategy="x-x-mono", negatives="random", negative_language="any"),
        loss=LossConfig(name="eq1", temperature=1.0),
        validation=HALF,
    )
    assert {len(batch) for batch in plan_run(config).train.batches(0)} == {3, 4}
    check_agreement(config, tmp_path, (1, 4))


@pytest.mark.slow
@pytest.mark.parametrize("checkpointing", [False, True])
def test_with_an_adapter(make: Make, tmp_path: Path, checkpointing: bool) -> None:
    config = replace(
        make(
            max_steps=10,
            loss=LossConfig(learn_temperature=True),
            learning_rate_mapping={"log_scale": 0.05},
            gradient_checkpointing=checkpointing,
        ),
        lora=LoraConfig(rank=4),
    )
    check_agreement(config, tmp_path, (1, 2))
    written = json.loads((tmp_path / "run2" / "provenance.json").read_text())
    assert 0 < written["trained_parameters"] < written["parameters"]


@pytest.mark.slow
def test_with_gradient_checkpointing(make: Make, tmp_path: Path) -> None:
    check_agreement(make(max_steps=10, gradient_checkpointing=True), tmp_path, (1, 2))


@pytest.mark.slow
def test_with_dropout_the_batches_agree(settings: Settings, tmp_path: Path) -> None:
    jobs = [
        Job(settings(max_steps=12), tmp_path / f"run{number}", tmp_path / f"rows{number}")
        for number in (1, 2)
    ]
    assert [run_training(job, number) for job, number in zip(jobs, (1, 2), strict=True)] == [[0], [0, 0]]
    assert read_batches(jobs[1], 2) == read_batches(jobs[0])


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2)])
def test_a_run_goes_on_with_another_number_of_processes(
    make: Make, tmp_path: Path, before: int, after: int
) -> None:
    whole = Job(make(max_steps=12), tmp_path / "whole", tmp_path / "rows")
    assert run_training(whole) == [0]
    killed = Job(whole.config, tmp_path / "run", tmp_path / "first", killing=Killing("step", 11, 0.0))
    assert -signal.SIGKILL in run_training(killed, before)
    resumed = Job(whole.config, killed.out, tmp_path / "second", resume=True)
    assert run_training(resumed, after) == [0] * after
    assert read_batches(resumed, after) == read_batches(whole)[8:]
    assert largest_difference(resumed.out / "model", whole.out / "model") < 1e-4
    assert json.loads((resumed.out / "provenance.json").read_text())["processes"] == after
