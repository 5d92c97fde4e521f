"""What the stock trainer does that planned batches must not meet: each habit shown, and ours beside it.

How it deals batches to several processes is in test_processes.py, what it records in test_loggers.py.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from datasets import Dataset, DatasetDict
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from training_runs import Consumed, Settings

from isogloss.batching import BatchPlan, choose_strategy
from isogloss.config import BatchesConfig, ValidationConfig
from isogloss.training.plans import plan_run
from isogloss.training.rows import sample_planned_batches
from isogloss.training.run import train

ROWS = [(f"query {number}", f"passage {number}") for number in range(12)]


def make_dataset(rows: int, **columns: str) -> Dataset:
    queries, passages = zip(*ROWS[:rows], strict=True)
    more = {name: [value] * rows for name, value in columns.items()}
    return Dataset.from_dict({"query": queries, "passage": passages, **more})


def stock_trainer(
    model: SentenceTransformer, data: Dataset | DatasetDict, folder: Path, **settings: object
) -> SentenceTransformerTrainer:
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        **{
            "per_device_train_batch_size": 8,
            "max_steps": 2,
            "report_to": "none",
            "disable_tqdm": True,
            "use_cpu": True,
            "dataloader_pin_memory": False,
            **settings,
        },
    )
    loss = MultipleNegativesRankingLoss(model)
    return SentenceTransformerTrainer(model=model, args=arguments, train_dataset=data, loss=loss)


@pytest.fixture(scope="module")
def model(xlmr: Path) -> SentenceTransformer:
    return SentenceTransformer(str(xlmr), device="cpu")


def test_stock_loses_a_source_smaller_than_a_batch_and_ours_does_not(
    model: SentenceTransformer, settings: Settings, tmp_path: Path
) -> None:
    """With the last batch dropped, as on several processes it is by default."""
    data = DatasetDict(large=make_dataset(12), small=make_dataset(6))
    trainer = stock_trainer(model, data, tmp_path, dataloader_drop_last=True)
    rows = [row for batch in trainer.get_train_dataloader().batch_sampler for row in batch]
    assert len(rows) == 8
    assert max(rows) < 12

    whole = plan_run(settings(validation=ValidationConfig(share=0.0))).train.corpora[0]
    small = whole.subset(whole.articles.argsort(kind="stable")[:6])
    plan = BatchPlan([whole, small], choose_strategy("x-x-mono"), 8, seed=1)
    drawn = Counter(batch.corpus for epoch in range(4) for batch in plan.batches(epoch))
    assert drawn[1] > 0


def test_stock_takes_a_column_of_languages_for_negatives_and_ours_has_none(
    model: SentenceTransformer, settings: Settings, consumed: Consumed, tmp_path: Path
) -> None:
    trainer = stock_trainer(model, make_dataset(8, lang="de"), tmp_path / "stock")
    (batch,) = trainer.get_train_dataloader()
    features, labels = trainer.collect_features(batch)
    assert labels is None
    negatives = model.tokenizer.batch_decode(features[2]["input_ids"], skip_special_tokens=True)
    assert set(negatives) == {"de"}

    train(settings(validation=ValidationConfig(share=0.0), max_steps=1, save_strategy="no"), tmp_path / "run")
    assert [len(columns) for columns in consumed.trained] == [2]


def test_a_lambda_as_sampler_dies_at_the_first_checkpoint_and_ours_does_not(
    model: SentenceTransformer, settings: Settings, tmp_path: Path
) -> None:
    def take(dataset: Dataset, *, batch_size: int, **options: object) -> list[list[int]]:
        return [list(range(batch_size))]

    trainer = stock_trainer(model, make_dataset(8), tmp_path / "stock", batch_sampler=take)
    with pytest.raises((AttributeError, TypeError), match=r"(?i)can't (get|pickle) local object"):
        trainer.save_model(str(tmp_path / "stock" / "checkpoint-1"))

    assert "<locals>" not in sample_planned_batches.__qualname__
    config = settings(
        batches=BatchesConfig(size=8), validation=ValidationConfig(share=0.0), max_steps=1, save_steps=1
    )
    train(config, tmp_path / "run")
    assert (tmp_path / "run" / "checkpoints" / "checkpoint-1" / "training_args.bin").is_file()
