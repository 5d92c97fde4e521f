"""Damaged files give a corpus or one clear error, never anything else."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest

from isogloss.corpus import ParallelCorpus, read_corpus
from isogloss.errors import DataError

PARAGRAPHS = [
    {
        "context": "Mr. Ole går hjem. Så går han ud igen.\n\n東京にいます。",
        "sentence_breaks": [[0, 17], [18, 37]],
        "qas": [
            {"id": "a", "question": "Hvem går?", "answers": [{"text": "Ole", "answer_start": 4}]},
            {"id": "b", "question": "Hvornår?", "answers": [], "is_impossible": True},
        ],
    },
    {
        "context": "He has 3.5 hats. They are red.",
        "qas": [{"id": "c", "question": "How many?", "answers": [{"text": "3.5", "answer_start": 7}]}],
    },
]
SQUAD = json.dumps({"data": [{"title": "Huse", "paragraphs": PARAGRAPHS}]}, ensure_ascii=False).encode()
ROWS = [
    {
        "id": str(number % 3),
        "language": "de" if number < 3 else "en",
        "question": f"Wer ist {number}?",
        "passage": f"Das ist Nummer {number}. Größer geht es nicht.",
        "passage_id": f"p{number % 2}",
        "article": "Zahlen",
        "answer": "Nummer",
        "answer_start": 8,
        "sentence_breaks": [[0, 17], [18, 39]],
        "negatives": ["1"],
    }
    for number in range(5)
]
JSONL = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS).encode()
PIECES = [
    *(bytes([byte]) for byte in b'"{}[],:\\\n\x00\xff'),
    *(b"null", b"true", b"NaN", b"-1", b"1e999", b"99999999999999999999", b"0.5"),
    *(b'""', b'" "', b"\\ud800", b"\\u0000", b"{}", b"[]", b"\xef\xbb\xbf", "é\u2028".encode()),
    *(b'"id":"a",', b'"context":"x",', b'"data":[],', b"[" * 5000, b"1" * 5000),
]


def mutate(content: bytes, dice: random.Random) -> bytes:
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        start = dice.randrange(len(content) + 1)
        end = min(len(content), start + dice.choice((0, 1, 1, 2, 5, 40)))
        match dice.randrange(5):
            case 0:
                new = b""
            case 1:
                new = dice.choice(PIECES)
            case 2:
                new = bytes(dice.randrange(256) for _ in range(end - start))
            case 3:
                other = dice.randrange(len(content) + 1)
                new = content[other : other + dice.choice((1, 5, 60))]
            case _:
                content, start, end, new = content[:start], 0, 0, b""
        content = content[:start] + new + content[end:]
    return content


def check(path: Path, content: bytes) -> bool:
    """Read a file, and tell whether it was good; anything but a corpus or a clear error fails."""
    path.write_bytes(content)
    message = None
    try:
        corpus = read_corpus(path)
    except DataError as error:
        message = str(error)
    if message is not None:
        assert str(path) in message, content
        assert "\n" not in message, content
        return False
    assert isinstance(corpus, ParallelCorpus)
    assert corpus.present.any(axis=1).all()
    return True


def fuzz(folder: Path, mutations: int, seed: int) -> None:
    dice = random.Random(seed)
    good = 0
    for number in range(mutations):
        match number % 3:
            case 0:
                good += check(folder / "da.json", mutate(SQUAD, dice))
            case 1:
                good += check(folder / "c.jsonl", mutate(JSONL, dice))
            case _:
                good += check(folder / "da.json.gz", mutate(gzip.compress(SQUAD, mtime=0), dice))
    # Both outcomes must occur, or the mutations are too gentle or too harsh to say anything.
    assert mutations // 50 < good < mutations - mutations // 50


def test_the_untouched_files_are_good(tmp_path: Path) -> None:
    assert check(tmp_path / "da.json", SQUAD)
    assert check(tmp_path / "c.jsonl", JSONL)


def test_damaged_files(tmp_path: Path) -> None:
    fuzz(tmp_path, 1_200, seed=1)


@pytest.mark.slow
def test_many_damaged_files(tmp_path: Path) -> None:
    fuzz(tmp_path, 10_000, seed=2)


@pytest.mark.parametrize("name", ["da.json", "c.jsonl"])
def test_every_cut_of_a_file(tmp_path: Path, name: str) -> None:
    content = SQUAD if name == "da.json" else JSONL
    for length in range(0, len(content), 7):
        check(tmp_path / name, content[:length])
