"""What comes out of a translation, with a translator whose translations can be told."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from backwards import LIMIT, Backwards, open_backwards, reverse, write_corpus_of
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.corpus import ParallelCorpus, describe_corpus, read_corpus
from isogloss.corpus.sentences import split_sentences, strip_spans
from isogloss.errors import ConfigError, ResultsError
from isogloss.translation.filters import Filters
from isogloss.translation.folder import hold_store
from isogloss.translation.job import Job, translate_corpus
from isogloss.translation.summary import Summary
from isogloss.translation.translator import Fault
from isogloss.types import PassageUnit

SENTENCES = (
    "Mr. Lee has a red hat.",
    "Ann has none of them.",
    "Whose is the blue one?",
    "ENDLESS rain fell on them.",
    "It was COPIED by hand then.",
    "There was NOTHING to be seen.",
    "They came AGAIN for the hat.",
    "A GREEK hat was found there.",
    "The SHORT one was his own hat.",
)
FAULTS = {
    "ENDLESS": Fault.UNFINISHED,
    "COPIED": Fault.COPIED,
    "NOTHING": Fault.EMPTY,
    "AGAIN": Fault.REPEATING,
    "GREEK": Fault.WRONG_SCRIPT,
    "SHORT": Fault.LENGTH,
}


def item(
    name: str, passage: str, answer_start: int = 0, question: str = "", **more: object
) -> dict[str, object]:
    text = question or f"What is it that {name.lower()} has to do with this?"
    return {"item_id": name, "question": text, "passage": passage, "answer_start": answer_start, **more}


def translate(corpus: ParallelCorpus, out: Path, *targets: str, **more: object) -> Summary:
    job = Job(corpus, "en", targets or ("de",), out, quiet=True, **more)  # type: ignore[arg-type]
    return translate_corpus(job, open_backwards)


def is_sound(text: str) -> bool:
    return not any(word in text for word in FAULTS)


@st.composite
def corpora(draw: st.DrawFn) -> ParallelCorpus:
    """Corpora of up to 8 items on up to 4 passages, with and without known answers."""
    passages = draw(
        st.lists(
            st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=5).map(" ".join), min_size=1, max_size=4
        )
    )
    rows = []
    for number in range(draw(st.integers(1, 8))):
        passage = draw(st.sampled_from(passages))
        question = draw(
            st.sampled_from([f"What is asked in number {number} of them?", f"Is ENDLESS {number}?"])
        )
        start = draw(st.one_of(st.just(-1), st.integers(0, len(passage) - 1)))
        article = draw(st.sampled_from([None, "Hats", "Rain"]))
        negatives = tuple(draw(st.lists(st.sampled_from("0123"), max_size=2)))
        rows.append(item(str(number), passage, start, question, article=article, negatives=negatives))
    return write_corpus_of(*rows)


def find_alike(corpus: ParallelCorpus, made: ParallelCorpus) -> list[tuple[int, int]]:
    """List pairs of items of different passages whose translations have the same text."""
    found = []
    for rows in made.renderings.values():
        for second, row in enumerate(rows):
            for first in range(second):
                other = rows[first]
                same = row is not None and other is not None and row.passage == other.passage
                if same and corpus.passages[first] != corpus.passages[second]:
                    found.append((first, second))
    return found


@settings(max_examples=40)
@given(corpora())
def test_a_kept_item_is_parallel_to_its_source(corpus: ParallelCorpus) -> None:
    with tempfile.TemporaryDirectory() as folder:
        summary = translate(corpus, Path(folder), "de", "sw")
        made = read_corpus(summary.corpus)
    assert made.item_ids == corpus.item_ids
    assert made.renderings["en"] == corpus.renderings["en"]
    if alike := find_alike(corpus, made):
        # Sentences that were left out may leave two passages with the same text: then they are one.
        assert all(made.passages[first] == made.passages[second] for first, second in alike)
        return
    assert made.blemishes == ()
    assert made.passages.tolist() == corpus.passages.tolist()
    assert made.articles.tolist() == corpus.articles.tolist()
    assert made.negatives == corpus.negatives
    for language in {"de", "sw"} & set(made.languages):
        for number, row in enumerate(made.renderings[language]):
            source = corpus.rendering(number, "en")
            spans = strip_spans(source.passage, split_sentences("en", source.passage))
            texts = [source.passage[start:end] for start, end in spans]
            sentence = source.passage_text(PassageUnit.SENTENCE)
            needed = texts if source.answer_start < 0 else [sentence]
            assert (row is not None) == all(map(is_sound, [source.question, *needed]))
            if row is None:
                continue
            assert row.question == reverse(source.question)
            assert row.passage == " ".join(reverse(text) for text in texts if is_sound(text))
            expected = row.passage if source.answer_start < 0 else reverse(sentence)
            assert row.passage_text(PassageUnit.SENTENCE) == expected
            assert row.answer == ""


@settings(max_examples=15)
@given(corpora(), st.integers(1, 60))
def test_the_files_of_two_runs_are_the_same_bytes(corpus: ParallelCorpus, budget: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one = translate(corpus, Path(folder) / "one").corpus
        other = translate(corpus, Path(folder) / "other", budget=budget).corpus
        assert read_files(one) == read_files(other)


def read_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def corpus() -> ParallelCorpus:
    """One sound item, and one for each fault in the question, in the answer's sentence and beside it."""
    rows = [item("sound", " ".join(SENTENCES[:3]), 25)]
    for text in SENTENCES[3:]:
        word = next(word for word in FAULTS if word in text)
        rows += [
            item(f"{word}-answer", f"{SENTENCES[0]} {text}", 25),
            item(f"{word}-beside", f"{SENTENCES[1]} {text}", 3),
            item(f"{word}-question", SENTENCES[2], 0, question=f"{text[:-1]} or was it?"),
            item(f"{word}-unknown", f"{SENTENCES[2]} {text}", -1),
        ]
    return write_corpus_of(*rows)


def test_faults_are_counted(corpus: ParallelCorpus, tmp_path: Path) -> None:
    summary = translate(corpus, tmp_path / "out")
    (entry,) = summary.languages
    assert (entry.items, entry.present, entry.kept, entry.shortened) == (25, 0, 7, 6)
    assert entry.dropped == dict.fromkeys(FAULTS.values(), 3)
    assert entry.faults == dict.fromkeys(FAULTS.values(), 2)
    kept = read_corpus(summary.corpus, languages=["de"])
    assert set(kept.item_ids) == {"sound", *(f"{word}-beside" for word in FAULTS)}
    text = summary.to_text()
    assert text.splitlines()[1].split()[:6] == ["de", "25", "0", "7", "6", "18"]
    assert "items dropped  unfinished  empty  copied  repeating  wrong script  length" in text
    json.dumps(summary.to_dict())


def test_the_corpus_is_described_as_parallel(corpus: ParallelCorpus, tmp_path: Path) -> None:
    made = read_corpus(translate(corpus, tmp_path / "out", "de", "sw").corpus)
    described = describe_corpus(made)
    assert described.pairs["de"] == {"de": 7, "en": 7, "sw": 7}
    assert described.items_in_all == 7
    assert described.located_answers["de"] == 7


def test_back_translation(tmp_path: Path) -> None:
    passage = f"{SENTENCES[0]} The THROW was far too wide. {SENTENCES[1]}"
    rows = [item("a", passage, 3), item("b", passage, 25), item("c", passage, -1)]
    summary = translate(write_corpus_of(*rows), tmp_path / "out", filters=Filters(min_similarity=0.6))
    (entry,) = summary.languages
    assert entry.dropped == {Fault.BACK_TRANSLATION: 2}
    assert entry.faults == {Fault.BACK_TRANSLATION: 1}
    assert (tmp_path / "out" / "translations" / "de-en.jsonl").is_file()
    made = read_corpus(summary.corpus).rendering(0, "de")
    assert made.passage == reverse(f"{SENTENCES[0]} {SENTENCES[1]}")


def test_filters_can_be_changed_without_translating_again(corpus: ParallelCorpus, tmp_path: Path) -> None:
    translate(corpus, tmp_path / "out")
    again = translate(corpus, tmp_path / "out", "de", filters=Filters(length_ratio=1000.0))
    assert again.languages[0].made == 0
    assert Fault.LENGTH not in again.languages[0].dropped
    fewer = translate(corpus, tmp_path / "out", "sw", limit=3)
    assert sorted(read_files(fewer.corpus)) == ["en.jsonl", "sw.jsonl"]
    assert len(read_corpus(fewer.corpus).item_ids) == 3


def test_what_the_corpus_has_in_a_language_is_not_translated(tmp_path: Path) -> None:
    own = item("a", "Der Hut ist rot. Er ist neu.", 17, "Wie ist er?", language="deu_Latn", article="Hüte")
    only = item("c", "Nur hier. Ja.", 0, language="deu_Latn")
    rows = [item("a", SENTENCES[0]), own, item("b", SENTENCES[1]), only, item("a", "Kofia.", language="sw")]
    summary = translate(write_corpus_of(*rows), tmp_path / "out", "de")
    assert (summary.languages[0].present, summary.languages[0].kept) == (1, 1)
    made = read_corpus(summary.corpus)
    assert made.languages == ("deu_Latn", "en", "sw")
    assert made.item_ids == ("a", "b"), "what the source language lacks is left out"
    assert made.rendering(0, "deu_Latn").question == "Wie ist er?"
    assert made.rendering(0, "deu_Latn").passage_text(PassageUnit.SENTENCE) == "Er ist neu."
    assert made.rendering(1, "deu_Latn").passage == reverse(SENTENCES[1])


def test_a_text_beyond_the_limit_is_reported(tmp_path: Path) -> None:
    passage = f"{SENTENCES[0]} {' '.join(['so'] * 50)} it was."
    summary = translate(write_corpus_of(item("a", passage), item("b", passage, 30)), tmp_path / "out")
    assert summary.languages[0].dropped == {Fault.TOO_LONG: 1}
    assert read_corpus(summary.corpus).rendering(0, "de").passage == reverse(SENTENCES[0])


def test_provenance(corpus: ParallelCorpus, tmp_path: Path) -> None:
    job = Job(corpus, "en", ("de",), tmp_path / "out", limit=5, quiet=True)
    translate_corpus(job, open_backwards, provenance={"models": {"backwards": {"licence": "none"}}})
    told = json.loads((tmp_path / "out" / "provenance.json").read_text(encoding="utf-8"))
    assert told["files"] == {"made.jsonl": "0" * 64}
    assert told["settings"] == {
        "length_ratio": 1.75,
        "min_similarity": None,
        "limit": 5,
        "batch_tokens": 4096,
    }
    assert told["directions"] == {"en-de": {"source": "en", "target": "de"}}
    assert told["models"]["backwards"]["licence"] == "none"
    assert told["languages"][0]["items"] == 5
    assert told["versions"]["transformers"]


def test_other_settings_are_refused_before_anything_is_translated(
    corpus: ParallelCorpus, tmp_path: Path
) -> None:
    translate(corpus, tmp_path / "out", "sw")
    before = (tmp_path / "out" / "translations" / "en-sw.jsonl").read_bytes()
    asked: list[Backwards] = []

    def open_other(source: str, target: str) -> Backwards:
        asked.append(Backwards(source, target, beams=1))
        return asked[-1]

    job = Job(corpus, "en", ("de", "sw"), tmp_path / "out", quiet=True)
    with pytest.raises(ResultsError, match=r"en-sw\.jsonl: begun with another beams"):
        translate_corpus(job, open_other)
    assert not any(translator.batches for translator in asked)
    assert (tmp_path / "out" / "translations" / "en-sw.jsonl").read_bytes() == before
    job = Job(corpus, "en", ("de", "sw"), tmp_path / "out", overwrite=True, quiet=True)
    assert translate_corpus(job, open_other).languages[1].made > 0


def test_a_folder_with_something_else_is_left_alone(corpus: ParallelCorpus, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(ConfigError, match="holds no translations; name another folder"):
        translate(corpus, tmp_path)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds no translations"):
        translate(corpus, tmp_path / "file")
    translate(corpus, tmp_path / "out")
    (tmp_path / "out" / "corpus" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds more than a corpus"):
        translate(corpus, tmp_path / "out")
    assert (tmp_path / "out" / "corpus" / "notes.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("targets", "more", "told"),
    [
        (("eng_Latn",), {}, "names eng_Latn, the language to translate from"),
        (("de", "deu"), {}, "names deu twice"),
        (("de",), {"limit": 0}, "--limit takes a whole number from 1; got 0"),
        (("de",), {"budget": 0}, "--batch-tokens takes"),
        (("xx",), {}, "'xx' names no language"),
    ],
)
def test_wrong_jobs(
    targets: tuple[str, ...], more: dict[str, int], told: str, corpus: ParallelCorpus, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=told):
        translate(corpus, tmp_path / "out", *targets, **more)
    assert not (tmp_path / "out" / "corpus").exists()


def test_no_language_at_all(corpus: ParallelCorpus, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name a language to translate into by --to"):
        Job(corpus, "en", (), tmp_path)


def test_a_language_that_the_corpus_lacks(corpus: ParallelCorpus, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="corpus 'made' has no language 'fr'; it has en"):
        Job(corpus, "fr", ("de",), tmp_path)


def test_one_direction_is_translated_by_one_process_at_a_time(tmp_path: Path) -> None:
    corpus = write_corpus_of(item("a", SENTENCES[0]))
    translate(corpus, tmp_path)
    kept = (tmp_path / "translations" / "en-de.jsonl").read_bytes()
    with (
        hold_store(tmp_path, "en", "de"),
        pytest.raises(ConfigError, match=r"en-de\.jsonl: another process is translating into it"),
    ):
        translate(corpus, tmp_path, "sw", "de", overwrite=True)
    assert (tmp_path / "translations" / "en-de.jsonl").read_bytes() == kept
    with hold_store(tmp_path, "en", "de"):
        translate(corpus, tmp_path, "sw")
    translate(corpus, tmp_path, "sw", "de", overwrite=True)


def test_what_is_too_long_is_counted(tmp_path: Path) -> None:
    long = f"This sentence has {'many ' * LIMIT}words."
    corpus = write_corpus_of(
        item("a", f"{SENTENCES[0]} {long}"),
        item("b", f"{SENTENCES[1]} {long}", answer_start=len(SENTENCES[1]) + 1),
    )
    (entry,) = translate(corpus, tmp_path).languages
    assert entry.faults == {Fault.TOO_LONG: 1}
    assert entry.dropped == {Fault.TOO_LONG: 1}
    assert (entry.kept, entry.shortened, entry.made, entry.texts) == (1, 1, 4, 5)
