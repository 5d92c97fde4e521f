"""The effects that claims about retrieval state, each larger than a bound that the study fixed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.comparison import ComparedMeasure
from isogloss.comparison.sampling import ALL, SEEN, UNSEEN, Part, Sample
from isogloss.results import Better
from isogloss.study.evidence import MAPS, NDCG, RANK_DISTANCE, Evidence, UndecidedError
from isogloss.study.folder import START
from isogloss.study.judgement import Component, weigh
from isogloss.study.settings import StudyBenchmark

Floats = NDArray[np.float64]

HYBRID, MONO, CROSS = "hybrid", "x-x-mono", "x-y"
BASELINES = (MONO, CROSS)
_STABLE = ("hybrid-0.4", HYBRID, "hybrid-0.6")
_MULTI = MAPS[2]


class Place(NamedTuple):
    """Say where an effect is measured: by which runs, on which benchmark."""

    evidence: Evidence
    encoder: str
    benchmark: StudyBenchmark


ListEffects = Callable[[Evidence, str], list[Component]]
"""Lists the effects of a claim with an encoder, or raises ``UndecidedError``."""


def best_across_languages(evidence: Evidence, encoder: str) -> list[Component]:
    """Hybrid is ahead of each baseline in the multilingual setting."""
    return [
        compare_systems(place, _MULTI, HYBRID, other, 0.0)
        for place in _places(evidence, encoder, "parallel")
        for other in BASELINES
    ]


def ahead_everywhere(evidence: Evidence, encoder: str) -> list[Component]:
    """Hybrid is ahead of each baseline in each of the three settings."""
    return [
        compare_systems(place, measure, HYBRID, other, 0.0)
        for place in _places(evidence, encoder, "parallel")
        for measure in MAPS
        for other in BASELINES
    ]


def best_or_equal(evidence: Evidence, encoder: str) -> list[Component]:
    """Hybrid is not behind a baseline by more than the margin, in each of the three settings."""
    return [
        compare_systems(place, measure, HYBRID, other, -evidence.study.margins.equal)
        for place in _places(evidence, encoder, "parallel")
        for measure in MAPS
        for other in BASELINES
    ]


def less_bias(evidence: Evidence, encoder: str) -> list[Component]:
    """Hybrid takes more than a stated share off the rank distance of monolingual batches."""
    return [
        _reduction(place, RANK_DISTANCE, HYBRID, MONO, evidence.study.margins.strong)
        for place in _places(evidence, encoder, "parallel")
    ]


def strong_zero_shot(evidence: Evidence, encoder: str) -> list[Component]:
    """Unseen languages reach a stated share of the seen ones' mAP, and more than before training."""
    effects = []
    for place in _places(evidence, encoder, "parallel"):
        for measure in MAPS:
            effects.append(_unseen_share(place, measure, evidence.study.margins.zero_shot))
            effects += [compare_systems(place, measure, HYBRID, START, 0.0, part) for part in (SEEN, UNSEEN)]
    return effects


def stable_alpha(evidence: Evidence, encoder: str) -> list[Component]:
    """Hybrids of alpha 0.4, 0.5 and 0.6 differ by less than the margin, in each of the three settings."""
    return [
        compare_systems(place, measure, one, other, -evidence.study.margins.stable, beside=_STABLE)
        for place in _places(evidence, encoder, "parallel")
        for measure in MAPS
        for one in _STABLE
        for other in _STABLE
        if one != other
    ]


def mono_ahead_on_native(evidence: Evidence, encoder: str) -> list[Component]:
    """Monolingual batches are ahead of hybrid ones on native monolingual benchmarks."""
    return [compare_systems(place, NDCG, MONO, HYBRID, 0.0) for place in _places(evidence, encoder, "native")]


def same_language_below_english(evidence: Evidence, encoder: str) -> list[Component]:
    """Training on English alone is ahead of rows of one language each, mixed in a batch."""
    return [
        compare_systems(place, _MULTI, "en-en", "x-x", 0.0)
        for place in _places(evidence, encoder, "parallel")
    ]


def compare_systems(
    place: Place,
    measure: ComparedMeasure,
    system: str,
    other: str,
    bound: float,
    part: Part = ALL,
    beside: Sequence[str] = (),
) -> Component:
    """Weigh the difference of two systems, turned so that larger is better for the first.

    Args:
        place: Where.
        measure: The measure.
        system: Label of the first system.
        other: Label of the second.
        bound: What the difference is to be above.
        part: All languages, or those seen or unseen in training.
        beside: Systems whose seeds must be there too; the two alone when empty.

    Returns:
        The effect.

    Raises:
        UndecidedError: A run or a part of the languages is missing.
    """
    one, two = _take(place, measure, (system, other), part, beside)
    sign = -1.0 if measure.better is Better.LOWER else 1.0
    ours, theirs = one.by_seed[part], two.by_seed[part]
    paired = one.system.seeds == two.system.seeds
    by_seed = sign * (ours - (theirs if paired else theirs.mean()))
    named = "" if part == ALL else f", {part.kind} languages"
    return weigh(
        f"{system} − {other}, {measure} on {place.benchmark.results}{named}",
        sign * (one.distribution(part) - two.distribution(part)),
        by_seed.tolist(),
        float(sign * (ours.mean() - theirs.mean())),
        bound,
        place.evidence.plan.level,
        in_ranks=measure.in_ranks,
    )


def _reduction(place: Place, measure: ComparedMeasure, system: str, other: str, bound: float) -> Component:
    """Weigh by which share a system lowers a measure."""
    one, two = _take(place, measure, (system, other))
    return weigh(
        f"share by which {system} lowers {measure} of {other} on {place.benchmark.results}",
        1 - one.distribution() / two.distribution(),
        (1 - one.by_seed[ALL] / two.by_seed[ALL]).tolist(),
        float(1 - one.by_seed[ALL].mean() / two.by_seed[ALL].mean()),
        bound,
        place.evidence.plan.level,
    )


def _unseen_share(place: Place, measure: ComparedMeasure, bound: float) -> Component:
    """Weigh which share of its score in seen languages a hybrid reaches in unseen ones."""
    (one,) = _take(place, measure, (HYBRID,), SEEN)
    return weigh(
        f"unseen over seen languages, {measure} of {HYBRID} on {place.benchmark.results}",
        one.distribution(UNSEEN) / one.distribution(SEEN),
        (one.by_seed[UNSEEN] / one.by_seed[SEEN]).tolist(),
        float(one.by_seed[UNSEEN].mean() / one.by_seed[SEEN].mean()),
        bound,
        place.evidence.plan.level,
    )


def _places(evidence: Evidence, encoder: str, role: str) -> Iterator[Place]:
    benchmarks = evidence.benchmarks(role)
    if not benchmarks:
        raise UndecidedError(f"the study has no benchmark of the role {role!r}")
    return (Place(evidence, encoder, each) for each in benchmarks)


def _take(
    place: Place,
    measure: ComparedMeasure,
    labels: Sequence[str],
    part: Part = ALL,
    beside: Sequence[str] = (),
) -> list[Sample]:
    """Take the resampled systems of an effect."""
    wanted = tuple(dict.fromkeys((*beside, *labels)))
    column = place.evidence.column(place.encoder, place.benchmark, measure, wanted)
    if part not in column.extents:
        raise UndecidedError(f"{place.benchmark.results} has no languages apart that are seen and unseen")
    samples = dict(zip(wanted, column.samples, strict=True))
    return [samples[label] for label in labels]
