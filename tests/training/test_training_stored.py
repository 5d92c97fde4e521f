"""A run on a stored corpus: its batches, texts, hold-out, resumption and processes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from process_runs import Job, read_batches, run_training
from test_training_batches import Reader
from test_training_resume import resume_and_compare
from training_runs import Consumed, Settings

from isogloss.batching import BatchPlan, count_composition
from isogloss.config import BatchesConfig, CorpusConfig, TrainConfig, ValidationConfig
from isogloss.corpus import StoredCorpus, read_corpus, store_corpus
from isogloss.errors import ConfigError
from isogloss.training import plans
from isogloss.training.plans import hold_out_articles, list_trained_languages, plan_run
from isogloss.training.rows import RowTexts


@pytest.fixture(scope="module")
def store(corpus_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store") / "rivers"
    store_corpus(corpus_path, folder, quiet=True)
    return folder


@pytest.fixture
def stored(settings: Settings, store: Path) -> TrainConfig:
    return replace(settings(), corpora=(CorpusConfig(str(store)),))


def rows_of(plan: BatchPlan) -> dict[str, str]:
    """The texts of all rows of an epoch, by query."""
    texts = RowTexts(plan)
    found = {}
    for batch in plan.batches(0):
        for slot in range(len(batch)):
            row = texts.row_texts(batch, slot)
            found[row["query"]] = row["passage"]
    return found


def test_rows_have_the_texts_of_the_files(stored: TrainConfig, corpus_path: Path) -> None:
    train = plan_run(stored).train
    assert isinstance(train.corpora[0], StoredCorpus)
    memory = read_corpus(corpus_path)
    asked = {
        row.question: {other.passage_text(stored.unit) for other in renderings if other}
        for language in memory.languages
        for row, *renderings in zip(memory.renderings[language], *memory.renderings.values(), strict=True)
        if row
    }
    found = rows_of(train)
    assert len(found) > 30
    for question, passage in found.items():
        assert passage in asked[question]


def test_the_articles_held_out_are_those_of_the_same_files(stored: TrainConfig, corpus_path: Path) -> None:
    mine = plan_run(stored)
    theirs = plan_run(replace(stored, corpora=(CorpusConfig(str(corpus_path)),)))
    for one, other in ((mine.train, theirs.train), (mine.validation, theirs.validation)):
        assert one is not None
        assert other is not None
        names = [
            sorted(name for part in plan.corpora[0].parts() for name in part.item_ids)
            for plan in (one, other)
        ]
        assert names[0] == names[1]
        assert one.steps_per_epoch == other.steps_per_epoch
        assert list_trained_languages(one) == list_trained_languages(other)
        assert count_composition(one).strata == count_composition(other).strata


def test_articles_are_held_out_of_all_corpora(store: Path, corpus_path: Path) -> None:
    corpora = [read_corpus(store, name="stored"), read_corpus(corpus_path)]
    kept, held_out = hold_out_articles(corpora, 0.2)
    assert [corpus.item_count for corpus in kept] == [40, 40]
    assert set(held_out[0].list_article_names()) == set(held_out[1].list_article_names())
    with pytest.raises(ConfigError, match="no second article"):
        hold_out_articles([kept[0].separate_articles({next(kept[0].list_article_names())})[1]], 0.2)


@pytest.mark.parametrize("kind", ["stored", "files"])
def test_too_many_held_out_items_are_not_taken_into_memory(
    stored: TrainConfig, settings: Settings, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    config = stored if kind == "stored" else settings()
    validation = plan_run(config).validation
    assert validation is not None
    (held_out,) = validation.corpora
    monkeypatch.setattr(plans, "LARGEST_HELD_OUT", held_out.item_count)
    assert plan_run(config).retrieval is not None
    monkeypatch.setattr(plans, "LARGEST_HELD_OUT", held_out.item_count - 1)
    with pytest.raises(ConfigError, match=r"rivers: 8 held-out items are too many .* \(at most 7\); lower"):
        plan_run(config)
    without = plan_run(replace(config, validation=replace(config.validation, retrieval=0)))
    assert without.validation is not None
    assert without.validation.corpora[0].item_count == held_out.item_count


@pytest.mark.slow
def test_a_resumed_run_ends_where_the_whole_one_ends(
    stored: TrainConfig, consumed: Consumed, tmp_path: Path
) -> None:
    resume_and_compare(stored, tmp_path, consumed, stop=10, saved=8)
    plan = plan_run(stored).train
    consumed.trained.clear()
    provenance = json.loads((tmp_path / "whole" / "provenance.json").read_text())
    (file,) = provenance["files"]
    assert file.endswith("store.toml")
    assert provenance["items"] == {"rivers": plan.corpora[0].item_count}


def test_the_batches_consumed_are_the_plans(stored: TrainConfig, consumed: Consumed, tmp_path: Path) -> None:
    from isogloss.training.run import train

    trainer = {**stored.trainer, "max_steps": 7, "save_strategy": "no"}
    batches = BatchesConfig(size=8, negatives="given")
    config = replace(stored, batches=batches, validation=ValidationConfig(share=0.0), trainer=trainer)
    train(config, tmp_path / "run")
    assert consumed.trained == Reader(config).read_first(plan_run(config).train, 7)


@pytest.mark.slow
def test_two_processes_train_the_batches_of_one(stored: TrainConfig, tmp_path: Path) -> None:
    jobs = [Job(stored, tmp_path / f"run{number}", tmp_path / f"rows{number}") for number in (1, 2)]
    for job, number in zip(jobs, (1, 2), strict=True):
        assert run_training(job, number) == [0] * number
    assert read_batches(jobs[1], 2) == read_batches(jobs[0])
