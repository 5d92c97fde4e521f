"""Models that go on with further pieces: rows, heads, old text, training, and the command."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tomli_w
import torch
from models_to_extend import AMHARIC, MAKERS
from sentence_transformers import SentenceTransformer
from small_texts import Interrupted, StopAfter
from transformers import AutoModelForMaskedLM

from isogloss.cli.main import main
from isogloss.config import dump_config
from isogloss.errors import ConfigError, ModelError
from isogloss.pretraining.run import pretrain
from isogloss.pretraining.settings import (
    EncoderShape,
    MaskingSettings,
    PretrainConfig,
    RankingSettings,
    StartSettings,
    TextSettings,
)
from isogloss.pretraining.start import limit_length, load_headed, make_extended
from isogloss.pretraining.text import AlignedText
from isogloss.vocabulary import load_tokenizer
from tiny_models import SENTENCES, tiny_labse
from trimming.models_to_trim import llama

TEXTS = [
    AlignedText("plain", ("am",), {"am": AMHARIC}, {}),
    AlignedText("old", ("und",), {"und": list(SENTENCES)}, {}),
]
ADDED = 40


@pytest.fixture(scope="module", params=MAKERS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model and the same with further pieces."""
    folder = tmp_path_factory.mktemp("models")
    model = MAKERS[request.param](folder / "model")
    extended = folder / "extended"
    extended.mkdir()
    make_extended(StartSettings(str(model), ADDED, ("am",)), TEXTS, 3, extended)
    return model, extended


def test_new_rows_are_the_means_of_the_rows_that_they_stand_for(pair: tuple[Path, Path]) -> None:
    before, _ = load_headed(pair[0])
    after, info = AutoModelForMaskedLM.from_pretrained(pair[1], output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["mismatched_keys"]
    old, new = load_tokenizer(pair[0]), load_tokenizer(pair[1])
    added = new.size - old.size
    assert 0 < added <= ADDED
    assert after.get_input_embeddings().weight.shape[0] >= new.size
    assert after.config.vocab_size == after.get_input_embeddings().weight.shape[0]
    tables = [
        (before.get_input_embeddings().weight, after.get_input_embeddings().weight),
        (before.get_output_embeddings().weight, after.get_output_embeddings().weight),
        (before.get_output_embeddings().bias, after.get_output_embeddings().bias),
    ]
    for one, other in tables:
        torch.testing.assert_close(other[: old.size], one[: old.size])
    # Places in a text tell, without the job's own account, what a new piece stands for.
    checked = set()
    for line in AMHARIC:
        (one,), (other,) = old.segment([line]), new.segment([line])
        for number, (start, end) in zip(other.ids, other.offsets, strict=True):
            own = [
                known
                for known, (first, last) in zip(one.ids, one.offsets, strict=True)
                if start <= first and last <= end
            ]
            if number >= old.size and old.unknown not in own and line[start:end].isascii():
                for before_table, after_table in tables:
                    torch.testing.assert_close(after_table[number], before_table[own].mean(dim=0))
                checked.add(number)
    assert checked


def test_old_text_is_scored_as_before(pair: tuple[Path, Path]) -> None:
    old = load_tokenizer(pair[0])
    (before, tokenizer), (after, _) = (load_headed(folder) for folder in pair)
    batch = tokenizer(list(SENTENCES[:3]), return_tensors="pt", padding=True)
    batch = {key: batch[key] for key in ("input_ids", "attention_mask")}
    with torch.no_grad():
        scores = after(**batch).logits[..., : old.size]
        torch.testing.assert_close(scores, before(**batch).logits[..., : old.size])


def test_the_record_tells_what_has_changed(pair: tuple[Path, Path]) -> None:
    record = json.loads((pair[1] / "vocabulary.json").read_text(encoding="utf-8"))
    old, new = (load_tokenizer(folder) for folder in pair)
    assert record["pieces"] == new.size - old.size
    amharic, other = (record["languages"][language] for language in ("am", "und"))
    # No piece that was learnt stands in other words, but "riverboat" gives WordPiece an "##er".
    assert other["changed_words"] <= (0.02 if new.algorithm == "WordPiece" else 0.0)
    assert other["moved_words"] == 0.0
    assert amharic["changed_words"] > 0.5
    assert amharic["moved_words"] == 0.0
    before, after = (
        sum(len(tokenizer.segment([line])[0].ids) for line in AMHARIC) for tokenizer in (old, new)
    )
    letters = sum(len(line.replace(" ", "")) for line in AMHARIC)
    np.testing.assert_allclose(amharic["tokens_per_character"], [before / letters, after / letters])
    unknown = [
        np.mean([number == known.unknown for line in AMHARIC for number in known.segment([line])[0].ids])
        for known in (old, new)
    ]
    np.testing.assert_allclose(amharic["unknown"], unknown)
    assert amharic["unknown"][1] <= amharic["unknown"][0]


@pytest.fixture
def config(tmp_path: Path) -> PretrainConfig:
    folder = tmp_path / "bitext"
    folder.mkdir()
    (folder / "am.txt").write_text("\n".join(AMHARIC), encoding="utf-8")
    english = [f"house {number} man house" for number in range(len(AMHARIC))]
    (folder / "en.txt").write_text("\n".join(english), encoding="utf-8")
    return PretrainConfig(
        texts=(TextSettings(str(folder)),),
        start=StartSettings(str(MAKERS["XLM-R"](tmp_path / "model")), ADDED, ("am",)),
        encoder=EncoderShape(length=48),
        masking=MaskingSettings(steps=4, batch=4, group_lengths=True),
        ranking=RankingSettings(steps=4, batch=4),
        language_exponent=0.3,
        checkpoint_steps=2,
    )


@pytest.mark.slow
def test_an_extension_is_resumed_bit_by_bit(config: PretrainConfig, tmp_path: Path) -> None:
    whole = pretrain(config, tmp_path / "whole")
    with pytest.raises(Interrupted):
        pretrain(config, tmp_path / "resumed", callbacks=(StopAfter(3),))
    resumed = pretrain(config, tmp_path / "resumed", resume=True)
    for name in ("model.safetensors", "mlm/model.safetensors", "tokenizer.json"):
        assert (whole / name).read_bytes() == (resumed / name).read_bytes()


@pytest.mark.slow
def test_an_extended_model_is_trained_and_started_from_again(
    config: PretrainConfig, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = pretrain(config, tmp_path / "whole")
    record = json.loads((whole / "pretraining.json").read_text(encoding="utf-8"))
    assert set(record["vocabulary"]["languages"]) == {"am", "en"}
    assert record["vocabulary"]["pieces"] > 0
    model = SentenceTransformer(str(whole))
    assert len(model.tokenizer) == model[0].model.get_input_embeddings().weight.shape[0]
    assert model.encode("ቤት ሰው").shape == (32,)
    # What was made is a start itself, with its head.
    file = tmp_path / "again.toml"
    again = replace(config, start=StartSettings(str(whole)), masking=MaskingSettings(steps=1, batch=2))
    file.write_text(tomli_w.dumps(dump_config(again)), encoding="utf-8")
    capfd.readouterr()
    assert main(["pretrain", str(file), "--out", str(tmp_path / "again")]) == 0
    printed = capfd.readouterr()
    assert printed.err == ""
    assert printed.out == f"encoder  {tmp_path / 'again'}\n"
    assert (tmp_path / "again" / "tokenizer.json").read_bytes() == (whole / "tokenizer.json").read_bytes()


def test_the_command_tells_what_has_changed(
    config: PretrainConfig, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "extend.toml"
    none = replace(config, masking=MaskingSettings(steps=0), ranking=RankingSettings(steps=0))
    file.write_text(tomli_w.dumps(dump_config(none)), encoding="utf-8")
    assert main(["pretrain", str(file), "--out", str(tmp_path / "out")]) == 0
    lines = capfd.readouterr().out.splitlines()
    record = json.loads((tmp_path / "out" / "pretraining.json").read_text(encoding="utf-8"))["vocabulary"]
    assert lines[0] == f"encoder  {tmp_path / 'out'}"
    assert lines[1] == f"pieces   {record['pieces']} new"
    assert lines[-2].split()[0] == "am"
    before, after = record["languages"]["am"]["tokens_per_character"]
    assert f"{before:.3f}" in lines[-2]
    assert f"{after:.3f}" in lines[-2]


def test_modules_of_the_start_are_kept_and_a_missing_head_is_told(
    config: PretrainConfig, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    labse = tiny_labse(tmp_path / "labse")
    start = StartSettings(str(labse), 6, ("am",))
    out = pretrain(replace(config, start=start, checkpoint_steps=0), tmp_path / "out")
    assert (
        f"isogloss: {labse} has no language-modelling head; a new one is trained\n" in capfd.readouterr().err
    )
    model = SentenceTransformer(str(out))
    assert [type(module).__name__ for module in model] == ["Transformer", "Pooling", "Dense", "Normalize"]
    assert model[1].pooling_mode == "cls"
    assert len(model.tokenizer) > len(SentenceTransformer(str(labse)).tokenizer)


def test_rows_are_no_longer_than_the_model_takes(tmp_path: Path) -> None:
    model, tokenizer = load_headed(MAKERS["XLM-R"](tmp_path / "model"))
    assert [limit_length(model, tokenizer, length) for length in (20, 200)] == [20, 64]
    tokenizer.model_max_length = 10**30
    assert limit_length(model, tokenizer, 200) == 64


def test_what_cannot_be_extended_is_told_in_a_line(config: PretrainConfig, tmp_path: Path) -> None:
    assert config.start is not None

    def refuse(kind: type[Exception], message: str, **changes: object) -> None:
        with pytest.raises(kind, match=message) as caught:
            pretrain(replace(config, start=replace(config.start, **changes)), tmp_path / "out")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out").exists()
        assert not (tmp_path / "out.unfinished").exists()

    refuse(ModelError, "no such folder, and no name", model=str(tmp_path / "none"))
    refuse(ModelError, "masked language model", model=str(llama(tmp_path / "llama")))
    refuse(ConfigError, r"'start\.languages': no text in km; the text is in am, en", languages=("km",))
    damaged = tmp_path / "damaged"
    shutil.copytree(config.start.model, damaged)
    (damaged / "model.safetensors").write_bytes(b"x")
    refuse(ModelError, "cannot be loaded", model=str(damaged))
    known = tmp_path / "known"
    known.mkdir()
    (known / "en.txt").write_text("river\n", encoding="utf-8")
    alone = replace(config, texts=(TextSettings(str(known)),), ranking=RankingSettings(steps=0))
    alone = replace(alone, start=replace(config.start, languages=()))
    with pytest.raises(ConfigError, match=r"'start\.add_vocabulary': the text has no frequent rows"):
        pretrain(alone, tmp_path / "out")


def test_settings_of_the_start_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"'start\.add_vocabulary' is at least 0"):
        StartSettings("x", -1)
    with pytest.raises(ConfigError, match=r"'start\.model' is empty"):
        StartSettings("")
    with pytest.raises(ConfigError, match=r"'encoder\.layers' is that of the model in 'start\.model'"):
        PretrainConfig((), StartSettings("x"), EncoderShape(layers=3))
    with pytest.raises(ConfigError, match=r"'checkpoint_steps' is at least 0"):
        PretrainConfig((), checkpoint_steps=-1)
