"""What is found in a corpus part by part is what is found in it as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from overlap_texts import ANSWERS, ASKED, CONTEXTS, QUESTION_ID, make_benchmark, make_record, write_words

from isogloss.corpus import ParallelCorpus, Record, StoredCorpus, build_corpus, store_corpus
from isogloss.overlap import OverlapPolicy, check_overlap, find_overlap
from isogloss.overlap.finding import OverlapFinder
from isogloss.overlap.joining import join_reports
from stored_corpora import write_rows

RECORDS = [
    *(make_record(f"clean-{number}", write_words(number)) for number in range(12)),
    make_record("copy", CONTEXTS["en"], article="Wessel (town)"),
    make_record("copy", CONTEXTS["de"], "de", article="Wessel (town)"),
    make_record("beside", CONTEXTS["en"], article="Wessel (town)"),
    make_record("sentence", f"{write_words(40)} {ANSWERS['en']} {write_words(41)}"),
    make_record("asked", write_words(50), question=ASKED["en"], article="Wessel_(town)"),
    make_record("asked too", write_words(51), question=ASKED["en"]),
    make_record(QUESTION_ID, write_words(52), question=ASKED["de"]),
]


def split(records: list[Record]) -> list[ParallelCorpus]:
    """Cut records into corpora of a passage or two."""
    parts: list[list[Record]] = []
    for row in records:
        passage = "copy" if row.item_id == "beside" else row.item_id
        if parts and parts[-1][0].item_id == passage:
            parts[-1].append(row)
        else:
            parts.append([row])
    return [build_corpus("train", part, {}) for part in parts]


def test_reports_on_parts_join_to_the_report_on_the_whole() -> None:
    benchmark = make_benchmark()
    whole = find_overlap(build_corpus("train", RECORDS, {}), benchmark)
    finder = OverlapFinder(benchmark)
    joined = join_reports([finder.find(part) for part in split(RECORDS)])
    assert len(whole.leaked) >= 3
    assert joined.to_dict() | {"leaked_items_by_language": None} == whole.to_dict() | {
        "leaked_items_by_language": None
    }
    assert joined.leaked == whole.leaked
    assert joined.counts == whole.counts


def test_leaks_are_dropped_from_a_stored_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    rows = write_rows(tmp_path / "train.jsonl", RECORDS)
    stored = store_corpus(rows, tmp_path / "stored", quiet=True)
    parts = StoredCorpus.parts
    monkeypatch.setattr(StoredCorpus, "parts", lambda corpus: parts(corpus, 3))
    memory = build_corpus("train", RECORDS, {})
    (mine, theirs) = (
        check_overlap([corpus], [make_benchmark()], OverlapPolicy.DROP) for corpus in (stored, memory)
    )
    assert mine.reports[0].to_dict() == theirs.reports[0].to_dict()
    (left,), (expected,) = mine.corpora, theirs.corpora
    assert left.item_count == expected.item_count
    ids = sorted(name for part in left.parts() for name in part.item_ids)
    assert ids == sorted(name for part in expected.parts() for name in part.item_ids)
