"""A new small encoder from text: it loads everywhere, its losses fall, and nothing is half-written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tomli_w
import torch
from sentence_transformers import SentenceTransformer
from training_runs import Settings, losses_of, weights_of

from isogloss.cli.main import main
from isogloss.config import BatchesConfig, ModelConfig, ValidationConfig, dump_config, parse_config
from isogloss.errors import ConfigError, DataError
from isogloss.pretraining.encoder import new_encoder, train_tokenizer
from isogloss.pretraining.run import pretrain
from isogloss.pretraining.settings import (
    EncoderShape,
    MaskingSettings,
    PretrainConfig,
    RankingSettings,
    TextSettings,
)
from isogloss.training.run import train
from tiny_models import SENTENCES

SHAPE = EncoderShape(layers=1, hidden=32, heads=2, vocabulary=200, length=24)
FRAMES = {
    "de": "Im Dorf {} wohnen {} Leute.",
    "el": "Στο χωριό {} ζουν {} άνθρωποι.",
    "en": "{1} people live in {0}.",
}


def write_text_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for language, frame in FRAMES.items():
        lines = [frame.format(f"{number % 10}{number // 10}", 7 * number) for number in range(60)]
        (folder / f"{language}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> PretrainConfig:
    return PretrainConfig(
        texts=(TextSettings(str(write_text_folder(tmp_path_factory.mktemp("bitext") / "villages"))),),
        encoder=SHAPE,
        masking=MaskingSettings(steps=30, batch=16, learning_rate=3e-3),
        ranking=RankingSettings(steps=30, batch=16, learning_rate=3e-3),
        seed=1,
    )


@pytest.fixture(scope="module")
def encoder(config: PretrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pretrain(config, tmp_path_factory.mktemp("encoders") / "small")


def losses(encoder: Path, phase: str) -> list[float]:
    record = json.loads((encoder / "pretraining.json").read_text(encoding="utf-8"))
    return [entry["loss"] for entry in record["log"] if entry["phase"] == phase and "loss" in entry]


@pytest.mark.parametrize("phase", ["masking", "ranking"])
def test_both_losses_fall(encoder: Path, phase: str) -> None:
    values = losses(encoder, phase)
    assert len(values) == 30
    assert np.mean(values[-5:]) < np.mean(values[:5]) - 0.2


def test_the_encoder_opens_in_plain_sentence_transformers(encoder: Path) -> None:
    model = SentenceTransformer(str(encoder))
    assert [type(module).__name__ for module in model] == ["Transformer", "Pooling", "Normalize"]
    assert type(model[0].model).__name__ == "XLMRobertaModel"
    vectors = model.encode(list(SENTENCES))
    assert vectors.shape == (8, 32)
    assert np.isfinite(vectors).all()
    assert model.max_seq_length == 24


def test_the_record_holds_settings_and_files(encoder: Path, config: PretrainConfig) -> None:
    record = json.loads((encoder / "pretraining.json").read_text(encoding="utf-8"))
    assert parse_config(PretrainConfig, record["settings"], "stored") == config
    assert record["languages"] == ["de", "el", "en"]
    assert len(record["files"]) == 3


def test_a_pretrained_encoder_is_trained_and_its_loss_falls(
    encoder: Path, settings: Settings, tmp_path: Path
) -> None:
    config = settings(
        model=ModelConfig(str(encoder), query_length=24, passage_length=24),
        batches=BatchesConfig(strategy="x-x-mono", size=8),
        validation=ValidationConfig(share=0.0),
        max_steps=100,
        learning_rate=3e-3,
        warmup_steps=10,
    )
    outcome = train(config, tmp_path / "run")
    values = list(losses_of(tmp_path / "run").values())
    assert np.mean(values[-10:]) < np.mean(values[:10]) - 0.3
    assert SentenceTransformer(str(outcome.model)).prompts["query"] == "Query: "


@pytest.mark.slow
def test_the_same_seed_gives_the_same_encoder(encoder: Path, config: PretrainConfig, tmp_path: Path) -> None:
    again = pretrain(config, tmp_path / "again")
    assert weights_of(again) == weights_of(encoder)
    assert (again / "tokenizer.json").read_bytes() == (encoder / "tokenizer.json").read_bytes()
    assert weights_of(pretrain(replace(config, seed=2), tmp_path / "other")) != weights_of(encoder)


def test_each_phase_can_be_left_out(config: PretrainConfig, tmp_path: Path) -> None:
    none = replace(config, masking=MaskingSettings(steps=0), ranking=RankingSettings(steps=0))
    folder = pretrain(none, tmp_path / "none")
    assert losses(folder, "masking") == losses(folder, "ranking") == []
    assert SentenceTransformer(str(folder)).encode("x").shape == (32,)


def test_new_weights_leave_the_generators_alone(config: PretrainConfig) -> None:
    tokenizer = train_tokenizer(["some text"], 60, 24)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, second = (new_encoder(tokenizer, SHAPE, seed=3) for _ in range(2))
    torch.testing.assert_close(torch.rand(3), expected)
    for own, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(own, other)


def test_a_folder_with_content_is_refused(config: PretrainConfig, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty"):
        pretrain(config, tmp_path)
    with pytest.raises(ConfigError, match="is not empty"):
        pretrain(config, tmp_path / "notes.txt")
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


def test_texts_are_checked_before_anything_is_made(config: PretrainConfig, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ConfigError, match="'texts' is empty"):
        pretrain(replace(config, texts=()), out)
    with pytest.raises(DataError, match="no such folder"):
        pretrain(replace(config, texts=(TextSettings("/no/such/folder"),)), out)
    alone = (TextSettings(config.texts[0].path, languages=("en",)),)
    with pytest.raises(ConfigError, match="no line has a translation to rank"):
        pretrain(replace(config, texts=alone), out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("encoder", "layers", 0),
        ("encoder", "heads", 3),
        ("encoder", "length", 1),
        ("encoder", "vocabulary", 1),
        ("encoder", "dropout", 1.0),
        ("masking", "steps", -1),
        ("masking", "batch", 0),
        ("masking", "learning_rate", 0.0),
        ("masking", "translation_share", 1.5),
        ("ranking", "steps", -1),
        ("ranking", "batch", 0),
        ("ranking", "temperature", 0.0),
        ("ranking", "learning_rate", -1.0),
    ],
)
def test_settings_are_checked(config: PretrainConfig, table: str, key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"'{table}\.{key}'"):
        replace(getattr(config, table), **{key: value})


def test_the_command(config: PretrainConfig, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pretrain.toml"
    file.write_text(tomli_w.dumps(dump_config(config)), encoding="utf-8")
    arguments = ["pretrain", str(file), "--out", str(tmp_path / "small")]
    assert main([*arguments, "--set", "masking.steps=2", "--set", "ranking.steps=2"]) == 0
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == (f"encoder  {tmp_path / 'small'}\n", "")
    assert main(arguments) == 2
    assert main([*arguments[:3], str(tmp_path / "new"), "--set", "encoder.heads=3"]) == 2
    assert main([*arguments[:3], str(tmp_path / "new"), "--set", "masking.step=3"]) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert [line.split(":")[1] for line in printed.err.splitlines()] == [" error"] * 3
    assert not (tmp_path / "new").exists()
