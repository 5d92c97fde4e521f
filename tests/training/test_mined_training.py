"""Training on mined negatives: mined with one model, used by the next, on record and checked on resuming."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import tomli_w
from test_training_batches import Reader
from training_runs import Consumed, Interrupted, Settings, StopAt

from isogloss.batching.negatives import NEGATIVE_SOURCES
from isogloss.cli.main import main
from isogloss.config import BatchesConfig, TrainConfig, ValidationConfig, dump_config
from isogloss.errors import ConfigError, DataError
from isogloss.training.plans import plan_run
from isogloss.training.run import train

WIDE = ["--relative-margin", "-9", "--absolute-margin", "-9", "--pool", "each", "--count", "4"]


@pytest.fixture(scope="module")
def mined(xlmr: Path, corpus_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Mine with the encoder that training starts from."""
    file = tmp_path_factory.mktemp("mined") / "rivers.negatives"
    words = ["negatives", str(corpus_path), "--model", str(xlmr), "--out", str(file), "--no-store", *WIDE]
    assert main(words) == 0
    return file


@pytest.fixture
def config(settings: Settings, mined: Path) -> TrainConfig:
    made = settings(batches=BatchesConfig(size=8, negatives="mined"), validation=ValidationConfig(share=0.0))
    return replace(made, corpora=(replace(made.corpora[0], negatives=str(mined)),))


def test_the_loss_sees_the_negatives_that_were_mined(
    config: TrainConfig, mined: Path, consumed: Consumed, tmp_path: Path
) -> None:
    train(replace(config, trainer={**config.trainer, "max_steps": 3}), tmp_path / "run")
    plan = plan_run(config).train
    assert consumed.trained == Reader(config).read_first(plan, 3)
    rows = [json.loads(line) for line in mined.read_text(encoding="utf-8").splitlines()[1:]]
    listed = {(row["id"], one["id"]) for row in rows for one in row["negatives"]}
    (corpus,) = plan.corpora
    for step in range(3):
        batch = plan.batch(0, step)
        assert batch.negative_items is not None
        assert batch.negative_sources is not None
        for item, negative, source in zip(
            batch.items, batch.negative_items, batch.negative_sources, strict=True
        ):
            is_mined = (corpus.item_ids[item], corpus.item_ids[negative]) in listed
            assert is_mined or NEGATIVE_SOURCES[source] != "mined"
    run = json.loads((tmp_path / "run" / "data.json").read_text())
    assert str(mined) in run
    provenance = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert provenance["files"] == run


def test_most_rows_have_mined_negatives(
    config: TrainConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.toml"
    file.write_text(tomli_w.dumps(dump_config(config)), encoding="utf-8")
    assert main(["plan", str(file), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert sum(content["negatives"].values()) == content["rows"]
    assert content["negatives"]["mined"] > 0.8 * content["rows"]
    assert main(["plan", str(file)]) == 0
    assert f"\nnegatives {content['negatives']['mined']:,} mined (" in capsys.readouterr().out


def test_a_resumed_run_wants_the_same_negatives(config: TrainConfig, mined: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.negatives"
    content = mined.read_bytes()
    file.write_bytes(content)
    config = replace(config, corpora=(replace(config.corpora[0], negatives=str(file)),))
    with pytest.raises(Interrupted):
        train(config, tmp_path / "run", callbacks=(StopAt(2),))
    file.write_bytes(b"".join(content.splitlines(keepends=True)[:-1]))
    with pytest.raises(ConfigError, match=r"was started with another version of .*own\.negatives"):
        train(config, tmp_path / "run", resume=True)


def test_wrong_files_are_refused_before_anything_is_written(
    config: TrainConfig, settings: Settings, tmp_path: Path
) -> None:
    other = settings.base.corpora[0]
    for negatives, error, message in [
        ("", ConfigError, r"no \[\[corpora\]\] has negatives = FILE"),
        (str(tmp_path / "none"), DataError, "none: no such file"),
        (other.path, DataError, "is no file of mined negatives"),
    ]:
        with pytest.raises(error, match=message):
            train(replace(config, corpora=(replace(other, negatives=negatives),)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_file_is_not_read_where_negatives_are_not_mined(config: TrainConfig) -> None:
    named = (replace(config.corpora[0], negatives="nowhere"),)
    plans = plan_run(replace(config, corpora=named, batches=BatchesConfig(size=8, negatives="random")))
    assert plans.mined == {}
