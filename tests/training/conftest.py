"""Fixtures of the training tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_runs import Consumed, Settings, record_losses, write_corpus

from tiny_models import tiny_labse, tiny_xlmr


@pytest.fixture(scope="session")
def corpus_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as that of FacebookAI/xlm-roberta-base."""
    return tiny_xlmr(tmp_path_factory.mktemp("models") / "xlmr")


@pytest.fixture(scope="session")
def labse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as that of sentence-transformers/LaBSE."""
    return tiny_labse(tmp_path_factory.mktemp("models") / "labse")


@pytest.fixture(scope="session")
def settings(xlmr: Path, corpus_path: Path) -> Settings:
    return Settings(xlmr, corpus_path)


@pytest.fixture
def consumed(monkeypatch: pytest.MonkeyPatch) -> Consumed:
    """Record what every ``ContrastiveLoss`` sees."""
    return record_losses(monkeypatch)
