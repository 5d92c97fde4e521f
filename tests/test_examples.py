"""The examples run, and say what is true."""

from __future__ import annotations

import dataclasses
import importlib.util
import tomllib
from pathlib import Path
from typing import get_type_hints

import pytest
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from isogloss.config import LoraConfig, TrainConfig, parse_config, read_toml
from isogloss.training.arguments import PAPER_SETTINGS, build_arguments
from isogloss.training.rows import RowTexts

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_stock_trainer_consumes_planned_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("stock_trainer", EXAMPLES / "stock_trainer.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    batches: list[tuple[RowTexts, dict[str, list[str]]]] = []
    look_up, rows = RowTexts.__call__, []
    forward = MultipleNegativesRankingLoss.forward

    def record_texts(self: RowTexts, numbers: dict[str, list[int]]) -> dict[str, list[str]]:
        found = look_up(self, numbers)
        batches.append((self, found))
        return found

    def record_rows(self: MultipleNegativesRankingLoss, features, labels):  # noqa: ANN001, ANN202
        features = list(features)
        rows.append(len(features[0]["input_ids"]))
        return forward(self, features, labels)

    train = SentenceTransformerTrainer.train

    def forget_and_train(self: SentenceTransformerTrainer) -> None:
        # The model card has looked up some rows for itself.
        batches.clear()
        train(self)

    monkeypatch.setattr(SentenceTransformerTrainer, "train", forget_and_train)
    monkeypatch.setattr(RowTexts, "__call__", record_texts)
    monkeypatch.setattr(MultipleNegativesRankingLoss, "forward", record_rows)
    example.main(tmp_path)
    plan = batches[0][0].plan
    planned = [plan.batch(*divmod(number, plan.steps_per_epoch)) for number in range(example.STEPS)]
    assert rows == [len(batch) for batch in planned]
    for batch, (texts, found) in zip(planned, batches, strict=False):
        assert found["query"] == [texts.row_texts(batch, slot)["query"] for slot in range(len(batch))]
        assert found["passage"] == [texts.row_texts(batch, slot)["passage"] for slot in range(len(batch))]
    assert {batch.kind.value for batch in planned} == {"monolingual", "cross-lingual"}
    assert SentenceTransformer(str(tmp_path / "model")).encode("x").shape == (64,)
    assert str(tmp_path / "model") in capsys.readouterr().out


def test_the_example_adapter_names_the_real_defaults() -> None:
    text = (EXAMPLES / "train.toml").read_text(encoding="utf-8")
    table = text.split("# [lora]", 1)[1].split("\n\n", 1)[0].replace("\n# ", "\n")
    written = tomllib.loads(table.split("\n", 1)[1])
    assert set(written) == {field.name for field in dataclasses.fields(LoraConfig)}
    assert parse_config(LoraConfig, written, "train.toml") == LoraConfig()


def test_the_example_settings_are_all_there_and_name_the_real_defaults(tmp_path: Path) -> None:
    tables = read_toml(EXAMPLES / "train.toml")
    config = parse_config(TrainConfig, tables, "train.toml")
    hints = get_type_hints(TrainConfig)
    for field in dataclasses.fields(TrainConfig):
        value = getattr(config, field.name)
        if field.name in ("model", "corpora"):
            continue
        if dataclasses.is_dataclass(value):
            assert value == hints[field.name](), field.name
        elif field.name != "trainer":
            assert value == field.default, field.name
    for part in (config.model, *config.corpora):
        for field in dataclasses.fields(part):
            if field.default is not dataclasses.MISSING:
                assert getattr(part, field.name) == field.default, field.name
    written = {name: set(table) for name, table in tables.items() if isinstance(table, dict)}
    for name in ("model", "batches", "loss", "validation"):
        fields = {field.name for field in dataclasses.fields(hints[name])}
        assert written[name] | {"alpha"} == fields | {"alpha"}, name
    stock = SentenceTransformerTrainingArguments(output_dir=str(tmp_path))
    for name, value in config.trainer.items():
        assert value == PAPER_SETTINGS.get(name, getattr(stock, name)), name
    assert build_arguments(config, tmp_path, validate=True).num_train_epochs == 3
