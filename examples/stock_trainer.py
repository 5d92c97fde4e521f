"""Planned batches in the stock sentence-transformers trainer, with a stock loss.

Nothing is downloaded: the corpus is the embedded one, the encoder a new tiny one. In your own script, read
your corpus with ``isogloss.corpus.read_corpus`` and start from the model you like.

Usage: python examples/stock_trainer.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from isogloss.batching import BatchPlan, choose_strategy
from isogloss.corpus import read_corpus
from isogloss.demo_corpus import write_demo_corpus
from isogloss.pretraining.run import pretrain
from isogloss.pretraining.settings import (
    EncoderShape,
    MaskingSettings,
    PretrainConfig,
    RankingSettings,
    TextSettings,
)
from isogloss.training.callbacks import PlanEpoch
from isogloss.training.rows import RowTexts, planned_dataset, sample_planned_batches

BATCH_SIZE = 32
STEPS = 30


def make_encoder(bitext: Path, folder: Path) -> SentenceTransformer:
    """Make a tiny encoder with random weights; only its vocabulary is learnt."""
    config = PretrainConfig(
        texts=(TextSettings(str(bitext)),),
        encoder=EncoderShape(layers=1, hidden=64, heads=2, vocabulary=4000, length=48),
        masking=MaskingSettings(steps=0),
        ranking=RankingSettings(steps=0),
    )
    return SentenceTransformer(str(pretrain(config, folder)), device="cpu")


def main(folder: Path) -> None:
    """Train a few steps on hybrid batches."""
    demo = write_demo_corpus(folder / "data")
    model = make_encoder(demo.bitext, folder / "start")

    # 1. Plan: half of the batches monolingual, half cross-lingual; no passage twice in a batch.
    plan = BatchPlan([read_corpus(demo.train)], choose_strategy("hybrid"), BATCH_SIZE, seed=1)
    epochs = -(-STEPS // plan.steps_per_epoch)

    trainer = SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(
            output_dir=str(folder / "checkpoints"),
            max_steps=STEPS,
            learning_rate=1e-3,
            logging_steps=10,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
            dataloader_pin_memory=False,
            # 2. The batch size is the plan's, and the plan's sampler decides which rows form a batch.
            per_device_train_batch_size=BATCH_SIZE,
            batch_sampler=sample_planned_batches,
        ),
        # 3. The rows of the planned epochs, looked up when they are needed.
        train_dataset=planned_dataset(RowTexts(plan), epochs * plan.steps_per_epoch),
        loss=MultipleNegativesRankingLoss(model),
        # 4. Only needed to resume a run in the middle of a later epoch.
        callbacks=[PlanEpoch()],
    )
    trainer.train()
    model.save_pretrained(str(folder / "model"))
    print(f"model  {folder / 'model'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
