"""Whatever happens to a file, every reader refuses it by the check that means it, or reads what is sound.

A refusal is one of our errors, in one line, naming the file and, unless the file as a whole is at fault, the
place in it. Files of our own (results, stored vectors, the state of a streamed evaluation) are read as they
were written, or refused.
"""

from __future__ import annotations

import ast
import gzip
import random
import re
from pathlib import Path

import pytest
from every_reader import READERS, equal

import isogloss
from benchmarks.benchmark_files import mutate
from isogloss.errors import DataError, IsoglossError

WHOLE_FILE = re.compile(
    "|".join(
        (
            "is not a whole gzip file|is no whole safetensors file|is no whole NumPy array of numbers",
            r"vectors of shape \[n, d\] are wanted|float16, float32 or float64 is wanted|vectors of length",
            r"has no tensor|numbers of format|\d+ ids, but|\d+ id\(s\) are missing",
            "the file is empty|holds no|no sentence in the file|no article title or question id in it",
            r"no (query|question) has a relevant passage|relevant passage\(s\) are not in the corpus",
            r"\d+ lines, but|\d+ of \d+ sentences are not the text at their sentence_breaks",
            "no article in 'sw' is held out|no question is left|are one language; write it one way",
            # Of one JSON text: its outermost value, and what the parser says without a place.
            "an object was expected, not|is nested too deeply|is not a JSON value|Exceeds the limit",
            # Of a corpus that is whole by itself; the id is the place.
            "the question id .* holds white space; an id must not",
            # Of files of our own.
            r"damaged results \(|state\.npz: damaged|survey\.json: damaged \(changed after it was written\)",
            r"not the file that results\.json describes|not of the format|format version",
            "was changed after it was written|holds vectors of another model or setting",
            "holds no stored vectors|its arrays do not fit together",
        )
    )
)
"""Faults of a file as a whole: there is no place in it to name."""
PLACE = re.compile(r"\b(line|row) \d+|\bdata\b")


def damage(content: bytes, path: Path, dice: random.Random) -> bytes:
    """Damage a file; what is packed, half of the time before it is packed again."""
    if path.suffix == ".gz" and dice.random() < 0.5:
        return gzip.compress(mutate(gzip.decompress(content), dice), compresslevel=1, mtime=0)
    return mutate(content, dice)


def check_refusal(error: IsoglossError, folder: Path) -> None:
    message = str(error)
    assert str(folder) in message
    assert "\n" not in message
    placed = isinstance(error, DataError) and error.position is not None
    assert placed or WHOLE_FILE.search(message) or PLACE.search(message), message


def fuzz(name: str, folder: Path, mutations: int, seed: int) -> None:
    reader = READERS[name]
    folder.mkdir()
    reader.write(folder)
    files = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    whole = reader.read(folder)
    reader.check(whole, whole)
    dice = random.Random(f"{name} {seed}")
    accepted = 0
    for _ in range(mutations):
        path = dice.choice(list(files))
        path.write_bytes(damage(files[path], path, dice))
        try:
            found = reader.read(folder)
        except IsoglossError as error:
            check_refusal(error, folder)
        else:
            reader.check(found, whole)
            accepted += 1
        path.write_bytes(files[path])
    # Both must occur, or the damage is too gentle or too harsh to say anything; of our own files hardly any
    # damage leaves the content as it was.
    assert accepted < mutations
    assert accepted or reader.check is equal


@pytest.mark.parametrize("name", READERS)
def test_damaged_files(name: str, tmp_path: Path) -> None:
    fuzz(name, tmp_path / "files", 60, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_many_damaged_files(name: str, tmp_path: Path) -> None:
    """Damage 12,000 files in all."""
    fuzz(name, tmp_path / "files", 600, seed=2)


def test_no_handler_catches_everything() -> None:
    """A handler of everything would pass over faults that nobody thought of."""
    told = {
        "encoding/onnx_module.py": "errors of ONNX Runtime have no common base class",
        "exporting.py": "the tracer raises whatever it meets in a network",
        "server/app.py": "a changed index that cannot be opened is told in the log, and the old one stays",
        "server/gate.py": "a service logs a fault and answers 500; the next request is served",
        "server/micro_batching.py": "a fault is handed to those who wait for the batch",
        "sharding/cluster.py": "a fault in a thread is raised again in the one that waits",
        "study/run.py": "a cell that fails, however it does, is recorded, and the other cells go on",
        "vocabulary/tokenizer.py": "the library tokenizers raises bare exceptions for damaged files",
    }
    blanket = []
    for path in sorted(Path(isogloss.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ExceptHandler):
                continue
            last = node.body[-1]
            # One that only clears up and raises again passes over nothing.
            if not (isinstance(last, ast.Raise) and last.exc is None):
                caught = "everything" if node.type is None else ast.unparse(node.type)
                if re.search(r"\b(everything|Base|)Exception\b|everything", caught):
                    blanket.append(path.relative_to(Path(isogloss.__file__).parent).as_posix())
    assert set(blanket) == set(told)
