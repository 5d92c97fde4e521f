"""The table of claims: what the paper states, which figures it prints, and what decides each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from isogloss.comparison import ComparedMeasure
from isogloss.comparison.numbers import write_score
from isogloss.published import MACRO, STRATEGIES, published_macro, published_models, read_published
from isogloss.study import effects, facts
from isogloss.study.effects import BASELINES, HYBRID, MONO, ListEffects
from isogloss.study.evidence import MAPS, NDCG, RANK_DISTANCE
from isogloss.study.facts import CountFacts
from isogloss.study.folder import START

PARALLEL = tuple(facts.PARALLEL)
_SEEN = frozenset(["ar", "de", "en", "es", "hi", "ru", "th", "tr", "zh"])
"""Languages of the paper's training data (arXiv 2408.10536, appendix)."""
_MULTI = MAPS[2]

Lines = tuple[str, ...]
ListPublished = Callable[[Sequence[str]], Lines]
"""Writes what the paper prints, for some of its base models."""


class Shown(NamedTuple):
    """Say which of our means stand beside a claim.

    Attributes:
        role: Role of the benchmarks.
        measures: The measures.
        labels: The systems.
    """

    role: str
    measures: tuple[ComparedMeasure, ...]
    labels: Lines


@dataclass(frozen=True)
class Claim:
    """State one claim, and how it is decided: by counting, or by effects with an encoder.

    Attributes:
        id: Its number.
        statement: The claim.
        published: What the paper prints.
        count: Decides it by counting; None for a claim about effects.
        list_effects: Lists the effects that it states; None for a claim that counting decides.
        shown: Our means beside it.
        papers_models: Whether it speaks of the paper's base models alone.
    """

    id: str
    statement: str
    published: ListPublished
    count: CountFacts | None = None
    list_effects: ListEffects | None = None
    shown: Shown | None = None
    papers_models: bool = False


def _print(*lines: str) -> ListPublished:
    """Write lines that are the same for every base model."""
    return lambda _models: lines


def _means(benchmarks: Sequence[str], measures: Sequence[ComparedMeasure]) -> ListPublished:
    """Write the paper's means of its three strategies."""

    def write(models: Sequence[str]) -> Lines:
        return tuple(
            f"{model}, {benchmark}, {measure}: {figures}"
            for model in models
            for benchmark in benchmarks
            for measure in measures
            if (figures := _write_strategies(model, benchmark, measure))
        )

    return write


def _write_strategies(model: str, benchmark: str, measure: ComparedMeasure) -> str:
    found = {each: published_macro(model, benchmark, each, *measure) for each in STRATEGIES}
    return ", ".join(
        f"{name} {write_score(measure, value)}" for name, value in found.items() if value is not None
    )


def _seen_and_unseen(models: Sequence[str]) -> Lines:
    """Write the paper's hybrid mAP on XQuAD-R, over the languages seen in its training and the others."""
    lines = []
    for model in models:
        for measure in MAPS:
            parts: dict[bool, list[float]] = {True: [], False: []}
            for each in read_published():
                key = (each.model, each.benchmark, each.setting, each.measure, each.strategy)
                if key == (model, "xquad-r", *measure, HYBRID) and each.language != MACRO:
                    parts[each.language in _SEEN].append(each.value)
            if all(parts.values()):
                lines.append(
                    f"{model}, xquad-r, {measure} of hybrid: seen {fmean(parts[True]):.4f}, "
                    f"unseen {fmean(parts[False]):.4f}"
                )
    return tuple(lines)


PAPERS_MODELS = published_models("xquad-r")

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "1",
        "Encoders are fine-tuned on a mix of monolingual and cross-lingual batches of questions and answers.",
        _print("each batch monolingual with probability 0.5, else cross-lingual"),
        count=facts.mixed_batches,
    ),
    Claim(
        "2",
        "The experiments are on XQuAD-R, MLQA-R and MIRACL.",
        _print("XQuAD-R, MLQA-R, MIRACL dev"),
        count=facts.named_benchmarks,
    ),
    Claim(
        "3",
        "XQuAD-R and MLQA-R have parallel questions and passages in 11 and 7 languages.",
        _print("11 and 7 languages"),
        count=facts.parallel_languages,
    ),
    Claim(
        "4",
        "The evaluation data are separate from the training data.",
        _print("completely separate, zero-shot"),
        count=facts.separate_data,
    ),
    Claim(
        "5",
        "No sample of any split of the evaluation data is seen in training.",
        _print("none"),
        count=facts.unseen_samples,
    ),
    Claim(
        "6",
        "Retrieval is measured by mean average precision (mAP).",
        _print("mAP, with R@1 or R@10"),
        count=facts.reported_precision,
    ),
    Claim(
        "7",
        "There are 110 and 42 cross-lingual and 11 and 7 monolingual settings.",
        _print("110 and 42, 11 and 7"),
        count=facts.pairs_of_languages,
    ),
    Claim(
        "8",
        "Hybrid batches give the best retrieval in the multilingual setting.",
        _means(PARALLEL, (_MULTI,)),
        list_effects=effects.best_across_languages,
        shown=Shown("parallel", (_MULTI,), (HYBRID, *BASELINES)),
    ),
    Claim(
        "9",
        "Hybrid batches are ahead of both baselines, with XLM-R and with LaBSE, in each setting.",
        _means(PARALLEL, MAPS),
        list_effects=effects.ahead_everywhere,
        shown=Shown("parallel", MAPS, (HYBRID, *BASELINES)),
        papers_models=True,
    ),
    Claim(
        "10",
        "Hybrid batches reduce language bias strongly against monolingual batches.",
        _means(PARALLEL, (RANK_DISTANCE,)),
        list_effects=effects.less_bias,
        shown=Shown("parallel", (RANK_DISTANCE,), (HYBRID, MONO)),
    ),
    Claim(
        "11",
        "Zero-shot retrieval of hybrid training is strong over diverse languages, seen and unseen ones.",
        _seen_and_unseen,
        list_effects=effects.strong_zero_shot,
        shown=Shown("parallel", MAPS, (HYBRID, START)),
    ),
    Claim(
        "12",
        "Hybrid batches are best or equal in the three settings at once: mono-, cross- and multilingual.",
        _means(PARALLEL, MAPS),
        list_effects=effects.best_or_equal,
        shown=Shown("parallel", MAPS, (HYBRID, *BASELINES)),
    ),
    Claim(
        "13",
        "Hybrid retrieval is stable for alpha between 0.4 and 0.6.",
        _print("said to be stable; no figures printed"),
        list_effects=effects.stable_alpha,
        shown=Shown("parallel", MAPS, ("hybrid-0.4", HYBRID, "hybrid-0.6")),
    ),
    Claim(
        "14",
        "Monolingual batches (X-X-mono) are ahead of hybrid ones on native monolingual retrieval.",
        _means(("miracl-dev",), (NDCG,)),
        list_effects=effects.mono_ahead_on_native,
        shown=Shown("native", (NDCG,), (MONO, HYBRID)),
    ),
    Claim(
        "15",
        "Rows of one language each in mixed batches (X-X) stay below English alone (En-En).",
        _print("LAReQA (arXiv 2004.05484), xquad-r, multi mAP: x-x 0.23, en-en 0.29"),
        list_effects=effects.same_language_below_english,
        shown=Shown("parallel", (_MULTI,), ("x-x", "en-en")),
    ),
)
"""Claims 1 to 11 are those of the published account, 12 to 14 further ones of the paper, 15 is LAReQA's.

Source: arXiv 2408.10536; arXiv 2004.05484, section 5 (15). The statements and rules are ours.
"""
