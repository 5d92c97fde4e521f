"""Time training against the stock trainer and its ranking loss: same model, batches, loss, steps and seeds.

Without --data the texts are those of the demonstration's corpus; with it, squad-mt (six languages) and
native questions (Japanese, Thai, Amharic, Swahili, Arabic, Korean, Chinese) of that folder. The encoder is of
XLM-R's kind with random weights; its tokenizer is learnt from the texts. Rounds alternate; the first step of
each run is not counted. Nothing is downloaded.

On a CPU:  python bench/training.py --data FOLDER
On a GPU:  python bench/training.py --data FOLDER --device cuda --bf16 --size base --batch 100 1024 \
             --cached 16384
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from itertools import combinations, product
from pathlib import Path

import torch
from datasets import Dataset, disable_progress_bars
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MultipleNegativesRankingLoss,
)
from transformers import PrinterCallback, TrainerCallback, set_seed

from isogloss.batching import Batch, BatchPlan, choose_strategy
from isogloss.config import BatchesConfig, LossConfig, ModelConfig, TrainConfig, ValidationConfig
from isogloss.corpus import ParallelCorpus, read_corpus
from isogloss.demo_corpus import write_demo_corpus
from isogloss.pretraining.encoder import new_encoder, save_encoder, train_tokenizer
from isogloss.pretraining.settings import EncoderShape
from isogloss.training.arguments import build_arguments
from isogloss.training.callbacks import calm_libraries
from isogloss.training.loss import ContrastiveLoss
from isogloss.training.mini_batches import ACCELERATOR, CPU, cut_spans, find_spans
from isogloss.training.plans import RunPlans
from isogloss.training.rows import RowTexts
from isogloss.training.run import build_trainer
from isogloss.training.start import load_start
from isogloss.types import PassageUnit

NATIVE = ("ja-jaquad", "th-iapp", "am-amqa", "sw-tydi", "ar-arcd", "ko-tydi", "zh-cmrc")
SIZES = {"tiny": (1, 32, 2), "small": (4, 256, 4), "medium": (6, 384, 6), "base": (12, 768, 12)}
"""Layers, width and attention heads."""
PREFIXES = {"query": "Query: ", "passage": "Passage: "}
TASKS = {"query": "query", "passage": "document"}
TEMPERATURE = 0.05
SAMPLE = 1000
"""Texts of a language, at most, from which the tokenizer learns."""

MakeLoss = Callable[[SentenceTransformer], torch.nn.Module]


@dataclass
class Work:
    """What every run trains: the first batches of a plan, the uncounted one among them."""

    options: argparse.Namespace
    start: Path
    corpora: tuple[ParallelCorpus, ...]
    batch_size: int
    batches: list[list[dict[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        texts = RowTexts(self.plan(), PassageUnit(self.options.unit))
        for number in range(self.options.steps + 1):
            batch = texts.plan.batch(*divmod(number, texts.plan.steps_per_epoch))
            self.batches.append([texts.row_texts(batch, slot) for slot in range(len(batch))])

    def plan(self) -> BatchPlan:
        # The root gives the small corpora, of other scripts, more weight.
        strategy = choose_strategy(self.options.strategy)
        return BatchPlan(self.corpora, strategy, self.batch_size, seed=1, corpus_exponent=0.5)

    def config(self, seed: int, tokens: int = 0) -> TrainConfig:
        return TrainConfig(
            model=ModelConfig(str(self.start), query_length=64, passage_length=256),
            corpora=(),
            batches=BatchesConfig(size=self.batch_size),
            loss=LossConfig(temperature=TEMPERATURE, mini_batch_tokens=tokens),
            validation=ValidationConfig(share=0.0),
            unit=PassageUnit(self.options.unit),
            seed=seed,
            trainer={
                "max_steps": len(self.batches),
                "learning_rate": self.options.rate,
                "logging_steps": 1,
                "save_strategy": "no",
                "bf16": self.options.bf16,
                "use_cpu": self.options.device == "cpu",
                "dataloader_num_workers": self.options.workers,
            },
        )


@dataclass(frozen=True)
class Run:
    """What one run showed: pairs a second by the clock and by the processor's time, and its losses."""

    pairs: float
    processor: float
    step: float
    planning: float
    losses: list[float]


class Clock(TrainerCallback):
    """Take the time at the end of every step."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.processor: list[float] = []

    def on_step_end(self, *arguments: object, **options: object) -> None:  # noqa: ARG002
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.wall.append(time.perf_counter())
        self.processor.append(time.process_time())


class FixedBatches:
    """Give the stock trainer rows of one batch after another: its own samplers know one size alone."""

    drop_last = False

    def __init__(self, sizes: Sequence[int], *_: object, **__: object) -> None:
        self.sizes = sizes
        self.batch_size = max(sizes)

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[list[int]]:
        first = 0
        for size in self.sizes:
            yield list(range(first, first + size))
            first += size


@contextmanager
def timed_planning() -> Iterator[list[float]]:
    """Collect the seconds of every call of ``BatchPlan.batch``."""
    plain = BatchPlan.batch
    seconds: list[float] = []

    def timed(self: BatchPlan, epoch: int, step: int) -> Batch:
        start = time.perf_counter()
        batch = plain(self, epoch, step)
        seconds.append(time.perf_counter() - start)
        return batch

    BatchPlan.batch = timed  # type: ignore[method-assign]
    try:
        yield seconds
    finally:
        BatchPlan.batch = plain  # type: ignore[method-assign]


def make_stock(work: Work, seed: int, make_loss: MakeLoss, folder: Path) -> SentenceTransformerTrainer:
    """Make the stock trainer over the texts of the same batches; it plans nothing and looks nothing up."""
    config = work.config(seed)
    model = load_start(config.model)
    sizes = [len(batch) for batch in work.batches]
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        seed=seed,
        per_device_train_batch_size=work.batch_size,
        weight_decay=0.01,
        prompts=PREFIXES,
        router_mapping=TASKS,
        batch_sampler=partial(FixedBatches, sizes),
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available(),
        **config.trainer,
    )
    texts = [row for batch in work.batches for row in batch]
    dataset = Dataset.from_dict({name: [row[name] for row in texts] for name in PREFIXES})
    trainer = SentenceTransformerTrainer(model, arguments, dataset, loss=make_loss(model))
    trainer.remove_callback(PrinterCallback)
    return trainer


def make_ours(work: Work, seed: int, tokens: int, folder: Path) -> SentenceTransformerTrainer:
    """Make the trainer of ``isogloss train``."""
    config = work.config(seed, tokens)
    loss = ContrastiveLoss(load_start(config.model), config.loss)
    plans = RunPlans(work.plan(), None, work.corpora)
    return build_trainer(config, plans, loss, build_arguments(config, folder, validate=False))


def train(work: Work, trainer: SentenceTransformerTrainer, seed: int) -> Run:
    clock = Clock()
    trainer.add_callback(clock)
    set_seed(seed)
    with timed_planning() as planning:
        trainer.train()
    wall, processor = (times[-1] - times[0] for times in (clock.wall, clock.processor))
    pairs = sum(len(batch) for batch in work.batches[1:])
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    # The plan of the uncounted step also makes the first pass over the items.
    share = sum(planning[2:]) / wall
    return Run(pairs / wall, pairs / processor, wall / (len(work.batches) - 1), share, losses)


def contestants(
    options: argparse.Namespace,
) -> dict[str, Callable[[Work, int, Path], SentenceTransformerTrainer]]:
    """List what is timed; the first of each pair of lines is what the second is compared with."""

    def plain(model: SentenceTransformer) -> torch.nn.Module:
        return MultipleNegativesRankingLoss(model, scale=1 / TEMPERATURE)

    def cached(model: SentenceTransformer) -> torch.nn.Module:
        return CachedMultipleNegativesRankingLoss(
            model, scale=1 / TEMPERATURE, mini_batch_num_tokens=options.cached
        )

    listed: dict[str, Callable[[Work, int, Path], SentenceTransformerTrainer]] = {
        "stock": lambda work, seed, folder: make_stock(work, seed, plain, folder),
        "ours": lambda work, seed, folder: make_ours(work, seed, 0, folder),
    }
    if options.cached:
        listed["stock, GradCache"] = lambda work, seed, folder: make_stock(work, seed, cached, folder)
        listed["ours, GradCache"] = lambda work, seed, folder: make_ours(work, seed, options.cached, folder)
    return listed


@dataclass(frozen=True)
class Tokens:
    """Count what is computed in the counted steps."""

    real: int
    stock: int
    ours: int
    mini_batches: int
    flops: float
    """Multiplications and additions for the real tokens, forward and backward, without any replay."""


def count_tokens(work: Work) -> Tokens:
    model = load_start(work.config(0).model)
    layers, width, _ = SIZES[work.options.size]
    limits = CPU if work.options.device == "cpu" else ACCELERATOR
    real = stock = ours = mini_batches = 0
    flops = 0.0
    for batch in work.batches[1:]:
        for name, prefix in PREFIXES.items():
            texts = [row[name] for row in batch]
            features = model.preprocess(texts, prompt=prefix, task=TASKS[name])
            (spans,) = find_spans([features])
            cut = cut_spans(spans, limits)
            lengths = [span.length for span in spans]
            real += sum(lengths)
            stock += features["attention_mask"].numel()
            ours += sum(len(part) * part[0].length for part in cut)
            mini_batches += len(cut)
            # Matrices of a layer: 4 of the attention, 8 of the rest, in units of width squared.
            flops += sum(6 * layers * (12 * width**2 * n + 2 * width * n**2) for n in lengths)
    return Tokens(real, stock, ours, mini_batches, flops)


def measure_matrix_rate(options: argparse.Namespace) -> float:
    """Time a large matrix product in the training's precision: multiplications and additions a second."""
    size = 8192 if options.device != "cpu" else 1024
    kind = torch.bfloat16 if options.bf16 else torch.float32
    left, right = (torch.randn(size, size, device=options.device, dtype=kind) for _ in range(2))
    seconds = []
    for _ in range(10):
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        start = time.perf_counter()
        left @ right
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


def read_texts(options: argparse.Namespace, folder: Path) -> tuple[ParallelCorpus, ...]:
    if options.data is None:
        return (read_corpus(write_demo_corpus(folder / "demo").train),)
    paths = [options.data / "train" / "squad-mt"]
    paths += [options.data / "train" / "native" / f"{name}.json.gz" for name in NATIVE]
    return tuple(read_corpus(path) for path in paths)


def make_start(options: argparse.Namespace, corpora: Sequence[ParallelCorpus], folder: Path) -> Path:
    """Save an encoder of the size asked for, with a tokenizer learnt from a sample of every language."""
    draw = random.Random(0)
    texts: list[str] = []
    for corpus in corpora:
        for column in corpus.renderings.values():
            present = [rendering for rendering in column if rendering]
            for rendering in draw.sample(present, min(SAMPLE, len(present))):
                texts += [rendering.question, rendering.passage_text(PassageUnit(options.unit))]
    tokenizer = train_tokenizer([*PREFIXES.values(), *texts], options.pieces, 256)
    layers, hidden, heads = SIZES[options.size]
    shape = EncoderShape(layers, hidden, heads, options.pieces, 256, options.dropout)
    model = new_encoder(tokenizer, shape, seed=0)
    # Pieces that no text has cost as much to train as any: XLM-R's vocabulary has 250,002.
    model.resize_token_embeddings(options.vocabulary or len(tokenizer), mean_resizing=False)
    save_encoder(model, tokenizer, folder / "start")
    return folder / "start"


def describe_processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    named = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return f"{next(named, platform.processor() or platform.machine())}, {os.cpu_count()} cores"


def spread(numbers: Sequence[float]) -> str:
    return f"{statistics.median(numbers):.2f} ({min(numbers):.2f} to {max(numbers):.2f})"


def describe_differences(pairs: Iterable[tuple[Run, Run]]) -> str:
    apart = [
        abs(left - right)
        for one, other in pairs
        for left, right in zip(one.losses, other.losses, strict=True)
    ]
    return f"mean {statistics.mean(apart):.4f}, largest {max(apart):.4f} nats"


def compare(work: Work, folder: Path, rate: float) -> None:
    options = work.options
    makers = contestants(options)
    runs: dict[str, list[Run]] = {name: [] for name in makers}
    for number in range(options.rounds):
        names = list(runs) if number % 2 == 0 else list(reversed(runs))
        for name in names:
            try:
                run = train(work, makers[name](work, number, folder), number)
                runs[name].append(run)
                speed = f"{run.pairs:.1f} pairs/s, {run.processor:.1f} by the processor's time"
                print(f"round {number + 1}, {name}: {speed}", file=sys.stderr)
            except torch.OutOfMemoryError:
                print(f"{name}: out of memory", flush=True)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
    print_speeds(work, runs, rate)
    report_losses(work, runs, makers["stock"], folder)


def print_speeds(work: Work, runs: dict[str, list[Run]], rate: float) -> None:
    steps = work.options.steps
    tokens = count_tokens(work)
    rows = sum(len(batch) for batch in work.batches[1:])
    padded = f"{tokens.stock / tokens.real:.2f} (stock) and {tokens.ours / tokens.real:.2f} (ours)"
    print(f"\nbatches of {work.batch_size}: {steps} steps, {rows:,} pairs, {tokens.real:,} tokens,")
    print(f"padded {padded} for each; ours in {tokens.mini_batches / steps:.1f} mini-batches a step")
    heads = f"{'':18}{'pairs/s':>9}{'s a step':>10}{'of matrix rate':>16}"
    print(f"{heads}   {'times stock, by the clock':28}by the processor's time")
    for name, found in runs.items():
        if not found:
            continue
        plain = "GradCache" not in name and runs["stock"]
        against = runs["stock"] if plain else runs.get("stock, GradCache", [])
        pairs, step = (
            statistics.median(values) for values in zip(*((r.pairs, r.step) for r in found), strict=True)
        )
        share = tokens.flops / steps / step / rate
        ratios = ""
        if against and against is not found:
            both = list(zip(found, against, strict=False))
            ratios = f"{spread([r.pairs / s.pairs for r, s in both]):28}"
            ratios += spread([r.processor / s.processor for r, s in both])
        print(f"{name:18}{pairs:9.1f}{step:10.3f}{share:15.1%}   {ratios}")


def report_losses(
    work: Work,
    runs: dict[str, list[Run]],
    make: Callable[[Work, int, Path], SentenceTransformerTrainer],
    folder: Path,
) -> None:
    ours, stock = runs["ours"], runs["stock"]
    if not (ours and stock):
        return
    print(f"planning: {statistics.median(run.planning for run in ours):.3%} of a step")
    if len(stock) == 1:
        stock = [*stock, train(work, make(work, work.options.rounds, folder), work.options.rounds)]
    # Each round has dropout of its own, and so have ours and the stock trainer in one round.
    print(f"loss of ours against stock: {describe_differences(product(ours, stock))}")
    print(f"stock against itself with other dropout: {describe_differences(combinations(stock, 2))}")
    for name, run in (("stock", stock[0]), ("ours", ours[0])):
        print(f"{name:6}" + " ".join(f"{loss:.3f}" for loss in run.losses))


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with train/squad-mt and train/native")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--bf16", action="store_true", help="train in mixed precision")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--batch", type=int, nargs="+", default=[100], help="rows of a batch (default 100)")
    parser.add_argument("--steps", type=int, default=8, help="steps of a run (default 8)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind (default 3)")
    parser.add_argument("--cached", type=int, default=0, help="also time GradCache, with so many tokens")
    parser.add_argument("--strategy", default="hybrid", help="strategy of the plan (default hybrid)")
    parser.add_argument("--unit", choices=[unit.value for unit in PassageUnit], default="sentence")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--rate", type=float, default=1e-4, help="learning rate (default 1e-4)")
    parser.add_argument("--pieces", type=int, default=16_000, help="pieces that the tokenizer learns")
    parser.add_argument(
        "--vocabulary", type=int, help="rows of the embedding matrix (XLM-R: 250002, as base has)"
    )
    parser.add_argument("--workers", type=int, default=0, help="processes that tokenise ahead (default 0)")
    options = parser.parse_args(arguments)
    if options.size == "base" and options.vocabulary is None:
        options.vocabulary = 250_002
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_options(arguments)
    libraries = ("torch", "transformers", "sentence-transformers", "accelerate")
    chip = torch.cuda.get_device_name() if options.device == "cuda" else describe_processor()
    print(f"{chip}; {torch.get_num_threads()} threads")
    print(", ".join(f"{name} {metadata.version(name)}" for name in ("isogloss", *libraries)))
    disable_progress_bars()
    with tempfile.TemporaryDirectory() as name, calm_libraries():
        corpora = read_texts(options, Path(name))
        start = make_start(options, corpora, Path(name))
        rate = measure_matrix_rate(options)
        print(
            f"size {options.size}, {options.unit}s; measured matrix rate {rate / 1e12:.2f} TFLOP/s",
            flush=True,
        )
        for size in options.batch:
            compare(Work(options, start, corpora, size), Path(name) / "runs", rate)


if __name__ == "__main__":
    main()
