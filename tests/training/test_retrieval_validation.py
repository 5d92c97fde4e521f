"""Validation by retrieval on held-out articles: the same numbers as an evaluation, and they can decide."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tomli_w
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from process_runs import Job, run_training
from training_runs import Interrupted, Settings, StopAt, weights_of

from isogloss.cli.main import main
from isogloss.config import CorpusConfig, TrainConfig, ValidationConfig, dump_config
from isogloss.corpus import ParallelCorpus, Record, build_corpus
from isogloss.evaluation import evaluate
from isogloss.results import Better, find_measure
from isogloss.training.evaluator import RetrievalEvaluator
from isogloss.training.plans import plan_run
from isogloss.training.retrieval import METRICS, RetrievalSet, build_retrieval_set
from isogloss.training.run import train
from isogloss.training.start import load_start
from isogloss.types import PassageUnit

OFTEN = ValidationConfig(share=0.3, batches=2, every=2, patience=2)
FAST = 0.05
"""A learning rate at which a tiny encoder soon forgets what it has learnt."""


def logged(run: Path) -> dict[int, dict[str, float]]:
    """Read the validations of a run's log by step."""
    lines = (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    return {entry["step"]: entry for entry in entries if "eval_loss" in entry}


def scores_in(entry: dict[str, float]) -> dict[str, float]:
    return {name: entry[f"eval_{metric.key}"] for name, metric in METRICS.items()}


def write_settings(config: TrainConfig, folder: Path) -> str:
    file = folder / "run.toml"
    file.write_text(tomli_w.dumps(dump_config(config)), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("unit", [PassageUnit.SENTENCE, PassageUnit.SENTENCE_CONTEXT, PassageUnit.PARAGRAPH])
def test_an_evaluation_of_the_same_questions_gives_the_same_values(
    settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str], unit: PassageUnit
) -> None:
    config = replace(settings(max_steps=4, learning_rate=1e-2), unit=unit)
    outcome = train(config, tmp_path / "run")
    retrieval = plan_run(config).retrieval
    assert retrieval is not None
    asked = set(retrieval.benchmark.query_ids)
    rows = [json.loads(line) for line in Path(config.corpora[0].path).read_text("utf-8").splitlines()]
    if unit is PassageUnit.PARAGRAPH:  # without answers, whole passages are the candidates
        rows = [{**row, "answer": "", "answer_start": -1} for row in rows]
    file = tmp_path / "questions.jsonl"
    chosen = [json.dumps({**row, "negatives": []}) for row in rows if row["id"] in asked]
    file.write_text("\n".join(chosen), encoding="utf-8")
    words = ["--benchmark", "questions", "--data", str(file), "--layout", "parallel", "--quiet", "--json"]
    assert main(["evaluate", str(tmp_path / "run"), *words]) == 0
    measures = json.loads(capfd.readouterr().out)["measures"]
    expected = {name: measures[metric.setting.value][metric.measure] for name, metric in METRICS.items()}
    assert outcome.retrieval == {name: values["macro"] for name, values in expected.items()}
    stored = json.loads((tmp_path / "run" / "provenance.json").read_text())["validation"]
    assert stored["scores"] == {
        name: {"value": values["macro"], "chance": values["chance"]} for name, values in expected.items()
    }
    assert (stored["metric"], stored["unit"]) == ("loss", unit.value)
    assert (stored["queries"], stored["languages"]) == (len(chosen), ["de", "el", "en", "hi"])


@pytest.mark.parametrize("metric", ["mono", "rank-distance"])
def test_the_metric_stops_the_run_and_chooses_the_model(
    settings: Settings, tmp_path: Path, metric: str
) -> None:
    config = settings(validation=replace(OFTEN, metric=metric), max_steps=40, learning_rate=FAST)
    outcome = train(config, tmp_path / "run")
    values = {step: scores_in(entry)[metric] for step, entry in logged(tmp_path / "run").items()}
    choose = min if metric == "rank-distance" else max
    best = choose(values, key=lambda step: values[step])
    assert outcome.best_step == best
    assert outcome.steps == min(best + 4, 40)
    assert outcome.retrieval[metric] == values[best]
    assert outcome.validation_loss == logged(tmp_path / "run")[best]["eval_loss"]
    kept = weights_of(tmp_path / "run" / "checkpoints" / f"checkpoint-{best}")
    assert weights_of(outcome.model) == kept
    assert all(folder.name.startswith("checkpoint-") for folder in kept_folders(tmp_path / "run"))


@pytest.mark.parametrize(
    ("metric", "values", "best"),
    [
        ("cross", [0.5, 0.4, 0.3], 2),
        ("cross", [0.1, 0.5, 0.4, 0.5], 4),
        ("rank-distance", [9.0, 9.5, 10.0], 2),
        ("rank-distance", [9.0, 2.0, 3.0, 2.0], 4),
    ],
)
def test_nothing_else_decides(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    metric: str,
    values: list[float],
    best: int,
) -> None:
    measured = iter(values)
    monkeypatch.setattr(RetrievalSet, "score", lambda self, results: {metric: next(measured)})
    config = settings(validation=replace(OFTEN, metric=metric), max_steps=40, learning_rate=1e-4)
    outcome = train(config, tmp_path / "run")
    assert (outcome.best_step, outcome.steps) == (best, best + 4)
    assert outcome.retrieval == {metric: values[best // 2 - 1]}


def kept_folders(run: Path) -> list[Path]:
    return list((run / "checkpoints").iterdir())


def test_directions_are_those_of_the_measures() -> None:
    for name, metric in METRICS.items():
        better = find_measure(metric.measure, metric.setting).kind.better
        assert metric.rises == (better is Better.HIGHER) == (name != "rank-distance")


@pytest.mark.slow
def test_it_changes_neither_weights_nor_batches(settings: Settings, tmp_path: Path) -> None:
    runs = {}
    for questions in (0, 50):
        validation = replace(settings.base.validation, retrieval=questions)
        runs[questions] = train(settings(validation=validation), tmp_path / str(questions))
    assert weights_of(runs[0].model) == weights_of(runs[50].model)
    assert (runs[0].retrieval, runs[0].validation_loss) == ({}, runs[50].validation_loss)
    assert set(runs[50].retrieval) == set(METRICS)


def test_random_numbers_mode_and_dropout_are_left_alone(settings: Settings) -> None:
    retrieval = plan_run(settings()).retrieval
    assert retrieval is not None
    model = load_start(settings.base.model).train()
    before = read_random_states()
    first = RetrievalEvaluator(retrieval)(model)
    assert model.training
    assert first == RetrievalEvaluator(retrieval)(model.eval())
    assert not model.training
    assert read_random_states() == before


def read_random_states() -> list[object]:
    """Read the generators that a checkpoint keeps."""
    numpys = np.random.get_state()  # noqa: NPY002 - the one that libraries share
    return [random.getstate(), [str(part) for part in numpys], torch.get_rng_state().tolist()]


@pytest.mark.slow
def test_a_resumed_run_goes_on_with_the_best_so_far(settings: Settings, tmp_path: Path) -> None:
    validation = replace(OFTEN, metric="multi", patience=3)
    config = settings(validation=validation, max_steps=16, learning_rate=1e-2)
    whole = train(config, tmp_path / "whole")
    with pytest.raises(Interrupted):
        train(config, tmp_path / "part", callbacks=(StopAt(5),))
    resumed = train(config, tmp_path / "part", resume=True)
    assert weights_of(resumed.model) == weights_of(whole.model)
    assert (resumed.best_step, resumed.retrieval) == (whole.best_step, whole.retrieval)
    parts = [
        {step: scores_in(entry) for step, entry in logged(tmp_path / name).items()}
        for name in ("whole", "part")
    ]
    assert parts[0] == parts[1]


@pytest.mark.slow
def test_two_processes_agree_on_when_to_stop(settings: Settings, still: Path, tmp_path: Path) -> None:
    model = replace(settings.base.model, name=str(still))
    config = settings(model=model, validation=replace(OFTEN, metric="mono"), max_steps=40, learning_rate=FAST)
    jobs = [Job(config, tmp_path / f"run{count}", tmp_path / f"rows{count}") for count in (1, 2)]
    for count, job in enumerate(jobs, start=1):
        assert run_training(job, count) == [0] * count
    one, two = (json.loads((job.out / "provenance.json").read_text()) for job in jobs)
    assert two["steps"] == min(two["best_step"] + 4, 40)
    first = min(logged(jobs[0].out))
    means = [[scores_in(logged(job.out)[first])[name] for name in ("mono", "cross", "multi")] for job in jobs]
    assert means[1] == pytest.approx(means[0], abs=0.03), "at first, weights differ by rounding"
    assert one["validation"]["scores"]["mono"]["chance"] == two["validation"]["scores"]["mono"]["chance"]


def test_the_end_of_a_run_tells_them(
    settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = write_settings(settings(max_steps=2), tmp_path)
    assert main(["train", file, "--out", str(tmp_path / "text")]) == 0
    lines = dict(line.split("  ", maxsplit=1) for line in capfd.readouterr().out.splitlines())
    scores = json.loads((tmp_path / "text" / "provenance.json").read_text())["validation"]["scores"]
    told = (
        f"{name} {scores[name]['value']:.4f} (chance {scores[name]['chance']:.4f})"
        for name in ("mono", "cross", "multi")
    )
    assert lines["validation mAP"].strip() == ", ".join(told)
    distance = scores["rank-distance"]
    assert lines["rank distance"].strip() == f"{distance['value']:.1f} (chance {distance['chance']:.1f})"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"metric": "map"},
            "'validation.metric' is one of loss, mono, cross, multi, rank-distance; got 'map'",
        ),
        ({"metric": "mono", "retrieval": 0}, "'validation.metric' = 'mono' is measured on held-out articles"),
        ({"metric": "mono", "share": 0.0}, "set 'validation.share' and 'validation.retrieval' above 0"),
        ({"retrieval": -1}, "'validation.retrieval' is at least 0; got -1"),
    ],
)
def test_wrong_settings_are_one_line(
    settings: Settings,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    table: dict[str, str | int | float],
    message: str,
) -> None:
    validation = replace(settings.base.validation, **table)  # type: ignore[arg-type]
    file = write_settings(settings(validation=validation), tmp_path)
    for command in (["plan", file], ["train", file, "--out", str(tmp_path / "run")]):
        assert main(command) == 2
        printed = capfd.readouterr()
        assert message in printed.err
        assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("metric", ["cross", "multi", "rank-distance"])
def test_one_language_has_monolingual_retrieval_alone(
    settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str], metric: str
) -> None:
    config = settings(max_steps=1)
    config = replace(config, corpora=(CorpusConfig(config.corpora[0].path, languages=("de",)),))
    config = replace(config, batches=replace(config.batches, strategy="x-x-mono"))
    retrieval = plan_run(config).retrieval
    assert retrieval is not None
    assert list(retrieval.chance) == ["mono"]
    words = ["--set", f"validation.metric={metric}"]
    assert main(["plan", write_settings(config, tmp_path), *words]) == 2
    assert "in several languages, de has none; take one of loss, mono" in capfd.readouterr().err


class RandomEncoder:
    """Give every text a random direction."""

    name = "random"

    def __init__(self, seed: int) -> None:
        self.numbers = np.random.default_rng(seed)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.numbers.normal(size=(len(texts), 8)).astype(np.float32)

    encode_passages = encode_queries

    def settings(self) -> dict[str, str | int | float | bool]:
        return {}


def test_random_vectors_score_what_chance_gives(settings: Settings) -> None:
    retrieval = plan_run(settings()).retrieval
    assert retrieval is not None
    tries = [
        retrieval.score(evaluate(RandomEncoder(seed), retrieval.benchmark, quiet=True)) for seed in range(150)
    ]
    for name, chance in retrieval.chance.items():
        values = np.asarray([scores[name] for scores in tries])
        assert abs(values.mean() - chance) < 4 * values.std() / np.sqrt(len(values)), name


def test_the_set_is_of_held_out_articles_and_of_no_run(settings: Settings) -> None:
    config = settings()
    plans = plan_run(config)
    other = plan_run(replace(settings(seed=9), batches=replace(config.batches, strategy="x-y")))
    assert plans.retrieval is not None
    assert other.retrieval is not None
    benchmark = plans.retrieval.benchmark
    assert benchmark.query_texts == other.retrieval.benchmark.query_texts
    assert benchmark.passage_sentences == other.retrieval.benchmark.passage_sentences
    assert set(benchmark.passage_contexts).isdisjoint(passages_of(plans.train.corpora))
    assert plans.validation is not None
    assert set(benchmark.passage_contexts) <= passages_of(plans.validation.corpora)


def passages_of(corpora: Sequence[ParallelCorpus]) -> set[str]:
    return {
        row.passage.strip()
        for corpus in corpora
        for column in corpus.renderings.values()
        for row in column
        if row
    }


CODES = ("de", "en", "sw")


@st.composite
def held_out_corpora(draw: st.DrawFn) -> list[ParallelCorpus]:
    """Draw corpora with languages missing here and there, and answers of known and unknown place."""
    corpora = []
    for number in range(draw(st.integers(1, 3))):
        told = draw(st.sampled_from(["all", "some", "none"]))
        records = []
        for item in range(draw(st.integers(1, 6))):
            for code in draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=3, unique=True)):
                known = told == "all" or (told == "some" and draw(st.booleans()))
                text = f"First {code} {number} {item // 2}. Second {code}."
                records.append(
                    Record(
                        item_id=f"q{item}",
                        language=code,
                        question=f"What {code} {number} {item}?",
                        passage=text,
                        answer="First" if known else "",
                        answer_start=0 if known else -1,
                    )
                )
        corpora.append(build_corpus(f"c{number}", records, {}))
    return corpora


@given(corpora=held_out_corpora(), questions=st.integers(1, 5), unit=st.sampled_from(list(PassageUnit)))
@hypothesis_settings(max_examples=60)
def test_every_language_is_asked_as_often_as_it_can_be(
    corpora: list[ParallelCorpus], questions: int, unit: PassageUnit
) -> None:
    retrieval = build_retrieval_set(corpora, questions, unit, seed=0)
    benchmark = retrieval.benchmark
    there: dict[str, int] = {}
    for corpus in corpora:
        told = [
            [row for row in corpus.renderings[code] if row and row.answer_start >= 0]
            for code in corpus.languages
        ]
        whole = unit is PassageUnit.PARAGRAPH or not all(told)
        for code, rows in zip(corpus.languages, told, strict=True):
            there[code] = there.get(code, 0) + (
                int(corpus.present[:, corpus.languages.index(code)].sum()) if whole else len(rows)
            )
    asked = dict.fromkeys(benchmark.languages, 0)
    for place in benchmark.query_languages.tolist():
        asked[benchmark.languages[place]] += 1
    for code, count in there.items():
        assert asked.get(code, 0) >= min(questions, count)
    keys = list(zip(benchmark.query_ids, benchmark.query_languages.tolist(), strict=True))
    assert len(set(keys)) == len(keys)
    assert len(set(benchmark.passage_ids)) == len(benchmark.passage_ids)
    assert set(benchmark.judged_query.tolist()) == set(range(len(keys)))
    assert set(benchmark.query_texts) <= {
        row.question for corpus in corpora for column in corpus.renderings.values() for row in column if row
    }
    again = build_retrieval_set(corpora, questions, unit, seed=0)
    assert again.benchmark.query_texts == benchmark.query_texts
    assert retrieval.unit in benchmark.units
    assert "mono" in retrieval.chance
