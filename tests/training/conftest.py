"""Fixtures of the training tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_runs import Consumed, Settings, record_losses, write_corpus


@pytest.fixture(scope="session")
def corpus_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def settings(xlmr: Path, corpus_path: Path) -> Settings:
    return Settings(xlmr, corpus_path)


@pytest.fixture
def consumed(monkeypatch: pytest.MonkeyPatch) -> Consumed:
    """Record what every ``ContrastiveLoss`` sees."""
    return record_losses(monkeypatch)
