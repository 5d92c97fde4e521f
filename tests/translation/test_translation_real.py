"""Real corpora in many scripts go through translation with every answer sentence in its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from backwards import Backwards, reverse

from isogloss.corpus import read_corpus
from isogloss.languages import normalize_language, script_of
from isogloss.translation.filters import Filters
from isogloss.translation.job import Job, translate_corpus
from isogloss.types import PassageUnit

pytestmark = pytest.mark.slow


class Patient(Backwards):
    """Take sentences of any length."""

    def __init__(self, source: str, target: str) -> None:
        super().__init__(source, target)
        self.limit = 10_000


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("squad-mt/en.json", "en"),
        ("native/ja-jaquad.json.gz", "ja"),
        ("native/th-iapp.json.gz", "th"),
        ("native/ar-arcd.json.gz", "ar"),
        ("native/am-amqa.json.gz", "am"),
        ("native/zh-cmrc.json.gz", "zh"),
    ],
)
def test_every_answer_sentence_is_kept(file: str, source: str, real_data: Path, tmp_path: Path) -> None:
    path = real_data / "train" / file
    if not path.exists():
        pytest.skip(f"{file} is not there")
    corpus = read_corpus(path, languages=[source])
    target = f"eo-{script_of(source)}"  # no such thing is written, but backwards the script stays
    job = Job(corpus, source, (target,), tmp_path / "out", filters=Filters(1000.0), limit=1000, quiet=True)
    summary = translate_corpus(job, Patient)
    made = read_corpus(summary.corpus)
    assert made.item_ids == corpus.item_ids[:1000]
    assert made.renderings[source] == corpus.renderings[source][:1000]
    (entry,) = summary.languages
    assert entry.kept >= 0.99 * entry.items
    for number, found in enumerate(made.renderings[normalize_language(target)]):
        own = corpus.rendering(number, source)
        if found is not None and own.answer_start >= 0:
            assert found.question == reverse(own.question)
            sentence = own.passage_text(PassageUnit.SENTENCE)
            assert found.passage_text(PassageUnit.SENTENCE) == reverse(sentence)
