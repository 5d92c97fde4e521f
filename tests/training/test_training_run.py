"""A whole run: its directory, its model, its settings, and what happens when one of them is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainingArguments
from training_runs import Consumed, Settings, losses_of, weights_of
from transformers.utils import logging

from isogloss.config import (
    BatchesConfig,
    CorpusConfig,
    LossConfig,
    ModelConfig,
    TomlValue,
    TrainConfig,
    ValidationConfig,
    parse_config,
    read_toml,
)
from isogloss.errors import ConfigError, DataError, IsoglossError, ModelError, PlanError
from isogloss.run_directory import RunDirectory
from isogloss.training.arguments import DECIDED, build_arguments, count_epochs
from isogloss.training.plans import plan_run
from isogloss.training.run import TrainingOutcome, train
from tiny_models import SENTENCES

NO_VALIDATION = ValidationConfig(share=0.0)


class Finished:
    """Hold a finished run."""

    def __init__(self, config: TrainConfig, path: Path) -> None:
        self.config = config
        self.path = path
        self.outcome: TrainingOutcome = train(config, path)


@pytest.fixture(scope="module")
def finished(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return Finished(settings(), tmp_path_factory.mktemp("finished") / "run")


def test_the_run_directory_says_what_was_done(finished: Finished) -> None:
    run = finished.path
    assert sorted(entry.name for entry in run.iterdir()) == [
        "checkpoints",
        "config.toml",
        "data.json",
        "log.jsonl",
        "model",
        "provenance.json",
    ]
    assert parse_config(TrainConfig, read_toml(run / "config.toml"), "stored") == finished.config
    assert list(losses_of(run)) == list(range(1, 13))
    provenance = json.loads((run / "provenance.json").read_text(encoding="utf-8"))
    expected = {
        "label": "hybrid",
        "strategy": "hybrid",
        "alpha": 0.5,
        "seed": 3,
        "unit": "sentence",
        "languages": ["de", "el", "en", "hi"],
        "steps": 12,
        "best_step": finished.outcome.best_step,
        "validation_loss": finished.outcome.validation_loss,
        "truncated": finished.outcome.truncation.shares(),
    }
    assert {key: provenance[key] for key in expected} == expected
    assert sum(provenance["items"].values()) + sum(provenance["held_out_items"].values()) == 48
    (digest,) = provenance["files"].values()
    assert len(digest) == 64


def test_checkpoints_can_be_left_out(settings: Settings, tmp_path: Path) -> None:
    config = settings(validation=NO_VALIDATION, max_steps=2, save_strategy="no")
    outcome = train(config, tmp_path / "run")
    assert (outcome.best_step, outcome.validation_loss) == (None, None)
    assert not list((tmp_path / "run" / "checkpoints").iterdir())


def test_the_model_opens_in_plain_sentence_transformers(finished: Finished) -> None:
    plain = SentenceTransformer(str(finished.outcome.model))
    assert plain.prompts == {"query": "Query: ", "document": "Passage: "}
    best = finished.path / "checkpoints" / f"checkpoint-{finished.outcome.best_step}"
    kept = SentenceTransformer(str(best))
    for model in (plain, kept):
        assert (model[0].query_length, model[0].document_length) == (24, 32)
    vectors = plain.encode_query(list(SENTENCES))
    assert vectors.shape == (8, 32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(vectors, kept.encode_query(list(SENTENCES)))


def test_the_saved_model_gives_the_vectors_of_the_one_in_memory(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[SentenceTransformer] = []
    save = SentenceTransformer.save_pretrained

    def keep(self: SentenceTransformer, path: str, **options: object) -> None:
        held.append(self)
        save(self, path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(SentenceTransformer, "save_pretrained", keep)
    outcome = train(settings(validation=NO_VALIDATION, max_steps=2), tmp_path / "run")
    trained = held[-1].eval()
    opened = SentenceTransformer(str(outcome.model))
    for side in ("encode_query", "encode_document"):
        np.testing.assert_array_equal(
            getattr(opened, side)(list(SENTENCES)), getattr(trained, side)(list(SENTENCES))
        )


def test_labse_is_trained_with_its_own_head(settings: Settings, labse: Path, tmp_path: Path) -> None:
    config = settings(model=ModelConfig(str(labse), query_length=24, passage_length=32), max_steps=4)
    outcome = train(config, tmp_path / "run")
    start, trained = SentenceTransformer(str(labse)), SentenceTransformer(str(outcome.model))
    assert [type(module).__name__ for module in trained] == [
        "Transformer",
        "Pooling",
        "Dense",
        "Normalize",
    ]
    assert trained[1].pooling_mode == "cls"
    assert not torch.equal(start[2].linear.weight, trained[2].linear.weight)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    finished: Finished, settings: Settings, tmp_path: Path
) -> None:
    again = train(settings(), tmp_path / "again")
    other = train(settings(seed=4), tmp_path / "other")
    assert weights_of(again.model) == weights_of(finished.outcome.model)
    assert weights_of(other.model) != weights_of(finished.outcome.model)


def test_early_stopping_stops_and_the_best_model_is_kept(settings: Settings, tmp_path: Path) -> None:
    validation = ValidationConfig(share=0.2, batches=3, every=2, patience=2)
    # A rate at which the loss soon rises.
    config = settings(validation=validation, max_steps=60, learning_rate=0.5)
    outcome = train(config, tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    losses = {line["step"]: line["eval_loss"] for line in lines if "eval_loss" in line}
    best = min(losses, key=lambda step: losses[step])
    assert (outcome.best_step, outcome.validation_loss) == (best, losses[best])
    assert outcome.steps == best + 4 < 60
    kept = weights_of(tmp_path / "run" / "checkpoints" / f"checkpoint-{best}")
    assert weights_of(outcome.model) == kept


def test_without_patience_there_is_no_early_stopping(settings: Settings, tmp_path: Path) -> None:
    validation = ValidationConfig(share=0.2, batches=1, every=2, patience=0)
    outcome = train(settings(validation=validation, learning_rate=0.0, max_steps=10), tmp_path / "run")
    assert outcome.steps == 10
    assert outcome.best_step == 2


def test_a_run_that_diverges_is_no_result(settings: Settings, tmp_path: Path) -> None:
    config = settings(validation=NO_VALIDATION, learning_rate=1e38, max_grad_norm=0.0, max_steps=6)
    with pytest.raises(ModelError, match=r"training diverged: .* lower the learning rate"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run" / "model").exists()


def test_a_run_that_diverges_before_its_validation_says_what_to_do(
    settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"the model in training gives .*; .* lower the learning rate"):
        train(settings(learning_rate=1e30, max_steps=6), tmp_path / "run")
    assert not (tmp_path / "run" / "model").exists()


def test_the_trainer_table_reaches_the_arguments_untouched(settings: Settings, tmp_path: Path) -> None:
    table: dict[str, TomlValue] = {
        "learning_rate": 7e-4,
        "weight_decay": 0.3,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 3,
        "max_grad_norm": 0.5,
        "adam_beta2": 0.97,
        "optim": "adamw_torch",
        "logging_steps": 7,
        "save_total_limit": 5,
        "gradient_accumulation_steps": 2,
        "learning_rate_mapping": {"log_scale": 0.1},
        "num_train_epochs": 2.5,
        "max_steps": -1,
    }
    arguments = build_arguments(settings(**table), tmp_path, validate=False)
    assert {name: getattr(arguments, name) for name in table} == table


def test_the_papers_rate_and_decay_are_the_defaults(settings: Settings, tmp_path: Path) -> None:
    config = replace(settings(), trainer={})
    arguments = build_arguments(config, tmp_path, validate=True)
    assert (arguments.learning_rate, arguments.weight_decay) == (3e-5, 1e-2)
    assert arguments.eval_steps == arguments.save_steps == config.validation.every
    assert count_epochs(arguments, plan_run(config).train) == 3
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("key", sorted(DECIDED))
def test_what_isogloss_decides_cannot_be_set_in_the_trainer_table(
    settings: Settings, tmp_path: Path, key: str
) -> None:
    assert key in SentenceTransformerTrainingArguments.__dataclass_fields__
    config = replace(settings(), trainer={key: 1})
    with pytest.raises(ConfigError, match=rf"'trainer\.{key}' is decided by .+; take it out"):
        build_arguments(config, tmp_path, validate=False)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"learning_rat": 1e-3},
            r"unknown setting 'trainer\.learning_rat' \(did you mean 'trainer\.learning_rate",
        ),
        ({"xyzzy": 1}, r"unknown setting 'trainer\.xyzzy'"),
        ({"learning_rate": "fast"}, r"'trainer\.learning_rate' should be a number; got 'fast'"),
        ({"max_steps": 1.5}, r"'trainer\.max_steps' should be a whole number; got 1\.5"),
        ({"max_steps": True}, r"'trainer\.max_steps' should be a whole number; got True"),
        ({"bf16": 1}, r"'trainer\.bf16' should be true or false; got 1"),
        ({"lr_scheduler_type": "zigzag"}, r"\[trainer\]: .*zigzag"),
        ({"save_steps": 3}, r"\[trainer\]: .*round multiple"),
        ({"learning_rate": -1.0}, r"'trainer\.learning_rate' is at least 0\.0; got -1\.0"),
        ({"max_steps": 0}, r"'trainer\.max_steps' is at least 1; got 0"),
        ({"max_steps": -1, "num_train_epochs": 0}, r"'trainer\.num_train_epochs' is above 0; got 0"),
        ({"eval_accumulation_steps": 0}, r"'trainer\.eval_accumulation_steps' is at least 1; got 0"),
        (
            {"dataloader_num_workers": 1, "dataloader_prefetch_factor": 0},
            r"'trainer\.dataloader_prefetch_factor' is at least 1; got 0",
        ),
        ({"dataloader_persistent_workers": True}, r"needs 'trainer\.dataloader_num_workers' above 0"),
        ({"log_level": "loud"}, r"'trainer\.log_level' is one of .*warning.*; got 'loud'"),
        ({"save_strategy": "no"}, r"'trainer\.save_strategy' = 'no' keeps no checkpoint of the best model"),
    ],
)
def test_wrong_trainer_tables_are_refused(
    settings: Settings, tmp_path: Path, table: dict[str, TomlValue], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        train(settings(**table), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"model": ModelConfig("nobody/no-such-encoder")}, ModelError),
        ({"model": ModelConfig("X", pooling="sum")}, ConfigError),
        ({"corpora": (CorpusConfig("/no/such/corpus.jsonl"),)}, DataError),
        ({"corpora": ()}, ConfigError),
        ({"batches": BatchesConfig(strategy="y-y")}, ConfigError),
        ({"batches": BatchesConfig(strategy="x-y", alpha=0.5)}, ConfigError),
        ({"batches": BatchesConfig(size=0)}, PlanError),
        ({"batches": BatchesConfig(negatives="hard")}, ConfigError),
        ({"batches": BatchesConfig(negative_language="xx")}, ConfigError),
        ({"batches": BatchesConfig(size=8, negatives="random")}, PlanError),
        ({"loss": LossConfig(name="triplet")}, ConfigError),
        ({"loss": LossConfig(name="eq1")}, ConfigError),
        ({"loss": LossConfig(temperature=-1.0)}, ConfigError),
        ({"validation": ValidationConfig(share=2.0)}, ConfigError),
        ({"seed": 2**32}, PlanError),
        ({"seed": -1}, PlanError),
    ],
)
def test_nothing_is_written_when_a_run_cannot_start(
    settings: Settings, tmp_path: Path, change: dict[str, object], error: type[IsoglossError]
) -> None:
    config = replace(settings(), **change)  # type: ignore[arg-type]
    with pytest.raises(error) as caught:
        train(config, tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_directory_is_refused_and_left_alone(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not an empty folder"):
        train(settings(), tmp_path)
    with pytest.raises(ConfigError, match="is not an empty folder"):
        train(settings(), tmp_path / "notes.txt")
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]
    (tmp_path / "empty").mkdir()
    assert train(settings(max_steps=1), tmp_path / "empty").steps == 1


@pytest.mark.parametrize("name", ["infonce", "eq1"])
def test_both_losses_train_with_negatives(
    settings: Settings, consumed: Consumed, tmp_path: Path, name: str
) -> None:
    config = settings(
        batches=BatchesConfig(size=3, negatives="given"), loss=LossConfig(name=name), max_steps=4
    )
    outcome = train(config, tmp_path / "run")
    assert np.isfinite(outcome.train_loss)
    assert {len(columns) for columns in consumed.trained + consumed.validated} == {3}


def test_the_libraries_speak_again_after_a_run(
    finished: Finished, settings: Settings, tmp_path: Path
) -> None:
    level = logging.get_verbosity()
    logging.set_verbosity_info()
    try:
        with pytest.raises(ConfigError):
            train(settings(), finished.path)
        assert logging.get_verbosity() == logging.INFO
        assert logging.is_progress_bar_enabled()
    finally:
        logging.set_verbosity(level)


def test_several_devices_are_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SentenceTransformerTrainingArguments, "n_gpu", 2)
    with pytest.raises(ConfigError, match=r"one process trains on one device; here are 2\. .* --processes 2"):
        build_arguments(settings(), tmp_path, validate=False)


def test_of_two_runs_that_start_in_one_folder_the_second_is_refused(
    tmp_path: Path, settings: Settings
) -> None:
    first, second = RunDirectory(tmp_path / "run"), RunDirectory(tmp_path / "run")
    for directory in (first, second):
        directory.check(settings(), resume=False)
    first.open(settings(), {"a": "1"}, resume=False)
    with pytest.raises(ConfigError, match="another run has just started in"):
        second.open(settings(), {"a": "2"}, resume=False)
    assert json.loads(first.data.read_text()) == {"a": "1"}
