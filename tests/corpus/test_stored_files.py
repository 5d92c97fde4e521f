"""The files of a stored corpus: the command that makes them, and what damage does."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from corpus_records import record

import isogloss
from isogloss.cli.main import main
from isogloss.corpus import StoredCorpus, read_corpus, store_corpus
from isogloss.errors import ConfigError, DataError
from isogloss.files import write_text
from stored_corpora import store_rows, write_rows

RECORDS = [
    record(f"q{number}", language, f"{language} {number // 3}. So it is.", article=f"a{number // 6}")
    for number in range(30)
    for language in ("de", "en", "th")
    if (number + ord(language[0])) % 4
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    store_rows(folder, RECORDS)
    return folder / "stored"


def refuse(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(list(map(str, words))) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_the_command_stores_and_describes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", RECORDS)
    out = tmp_path / "stored"
    assert main(["data", "store", str(rows), "--out", str(out), "--name", "hats"]) == 0
    assert capsys.readouterr().out == f"{out}: 30 items in 3 languages\n"
    described = []
    for path in (rows, out):
        assert main(["data", "describe", str(path), "--languages", "de,th", "--json"]) == 0
        described.append(json.loads(capsys.readouterr().out))
    assert described[1].pop("name") == "hats"
    described[0].pop("name")
    assert described[0] == described[1]
    assert not list(tmp_path.glob(".*"))
    assert sorted(file.suffix for file in out.iterdir() if file.suffix not in (".arrow", ".npy")) == [".toml"]


def test_squad_and_compressed_lines_are_stored(tmp_path: Path) -> None:
    paragraph = {
        "context": "One. Two.",
        "sentence_breaks": [[0, 4], [5, 9]],
        "qas": [
            {"id": "a", "question": "A?", "answers": [{"text": "Two", "answer_start": 5}]},
            {"id": "b", "question": "B?", "answers": []},
            {"id": "c", "question": "C?", "answers": [], "is_impossible": True},
        ],
    }
    folder = tmp_path / "squad"
    folder.mkdir()
    for language in ("da", "en"):
        content = {"data": [{"title": "T", "paragraphs": [paragraph]}]}
        (folder / f"{language}.json").write_text(json.dumps(content))
    packed = tmp_path / "rows.jsonl.gz"
    packed.write_bytes(gzip.compress(write_rows(tmp_path / "rows.jsonl", RECORDS).read_bytes()))
    for path in (folder, packed):
        stored = store_corpus(path, tmp_path / f"{path.name}-stored", quiet=True)
        memory = read_corpus(path)
        loaded = stored.load()
        assert loaded.renderings == memory.renderings
        assert loaded.blemishes == memory.blemishes
        assert len(stored.blemishes) == len(memory.blemishes)
        assert loaded.name == memory.name


def test_what_cannot_be_stored_is_refused_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], whole: Path
) -> None:
    out = tmp_path / "stored"
    twice = write_rows(tmp_path / "twice.jsonl", [*RECORDS, RECORDS[4]])
    broken = tmp_path / "broken.jsonl"
    broken.write_text(twice.read_text().replace('"th"', '"?"', 1))
    good = write_rows(tmp_path / "good.jsonl", RECORDS)
    for path, message, more in (
        (
            twice,
            f"twice.jsonl, line {len(RECORDS) + 1}: question id 'q2' is given twice in de; first at line 5",
            (),
        ),
        (broken, "'?' is not a language code", ()),
        (tmp_path / "none.jsonl", "no such file", ()),
        (whole, "is a stored corpus already", ()),
        (good, "lacks the languages asked for (fr); it has de, en, th", ("--languages", "fr")),
    ):
        assert message in refuse(capsys, "data", "store", path, "--out", out, *more)
        assert not out.exists()
        assert not list(tmp_path.glob(".*"))
    assert "is there already" in refuse(capsys, "data", "store", good, "--out", tmp_path)
    assert "is there already" in refuse(capsys, "data", "store", good, "--out", good)


def test_the_first_of_the_doubled_rows_is_named_as_in_memory(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", [*RECORDS, RECORDS[4], RECORDS[4]])
    messages = []
    for read in (lambda: read_corpus(rows), lambda: store_corpus(rows, tmp_path / "s", quiet=True)):
        with pytest.raises(DataError) as caught:
            read()
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path, whole: Path) -> None:
    with pytest.raises(DataError, match=r"store\.toml is missing"):
        read_corpus(tmp_path, format="store")
    with pytest.raises(ConfigError, match="must be one of auto, squad, jsonl, hub, store"):
        read_corpus(whole, format="stored")
    assert isinstance(read_corpus(whole), StoredCorpus)
    with pytest.raises(DataError, match="lacks the languages asked for"):
        read_corpus(whole, languages=["fr"])


@pytest.mark.parametrize("file", ["index.npy", "ranks.npy", "questions-de.arrow", "ids.arrow"])
def test_missing_and_cut_files_are_named(tmp_path: Path, whole: Path, file: str) -> None:
    copy = Path(shutil.copytree(whole, tmp_path / "copy"))
    (copy / file).write_bytes((whole / file).read_bytes()[:-1])
    with pytest.raises(DataError, match=rf"{file}: has [0-9,]+ bytes instead of [0-9,]+; store"):
        read_corpus(copy)
    (copy / file).unlink()
    with pytest.raises(DataError, match=f"{file}: is missing"):
        read_corpus(copy)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("layout = 1", "layout = 2", "has layout 2, this version reads 1"),
        ("items = 30", "items = 29", "does not fit together"),
        ("items = 30", "items = 3000", "does not fit together"),
        ('"th"', '"../th"', "does not fit together"),
        ("items = 30", 'items = "many"', "lacks what describes"),
        ("layout", "layout = ", "cannot be read"),
    ],
)
def test_a_damaged_manifest_is_refused(tmp_path: Path, whole: Path, old: str, new: str, message: str) -> None:
    copy = Path(shutil.copytree(whole, tmp_path / "copy"))
    file = copy / "store.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    write_text(file, text.replace(old, new))
    with pytest.raises(DataError, match=message):
        read_corpus(copy).load()


def test_damaged_bytes_give_an_error_or_another_corpus(tmp_path: Path, whole: Path) -> None:
    """Sizes stay right, so that opening does not see it; reading must fail in one line or give texts."""
    dice = random.Random(0)
    files = sorted(file.name for file in whole.iterdir() if file.suffix in (".arrow", ".npy"))
    refused = 0
    for number in range(150):
        copy = Path(shutil.copytree(whole, tmp_path / str(number)))
        file = copy / files[number % len(files)]
        content = bytearray(file.read_bytes())
        if not content:
            continue
        for _ in range(dice.choice((1, 8, 64))):
            content[dice.randrange(len(content))] = dice.choice((0, 1, 0x7F, 0xFF, dice.randrange(256)))
        file.write_bytes(content)
        message = None
        try:
            corpus = read_corpus(copy)
            assert isinstance(corpus, StoredCorpus)
            corpus.load()
        except DataError as error:
            message = str(error)
        if message is not None:
            refused += 1
            assert "\n" not in message
        shutil.rmtree(copy)
    assert refused > 20


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc")
@pytest.mark.slow
def test_storing_and_reading_take_little_memory(tmp_path: Path) -> None:
    """160 MB of texts: to read them into memory takes more than to store them and read every one."""
    passage = "So it stands in the book that nobody has read to its end. " * 60
    with (tmp_path / "rows.jsonl").open("w", encoding="utf-8") as file:
        for number in range(45_000):
            row = {"id": f"q{number // 3}", "language": ("de", "en", "sw")[number % 3], "question": "Who?"}
            file.write(json.dumps(row | {"passage": f"{number // 9} {passage}"}) + "\n")
    code = (
        "import sys; from pathlib import Path; from isogloss.corpus import read_corpus, store_corpus\n"
        "corpus = store_corpus('rows.jsonl', Path('stored'), quiet=True) if sys.argv[1] == 'store' else "
        "read_corpus(sys.argv[1])\n"
        "for item in range(corpus.item_count):\n"
        "    for language in corpus.languages:\n"
        "        corpus.rendering(item, language)\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(status.split('VmHWM:')[1].split()[0])\n"
    )
    peaks = {}
    for step in ("store", "stored", "rows.jsonl"):
        environment = os.environ | {"PYTHONPATH": str(Path(isogloss.__file__).parents[1])}
        done = subprocess.run(
            [sys.executable, "-c", code, step],
            cwd=tmp_path,
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        peaks[step] = int(done.stdout) / 1024
    assert peaks["store"] < 300, peaks
    assert peaks["stored"] < 200, peaks
    assert peaks["rows.jsonl"] > peaks["stored"], peaks
