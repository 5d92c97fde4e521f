"""Any model on any benchmark, through the command."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from small_benchmark import HashEncoder, small_benchmark, write_benchmark

from isogloss.cli.main import main
from isogloss.encoding.store import EmbeddingStore
from isogloss.results import Results, SentenceResults, read_results
from isogloss.types import Setting


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_benchmark(tmp_path / "data" / "lareqa" / "small").parents[1]


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def evaluated(folder: Path) -> Results:
    results = read_results(folder)
    assert isinstance(results, Results)
    return results


def test_a_second_evaluation_encodes_nothing(
    labse: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("evaluate", labse, "--benchmark", "small", "--data", data)
    assert "taken from those kept" not in call(capsys, *words, "--out", tmp_path / "a")[2]
    code, _, told = call(capsys, *words, "--out", tmp_path / "b")
    assert code == 0
    assert "0 texts encoded, 95 vectors taken from those kept" in told
    assert (tmp_path / "a" / "ranks.npz").read_bytes() == (tmp_path / "b" / "ranks.npz").read_bytes()
    # A part of the questions, and another way of writing them, need nothing new, or only what is new.
    told = call(capsys, *words, "--languages", "de,en")[2]
    assert told.startswith("0 texts encoded")
    assert "taken from those kept" not in call(capsys, *words, "--query-prefix", "Q: ", "--no-store")[2]


def test_nothing_is_kept_without_a_store(labse: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "evaluate", labse, "--benchmark", "small", "--data", data, "--no-store")[0] == 0
    assert EmbeddingStore().list_spaces() == []


def write_vectors(folder: Path, data: Path) -> Path:
    benchmark = small_benchmark(data / "again")
    folder.mkdir()
    encoder = HashEncoder()
    for stem, ids_name, ids, texts in (
        (
            "queries",
            "query_ids",
            [
                f"{benchmark.languages[number]}:{name}"
                for number, name in zip(benchmark.query_languages, benchmark.query_ids, strict=True)
            ],
            benchmark.query_texts,
        ),
        ("passages", "passage_ids", benchmark.passage_ids, benchmark.passage_sentences),
    ):
        np.save(folder / f"{stem}.npy", encoder.encode_queries(texts))
        (folder / f"{ids_name}.txt").write_text("".join(f"{name}\n" for name in ids), encoding="utf-8")
    return folder


def test_vectors_computed_elsewhere_are_ranked(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_vectors(tmp_path / "vectors", tmp_path)
    words = ("evaluate", "hash", "--vectors", folder, "--benchmark", "small", "--data", data)
    code, printed, _ = call(capsys, *words, "--out", tmp_path / "out", "--trec", tmp_path / "trec")
    assert code == 0
    assert printed.startswith("small: hash (hash)\n")
    assert len(list((tmp_path / "trec").iterdir())) == 6
    found = evaluated(tmp_path / "out")
    from isogloss.evaluation import evaluate

    # The vectors of the encoder have other lengths: scale them as the files' are.
    encoder = HashEncoder()
    draw = encoder.encode_queries

    def scaled(texts: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        raw = draw(texts)
        return raw / np.linalg.norm(raw, axis=1, keepdims=True)

    encoder.encode_queries = encoder.encode_passages = scaled  # type: ignore[method-assign,assignment]
    expected = evaluate(encoder, small_benchmark(tmp_path / "third"), quiet=True)
    np.testing.assert_array_equal(found.rank_pool, expected.rank_pool)
    (folder / "query_ids.txt").write_text("one\n" * 23, encoding="utf-8")
    code, _, problem = call(capsys, *words)
    assert code == 2
    assert "query_ids.txt" in problem


def test_bm25_is_a_model(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("bm25s", reason="the package bm25s is not installed")
    words = ("evaluate", "bm25", "--benchmark", "small", "--data", data)
    code, printed, _ = call(capsys, *words, "--out", tmp_path / "out")
    assert code == 0
    assert evaluated(tmp_path / "out").settings == (Setting.MONO,)
    assert "cross" not in printed
    for more, message in (
        (("--debias", "lir"), "bm25 has none"),
        (("--fair", "quota"), "bm25 ranks within one alone"),
        (("--lexical",), "bm25 alone is none"),
        (("--trec", tmp_path / "trec"), "TREC files are written from vectors"),
        (("--vectors", tmp_path), "--vectors and bm25 exclude each other"),
    ):
        code, _, problem = call(capsys, *words, *more)
        assert code == 2
        assert message in problem


def test_a_debiased_variant_is_a_system_of_its_own(
    labse: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(labse, run / "model")
    (run / "provenance.json").write_text('{"label": "hybrid", "seed": 1}', encoding="utf-8")
    words = ("evaluate", run, "--benchmark", "small", "--data", data)
    assert call(capsys, *words)[0] == 0
    assert call(capsys, *words, "--debias", "centre")[0] == 0
    plain, moved = evaluated(run / "results" / "small"), evaluated(run / "debiased/centre/results/small")
    assert (plain.info.label, moved.info.label) == ("hybrid", "hybrid+centre")
    assert moved.info.settings["debias"] == "centre"
    assert (plain.rank_pool != moved.rank_pool).any()
    assert call(capsys, *words, "--debias", "centre", "--fair", "quota")[0] == 0
    fair = evaluated(run / "debiased/centre/fair/quota/results/small")
    assert fair.info.label == "hybrid+centre+quota"
    assert (fair.rank_language == moved.rank_language).all()
    code, _, problem = call(capsys, *words, "--fair", "quota", "--trec", tmp_path / "trec")
    assert (code, "leave out --fair" in problem) == (2, True)
    for more, problem_told in (
        (("--fair", "quota"), "--lexical and --fair are two ways to rank"),
        (("--trec", tmp_path / "trec"), "leave out --fair and --lexical"),
    ):
        code, _, problem = call(capsys, *words, "--lexical", *more)
        assert (code, problem_told in problem) == (2, True)
    code, printed, _ = call(
        capsys, "compare", run, run / "debiased" / "centre", "--baseline", "hybrid", "--resamples", "200"
    )
    assert code == 0
    assert "hybrid+centre" in printed


def write_aligned(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for language in ("de", "en", "sw"):
        lines = "".join(f"{language} satz {number}\n" for number in range(7))
        (folder / f"{language}.txt").write_text(lines, encoding="utf-8")
    return folder


def test_aligned_lines_are_sentence_retrieval(
    labse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("evaluate", labse, "--benchmark", "mine", "--data", write_aligned(tmp_path / "lines"))
    code, printed, _ = call(capsys, *words, "--out", tmp_path / "out")
    assert code == 0
    results = read_results(tmp_path / "out")
    assert isinstance(results, SentenceResults)
    assert len(results.pairs) == 6
    assert "42 queries in 6 ordered pairs of 3 languages" in printed
    code, printed, _ = call(capsys, *words, "--json", "--debias", "centre")
    assert json.loads(printed)["info"]["label"].endswith("+centre")
    for more, message in (
        (("--unit", "sentence"), "--unit is not for mine"),
        (("--fair", "fused"), "--fair is not for mine"),
        (("--lexical",), "--lexical is not for mine"),
        (("--articles", tmp_path / "x"), "mine has no articles"),
        (("--vectors", tmp_path), "--vectors is not for mine"),
    ):
        code, _, problem = call(capsys, *words, *more)
        assert code == 2
        assert message in problem


def test_a_folder_in_beirs_layout_is_exported_and_read(
    labse: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = ("benchmarks", "small", "--data", data, "--export", tmp_path / "beir", "--unit", "sentence")
    code, _, told = call(capsys, *export)
    assert code == 0
    assert "queries.jsonl" in told
    found = {}
    for name, folder in (("small", data), ("beir", tmp_path / "beir")):
        words = ("evaluate", labse, "--benchmark", name, "--data", folder, "--out", tmp_path / f"out-{name}")
        assert call(capsys, *words)[0] == 0
        found[name] = evaluated(tmp_path / f"out-{name}")
    for setting in Setting:
        assert found["beir"].table(setting, "mAP").macro() == pytest.approx(
            found["small"].table(setting, "mAP").macro()
        )
    assert call(capsys, *export)[0] == 2
    code, _, problem = call(
        capsys, "evaluate", labse, "--benchmark", "x", "--data", tmp_path / "beir", "--unit", "sentence"
    )
    assert code == 2
    assert "x has the passage units paragraph, not sentence" in problem


def write_miracl(folder: Path) -> Path:
    corpus = folder / "miracl-corpus-v1.0-sw"
    corpus.mkdir(parents=True)
    with gzip.open(corpus / "docs-0.jsonl.gz", "wt", encoding="utf-8") as stream:
        for number in range(9):
            stream.write(
                json.dumps({"docid": f"{number}#0", "title": "t", "text": f"habari {number}"}) + "\n"
            )
    (folder / "topics.miracl-v1.0-sw-dev.tsv").write_text("1\tHabari?\n2\tNini?\n", encoding="utf-8")
    (folder / "qrels.miracl-v1.0-sw-dev.tsv").write_text(
        "1\tQ0\t3#0\t1\n2\tQ0\t5#0\t1\n2\tQ0\t6#0\t0\n", encoding="utf-8"
    )
    return folder


def test_miracl_is_streamed_and_leaves_nothing_behind(
    labse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("evaluate", labse, "--benchmark", "miracl", "--data", write_miracl(tmp_path / "miracl"))
    code, _, problem = call(capsys, *words)
    assert code == 2
    assert "name a folder by --out" in problem
    code, printed, _ = call(capsys, *words, "--out", tmp_path / "out")
    assert code == 0
    results = evaluated(tmp_path / "out")
    assert results.settings == (Setting.MONO,)
    assert results.pool_sizes.tolist() == [9]
    assert "nDCG@10" in printed
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == ["out"]


def test_the_xtreme_r_variant_ranks_the_pool_of_all_languages(real_data: Path) -> None:
    from isogloss.benchmarks import Benchmark, open_benchmark

    benchmark = open_benchmark("lareqa-xtreme-r", real_data)
    assert isinstance(benchmark, Benchmark)
    assert benchmark.settings == (Setting.MULTI,)
    assert len(benchmark.passage_ids) == 13_014


def test_ways_to_rank_exclude_each_other(
    labse: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("evaluate", labse, "--benchmark", "small", "--data", data)
    code, _, problem = call(capsys, *words, "--vectors", tmp_path, "--endpoint", "http://localhost:1/v1")
    assert code == 2
    assert "--endpoint and --vectors exclude each other" in problem


def test_a_folder_of_several_layouts_asks_for_one(
    labse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_aligned(tmp_path / "mixed")
    (folder / "more.jsonl").write_text("{}\n", encoding="utf-8")
    words = ("evaluate", labse, "--benchmark", "mine", "--data", folder)
    code, _, problem = call(capsys, *words)
    assert code == 2
    assert "files of several layouts (parallel, lines)" in problem
    assert call(capsys, *words, "--layout", "lines")[0] == 0


def test_mining_is_evaluated_but_not_compared(
    labse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data" / "bucc2018" / "de-en"
    folder.mkdir(parents=True)
    for split, count in (("training", 9), ("test", 6)):
        for language in ("de", "en"):
            lines = "".join(f"{language}-{n:09}\t{language} satz {split} {n}\n" for n in range(count))
            (folder / f"de-en.{split}.{language}").write_text(lines, encoding="utf-8")
        gold = "".join(f"de-{n:09}\ten-{n:09}\n" for n in range(count - 2))
        (folder / f"de-en.{split}.gold").write_text(gold, encoding="utf-8")
    out = tmp_path / "results" / "bucc2018"
    words = ("evaluate", labse, "--benchmark", "bucc2018", "--data", tmp_path / "data", "--out", out)
    code, printed, _ = call(capsys, *words)
    assert code == 0
    assert printed.startswith("bucc2018: ")
    assert "de-en" in printed
    code, _, problem = call(capsys, "compare", tmp_path, "--baseline", "labse")
    assert code == 2
    assert "results of mining have no value for each question" in problem
