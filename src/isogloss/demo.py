"""The whole line in minutes: generate a corpus, pre-train, train three strategies, evaluate, compare."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from isogloss.benchmarks import Benchmark, read_lareqa
from isogloss.comparison import Comparison, compare, refer_to
from isogloss.config import (
    BatchesConfig,
    CorpusConfig,
    LossConfig,
    ModelConfig,
    TrainConfig,
    ValidationConfig,
)
from isogloss.demo_corpus import DemoCorpus, write_demo_corpus
from isogloss.encoding import load_encoder
from isogloss.errors import ConfigError
from isogloss.evaluation import evaluate
from isogloss.files import is_free, write_text
from isogloss.model_source import find_model
from isogloss.pretraining.run import pretrain
from isogloss.pretraining.settings import (
    EncoderShape,
    MaskingSettings,
    PretrainConfig,
    RankingSettings,
    TextSettings,
)
from isogloss.progress import show_progress
from isogloss.results import Results, RunInfo, write_results
from isogloss.run_directory import RunDirectory
from isogloss.training.callbacks import StepCount
from isogloss.training.run import train

STRATEGIES = ("x-x-mono", "x-y", "hybrid")
BASELINE = "hybrid"
BENCHMARK = "demo"
MARKER = "demo.txt"
"""A file that shows a folder to be a demonstration's, so that ``overwrite`` removes nothing else."""


@dataclass(frozen=True)
class DemoSize:
    """Set how much the demonstration computes.

    Args:
        shape: Size of the encoder.
        masking_steps: Steps of masked language modelling.
        ranking_steps: Steps of translation ranking.
        training_steps: Steps of each training run.
        batch_size: Rows of a training batch.
    """

    shape: EncoderShape = field(
        default_factory=lambda: EncoderShape(layers=2, hidden=128, heads=2, vocabulary=6000, length=64)
    )
    masking_steps: int = 30
    ranking_steps: int = 250
    training_steps: int = 100
    batch_size: int = 50


@dataclass(frozen=True)
class Demonstration:
    """Say what a demonstration found and where it lies.

    Args:
        comparison: The three strategies compared.
        folder: Where everything was written.
        seconds: How long it took.
    """

    comparison: Comparison
    folder: Path
    seconds: float


def run_demo(
    out: Path, *, seeds: int = 3, overwrite: bool = False, size: DemoSize | None = None
) -> Demonstration:
    """Run the demonstration and write corpus, models and results.

    Args:
        out: Folder to make.
        seeds: Training runs per strategy, at least 1.
        overwrite: Whether to replace an earlier demonstration in the folder.
        size: How much to compute; about three minutes on two cores when not given.

    Returns:
        What was found.

    Raises:
        ConfigError: The number of seeds is not positive, or the folder is not free.
    """
    start = time.monotonic()
    size = size or DemoSize()
    if seeds < 1:
        raise ConfigError(f"--seeds takes a whole number from 1; got {seeds}")
    _clear(out, overwrite=overwrite)
    corpus = write_demo_corpus(out / "data")
    benchmark = read_lareqa(corpus.benchmark, BENCHMARK)
    steps = size.masking_steps + size.ranking_steps + seeds * len(STRATEGIES) * size.training_steps
    with show_progress("demonstration", steps) as advance:
        encoder = pretrain(pretraining_config(corpus, size), out / "start", callbacks=(StepCount(advance),))
        untrained = _evaluate_start(encoder, benchmark, out / "start-results")
        results = []
        for seed in range(1, seeds + 1):
            for strategy in STRATEGIES:
                run = RunDirectory(out / f"{strategy}-seed{seed}")
                config = training_config(corpus, encoder, size, strategy, seed)
                train(config, run.path, callbacks=(StepCount(advance),))
                results.append(_evaluate_run(run, benchmark))
    comparison = compare(results, BASELINE, references=(refer_to(untrained),))
    write_text(out / "comparison.md", comparison.to_markdown(per_language=True))
    write_text(out / "comparison.json", comparison.to_json())
    return Demonstration(comparison, out, time.monotonic() - start)


def describe_demo(demonstration: Demonstration) -> str:
    """Write what a demonstration found, where it lies and what to do next.

    Args:
        demonstration: The demonstration.

    Returns:
        Lines of text.
    """
    out = demonstration.folder
    run = out / f"{BASELINE}-seed1"
    return f"""\
A demonstration: an invented corpus in ten languages and a tiny encoder that starts from random weights.
It shows how the parts work together, not which strategy is best on real text.

{demonstration.comparison.to_headline()}
time     {demonstration.seconds:.0f} s
models   {out}/<strategy>-seed<n>/model, each opens in plain SentenceTransformer(...)
results  {out}/<strategy>-seed<n>/results/{BENCHMARK}
tables   {out}/comparison.md (differences, tests, every language), {out}/comparison.json

next     isogloss plan {run}/config.toml
         isogloss compare {out}/*-seed* --baseline x-y
on real text, with XLM-R or LaBSE (downloads the model; a GPU helps):
         isogloss train {run}/config.toml --out runs/xlm-r \\
           --set model.name=FacebookAI/xlm-roberta-base --set trainer.learning_rate=3e-5
         isogloss train {run}/config.toml --out runs/labse \\
           --set model.name=sentence-transformers/LaBSE --set trainer.learning_rate=3e-5
"""


def pretraining_config(corpus: DemoCorpus, size: DemoSize) -> PretrainConfig:
    """Set the pre-training of the demonstration's encoder: all languages, the unseen ones too.

    Args:
        corpus: The corpus.
        size: How much to compute.

    Returns:
        The settings.
    """
    return PretrainConfig(
        texts=(TextSettings(str(corpus.bitext)),),
        encoder=size.shape,
        masking=MaskingSettings(steps=size.masking_steps, batch=32, learning_rate=2e-3),
        ranking=RankingSettings(steps=size.ranking_steps, batch=64, learning_rate=1e-3),
    )


def training_config(
    corpus: DemoCorpus, encoder: Path, size: DemoSize, strategy: str, seed: int
) -> TrainConfig:
    """Set one training run of the demonstration; only strategy and seed differ between runs.

    Args:
        corpus: The corpus.
        encoder: The pre-trained encoder.
        size: How much to compute.
        strategy: Name of the strategy.
        seed: Seed of batches and dropout.

    Returns:
        The settings.
    """
    return TrainConfig(
        model=ModelConfig(str(encoder), query_length=size.shape.length, passage_length=size.shape.length),
        corpora=(CorpusConfig(str(corpus.train)),),
        batches=BatchesConfig(strategy=strategy, size=size.batch_size),
        loss=LossConfig(),
        validation=ValidationConfig(share=0.0),
        seed=seed,
        trainer={
            "max_steps": size.training_steps,
            "learning_rate": 5e-4,
            "warmup_steps": size.training_steps // 10,
            "save_strategy": "no",
        },
    )


def _clear(out: Path, *, overwrite: bool) -> None:
    if not is_free(out):
        if not (overwrite and (out / MARKER).is_file()):
            raise ConfigError(
                f"{out} is not an empty folder; choose another with --out, or --overwrite an earlier "
                "demonstration"
            )
        shutil.rmtree(out)
    write_text(out / MARKER, "Everything in this folder was made by isogloss demo.\n")


def _evaluate_start(encoder: Path, benchmark: Benchmark, folder: Path) -> Results:
    info = RunInfo(model=str(encoder), label="start (not fine-tuned)")
    results = evaluate(load_encoder(str(encoder), quiet=True), benchmark, info=info, quiet=True)
    write_results(results, folder)
    return results


def _evaluate_run(run: RunDirectory, benchmark: Benchmark) -> Results:
    source = find_model(str(run.path))
    encoder = load_encoder(source.model, quiet=True)
    results = evaluate(encoder, benchmark, source.unit, source.info, quiet=True)
    write_results(results, run.results / BENCHMARK)
    return results
