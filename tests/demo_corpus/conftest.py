from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from isogloss.demo_corpus import DemoCorpus, write_demo_corpus
from isogloss.demo_corpus.facts import World, invent_world
from isogloss.demo_corpus.lexicon import Lexicon, load_lexicons

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="package")
def lexicons() -> dict[str, Lexicon]:
    return load_lexicons()


@pytest.fixture(scope="package")
def world(lexicons: dict[str, Lexicon]) -> World:
    return invent_world(lexicons["en"], seed=0)


@pytest.fixture(scope="package")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> DemoCorpus:
    folder: Path = tmp_path_factory.mktemp("demo")
    return write_demo_corpus(folder, seed=0)
