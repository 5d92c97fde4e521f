"""Time one validation by retrieval against one training step, on squad-mt with the default settings.

The model is a small random transformer with a tokenizer learnt from the corpus (that of bench/encoding.py).
Times are of the processor, one thread.

Run: ISOGLOSS_DATA=FOLDER OMP_NUM_THREADS=1 python bench/validation.py [STEPS]
"""

# ruff: noqa: ARG002 - the trainer calls every callback with the same arguments

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import torch
from encoding import LAYERS, WIDTH, make_model
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from isogloss.config import CorpusConfig, ModelConfig, TrainConfig, ValidationConfig
from isogloss.corpus import read_corpus
from isogloss.training.evaluator import RetrievalEvaluator
from isogloss.training.plans import plan_run
from isogloss.training.run import train
from isogloss.training.start import load_start


class StepTimes(TrainerCallback):
    """Note the processor time of every step."""

    def __init__(self) -> None:
        self.start = 0.0
        self.seconds: list[float] = []

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        self.start = time.process_time()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        self.seconds.append(time.process_time() - self.start)


def main() -> None:
    torch.set_num_threads(1)
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    data = Path(os.environ["ISOGLOSS_DATA"]) / "train" / "squad-mt"
    corpus = read_corpus(data)
    texts = [row.passage for column in corpus.renderings.values() for row in column[::10] if row]
    with tempfile.TemporaryDirectory() as name:
        model = ModelConfig(str(make_model(Path(name), texts)))
        config = TrainConfig(model, (CorpusConfig(str(data)),), trainer={"max_steps": steps})
        retrieval = plan_run(config).retrieval
        assert retrieval is not None
        benchmark, evaluator = retrieval.benchmark, RetrievalEvaluator(retrieval)
        encoder = load_start(model)
        start = time.process_time()
        evaluator(encoder)
        asked = time.process_time() - start
        times = StepTimes()
        quick = TrainConfig(
            model, config.corpora, validation=ValidationConfig(share=0.0), trainer=config.trainer
        )
        train(quick, Path(name) / "run", callbacks=(times,))
    step = sum(times.seconds[1:]) / (len(times.seconds) - 1)
    print(f"random transformer, {LAYERS} layers of width {WIDTH}; {' '.join(benchmark.languages)}")
    print(f"{len(benchmark.query_ids):,} questions, {len(benchmark.passage_ids):,} sentences: {asked:.2f} s")
    print(f"a step of {config.batches.size} rows: {step:.2f} s")
    share = asked / step / config.validation.every
    print(f"{asked / step:.2f} steps, {share:.1%} of the training between two validations")


if __name__ == "__main__":
    main()
