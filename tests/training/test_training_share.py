"""A share of the training data: whole articles, the same in every run, and the same validation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from training_runs import Settings, write_corpus

from isogloss.batching import BatchPlan, choose_strategy
from isogloss.config import CorpusConfig, ValidationConfig
from isogloss.corpus import StoredCorpus, read_corpus, store_corpus
from isogloss.errors import ConfigError
from isogloss.training.plans import count_kinds, plan_run, read_training_data, take_share


@pytest.fixture(scope="module")
def settings_without_model(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("rivers")
    return Settings(folder / "no-model", write_corpus(folder))


def test_a_share_is_whole_articles_and_leaves_validation_alone(settings_without_model: Settings) -> None:
    config = settings_without_model()
    whole = plan_run(config)
    for share in (0.25, 0.5, 0.75):
        for seed in (3, 4):
            part = plan_run(replace(config, data_share=share, seed=seed))
            (all_items,), (kept,) = whole.train.corpora, part.train.corpora
            assert len(kept.item_ids) == pytest.approx(share * len(all_items.item_ids), abs=2)
            names = set(kept.article_names)
            _, expected = all_items.separate_articles(names)
            assert kept.item_ids == expected.item_ids
            assert whole.validation is not None
            assert part.validation is not None
            assert part.validation.corpora[0].item_ids == whole.validation.corpora[0].item_ids
            assert kept.item_ids == plan_run(replace(config, data_share=share)).train.corpora[0].item_ids


@pytest.mark.parametrize("held_out", [0.0, 0.2])
def test_a_stored_corpus_gives_the_share_of_the_same_files(
    settings_without_model: Settings, tmp_path: Path, held_out: float
) -> None:
    config = settings_without_model(validation=ValidationConfig(share=held_out, retrieval=0))
    store_corpus(Path(config.corpora[0].path), tmp_path / "rivers", quiet=True)
    stored = replace(config, corpora=(CorpusConfig(str(tmp_path / "rivers")),))
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        (mine,), (theirs,) = (
            plan_run(replace(one, data_share=share)).train.corpora for one in (stored, config)
        )
        assert isinstance(mine, StoredCorpus)
        assert {name for part in mine.parts() for name in part.item_ids} == set(theirs.item_ids)


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused(settings_without_model: Settings, share: float) -> None:
    with pytest.raises(ConfigError, match="'data_share' is a share of the items, above 0 and at most 1"):
        plan_run(replace(settings_without_model(), data_share=share))


def test_one_article_has_no_share(settings_without_model: Settings) -> None:
    corpus = read_corpus(settings_without_model().corpora[0].path)
    _, one = corpus.separate_articles({corpus.article_names[0]})
    assert take_share((one,), 1.0) == (one,)
    with pytest.raises(ConfigError, match="takes whole articles, and rivers trains on one alone"):
        take_share((one,), 0.5)


def test_data_that_are_read_already_make_the_same_plans(settings_without_model: Settings) -> None:
    config = settings_without_model()
    data = read_training_data(config)
    for one, other in zip(
        plan_run(config).train.batches(0), plan_run(config, data).train.batches(0), strict=True
    ):
        assert (one.kind, one.items.tolist()) == (other.kind, other.items.tolist())


@pytest.mark.parametrize("strategy", ["hybrid", "x-x-mono", "x-y", "x-x"])
def test_kinds_are_counted_without_drawing_rows(settings_without_model: Settings, strategy: str) -> None:
    corpus = read_corpus(settings_without_model().corpora[0].path)
    plan = BatchPlan((corpus,), choose_strategy(strategy), 8, seed=3)
    batches = [batch for epoch in range(3) for batch in plan.batches(epoch)]
    number = len(batches) - 2
    counts = count_kinds(plan, number)
    assert sum(counts.values()) == number
    for kind, count in counts.items():
        assert count == sum(batch.kind == kind for batch in batches[:number])
