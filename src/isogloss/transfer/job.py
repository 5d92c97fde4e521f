"""Study transfer on one benchmark from finished results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from isogloss.errors import ConfigError, DataError
from isogloss.report import build_section
from isogloss.results import Measured
from isogloss.transfer.features import FeatureSources, VocabularyFacts, measure_features, measure_vocabulary
from isogloss.transfer.groups import name_language
from isogloss.transfer.pair_measures import choose_pair_measures
from isogloss.transfer.pairs import PairComparison, compare_pairs
from isogloss.transfer.regression import FEWEST_LANGUAGES, Regression, regress
from isogloss.transfer.report import TransferReport
from isogloss.transfer.sizes import read_sizes
from isogloss.transfer.typology import read_typology
from isogloss.types import Setting

CUTOFF = 10
"""Passages in which retrieved languages are counted."""
_DRAWS = 1000
"""Draws of the languages behind the intervals of a regression."""


def collect_sources(
    results: Sequence[Measured],
    *,
    text: Sequence[str | Path] = (),
    tokenizer: str | None = None,
    limit: int | None = None,
    pretraining: Path | None = None,
    uriel: bool = False,
) -> FeatureSources:
    """Collect what is known of the languages of some results.

    Args:
        results: The results.
        text: Text of the languages, for features of the tokenizer; none without.
        tokenizer: The model whose tokenizer cuts it; the one of the first results when not given.
        limit: Most texts of each language in each file.
        pretraining: Sizes of the pre-training text, as `isogloss.transfer.sizes.read_sizes` reads them.
        uriel: Whether to read distances of URIEL.

    Returns:
        What features are made of.

    Raises:
        ConfigError: A tokenizer is given without text, or lang2vec is not installed.
        DataError: A file cannot be read, or the text has none of the languages.
        ModelError: There is no such tokenizer.
    """
    if tokenizer is not None and not text:
        raise ConfigError("a tokenizer needs text to cut; give --text as well")
    languages, model = results[0].languages, tokenizer or results[0].info.model
    return FeatureSources(
        vocabulary=_read_vocabulary(languages, text, model, limit) if text else None,
        sizes=None if pretraining is None else read_sizes(pretraining),
        typology=read_typology(languages) if uriel else None,
    )


def _read_vocabulary(
    languages: Sequence[str], text: Sequence[str | Path], model: str, limit: int | None
) -> VocabularyFacts:
    from isogloss.vocabulary import TOKENIZER_PATTERNS, find_folder, load_tokenizer, open_texts

    wanted = {name_language(each) for each in languages}
    texts = open_texts(text, limit=limit)
    parts = tuple(part for part in texts.parts if name_language(part.language) in wanted)
    if not parts:
        raise DataError(
            f"no text in the languages of the benchmark ({', '.join(languages)})", ", ".join(map(str, text))
        )
    return measure_vocabulary(
        load_tokenizer(find_folder(model, TOKENIZER_PATTERNS)), replace(texts, parts=parts)
    )


def study_transfer(
    results: Sequence[Measured],
    baseline: str,
    *,
    measure: str | None = None,
    sources: FeatureSources | None = None,
    resamples: int = 20_000,
    seed: int = 0,
) -> TransferReport:
    """Score pairs and groups of pairs, and predict scores and gains from features of the pairs.

    Args:
        results: Results on one benchmark, in any order.
        baseline: Label of the system that the others are compared with.
        measure: Measure of every pair; the usual one when not given.
        sources: What features are made of; scripts alone when not given. Trained languages are always those
            of the results.
        resamples: Number of resamples of questions and seeds, at least 100.
        seed: Start of the random stream, at least 0.

    Returns:
        What was found.

    Raises:
        ResultsError: The results do not belong together, or the baseline is unknown.
        ConfigError: A number is out of range, or the measure is not one of pairs.
    """
    compared = compare_pairs(results, baseline, measure=measure, resamples=resamples, seed=seed)
    measures = choose_pair_measures(results, compared.measure)
    section = build_section(results, baseline=baseline, measures=measures, resamples=min(resamples, 10_000))
    found = {system.label: system.shares(CUTOFF) for system in section.systems}
    known = replace(sources or FeatureSources(), trained=frozenset(compared.trained))
    return TransferReport(
        section=section,
        compared=compared,
        shares={label: each for label, each in found.items() if each is not None},
        regressions=tuple(_predict(compared, known, seed)),
    )


def _predict(compared: PairComparison, sources: FeatureSources, seed: int) -> Iterator[Regression]:
    """Predict the scores of every system and its gains over the baseline, each setting by itself."""
    base = compared.means(compared.baseline)
    for setting in (Setting.MONO, Setting.CROSS):
        pairs = compared.list_pairs(setting)
        if len({language for pair in pairs for language in pair}) < FEWEST_LANGUAGES:
            continue
        features = measure_features(pairs, sources)
        if not features.names:
            continue
        for system in compared.systems:
            means = compared.means(system.label)
            scores = {pair: means[pair] for pair in pairs}
            yield regress(f"{setting}: {system.label}", scores, features, resamples=_DRAWS, seed=seed)
        for label in compared.candidates():
            means = compared.means(label)
            gains = {pair: means[pair] - base[pair] for pair in pairs}
            target = f"{setting}: {label} − {compared.baseline}"
            yield regress(target, gains, features, resamples=_DRAWS, seed=seed)
