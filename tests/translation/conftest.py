"""Tiny translation models, made once, and files that need not survive a power cut."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the small files of the property tests their flushing; a kill loses nothing written."""
    monkeypatch.setattr("os.fsync", lambda handle: None)


@pytest.fixture(scope="session")
def nllb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as that of facebook/nllb-200-distilled-600M."""
    from tiny_translators import tiny_nllb  # here, since it loads torch

    return tiny_nllb(tmp_path_factory.mktemp("translators") / "nllb")


@pytest.fixture(scope="session")
def m2m(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as that of facebook/m2m100_418M."""
    from tiny_translators import tiny_m2m

    return tiny_m2m(tmp_path_factory.mktemp("translators") / "m2m")


@pytest.fixture(scope="session")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as that of Helsinki-NLP/opus-mt-en-de."""
    from tiny_translators import tiny_marian

    return tiny_marian(tmp_path_factory.mktemp("translators") / "opus-mt-en-de")


@pytest.fixture(scope="session")
def labelled_marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as that of Helsinki-NLP/opus-mt-en-mul, for three languages."""
    from tiny_translators import tiny_marian

    folder = tmp_path_factory.mktemp("translators") / "opus-mt-en-mul"
    return tiny_marian(folder, target="mul", labels=("deu", "cmn_Hans", "swh"))
