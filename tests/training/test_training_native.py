"""Articles that the benchmark ``native`` asks about stay out of training, once the settings name it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import tomli_w
from training_runs import Settings

from isogloss.benchmarks import Benchmark, open_benchmark
from isogloss.benchmarks.native import is_held_out
from isogloss.cli.main import main
from isogloss.config import (
    BatchesConfig,
    CheckedBenchmarkConfig,
    CorpusConfig,
    OverlapConfig,
    TrainConfig,
    dump_config,
)
from isogloss.corpus import ParallelCorpus
from isogloss.errors import DataError
from isogloss.training.plans import RunPlans, plan_run

ARTICLES = 30


def write_sets(folder: Path) -> None:
    """Write native sets of two languages, with passages too short to be compared by likeness."""
    folder.mkdir(parents=True)
    for code in ("sw", "th"):
        articles = []
        for number in range(ARTICLES):
            title = f"{code} article {number}"
            long = " ".join(f"{code}word{(number * 31 + place * place) % 997}" for place in range(40))
            paragraphs = [long, f"{code} {number}."]
            articles.append(
                {
                    "title": title,
                    "paragraphs": [
                        {
                            "context": text,
                            "qas": [
                                {
                                    "id": f"{code}-{number}-{place}",
                                    "question": f"What does {title} say in part {place}?",
                                    "answers": [{"text": text[:2], "answer_start": 0}],
                                }
                            ],
                        }
                        for place, text in enumerate(paragraphs)
                    ],
                }
            )
        (folder / f"{code}-set.json").write_text(json.dumps({"data": articles}), encoding="utf-8")


@pytest.fixture
def native(settings: Settings, tmp_path: Path) -> TrainConfig:
    write_sets(tmp_path / "data" / "train" / "native")
    return replace(
        settings(max_steps=1),
        corpora=(CorpusConfig(str(tmp_path / "data" / "train" / "native")),),
        batches=BatchesConfig(strategy="x-x-mono", size=8),
        overlap=OverlapConfig("drop", (CheckedBenchmarkConfig("native", str(tmp_path / "data")),)),
    )


def parts_of(plans: RunPlans) -> list[ParallelCorpus]:
    return [*plans.train.corpora, *(plans.validation.corpora if plans.validation else ())]


def titles_of(plans: RunPlans) -> set[str]:
    return {name for part in parts_of(plans) for name in part.article_names}


def test_no_held_out_article_is_trained_or_validated_on(native: TrainConfig) -> None:
    plans = plan_run(native)
    expected = {f"{code} article {number}" for code in ("sw", "th") for number in range(ARTICLES)}
    assert titles_of(plans) == {title for title in expected if not is_held_out(title)}
    unnamed = plan_run(replace(native, overlap=OverlapConfig()))
    assert titles_of(unnamed) == expected, "held-out articles are there, and only the name keeps them out"


def test_unless_told_to_drop_them_training_refuses(
    native: TrainConfig, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = replace(native, overlap=replace(native.overlap, policy="refuse"))
    file = tmp_path / "run.toml"
    file.write_text(tomli_w.dumps(dump_config(config)), encoding="utf-8")
    assert main(["train", str(file), "--out", str(tmp_path / "run")]) == 2
    printed = capfd.readouterr().err
    assert "items of native in native" in printed
    assert "--drop-overlap" in printed
    assert printed.count("\n") == 1
    assert main(["train", str(file), "--out", str(tmp_path / "run"), "--drop-overlap"]) == 0
    assert "the items are left out" in (tmp_path / "run" / "model" / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_real_sets_lose_every_passage_of_the_benchmark(real_data: Path, settings: Settings) -> None:
    corpus = CorpusConfig(str(real_data / "train" / "native"))
    overlap = OverlapConfig("drop", (CheckedBenchmarkConfig("native", str(real_data)),))
    config = replace(
        settings(), corpora=(corpus,), overlap=overlap, batches=BatchesConfig(strategy="x-x-mono", size=8)
    )
    plans = plan_run(config)
    benchmark = open_benchmark("native", real_data)
    assert isinstance(benchmark, Benchmark)
    asked = {" ".join(text.split()) for text in benchmark.passage_sentences}
    kept = {
        " ".join(row.passage.split())
        for part in parts_of(plans)
        for column in part.renderings.values()
        for row in column
        if row
    }
    assert len(kept) > 10_000
    assert not asked & kept
    with pytest.raises(DataError, match="11,426 of 58,867 items of native in native"):
        plan_run(replace(config, overlap=replace(overlap, policy="refuse")))
