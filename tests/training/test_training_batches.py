"""What the trainer really consumes is the plan, over epochs; validation is the same for every run."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import SupportsIndex

import numpy as np
import pytest
from training_runs import Consumed, Settings, TokenRows
from transformers import AutoTokenizer

from isogloss.batching import Batch, BatchPlan, choose_strategy
from isogloss.config import BatchesConfig, CorpusConfig, TrainConfig, ValidationConfig
from isogloss.corpus import ParallelCorpus
from isogloss.errors import ConfigError
from isogloss.training.plans import hold_out_articles, list_trained_languages, plan_run
from isogloss.training.rows import RowTexts, planned_dataset, sample_planned_batches
from isogloss.training.run import train
from isogloss.types import PassageUnit

NO_VALIDATION = ValidationConfig(share=0.0)


class Reader:
    """Turn a plan's batches into the tokens that a loss must see, apart from the code under test."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.tokenizer = AutoTokenizer.from_pretrained(config.model.name)

    def cut(self, texts: list[str], prefix: str, length: int) -> TokenRows:
        rows: TokenRows = self.tokenizer(
            [prefix + text for text in texts], truncation=True, max_length=length
        )["input_ids"]
        return rows

    def read(self, plan: BatchPlan, epoch: int, step: int) -> list[TokenRows]:
        batch = plan.batch(epoch, step)
        corpus = plan.corpora[batch.corpus]
        model = self.config.model

        def passage(item: int, language: int) -> str:
            rendering = corpus.rendering(item, corpus.languages[language])
            sentence = rendering.passage[slice(*rendering.sentence)]
            if self.config.unit is PassageUnit.PARAGRAPH:
                return rendering.passage
            joined = f"{sentence}\n{rendering.passage}"
            return sentence if self.config.unit is PassageUnit.SENTENCE else joined

        queries = [
            corpus.rendering(item, corpus.languages[language]).question
            for item, language in zip(batch.items.tolist(), batch.query_languages.tolist(), strict=True)
        ]
        passages = [
            passage(item, language)
            for item, language in zip(batch.items.tolist(), batch.passage_languages.tolist(), strict=True)
        ]
        columns = [
            self.cut(queries, model.query_prefix, model.query_length),
            self.cut(passages, model.passage_prefix, model.passage_length),
        ]
        if batch.negative_items is not None and batch.negative_languages is not None:
            negatives = [
                passage(item, language)
                for item, language in zip(
                    batch.negative_items.tolist(), batch.negative_languages.tolist(), strict=True
                )
            ]
            columns.append(self.cut(negatives, model.passage_prefix, model.passage_length))
        return columns

    def read_first(self, plan: BatchPlan, batches: int) -> list[list[TokenRows]]:
        return [self.read(plan, *divmod(number, plan.steps_per_epoch)) for number in range(batches)]


@pytest.mark.parametrize(
    ("strategy", "unit"),
    [
        ("hybrid", PassageUnit.SENTENCE),
        ("x-x-mono", PassageUnit.SENTENCE_CONTEXT),
        ("x-y", PassageUnit.PARAGRAPH),
    ],
)
def test_the_batches_consumed_are_the_plans_over_three_epochs(
    settings: Settings, consumed: Consumed, tmp_path: Path, strategy: str, unit: PassageUnit
) -> None:
    config = replace(
        settings(
            batches=BatchesConfig(strategy=strategy, size=8), validation=NO_VALIDATION, save_strategy="no"
        ),
        unit=unit,
    )
    config = replace(config, trainer={**config.trainer, "max_steps": 15})
    train(config, tmp_path / "run")
    plan = plan_run(config).train
    assert plan.steps_per_epoch == 6
    assert consumed.trained == Reader(config).read_first(plan, 15)
    assert consumed.validated == []


def test_gradient_accumulation_consumes_the_same_batches(
    settings: Settings, consumed: Consumed, tmp_path: Path
) -> None:
    config = settings(
        validation=NO_VALIDATION,
        gradient_accumulation_steps=4,
        max_steps=-1,
        num_train_epochs=2,
        save_strategy="no",
    )
    outcome = train(config, tmp_path / "run")
    plan = plan_run(config).train
    assert consumed.trained == Reader(config).read_first(plan, 2 * plan.steps_per_epoch)
    assert outcome.steps == 4


def test_a_part_of_an_epoch_is_trained(settings: Settings, consumed: Consumed, tmp_path: Path) -> None:
    config = settings(validation=NO_VALIDATION, max_steps=-1, num_train_epochs=1.5, save_strategy="no")
    outcome = train(config, tmp_path / "run")
    assert outcome.steps == 9
    assert consumed.trained == Reader(config).read_first(plan_run(config).train, 9)


@pytest.mark.parametrize("language", ["passage", "query", "any"])
def test_explicit_negatives_reach_the_loss_in_each_language_mode(
    settings: Settings, consumed: Consumed, tmp_path: Path, language: str
) -> None:
    batches = BatchesConfig(strategy="x-y", size=8, negatives="random", negative_language=language)
    config = settings(batches=batches, validation=NO_VALIDATION, max_steps=6, save_strategy="no")
    train(config, tmp_path / "run")
    plan = plan_run(config).train
    assert consumed.trained == Reader(config).read_first(plan, 6)
    assert {len(columns) for columns in consumed.trained} == {3}
    for batch in plan.batches(0):
        sides = {"passage": batch.passage_languages, "query": batch.query_languages}
        assert batch.negative_languages is not None
        if language in sides:
            np.testing.assert_array_equal(batch.negative_languages, sides[language])


def test_validation_is_the_same_for_every_strategy_and_seed(
    settings: Settings, consumed: Consumed, tmp_path: Path
) -> None:
    seen = []
    for strategy, seed in (("hybrid", 3), ("x-x-mono", 4), ("x-y", 5)):
        consumed.validated.clear()
        config = settings(batches=BatchesConfig(strategy=strategy, size=8), seed=seed, max_steps=8)
        train(config, tmp_path / strategy)
        assert len(consumed.validated) == 6
        assert consumed.validated[:3] == consumed.validated[3:]
        seen.append(consumed.validated[:3])
    assert seen[0] == seen[1] == seen[2]
    validation = plan_run(config).validation
    assert validation is not None
    assert seen[0] == Reader(config).read_first(validation, 3)


def test_validation_and_training_share_no_article(settings: Settings) -> None:
    plans = plan_run(settings())
    assert plans.validation is not None
    parts = [plan.corpora[0] for plan in (plans.train, plans.validation)]
    articles = [set(part.article_names) for part in parts]
    assert not articles[0] & articles[1]
    items = [set(part.item_ids) for part in parts]
    assert not items[0] & items[1]
    assert len(items[0] | items[1]) == 48
    assert 0.1 <= len(items[1]) / 48 <= 0.3


def one_article(corpus: ParallelCorpus) -> ParallelCorpus:
    return corpus.subset(np.flatnonzero(corpus.articles == 0).astype(np.int64))


def test_a_corpus_of_one_article_is_trained_on_whole(settings: Settings) -> None:
    whole = plan_run(settings()).corpora[0]
    small = one_article(whole)
    other = whole.subset(np.flatnonzero(whole.articles != 0).astype(np.int64))
    kept, held_out = hold_out_articles([small, other], 0.2)
    assert kept[0].item_ids == small.item_ids
    assert len(held_out) == 1
    with pytest.raises(ConfigError, match="no second article to hold out"):
        hold_out_articles([small], 0.2)


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        (ValidationConfig(share=1.0), r"'validation\.share' is a share"),
        (ValidationConfig(share=-0.1), r"'validation\.share' is a share"),
        (ValidationConfig(batches=0), r"'validation\.batches' is at least 1; got 0"),
        (ValidationConfig(every=0), r"'validation\.every' is at least 1; got 0"),
        (ValidationConfig(patience=-1), r"'validation\.patience' is at least 0; got -1"),
    ],
)
def test_validation_settings_are_checked(
    settings: Settings, validation: ValidationConfig, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_run(settings(validation=validation))


def test_validation_of_items_in_one_language_is_monolingual(settings: Settings, corpus_path: Path) -> None:
    config = replace(settings(), corpora=(CorpusConfig(str(corpus_path), languages=("en",)),))
    config = replace(config, batches=BatchesConfig(strategy="x-x-mono", size=8))
    validation = plan_run(config).validation
    assert validation is not None
    assert validation.strategy.alpha == 1.0


def test_any_rows_of_a_plan_can_be_looked_up_in_any_order(settings: Settings) -> None:
    plan = plan_run(settings()).train
    texts = RowTexts(plan)
    forward = texts({"row": list(range(30))})
    backward = texts({"row": list(reversed(range(30)))})
    assert {name: column[::-1] for name, column in backward.items()} == forward
    assert list(forward) == ["query", "passage"]


def test_an_article_held_out_of_one_corpus_is_held_out_of_all(settings: Settings) -> None:
    whole = plan_run(settings()).corpora[0]
    part = whole.select_languages(["de"]).subset(np.arange(20, dtype=np.int64))
    kept, held_out = hold_out_articles([whole, part], 0.2)
    held = {name for corpus in held_out for name in corpus.article_names}
    assert held
    assert not held & {name for corpus in kept for name in corpus.article_names}
    assert sum(len(corpus.item_ids) for corpus in (*kept, *held_out)) == len(whole.item_ids) + 20


@pytest.mark.parametrize(
    ("strategy", "languages"),
    [
        ("en-en", ["en"]),
        ("hybrid", ["de", "el", "en", "hi"]),
        ("x-y", ["de", "el", "en", "hi"]),
    ],
)
def test_trained_languages_are_those_that_batches_can_hold(
    settings: Settings, strategy: str, languages: list[str]
) -> None:
    plans = plan_run(settings(batches=BatchesConfig(strategy=strategy, size=8)))
    assert list_trained_languages(plans.train) == languages


def test_a_language_without_a_partner_is_not_trained_by_cross_lingual_batches(settings: Settings) -> None:
    whole = plan_run(settings()).corpora[0]
    alone = whole.present.copy()
    alone[:, 0] = False
    alone[0] = [True, False, False, False]
    corpus = replace(whole, present=alone)
    trained = {
        name: list_trained_languages(BatchPlan([corpus], choose_strategy(name), 8))
        for name in ("x-y", "hybrid")
    }
    assert trained == {"x-y": ["el", "en", "hi"], "hybrid": ["de", "el", "en", "hi"]}


def test_each_batch_is_planned_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sampler asks for its length, the look-up of texts for its rows."""
    plain = BatchPlan._plan
    planned: list[tuple[int, int]] = []

    def record(self: BatchPlan, epoch: int, step: int) -> Batch:
        planned.append((epoch, step))
        return plain(self, epoch, step)

    monkeypatch.setattr(BatchPlan, "_plan", record)
    plan = plan_run(settings(validation=NO_VALIDATION)).train
    dataset = planned_dataset(RowTexts(plan), 2 * plan.steps_per_epoch)
    sampler = sample_planned_batches(dataset, batch_size=plan.batch_size)
    for epoch in range(2):
        sampler.set_epoch(epoch)
        for rows in sampler:
            assert len(dataset[rows]["query"]) == len(rows)
    assert planned == [(epoch, step) for epoch in range(2) for step in range(plan.steps_per_epoch)]


def test_the_text_is_not_hashed_to_show_it_as_a_dataset(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash of everything took longer than reading it, and swallowed Ctrl-C."""
    texts = RowTexts(plan_run(settings(validation=NO_VALIDATION)).train)
    pickled: list[object] = []
    plain = ParallelCorpus.__reduce_ex__

    def record(self: ParallelCorpus, protocol: SupportsIndex) -> str | tuple[object, ...]:
        pickled.append(self)
        return plain(self, protocol)

    monkeypatch.setattr(ParallelCorpus, "__reduce_ex__", record)
    first, second = planned_dataset(texts, 1), planned_dataset(texts, 1)
    assert not pickled
    assert first._fingerprint != second._fingerprint
    rows = {"row": [0, 1, 2]}
    assert pickle.loads(pickle.dumps(texts))(rows) == texts(rows) == first[:3]
    assert len(pickled) == len(texts.plan.corpora)
