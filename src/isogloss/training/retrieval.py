"""The small retrieval set that validation asks: held-out articles as a benchmark; torch is not needed."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isogloss.benchmarks import Benchmark
from isogloss.benchmarks.assembly import PassageRow, QueryRow, assemble_benchmark
from isogloss.benchmarks.parallel import collect_rows, tells_answers
from isogloss.config import ValidationConfig
from isogloss.corpus import ParallelCorpus
from isogloss.errors import ConfigError
from isogloss.evaluation import chance_level
from isogloss.results import Better, Results, find_measure
from isogloss.types import PassageUnit, Setting

LOSS = "loss"
"""What ``validation.metric`` calls the validation loss."""


@dataclass(frozen=True)
class Metric:
    """Describe a metric of the retrieval set.

    Args:
        key: Its name in the log, after ``eval_``.
        setting: The setting that it is measured in.
        measure: The measure, as ``isogloss evaluate`` names it; its macro mean is taken.
    """

    key: str
    setting: Setting
    measure: str

    @property
    def rises(self) -> bool:
        """Tell whether a higher value is better."""
        return find_measure(self.measure, self.setting).kind.better is Better.HIGHER


METRICS: Mapping[str, Metric] = {
    "mono": Metric("map_mono", Setting.MONO, "mAP"),
    "cross": Metric("map_cross", Setting.CROSS, "mAP"),
    "multi": Metric("map_multi", Setting.MULTI, "mAP"),
    "rank-distance": Metric("rank_distance", Setting.MULTI, "rank distance"),
}
"""The metrics, by the names that ``validation.metric`` takes."""


@dataclass(frozen=True)
class RetrievalSet:
    """Hold a retrieval set and what a random ranking of it scores.

    Args:
        benchmark: Questions and candidate passages of held-out articles.
        unit: The text that stands for a passage.
        chance: For each metric that the set can tell, what a random ranking scores on average.
    """

    benchmark: Benchmark
    unit: PassageUnit
    chance: Mapping[str, float]

    def score(self, results: Results) -> dict[str, float]:
        """Take the metrics out of results on this set.

        Args:
            results: The results.

        Returns:
            Metric -> macro mean, mAP from 0 to 1, rank distance in ranks.
        """
        return {
            name: results.table(METRICS[name].setting, METRICS[name].measure).macro() for name in self.chance
        }


def build_retrieval_set(
    held_out: Sequence[ParallelCorpus], questions: int, unit: PassageUnit, seed: int
) -> RetrievalSet:
    """Make a retrieval set of held-out articles, as ``isogloss evaluate`` makes one of a parallel corpus.

    Items are visited in the order of a hash of their ids, and one is taken when a language of it has too few
    questions yet. Its question is asked in all its languages; the candidates are the sentences of the
    passages of the items taken. Whole passages are, where ``unit`` is the paragraph, and in a corpus with
    a language that tells no answer's place.

    Args:
        held_out: The held-out corpora, which make one pool.
        questions: Questions asked in each language, at least 1; a language that has fewer asks all, one
            whose items are also in others may ask more.
        unit: The text that stands for a passage in training.
        seed: Another seed, other questions.

    Returns:
        The set.

    Source: ours; settings and measures are those of arXiv 2408.10536, section 4.
    """
    whole = [unit is PassageUnit.PARAGRAPH or not _tells_answers(corpus) for corpus in held_out]
    queries: list[QueryRow] = []
    passages: list[PassageRow] = []
    for number, items in enumerate(_choose_items(held_out, whole, questions, seed)):
        if len(items):
            corpus = held_out[number].subset(items)
            prefix = f"{number}:" if len(held_out) > 1 else ""
            rows = collect_rows(corpus, corpus.languages, whole=whole[number], prefix=prefix)
            queries += rows.queries
            passages += rows.passages
    languages = sorted({row.language for row in passages})
    units = (PassageUnit.PARAGRAPH,) if all(whole) else tuple(PassageUnit)
    benchmark = assemble_benchmark("validation", languages, queries, passages, files={}, units=units)
    return RetrievalSet(benchmark, unit if unit in units else PassageUnit.PARAGRAPH, _find_chance(benchmark))


def _tells_answers(corpus: ParallelCorpus) -> bool:
    """Tell whether every language that the held-out part of a corpus has tells the place of some answer."""
    return all(
        tells_answers(corpus, language)
        for place, language in enumerate(corpus.languages)
        if corpus.present[:, place].any()
    )


def _choose_items(
    corpora: Sequence[ParallelCorpus], whole: Sequence[bool], questions: int, seed: int
) -> list[NDArray[np.int64]]:
    """Choose the items of each corpus."""
    order = sorted(
        (hashlib.sha256(f"{seed}:{name}".encode()).digest(), number, item)
        for number, corpus in enumerate(corpora)
        for item, name in enumerate(corpus.item_ids)
    )
    asked: Counter[str] = Counter()
    chosen: list[list[int]] = [[] for _ in corpora]
    for _, number, item in order:
        corpus = corpora[number]
        spoken = [
            language
            for place, language in enumerate(corpus.languages)
            if corpus.present[item, place]
            and (whole[number] or corpus.rendering(item, language).answer_start >= 0)
        ]
        if any(asked[language] < questions for language in spoken):
            chosen[number].append(item)
            asked.update(spoken)
    return [np.asarray(items, dtype=np.int64) for items in chosen]


def _find_chance(benchmark: Benchmark) -> dict[str, float]:
    """Compute the chance level of every metric that the set can tell."""
    found = {}
    for name, metric in METRICS.items():
        several = len(benchmark.languages) > 1 or metric.setting is Setting.MONO
        if several and metric.setting in benchmark.settings:
            level = chance_level(benchmark, metric.measure, metric.setting)
            if not math.isnan(level):
                found[name] = level
    return found


def check_metric(config: ValidationConfig, retrieval: RetrievalSet | None) -> None:
    """Check that the metric which decides can be measured.

    Args:
        config: The settings of validation.
        retrieval: The retrieval set, if there is one.

    Raises:
        ConfigError: The metric is unknown, or the retrieval set cannot tell it, or there is none.
    """
    name = config.metric
    if name != LOSS and name not in METRICS:
        raise ConfigError(f"'validation.metric' is one of {', '.join((LOSS, *METRICS))}; got {name!r}")
    if name == LOSS:
        return
    if retrieval is None:
        raise ConfigError(
            f"'validation.metric' = {name!r} is measured on held-out articles; set 'validation.share' and "
            f"'validation.retrieval' above 0, or the metric to {LOSS!r}"
        )
    if name not in retrieval.chance:
        known = ", ".join((LOSS, *retrieval.chance))
        raise ConfigError(
            f"'validation.metric' = {name!r} needs held-out questions with passages in several languages, "
            f"{' '.join(retrieval.benchmark.languages)} has none; take one of {known}"
        )


def describe_validation(
    retrieval: RetrievalSet | None, metric: str, scores: Mapping[str, float]
) -> dict[str, object]:
    """Describe what was measured on the retrieval set.

    Args:
        retrieval: The set, if there was one.
        metric: The metric that chose the model.
        scores: Metric -> value of the kept model.

    Returns:
        JSON-able content for a run's provenance.
    """
    if retrieval is None:
        return {"metric": metric, "scores": {}}
    benchmark = retrieval.benchmark
    return {
        "metric": metric,
        "scores": {
            name: {"value": value, "chance": retrieval.chance[name]} for name, value in scores.items()
        },
        "queries": len(benchmark.query_ids),
        "passages": len(benchmark.passage_ids),
        "languages": list(benchmark.languages),
        "unit": retrieval.unit.value,
    }
