"""Few items of one corpus beside others that are whole: nested, drawn with the seed, never validated on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from training_runs import Settings, write_corpus

from isogloss.config import CorpusConfig, TrainConfig, ValidationConfig
from isogloss.corpus import read_corpus, store_corpus
from isogloss.errors import ConfigError
from isogloss.training.plans import plan_run
from isogloss.training.run import train


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rivers")


@pytest.fixture(scope="module")
def config(folder: Path) -> TrainConfig:
    """The rivers twice: whole without Hindi, and Hindi alone, of which few items are taken."""
    path = str(write_corpus(folder))
    corpora = (
        CorpusConfig(path, languages=("de", "el", "en"), name="rest"),
        CorpusConfig(path, languages=("hi",), name="hindi"),
    )
    return replace(Settings(folder / "no-model", Path(path))(), corpora=corpora)


def take(config: TrainConfig, items: int | None, **changes: object) -> dict[str, tuple[str, ...]]:
    """Plan with so many items of the second corpus: name -> ids that are trained on."""
    few = replace(config.corpora[1], items=items)
    plans = plan_run(replace(config, corpora=(config.corpora[0], few), **changes))  # type: ignore[arg-type]
    held = plans.validation.corpora if plans.validation else ()
    assert items is None or [corpus.name for corpus in held] in ([], ["rest"])
    return {part.name: part.item_ids for corpus in plans.train.corpora for part in corpus.parts()}


def test_the_fewer_are_among_the_more_and_the_other_corpus_stays(config: TrainConfig) -> None:
    before: set[str] = set()
    for items in (1, 3, 10, 20):
        found = take(config, items)
        assert len(found["hindi"]) == items
        assert before < set(found["hindi"])
        assert found["rest"] == take(config, 1)["rest"]
        before = set(found["hindi"])
    assert set(take(config, 0)) == {"rest"}
    assert set(take(config, None)) == {"rest", "hindi"}


def test_items_vary_with_the_seed_alone(config: TrainConfig) -> None:
    first = take(config, 10)["hindi"]
    assert first == take(config, 10)["hindi"]
    strategy = replace(config.batches, strategy="x-x-mono")
    assert first == take(config, 10, batches=strategy)["hindi"]
    assert {take(config, 10, seed=seed)["hindi"] for seed in range(5)} != {first}


def test_articles_that_validation_holds_out_give_no_item(config: TrainConfig) -> None:
    corpus = read_corpus(config.corpora[1].path, languages=("hi",))
    validated = plan_run(replace(config, corpora=config.corpora[:1])).validation
    assert validated is not None
    held = set(validated.corpora[0].article_names)
    rest, _ = corpus.separate_articles(held)
    assert 0 < rest.item_count < corpus.item_count
    assert set(take(config, rest.item_count)["hindi"]) == set(rest.item_ids)
    told = f"'items' asks for {corpus.item_count}, and {rest.item_count} can be trained on"
    with pytest.raises(ConfigError, match=told):
        take(config, corpus.item_count)
    whole = ValidationConfig(share=0.0, retrieval=0)
    assert set(take(config, corpus.item_count, validation=whole)["hindi"]) == set(corpus.item_ids)


def test_numbers_below_zero_and_limits_everywhere_are_refused(config: TrainConfig) -> None:
    with pytest.raises(ConfigError, match=r"'corpora.items' is a number of items from 0; got -1"):
        take(config, -1)
    limited = tuple(replace(each, items=3) for each in config.corpora)
    with pytest.raises(ConfigError, match="every corpus has 'items'"):
        plan_run(replace(config, corpora=limited))


def test_a_stored_corpus_is_refused(config: TrainConfig, tmp_path: Path) -> None:
    store_corpus(Path(config.corpora[1].path), tmp_path / "stored", quiet=True)
    stored = CorpusConfig(str(tmp_path / "stored"), items=3)
    with pytest.raises(ConfigError, match="'items' needs a corpus in memory, not a stored one"):
        plan_run(replace(config, corpora=(config.corpora[0], stored)))


@pytest.mark.slow
@pytest.mark.parametrize(("items", "languages"), [(0, ["de", "el", "en"]), (2, ["de", "el", "en", "hi"])])
def test_a_run_trains_on_them_and_says_which_languages_it_saw(
    config: TrainConfig, xlmr: Path, tmp_path: Path, items: int, languages: list[str]
) -> None:
    few = replace(config.corpora[1], items=items)
    chosen = replace(config, corpora=(config.corpora[0], few), model=replace(config.model, name=str(xlmr)))
    train(chosen, tmp_path / "run")
    record = json.loads((tmp_path / "run" / "provenance.json").read_text(encoding="utf-8"))
    assert record["languages"] == languages
    assert record["items"].get("hindi", 0) == items
