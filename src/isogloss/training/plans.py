"""From a run's settings to its corpora and batch plans; torch is not needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from isogloss.batching import BatchPlan, Kind, NegativeChoice, choose_strategy
from isogloss.batching.negatives import NEGATIVE_LANGUAGES
from isogloss.batching.strategy import DEFAULT_ALPHA
from isogloss.benchmarks import Layout, open_benchmark
from isogloss.config import CorpusConfig, OverlapConfig, TrainConfig, ValidationConfig
from isogloss.corpus import Corpus, ParallelCorpus, StoredCorpus, read_corpus
from isogloss.errors import ConfigError
from isogloss.hard_negatives import MinedNegatives, read_negatives
from isogloss.overlap import CheckedCorpora, OverlapPolicy, check_overlap
from isogloss.training.few_items import find_limits, take_items
from isogloss.training.retrieval import RetrievalSet, build_retrieval_set, check_metric

DATA_SEED = 0
"""Seed of held-out articles, shares of the data and validation batches, not the run's: the same in all.

Stored corpora have their articles in the order of this seed.
"""

LARGEST_HELD_OUT = 200_000
"""Held-out items that are taken into memory at most; half a gigabyte of text in some languages."""


class RunPlans(NamedTuple):
    """Hold the plans of one run."""

    train: BatchPlan
    validation: BatchPlan | None
    """Batches of held-out articles, half of them monolingual, whatever the strategy."""
    corpora: tuple[Corpus, ...]
    """The corpora as read, before anything was dropped or held out."""
    overlap: CheckedCorpora | None = None
    """What they share with the benchmarks that the settings name, if they name any."""
    retrieval: RetrievalSet | None = None
    """Questions and candidates of held-out articles, the same whatever the strategy and seed."""
    mined: Mapping[str, MinedNegatives] = {}
    """The negatives mined for them, by the corpus's name, where they are used."""


class TrainingData(NamedTuple):
    """Hold what a run trains on, whatever its batches."""

    corpora: tuple[Corpus, ...]
    """The corpora as read."""
    overlap: CheckedCorpora | None
    """What they share with the benchmarks that the settings name, if they name any."""


def read_corpora(configs: Sequence[CorpusConfig]) -> tuple[Corpus, ...]:
    """Read the corpora that a configuration names.

    Args:
        configs: Where each is, and how to read it.

    Returns:
        The corpora, in order.

    Raises:
        ConfigError: No corpus is named, or two have one name.
    """
    if not configs:
        raise ConfigError("'corpora' is empty; name at least one with [[corpora]] and path = ...")
    corpora = tuple(
        read_corpus(
            config.path, format=config.format, languages=config.languages or None, name=config.name or None
        )
        for config in configs
    )
    names = [corpus.name for corpus in corpora]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"two corpora are named {twice[0]!r}; set 'name' on one of them")
    return corpora


def read_mined(config: TrainConfig, corpora: Sequence[Corpus]) -> dict[str, MinedNegatives]:
    """Read the mined negatives that a configuration uses.

    Args:
        config: The run's settings.
        corpora: Its corpora as read, in the order of the settings.

    Returns:
        Name of a corpus -> what was mined for it; nothing where negatives are not to be mined ones.

    Raises:
        ConfigError: Mined negatives are asked for, and no corpus names their file, or a stored one does.
        DataError: A file cannot be read, or is for another corpus.
    """
    if config.batches.negatives != "mined":
        return {}
    named = {
        corpus.name: Path(entry.negatives)
        for corpus, entry in zip(corpora, config.corpora, strict=True)
        if entry.negatives
    }
    if not named:
        raise ConfigError(
            "'batches.negatives' is \"mined\", but no [[corpora]] has negatives = FILE; isogloss negatives "
            "mines them"
        )
    mined = {}
    for corpus in corpora:
        if corpus.name in named:
            if isinstance(corpus, StoredCorpus):
                raise ConfigError(
                    f"{corpus.name}: mined negatives need a corpus in memory, not a stored one; name the "
                    "files that it was stored from"
                )
            mined[corpus.name] = read_negatives(named[corpus.name], corpus)
    return mined


def check_corpora(corpora: Sequence[Corpus], config: OverlapConfig) -> CheckedCorpora | None:
    """Compare corpora with the benchmarks that a configuration names.

    Args:
        corpora: The corpora.
        config: The benchmarks, and what becomes of items that they have as well.

    Returns:
        The corpora to train on and what was found; none where no benchmark is named.

    Raises:
        ConfigError: The policy or a layout is unknown, or a benchmark is named twice.
        DataError: A benchmark cannot be read, or items are shared and the policy is to refuse.
    """
    if config.policy not in tuple(OverlapPolicy):
        raise ConfigError(f"'overlap.policy' is one of {', '.join(OverlapPolicy)}; got {config.policy!r}")
    names = [entry.name for entry in config.benchmarks]
    for number, entry in enumerate(config.benchmarks):
        if names.index(entry.name) < number:
            raise ConfigError(f"two of 'overlap.benchmarks' are named {entry.name!r}; rename or remove one")
        if entry.layout not in ("auto", *Layout):
            known = ", ".join(("auto", *Layout))
            raise ConfigError(
                f"'overlap.benchmarks[{number}].layout' is one of {known}; got {entry.layout!r}"
            )
    if not config.benchmarks:
        return None
    benchmarks = [
        open_benchmark(
            entry.name,
            Path(entry.data),
            entry.languages,
            None if entry.layout == "auto" else Layout(entry.layout),
        )
        for entry in config.benchmarks
    ]
    return check_overlap(corpora, benchmarks, OverlapPolicy(config.policy))


def read_training_data(config: TrainConfig) -> TrainingData:
    """Read the corpora of a run and compare them with benchmarks.

    Args:
        config: The run's settings.

    Returns:
        What every run of these corpora and benchmarks has in common.

    Raises:
        ConfigError: No corpus is named, two have one name, or a setting of the check is wrong.
        DataError: A corpus or benchmark cannot be read, or they share items and the policy is to refuse.
    """
    corpora = read_corpora(config.corpora)
    return TrainingData(corpora, check_corpora(corpora, config.overlap))


def plan_run(config: TrainConfig, data: TrainingData | None = None) -> RunPlans:
    """Read the corpora of a run, compare them with benchmarks, hold out articles and plan the batches.

    Args:
        config: The run's settings.
        data: The corpora, read and compared already; they are read when not given.

    Returns:
        The plans.

    Raises:
        ConfigError: A setting is out of range, the loss needs negatives and there are none, or no article can
            be held out.
        DataError: A corpus or benchmark cannot be read, or they share items and the policy is to refuse.
    """
    batches = config.batches
    if config.loss.name == "eq1" and batches.negatives == "none":
        raise ConfigError(
            "loss 'eq1' needs explicit negatives; set 'batches.negatives', to \"random\" for example"
        )
    check_validation(config.validation)
    strategy = choose_strategy(batches.strategy, batches.alpha)
    negatives = None
    if batches.negatives != "none":
        negatives = NegativeChoice(batches.negatives, batches.negative_language)
    elif batches.negative_language not in NEGATIVE_LANGUAGES:
        raise ConfigError(
            f"'batches.negative_language' is one of {', '.join(NEGATIVE_LANGUAGES)}; "
            f"got {batches.negative_language!r}"
        )
    corpora, overlap = read_training_data(config) if data is None else data
    mined = read_mined(config, corpora)
    allowed = corpora if overlap is None else overlap.corpora
    limits = find_limits(config.corpora, corpora)
    train = tuple(corpus for corpus in allowed if corpus.name not in limits)
    held_out: tuple[Corpus, ...] = ()
    if config.validation.share:
        train, held_out = hold_out_articles(train, config.validation.share)
    train = take_share(train, config.data_share)
    few = [corpus for corpus in allowed if corpus.name in limits]
    train = (*train, *take_items(few, limits, held_out, config.seed))
    plan = BatchPlan(
        corpora=train,
        strategy=strategy,
        batch_size=batches.size,
        seed=config.seed,
        corpus_exponent=batches.corpus_exponent,
        language_draw=batches.language_draw,
        negatives=negatives,
        mined=mined,
    )
    validation = plan_validation(held_out, batches.size, negatives, mined) if held_out else None
    retrieval = None
    if held_out and config.validation.retrieval:
        loaded = [_load_held_out(corpus) for corpus in held_out]
        retrieval = build_retrieval_set(loaded, config.validation.retrieval, config.unit, DATA_SEED)
    check_metric(config.validation, retrieval)
    return RunPlans(plan, validation, corpora, overlap, retrieval, mined)


def _load_held_out(corpus: Corpus) -> ParallelCorpus:
    """Take held-out items into memory, for the retrieval set, where they are not too many."""
    if corpus.item_count > LARGEST_HELD_OUT:
        raise ConfigError(
            f"{corpus.name}: {corpus.item_count:,} held-out items are too many to choose questions from (at "
            f"most {LARGEST_HELD_OUT:,}); lower 'validation.share', or set 'validation.retrieval' to 0"
        )
    return corpus.load()


def check_validation(config: ValidationConfig) -> None:
    """Check the settings of validation.

    Args:
        config: The settings.

    Raises:
        ConfigError: The share is no share, or a number is out of range.
    """
    if not 0.0 <= config.share < 1.0:
        raise ConfigError(
            f"'validation.share' is a share of the items, from 0 to below 1; got {config.share}"
        )
    for name, number, least in (
        ("batches", config.batches, 1),
        ("every", config.every, 1),
        ("patience", config.patience, 0),
        ("retrieval", config.retrieval, 0),
    ):
        if number < least:
            raise ConfigError(f"'validation.{name}' is at least {least}; got {number}")


def hold_out_articles(
    corpora: Sequence[Corpus], share: float
) -> tuple[tuple[Corpus, ...], tuple[Corpus, ...]]:
    """Hold out whole articles for validation; an article held out of one corpus is held out of all.

    Args:
        corpora: The corpora.
        share: About this share of each corpus's items, between 0 and 1.

    Returns:
        The corpora to train on and those held out, empty ones left out of both; a corpus of one article is
        trained on whole, unless another corpus holds that article out.

    Raises:
        ConfigError: No corpus has a second article, or nothing would be left to train on.
    """
    splits = [
        corpus.split_articles(share, seed=DATA_SEED) for corpus in corpora if corpus.has_second_article()
    ]
    listed = ", ".join(corpus.name for corpus in corpora)
    if not splits:
        raise ConfigError(
            f"{listed}: there is no second article to hold out; give the data article titles, or set "
            "'validation.share' to 0 to train without validation"
        )
    parts: list[tuple[Corpus, Corpus]] = [*splits]
    if len(corpora) > 1:
        names = {name for _, part in splits for name in part.list_article_names()}
        parts = [corpus.separate_articles(names) for corpus in corpora]
    kept = tuple(rest for rest, _ in parts if rest.item_count)
    if not kept:
        raise ConfigError(f"{listed}: holding out articles leaves none to train on; lower 'validation.share'")
    return kept, tuple(part for _, part in parts if part.item_count)


def take_share(corpora: Sequence[Corpus], share: float) -> tuple[Corpus, ...]:
    """Keep a share of the items of each corpus, in whole articles that a fixed hash of their names chooses.

    Args:
        corpora: The corpora to train on, without those held out.
        share: Above 0; 1 keeps all.

    Returns:
        The smaller corpora.

    Raises:
        ConfigError: The share is out of range, or a corpus has one article only.

    Source: ours.
    """
    if not 0.0 < share <= 1.0:
        raise ConfigError(f"'data_share' is a share of the items, above 0 and at most 1; got {share}")
    if share == 1.0:
        return tuple(corpora)
    for corpus in corpora:
        if not corpus.has_second_article():
            raise ConfigError(
                f"'data_share' takes whole articles, and {corpus.name} trains on one alone; set it to 1"
            )
    return tuple(corpus.split_articles(share, seed=DATA_SEED)[1] for corpus in corpora)


def plan_validation(
    held_out: Sequence[Corpus],
    batch_size: int,
    negatives: NegativeChoice | None,
    mined: Mapping[str, MinedNegatives],
) -> BatchPlan:
    """Plan the validation batches, the same for every strategy and seed.

    Args:
        held_out: The held-out corpora.
        batch_size: Rows of a full batch.
        negatives: How explicit negatives are chosen, if any.
        mined: The negatives that were mined, by the name of their corpus.

    Returns:
        A plan whose first batches are the validation set: half of them monolingual where items are in several
        languages, all of them otherwise.
    """
    parallel = any(len(corpus.items_across()) for corpus in held_out)
    strategy = choose_strategy("hybrid", DEFAULT_ALPHA if parallel else 1.0)
    return BatchPlan(held_out, strategy, batch_size, seed=DATA_SEED, negatives=negatives, mined=mined)


def count_kinds(plan: BatchPlan, batches: int) -> dict[str, int]:
    """Count the batches of each kind among the first ones of a plan.

    Args:
        plan: The plan.
        batches: Number of batches, over all epochs.

    Returns:
        Kind -> batches; kinds that do not occur are absent.
    """
    kinds = (plan.kind(*divmod(number, plan.steps_per_epoch)) for number in range(batches))
    return dict(Counter(kind.value for kind in kinds))


def list_trained_languages(plan: BatchPlan) -> list[str]:
    """List the languages that the batches of a plan can hold.

    Args:
        plan: The plan.

    Returns:
        Language codes, sorted: English alone for ``en-en``, for example.
    """
    found: set[str] = set()
    for kind, number, language, _ in plan.strata():
        corpus = plan.corpora[number]
        if kind is Kind.CROSS:
            found |= set(corpus.paired_languages())
        elif kind is Kind.MIXED:
            found |= {code for place, code in enumerate(corpus.languages) if len(corpus.items_in(place))}
        elif language is not None:
            found.add(language)
    return sorted(found)
