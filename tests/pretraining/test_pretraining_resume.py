"""An interrupted pre-training goes on from its last checkpoint and ends where it would have ended."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import tomli_w
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from small_texts import Interrupted, StopAfter, small_config, write_villages
from transformers import AutoModelForMaskedLM, AutoTokenizer

from isogloss.cli.main import main
from isogloss.config import dump_config
from isogloss.encoding.fingerprint import fingerprint_model
from isogloss.errors import ConfigError
from isogloss.files import hold_lock
from isogloss.pretraining.masked_language import Masks
from isogloss.pretraining.run import pretrain
from isogloss.pretraining.settings import MaskingSettings, PretrainConfig, RankingSettings
from isogloss.pretraining.unfinished import name_unfinished


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> PretrainConfig:
    return small_config(write_villages(tmp_path_factory.mktemp("bitext") / "villages"))


@pytest.fixture(scope="module")
def whole(config: PretrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pretrain(config, tmp_path_factory.mktemp("whole") / "encoder")


def weights(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.safetensors"))
    }


def interrupt(config: PretrainConfig, out: Path, steps: int) -> None:
    with pytest.raises(Interrupted):
        pretrain(config, out, callbacks=(StopAfter(steps),))
    assert not out.exists()


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(5, marks=pytest.mark.slow),
        pytest.param(7, marks=pytest.mark.slow),
        pytest.param(12, marks=pytest.mark.slow),
        pytest.param(14, marks=pytest.mark.slow),
    ],
)
def test_a_resumed_run_ends_bit_by_bit_as_the_whole_one(
    config: PretrainConfig, whole: Path, tmp_path: Path, steps: int
) -> None:
    """Stopped within masking (its checkpoint is at 3), at its end, within ranking, and at its end."""
    out = tmp_path / "encoder"
    interrupt(config, out, steps)
    unfinished = name_unfinished(out)
    noted = [json.loads(line) for line in unfinished.log.read_text().splitlines()]
    assert {entry["phase"] for entry in noted} == ({"masking"} if steps <= 7 else {"masking", "ranking"})
    pretrain(config, out, resume=True)
    assert weights(out) == weights(whole)
    assert sorted(weights(out)) == ["mlm/model.safetensors", "model.safetensors"]
    assert not unfinished.folder.exists()
    losses, again = (
        [
            (entry["phase"], entry["step"], entry["loss"])
            for entry in json.loads((folder / "pretraining.json").read_text())["log"]
            if "loss" in entry
        ]
        for folder in (whole, out)
    )
    assert len(losses) == 14
    assert again == losses


def test_checkpoints_change_nothing(config: PretrainConfig, whole: Path, tmp_path: Path) -> None:
    assert weights(pretrain(replace(config, checkpoint_steps=0), tmp_path / "none")) == weights(whole)


def test_a_short_run_that_fails_leaves_nothing(config: PretrainConfig, tmp_path: Path) -> None:
    interrupt(replace(config, checkpoint_steps=500), tmp_path / "encoder", 9)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_torn_checkpoint_is_passed_over(
    config: PretrainConfig, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "encoder"
    interrupt(config, out, 7)
    last = name_unfinished(out).checkpoints("masking") / "checkpoint-6"
    (last / "masks.safetensors").write_bytes(b"torn")
    pretrain(config, out, resume=True)
    assert f"passing over {last}: masks.safetensors is torn" in capsys.readouterr().err
    assert weights(out) == weights(whole)


def test_what_cannot_be_resumed_is_refused(config: PretrainConfig, tmp_path: Path) -> None:
    villages = tmp_path / "villages"
    shutil.copytree(config.texts[0].path, villages)
    config = replace(config, texts=(replace(config.texts[0], path=str(villages)),))
    out = tmp_path / "encoder"
    interrupt(config, out, 5)
    folder = name_unfinished(out).folder
    kept = weights(folder)
    with pytest.raises(ConfigError, match=r"holds an interrupted pre-training; --resume goes on with it"):
        pretrain(config, out)
    changed = replace(config, seed=2, masking=replace(config.masking, batch=9))
    with pytest.raises(ConfigError, match=r"other settings \(masking\.batch, seed\); resume it with its own"):
        pretrain(changed, out, resume=True)
    with (
        hold_lock(folder / "lock"),
        pytest.raises(ConfigError, match="is in use by another pre-training"),
    ):
        pretrain(config, out, resume=True)
    german = villages / "de.txt"
    german.write_text(german.read_text(encoding="utf-8").replace("Leute", "Menschen"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"another version of .*de\.txt; put it back"):
        pretrain(config, out, resume=True)
    name_unfinished(out).data.write_text("[", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"data\.json: cannot be read"):
        pretrain(config, out, resume=True)
    assert weights(folder) == kept
    assert not out.exists()


def test_the_command_resumes(
    config: PretrainConfig, whole: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pretrain.toml"
    file.write_text(tomli_w.dumps(dump_config(config)), encoding="utf-8")
    out = tmp_path / "encoder"
    interrupt(config, out, 12)
    arguments = ["pretrain", str(file), "--out", str(out)]
    assert main(arguments) == 2
    assert capfd.readouterr().err.count("\n") == 1
    assert main([*arguments, "--resume"]) == 0
    assert capfd.readouterr() == (f"encoder  {out}\n", "")
    assert weights(out) == weights(whole)
    # There is nothing to resume: a finished folder is never touched.
    assert main([*arguments, "--resume"]) == 2


def test_resume_without_anything_to_resume_starts(config: PretrainConfig, tmp_path: Path) -> None:
    none = replace(config, masking=MaskingSettings(steps=0), ranking=RankingSettings(steps=0))
    assert pretrain(none, tmp_path / "encoder", resume=True).is_dir()


def test_the_head_is_kept_with_the_encoder_that_it_was_trained_with(whole: Path) -> None:
    model, info = AutoModelForMaskedLM.from_pretrained(whole / "mlm", output_loading_info=True)
    assert not info["missing_keys"]
    tokenizer = AutoTokenizer.from_pretrained(whole / "mlm")
    assert tokenizer.get_vocab() == AutoTokenizer.from_pretrained(whole).get_vocab()
    batch = tokenizer("Im Dorf 00 wohnen <mask> Leute.", return_tensors="pt")
    assert model(**batch).logits.shape[-1] == len(tokenizer)
    stored = load_file(whole / "mlm" / "model.safetensors")
    ranked = load_file(whole / "model.safetensors")
    name = "embeddings.word_embeddings.weight"
    # Ranking has gone on from there.
    assert not torch.equal(stored[f"roberta.{name}"], ranked[name])


def test_the_kept_head_makes_no_other_model(whole: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(whole, copy)
    shutil.rmtree(copy / "mlm")
    assert fingerprint_model(copy) == fingerprint_model(whole)
    text = "Im Dorf wohnen Leute."
    assert (SentenceTransformer(str(copy)).encode(text) == SentenceTransformer(str(whole)).encode(text)).all()


def test_masks_go_on_from_any_batch(whole: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(whole)
    rows = [
        tokenizer(f"{number} people live in 00.", return_special_tokens_mask=True) for number in range(40)
    ]
    batches = [[dict(row) for row in rows[start : start + 8]] for start in range(0, 40, 8)]
    first = Masks(tokenizer, seed=4)
    made = [first([dict(row) for row in batch]) for batch in batches[:3]]
    for number in (2, 3):
        later = Masks(tokenizer, seed=9)
        later.go_on(number, first.state_before(number))
        if number == 2:
            torch.testing.assert_close(later(batches[2])["labels"], made[2]["labels"])
        else:
            torch.testing.assert_close(
                later([dict(row) for row in batches[3]])["labels"],
                first([dict(row) for row in batches[3]])["labels"],
            )
