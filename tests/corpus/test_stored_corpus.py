"""A stored corpus says what the same files say when they are read into memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from corpus_records import content, record_lists
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_corpora import store_rows

from isogloss.corpus import Record, read_corpus


@settings(max_examples=60, deadline=None)
@given(record_lists())
def test_a_stored_corpus_loads_as_what_was_stored(
    tmp_path_factory: pytest.TempPathFactory, records: list[Record]
) -> None:
    folder = tmp_path_factory.mktemp("store")
    stored = store_rows(folder, records)
    expected = read_corpus(folder / "rows.jsonl")
    assert content(stored.load())[:-1] == content(expected)[:-1]
