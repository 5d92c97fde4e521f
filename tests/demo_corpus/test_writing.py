from __future__ import annotations

import filecmp
import json
import re
import time
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from isogloss.corpus.sentences import split_sentences, strip_spans
from isogloss.demo_corpus import DemoCorpus, write_demo_corpus
from isogloss.demo_corpus.lexicon import LANGUAGES, Lexicon

SMALL = {"id", "hi"}


def _paragraphs(path: Path) -> list[dict[str, Any]]:
    data = json.loads(path.read_text(encoding="utf-8"))["data"]
    return [paragraph for document in data for paragraph in document["paragraphs"]]


def _sentences(path: Path) -> list[str]:
    return [
        paragraph["context"][start:end]
        for paragraph in _paragraphs(path)
        for start, end in paragraph["sentence_breaks"]
    ]


def _lines(corpus: DemoCorpus, language: str) -> list[str]:
    return (corpus.bitext / f"{language}.txt").read_text(encoding="utf-8").splitlines()


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_folders_hold_one_file_per_language_and_nothing_else(corpus: DemoCorpus) -> None:
    assert set(corpus.seen) | set(corpus.unseen) == set(LANGUAGES)
    assert set(corpus.unseen) == {"el", "sw"}
    assert _files(corpus.train) == sorted(f"{language}.json" for language in corpus.seen)
    assert _files(corpus.benchmark) == sorted(f"{language}.json" for language in LANGUAGES)
    assert _files(corpus.bitext) == sorted(f"{language}.txt" for language in LANGUAGES)


def test_writing_again_gives_the_same_bytes_quickly(corpus: DemoCorpus, tmp_path: Path) -> None:
    before = time.process_time()
    again = write_demo_corpus(tmp_path)
    assert time.process_time() - before < 3
    write_demo_corpus(tmp_path)
    files = _files(corpus.train.parent)
    assert _files(tmp_path) == files
    same, different, failed = filecmp.cmpfiles(corpus.train.parent, again.train.parent, files, shallow=False)
    assert (len(same), different, failed) == (len(files), [], [])


def test_another_seed_gives_other_facts(corpus: DemoCorpus, tmp_path: Path) -> None:
    other = write_demo_corpus(tmp_path, seed=1)
    assert _sentences(other.benchmark / "en.json") != _sentences(corpus.benchmark / "en.json")


@pytest.mark.parametrize("language", LANGUAGES)
def test_answers_and_sentence_breaks_are_exact(language: str, corpus: DemoCorpus) -> None:
    paths = [corpus.benchmark / f"{language}.json"]
    if language in corpus.seen:
        paths.append(corpus.train / f"{language}.json")
    for path in paths:
        for paragraph in _paragraphs(path):
            context, breaks = paragraph["context"], paragraph["sentence_breaks"]
            assert 3 <= len(breaks) <= 5
            if "sentences" in paragraph:
                assert paragraph["sentences"] == [context[start:end] for start, end in breaks]
            assert "".join(context[start:end] for start, end in breaks).replace(" ", "") == context.replace(
                " ", ""
            )
            for qa in paragraph["qas"]:
                (answer,) = qa["answers"]
                start, end = answer["answer_start"], answer["answer_start"] + len(answer["text"])
                assert context[start:end] == answer["text"]
                assert sum(first <= start and end <= last for first, last in breaks) == 1
                # In Devanagari a vowel sign at the end is no word character; Chinese writes no spaces.
                word = (
                    re.escape(answer["text"])
                    if language in {"hi", "zh"}
                    else rf"\b{re.escape(answer['text'])}\b"
                )
                holders = [
                    context[first:last] for first, last in breaks if re.search(word, context[first:last])
                ]
                assert len(holders) == 1, (answer["text"], context)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_benchmark_has_its_size_and_unique_candidates(language: str, corpus: DemoCorpus) -> None:
    paragraphs = _paragraphs(corpus.benchmark / f"{language}.json")
    sentences = [sentence for paragraph in paragraphs for sentence in paragraph["sentences"]]
    questions = [qa["question"] for paragraph in paragraphs for qa in paragraph["qas"]]
    assert 100 <= len(questions) <= 120
    assert 250 <= len(sentences) <= 300
    assert len(set(sentences)) == len(sentences)
    assert len(set(questions)) == len(questions)


def test_ids_are_shared_by_all_languages_of_the_benchmark(corpus: DemoCorpus) -> None:
    ids = [
        [
            qa["id"]
            for paragraph in _paragraphs(corpus.benchmark / f"{language}.json")
            for qa in paragraph["qas"]
        ]
        for language in LANGUAGES
    ]
    assert all(other == ids[0] for other in ids)
    assert len(set(ids[0])) == len(ids[0])


def test_training_languages_miss_what_they_should(corpus: DemoCorpus) -> None:
    ids = {
        language: {
            qa["id"]
            for paragraph in _paragraphs(corpus.train / f"{language}.json")
            for qa in paragraph["qas"]
        }
        for language in corpus.seen
    }
    assert len(ids["en"]) == 800
    for language in set(corpus.seen) - {"en"}:
        assert ids[language] < ids["en"]
        low, high = (320, 400) if language in SMALL else (680, 760)
        assert low <= len(ids[language]) <= high, language


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_of_the_test_part_occurs_elsewhere(language: str, corpus: DemoCorpus) -> None:
    told = set(_lines(corpus, language))
    if language in corpus.seen:
        path = corpus.train / f"{language}.json"
        told |= set(_sentences(path)) | {
            qa["question"] for paragraph in _paragraphs(path) for qa in paragraph["qas"]
        }
    benchmark = corpus.benchmark / f"{language}.json"
    asked = {qa["question"] for paragraph in _paragraphs(benchmark) for qa in paragraph["qas"]}
    assert not told & (set(_sentences(benchmark)) | asked)


def test_no_entity_of_the_benchmark_is_named_elsewhere(corpus: DemoCorpus) -> None:
    def titles(path: Path) -> set[str]:
        return {document["title"] for document in json.loads(path.read_text(encoding="utf-8"))["data"]}

    held_out = titles(corpus.benchmark / "en.json")
    assert not held_out & titles(corpus.train / "en.json")
    text = "\n".join(_lines(corpus, "en")).lower() + "\n"
    named = [
        title for title in held_out if re.search(rf"\b{re.escape(title.replace('_', ' ').lower())}\b", text)
    ]
    assert not named
    # The check itself can see an entity that is there.
    assert re.search(r"\bthe [a-z ]+ in oslo\b", text)


def test_the_bitext_is_aligned_and_says_nothing_twice(
    corpus: DemoCorpus, lexicons: dict[str, Lexicon]
) -> None:
    lines = {language: _lines(corpus, language) for language in LANGUAGES}
    assert {len(found) for found in lines.values()} == {2000}
    for language, found in lines.items():
        assert len(set(found)) == len(found), language
    for row in zip(*lines.values(), strict=True):
        assert len({tuple(re.findall(r"\d+", line)) for line in row}) == 1, row
        assert len({line[-1] in "?؟？;" for line in row}) == 1, row
    towns = {
        language: [next(iter(word.forms.values())) for word in lexicons[language].tables["town"].values()]
        for language in ("en", "zh")
    }
    for english, chinese in zip(lines["en"], lines["zh"], strict=True):
        found = Counter(index for index, town in enumerate(towns["en"]) if town in english)
        assert found == Counter(index for index, town in enumerate(towns["zh"]) if town in chinese)


def test_languages_of_different_scripts_share_only_numbers(
    corpus: DemoCorpus, lexicons: dict[str, Lexicon]
) -> None:
    words = {
        language: set(
            re.findall(
                r"\w+", " ".join(_lines(corpus, language) + _sentences(corpus.benchmark / f"{language}.json"))
            )
        )
        for language in LANGUAGES
    }
    for first, second in combinations(LANGUAGES, 2):
        if lexicons[first].script != lexicons[second].script:
            assert all(word.isdecimal() for word in words[first] & words[second]), (first, second)


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language not in {"el", "sw"}])
def test_the_sentence_splitter_finds_the_same_breaks(language: str, corpus: DemoCorpus) -> None:
    for paragraph in _paragraphs(corpus.train / f"{language}.json"):
        context = paragraph["context"]
        found = strip_spans(context, split_sentences(language, context))
        assert [list(span) for span in found] == paragraph["sentence_breaks"], context
