"""What a user may do to an evaluation, and what may happen to it: one clear line, nothing half-written."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from every_reader import READERS, write_swahili, write_vectors
from interrupted_evaluation import BATCH, MOMENTS, MadeUpEncoder
from small_benchmark import HashEncoder, write_benchmark
from test_embedding_store import full_disk

from benchmarks.benchmark_files import CORPUS, QUERIES, write_folder, write_lines
from isogloss.benchmarks import read_lareqa, read_names
from isogloss.benchmarks.beir import read_beir
from isogloss.benchmarks.belebele import read_belebele
from isogloss.benchmarks.bucc import read_bucc
from isogloss.benchmarks.line_aligned import read_line_aligned, read_ntrex
from isogloss.benchmarks.miracl import read_miracl
from isogloss.benchmarks.native import read_native
from isogloss.benchmarks.parallel import read_parallel
from isogloss.benchmarks.tatoeba import read_tatoeba
from isogloss.cli.main import main
from isogloss.encoding.fingerprint import fingerprint_model
from isogloss.encoding.vector_files import load_vectors
from isogloss.errors import DataError, IsoglossError, ResultsError
from isogloss.evaluation import evaluate, job
from isogloss.evaluation.streaming_state import remove_work_folder
from isogloss.results import RANKS_FILE, RESULTS_FILE, Results, read_results, write_results
from isogloss.types import Setting

QUESTIONS, PASSAGES = 23, 72


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_benchmark(tmp_path / "data" / "lareqa" / "small").parents[1]


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> MadeUpEncoder:
    """Put a made-up model in the place of the one that is named."""
    made = MadeUpEncoder()
    monkeypatch.setattr(job, "_load_model", lambda *_, **__: made)
    return made


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def refuse(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run a command that must fail with one line, and give that line back."""
    code, printed, problem = call(capsys, *words)
    assert (code, printed) == (2, "")
    assert problem.startswith("isogloss: error: ")
    assert problem.count("\n") == 1
    return problem


def small(data: Path, *words: object) -> tuple[object, ...]:
    return ("evaluate", "made-up", "--benchmark", "small", "--data", data, "--quiet", *words)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Interrupted, killed, out of room


def test_ctrl_c_keeps_what_was_encoded_and_writes_nothing(
    data: Path, encoder: MadeUpEncoder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        if encoder.batches == 4:
            raise KeyboardInterrupt

    encoder.stop = interrupt  # type: ignore[method-assign]
    code, printed, problem = call(capsys, *small(data, "--out", tmp_path / "out"))
    assert (code, printed, problem) == (130, "", "isogloss: interrupted\n")
    assert not (tmp_path / "out").exists()
    encoder.stop = lambda: None  # type: ignore[method-assign]
    code, _, told = call(capsys, *small(data, "--out", tmp_path / "out"))
    assert code == 0
    assert f"{PASSAGES - BATCH} texts encoded, {QUESTIONS + BATCH} vectors taken from those kept" in told


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_evaluation_is_taken_up_by_the_same_command(
    moment: str, data: Path, encoder: MadeUpEncoder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = Path(__file__).with_name("interrupted_evaluation.py")
    died = subprocess.run([sys.executable, script, data, tmp_path / "out", moment], check=False)
    assert died.returncode == -9
    if (tmp_path / "out").exists():
        with pytest.raises(IsoglossError, match="no results there"):
            read_results(tmp_path / "out")
    code, _, told = call(capsys, *small(data, "--out", tmp_path / "out"))
    assert code == 0
    kept = QUESTIONS + 2 * BATCH if moment == MOMENTS[0] else QUESTIONS + PASSAGES
    assert f"{kept} vectors taken from those kept" in told
    call(capsys, *small(data, "--out", tmp_path / "whole", "--no-store"))
    for name in (RANKS_FILE, RESULTS_FILE):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_what_is_no_left_over_is_never_written_over(
    data: Path, encoder: MadeUpEncoder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert encoder.batches == 0
    for number, name in enumerate(("notes.txt", ".hidden", RESULTS_FILE, "a.part", "mine.npz")):
        out = tmp_path / str(number)
        out.mkdir()
        (out / name).write_text("mine")
        assert "is not empty; choose another folder" in refuse(capsys, *small(data, "--out", out))
        assert (out / name).read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (("--out", "{}/out"), "out/r"),
        (("--trec", "{}/trec"), "trec/mono"),
        (("--benchmark", "miracl", "--data", "{}/miracl", "--out", "{}/out"), "out.partial/sw"),
    ],
)
def test_a_full_disk_is_named_and_leaves_nothing_half_written(
    words: tuple[str, ...],
    place: str,
    data: Path,
    encoder: MadeUpEncoder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert encoder.batches == 0
    (tmp_path / "miracl").mkdir()
    write_swahili(tmp_path / "miracl")
    given = [word.replace("{}", str(tmp_path)) for word in words]
    with full_disk(400):
        problem = refuse(capsys, *small(data, "--no-store", *given))
    assert f"{tmp_path / place}" in problem
    assert os.strerror(errno.EFBIG) in problem
    left = [path.name for name in ("out", "trec") for path in (tmp_path / name).glob("*")]
    assert [name for name in left if not name.endswith(".qrels")] == []


def test_a_full_disk_is_named_by_an_export(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = data / "lareqa" / "small"
    with full_disk(1000):
        problem = refuse(capsys, "benchmarks", "x", "--data", folder, "--export", tmp_path / "export")
    assert f"{tmp_path / 'export'}: {os.strerror(errno.EFBIG)}" in problem
    assert not (tmp_path / "export").exists()


# Two at once


def test_two_evaluations_at_once_share_a_store(
    data: Path, encoder: MadeUpEncoder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = Path(__file__).with_name("interrupted_evaluation.py")
    folders = [tmp_path / "one", tmp_path / "two"]
    children = [subprocess.Popen([sys.executable, script, data, folder, "never"]) for folder in folders]
    assert [child.wait(60) for child in children] == [0, 0]
    code, _, told = call(capsys, *small(data, "--out", tmp_path / "third"))
    assert (code, encoder.batches) == (0, 0)
    assert f"0 texts encoded, {QUESTIONS + PASSAGES} vectors" in told
    for name in (RANKS_FILE, RESULTS_FILE):
        assert len({(tmp_path / folder / name).read_bytes() for folder in ("one", "two", "third")}) == 1


def test_two_that_write_into_one_folder_never_mix_their_results(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let another write both of its files between the two of the first."""
    benchmark = read_lareqa(data / "lareqa" / "small", "small")
    first, second = (evaluate(HashEncoder(levels), benchmark, quiet=True) for levels in (0, 3))
    replace_by = Path.replace

    def be_overtaken(self: Path, target: Path) -> Path:
        if Path(target).name == RESULTS_FILE:
            monkeypatch.setattr(Path, "replace", replace_by)
            write_results(second, tmp_path / "out")
        return replace_by(self, target)

    monkeypatch.setattr(Path, "replace", be_overtaken)
    write_results(first, tmp_path / "out")
    assert names_in(tmp_path / "out") == [RANKS_FILE, RESULTS_FILE]
    with pytest.raises(ResultsError, match=r"not the file that results\.json describes; evaluate again"):
        read_results(tmp_path / "out")


# Folders and links


def test_the_current_folder_takes_results(
    data: Path,
    encoder: MadeUpEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert encoder.batches == 0
    write_swahili(tmp_path)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert call(capsys, *small(data, "--out", "."))[0] == 0
    assert names_in(Path()) == [RANKS_FILE, RESULTS_FILE]
    words = ("--benchmark", "miracl", "--data", tmp_path, "--out", ".", "--overwrite")
    assert call(capsys, *small(data, *words))[0] == 0
    assert not (tmp_path / "here.partial").exists()


def test_a_folder_of_the_users_beside_the_results_stays(
    data: Path, encoder: MadeUpEncoder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert encoder.batches == 0
    beside = tmp_path / "out.partial"
    beside.mkdir()
    (beside / "sw.state.npz").write_text("mine")
    assert call(capsys, *small(data, "--out", tmp_path / "out"))[0] == 0
    assert names_in(beside) == ["sw.state.npz"]


def test_only_what_an_evaluation_kept_is_removed(tmp_path: Path) -> None:
    for name in ("sw.state.npz", "sw.survey.json", ".sw.state.npz.ab_1.part"):
        (tmp_path / "work").mkdir(exist_ok=True)
        (tmp_path / "work" / name).write_text("")
    remove_work_folder(tmp_path / "work")
    remove_work_folder(tmp_path / "work")
    assert not (tmp_path / "work").exists()
    for name in ("notes.txt", "mine.part", "state.npz", "a.b.state.npz"):
        (tmp_path / name).write_text("")
    (tmp_path / "sw.state.npz").mkdir()
    remove_work_folder(tmp_path)
    assert names_in(tmp_path) == ["a.b.state.npz", "mine.part", "notes.txt", "state.npz", "sw.state.npz"]


def test_what_a_link_in_a_model_points_to_decides_its_vectors(tmp_path: Path) -> None:
    """A module that lies elsewhere is part of the model: with another one, stored vectors are not served."""
    prints = set()
    for weights in ("first", "second"):
        elsewhere = tmp_path / weights
        elsewhere.mkdir()
        (elsewhere / "model.safetensors").write_text(weights)
    for target in ("first", "second", "first"):
        model = tmp_path / "model"
        model.mkdir()
        (model / "modules.json").write_text("{}")
        (model / "2_Dense").symlink_to(tmp_path / target)
        (model / "back").symlink_to(model)  # a circle is no more than odd
        prints.add(fingerprint_model(model))
        shutil.rmtree(model)
    assert len(prints) == 2


def test_a_folder_that_may_not_be_read_is_not_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answer as the system does where permission is missing; root, who may run the tests, always has it."""

    def forbid(self: Path) -> Iterator[Path]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    folder = write_folder(tmp_path / "mine")
    monkeypatch.setattr(Path, "iterdir", forbid)
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    with pytest.raises(PermissionError, match="qrels"):
        read_beir(folder)
    with pytest.raises(DataError, match="mine: cannot be read"):
        read_names(folder)


# What is asked for


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--query-prefix", "a\udcff"), "--query-prefix takes text in UTF-8"),
        (("--vectors", "x", "--max-length", "9"), "--max-length is for models that encode here; --vectors"),
        (("--vectors", "x", "--query-prefix", "q"), "--query-prefix is for models that encode here"),
        (("--endpoint", "http://localhost:1/v1", "--max-length", "9"), "--endpoint would pass over it"),
        (("--endpoint", "http://localhost:1/v1", "--device", "cpu"), "--device is for models"),
        (("--endpoint", "http://localhost:1/v1", "--bf16"), "--bf16 is for models that encode here"),
        (("--languages", "de", "--trec", "t", "--trec-settings", "cross"), "none of which --trec-settings"),
    ],
)
def test_what_would_be_passed_over_is_refused(
    words: tuple[str, ...],
    message: str,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if "--trec" in words:  # one language alone has no cross-lingual setting
        monkeypatch.setattr(job, "_load_model", lambda *_, **__: MadeUpEncoder())
        rows = [row for row in CORPUS if row["language"] == "de"]
        folder = write_folder(tmp_path / "beir")
        write_lines(folder / "corpus.jsonl", rows)
        write_lines(folder / "queries.jsonl", QUERIES[:1])
        header = "query-id\tcorpus-id\tscore\n"
        (folder / "qrels" / "test.tsv").write_text(f"{header}q1\tp1\t1\n", encoding="utf-8")
        words = ("--data", str(folder), *words)
    assert message in refuse(capsys, *small(data, *words))
    assert message in refuse(capsys, *small(data, *words, "--overwrite"))


def test_bm25_takes_no_options_of_a_model(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("evaluate", "bm25", "--benchmark", "small", "--data", data, "--max-length", "7")
    assert "bm25 would pass over it" in refuse(capsys, *words)


LANGUAGE_READERS: dict[str, Callable[[Path, list[str]], object]] = {
    "lareqa": lambda folder, languages: read_lareqa(folder, "small", languages),
    "beir": read_beir,
    "belebele": read_belebele,
    "native": read_native,
    "parallel": read_parallel,
    "miracl": read_miracl,
    "tatoeba": read_tatoeba,
    "lines": lambda folder, languages: read_line_aligned(folder, "mine", languages),
    "ntrex": read_ntrex,
    "bucc": read_bucc,
}


@pytest.mark.parametrize("language", ["xx", "is", "", "\u2028"])
@pytest.mark.parametrize("name", LANGUAGE_READERS)
def test_a_language_that_is_not_there_is_refused(name: str, language: str, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    READERS[name].write(folder)
    with pytest.raises(IsoglossError) as caught:
        LANGUAGE_READERS[name](folder, [language])
    assert language.strip() in str(caught.value)


# What there may be in a benchmark


def test_a_language_without_passages_and_one_without_queries_have_no_numbers(
    tmp_path: Path, encoder: MadeUpEncoder, capsys: pytest.CaptureFixture[str]
) -> None:
    """English is asked alone, German and French are answered alone: cross-lingual cells of English only."""
    assert encoder.batches == 0
    folder = write_folder(tmp_path / "beir")
    write_lines(folder / "corpus.jsonl", [row for row in CORPUS if row["language"] != "en"])
    write_lines(folder / "queries.jsonl", QUERIES[1:3])
    rows = ("query-id\tcorpus-id\tscore", "q2\tp1\t1", "q3\tp4\t2", "")
    (folder / "qrels" / "test.tsv").write_text("\n".join(rows), encoding="utf-8")
    words = ("evaluate", "made-up", "--benchmark", "mine", "--data", folder, "--quiet")
    code, printed, _ = call(capsys, *words, "--out", tmp_path / "out")
    assert code == 0
    assert "nan" not in printed
    results = read_results(tmp_path / "out")
    assert results.settings == (Setting.CROSS, Setting.MULTI)
    assert results.table(Setting.CROSS, "mAP").cells == ("en-de", "en-fr")
    assert results.table(Setting.MULTI, "mAP").cells == ("en",)
    assert "queries but no passages in 'en'" in refuse(capsys, *words, "--debias", "centre")
    assert "no monolingual setting" in refuse(capsys, "evaluate", "bm25", *words[2:])


def test_passages_of_equal_text_rank_in_the_order_of_the_file(
    tmp_path: Path, encoder: MadeUpEncoder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert encoder.batches == 0
    folder = write_folder(tmp_path / "beir")
    rows = [{"_id": f"p{number}", "text": "The same.", "language": "en"} for number in range(1, 5)]
    write_lines(folder / "corpus.jsonl", rows)
    words = ("evaluate", "made-up", "--benchmark", "mine", "--data", folder, "--quiet", "--languages", "en")
    code, printed, _ = call(capsys, *words, "--out", tmp_path / "out")
    assert code == 0
    assert "en: 3 passage(s) have the text of another; each is a candidate of its own" in printed
    results = read_results(tmp_path / "out")
    assert isinstance(results, Results)
    assert results.top_pool.tolist() == [[0, 1, 2, 3]] * len(results.query_ids)


# Vectors computed elsewhere


def npy(header: str) -> bytes:
    """Write a NumPy file of 16 bytes of numbers with any header."""
    return b"\x93NUMPY\x01\x00v\x00" + header.ljust(117).encode() + b"\n" + bytes(16)


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 an archive",
        b"\x80\x04 a pickle",
        npy("{'descr': '<f4', ("),
        npy(",4"),
        npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({10**20}, 4), }}"),
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1L, 4), }"),
    ],
    ids=[
        "an archive",
        "a pickle",
        "an open bracket",
        "no expression",
        "a huge shape",
        "a header of Python 2",
    ],
)
def test_files_that_numpy_stumbles_over_are_refused(content: bytes, tmp_path: Path) -> None:
    write_vectors(tmp_path)
    (tmp_path / "queries.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"queries\.npy: is no whole NumPy array of numbers"):
        load_vectors(tmp_path)


def test_a_signalling_nan_is_refused_with_its_row(tmp_path: Path) -> None:
    write_vectors(tmp_path)
    vectors = np.ones((4, 5), dtype=np.float32)
    vectors.view(np.uint32)[2, 1] = 0x7F800001
    np.save(tmp_path / "queries.npy", vectors)
    with pytest.raises(DataError, match=r"queries\.npy, row 3: the vector of 'c' holds NaN"):
        load_vectors(tmp_path).take("query", ["a", "b", "c"])
