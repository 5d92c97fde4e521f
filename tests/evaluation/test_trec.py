from __future__ import annotations

import math
from pathlib import Path

import ir_measures
import numpy as np
import pytest
from ir_measures import AP, RR, R, nDCG
from numpy.typing import NDArray
from small_benchmark import HashEncoder, small_benchmark

from isogloss.benchmarks import Benchmark, find_folder, read_lareqa
from isogloss.evaluation import Vectors, encode_benchmark, rank_benchmark, write_trec
from isogloss.results import Results, RunInfo
from isogloss.trec import write_qrels, write_run
from isogloss.types import PassageUnit, Setting

MEASURES = {"mAP": AP, "R@1": R @ 1, "R@10": R @ 10, "MRR": RR, "nDCG@10": nDCG @ 10}
INFO = RunInfo(model="hash", label="hash")


def score_with_ir_measures(folder: Path, setting: Setting) -> dict[str, dict[str, float]]:
    """Score TREC files by topic."""
    qrels = list(ir_measures.read_trec_qrels(str(folder / f"{setting.value}.qrels")))
    run = list(ir_measures.read_trec_run(str(folder / f"{setting.value}.run")))
    scores: dict[str, dict[str, float]] = {name: {} for name in MEASURES}
    names = {str(measure): name for name, measure in MEASURES.items()}
    for metric in ir_measures.iter_calc(list(MEASURES.values()), qrels, run):
        scores[names[str(metric.measure)]][metric.query_id] = metric.value
    return scores


def check_agreement(results: Results, folder: Path, setting: Setting) -> None:
    scores = score_with_ir_measures(folder, setting)
    for name, by_topic in scores.items():
        table = results.table(setting, name)
        asked = np.isfinite(table.values)
        assert len(by_topic) == asked.sum()
        for row, column in np.argwhere(asked):
            topic = f"{table.cells[column]}:{table.questions[row]}"
            assert by_topic[topic] == pytest.approx(table.values[row, column], abs=5e-7), (name, topic)


@pytest.mark.parametrize("levels", [0, 2])
def test_ir_measures_scores_whole_runs_the_same(tmp_path: Path, levels: int) -> None:
    """With two levels a vector is 0 or 1 in three places, so nearly all scores tie."""
    benchmark = small_benchmark(tmp_path / "data")
    vectors = encode_benchmark(HashEncoder(levels, width=3), benchmark, PassageUnit.SENTENCE)
    results = rank_benchmark(benchmark, vectors, INFO)
    files = write_trec(tmp_path, benchmark, vectors, tag="a tag", depth=None)
    assert [file.name for file in files] == [f"{s.value}.{end}" for s in Setting for end in ("qrels", "run")]
    for setting in Setting:
        check_agreement(results, tmp_path, setting)


def test_runs_are_cut_at_their_depth(tmp_path: Path) -> None:
    benchmark = small_benchmark(tmp_path / "data")
    vectors = encode_benchmark(HashEncoder(), benchmark, PassageUnit.SENTENCE)
    write_trec(tmp_path / "all", benchmark, vectors, tag="t", depth=None)
    write_trec(tmp_path / "cut", benchmark, vectors, tag="t", depth=5, settings=[Setting.MULTI])
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == ["multi.qrels", "multi.run"]

    def read_orders(folder: str) -> dict[str, list[str]]:
        orders: dict[str, list[str]] = {}
        for line in (tmp_path / folder / "multi.run").read_text(encoding="utf-8").splitlines():
            topic, _, passage, rank, _, _ = line.split(" ")
            orders.setdefault(topic, []).append(passage)
            assert int(rank) == len(orders[topic])
        return orders

    whole, cut = read_orders("all"), read_orders("cut")
    assert {topic: order[:5] for topic, order in whole.items()} == cut
    assert {len(order) for order in whole.values()} == {len(benchmark.passage_ids)}


def test_lines_are_those_of_trec(tmp_path: Path) -> None:
    write_qrels(tmp_path / "q", [("de:1", "p1"), ("de:1", "p2")])
    assert (tmp_path / "q").read_text() == "de:1 0 p1 1\nde:1 0 p2 1\n"
    write_run(tmp_path / "r", [("de:1", ["p2", "p1"]), ("en:1", ["p9"])], "my run")
    assert (tmp_path / "r").read_text() == (
        "de:1 Q0 p2 1 2 my_run\nde:1 Q0 p1 2 1 my_run\nen:1 Q0 p9 1 1 my_run\n"
    )


def noisy_vectors(benchmark: Benchmark, width: int) -> Vectors:
    """Draw a point per question, and put queries and relevant passages of all languages around it."""
    rng = np.random.default_rng(4)
    questions = {name: number for number, name in enumerate(dict.fromkeys(benchmark.query_ids))}
    points = rng.standard_normal((len(questions), width)).astype(np.float32)
    rows = [questions[name] for name in benchmark.query_ids]

    def around(centre: NDArray[np.float32]) -> NDArray[np.float32]:
        return (centre + rng.standard_normal(centre.shape)).astype(np.float32)

    passages = rng.standard_normal((len(benchmark.passage_ids), width)).astype(np.float32)
    relevant = points[[rows[query] for query in benchmark.judged_query]]
    passages[benchmark.judged_passage] = around(relevant)
    return Vectors(around(points[rows]), passages)


@pytest.mark.slow
def test_full_depth_on_all_of_xquad_r(real_data: Path, tmp_path: Path) -> None:
    """Every one of 13,014 passages for the 1,190 German queries, in the pool of all languages."""
    benchmark = read_lareqa(find_folder(real_data, "xquad-r"), "xquad-r")
    vectors = noisy_vectors(benchmark, 32)
    results = rank_benchmark(benchmark, vectors, INFO)
    german = np.flatnonzero(benchmark.query_languages == benchmark.languages.index("de"))
    judged = np.isin(benchmark.judged_query, german)
    from dataclasses import replace

    part = replace(
        benchmark,
        query_ids=tuple(benchmark.query_ids[query] for query in german),
        query_languages=benchmark.query_languages[german],
        query_texts=tuple(benchmark.query_texts[query] for query in german),
        judged_query=(benchmark.judged_query[judged] - german[0]).astype(np.int32),
        judged_passage=benchmark.judged_passage[judged],
    )
    write_trec(
        tmp_path,
        part,
        Vectors(vectors.queries[german], vectors.passages),
        tag="t",
        settings=[Setting.MULTI],
        depth=None,
    )
    qrels = list(ir_measures.read_trec_qrels(str(tmp_path / "multi.qrels")))
    run = ir_measures.read_trec_run(str(tmp_path / "multi.run"))
    found = ir_measures.calc_aggregate(list(MEASURES.values()), qrels, run)
    for name, measure in MEASURES.items():
        table = results.table(Setting.MULTI, name)
        value = float(table.means()[table.cells.index("de")])
        assert 0.01 < value < 0.99
        assert math.isclose(found[measure], value, abs_tol=5e-7), name
