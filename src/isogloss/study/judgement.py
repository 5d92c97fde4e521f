"""Turn resampled effects into verdicts: what is shown, what is refuted, what stays open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from isogloss.significance import Interval, correct_by_holm, find_interval

Floats = NDArray[np.float64]


class Verdict(StrEnum):
    """Say what the runs of a study say about a claim."""

    SUPPORTED = "supported"
    """Every effect that the claim states is shown to lie beyond its bound."""
    CONTRADICTED = "contradicted"
    """At least one of them is shown to lie on the wrong side of its bound."""
    NOT_SHOWN = "not shown"
    """Neither: the runs do not tell."""
    UNDECIDED = "cannot be decided here"
    """The runs, data or weights that it takes are not there."""


@dataclass(frozen=True)
class Component:
    """Hold one effect that a claim states: larger than a bound.

    Attributes:
        what: The effect in words.
        estimate: The effect, turned so that larger is better for the claim.
        interval: Its interval over questions and seeds.
        bound: What the claim says it is above.
        by_seed: The effect of each seed.
        in_ranks: Whether it is a number of ranks; else a share or a difference of shares.
        p_for: Two-sided p-value of "not above the bound".
        p_against: Two-sided p-value of "not below the bound".
    """

    what: str
    estimate: float
    interval: Interval
    bound: float
    by_seed: tuple[float, ...]
    in_ranks: bool
    p_for: float
    p_against: float

    @property
    def signs(self) -> str:
        """Write on which side of the bound each seed's effect is, such as ``+ + -``."""
        return " ".join(
            "+" if each > self.bound else "-" if each < self.bound else "0" for each in self.by_seed
        )


def weigh(
    what: str,
    distribution: Floats,
    by_seed: Sequence[float],
    estimate: float,
    bound: float,
    level: float,
    *,
    in_ranks: bool = False,
) -> Component:
    """Weigh one effect against its bound.

    Args:
        what: The effect in words.
        distribution: float64 [resamples], the effect under each resample of questions and seeds; NaN is
            passed over.
        by_seed: The effect of each seed.
        estimate: The effect.
        bound: What the claim says it is above.
        level: Level of the interval.
        in_ranks: Whether it is a number of ranks.

    Returns:
        The effect with its interval and p-values, which invert that interval: ``p_for`` is at most 1 - level
        exactly where the interval lies above the bound, but for the resolution of the resamples.

    Source: Efron & Tibshirani 1993, chapters 15 and 16; the added 1: Davison & Hinkley 1997, section 4.2.
    """
    known = distribution[~np.isnan(distribution)]
    p_for, p_against = (
        min(1.0, 2 * (int(wrong.sum()) + 1) / (len(known) + 1)) for wrong in (known <= bound, known >= bound)
    )
    return Component(
        what, estimate, find_interval(distribution, level), bound, tuple(by_seed), in_ranks, p_for, p_against
    )


@dataclass(frozen=True)
class Judgement:
    """Say what all effects of one claim show together.

    Attributes:
        verdict: What they show.
        decisive: The effect that decides: the least sure one, or of a contradicted claim the surest refuted.
        p_for: p-value of the whole claim: the largest of its effects.
        p_against: p-value of its refutation: the smallest of its effects times their number.
        corrected_p_for: ``p_for`` after Holm's correction over the family of claims.
        corrected_p_against: ``p_against`` likewise.
    """

    verdict: Verdict
    decisive: Component
    p_for: float
    p_against: float
    corrected_p_for: float
    corrected_p_against: float


def judge_family(claims: Sequence[Sequence[Component]], level: float) -> list[Judgement]:
    """Judge a family of claims.

    A claim says that each of its effects is above its bound. It is supported when that is shown of all of
    them, so its p-value is the largest of theirs (an intersection-union test, which needs no correction
    inside the claim). It is contradicted when one of them is shown to be below its bound; that p-value is the
    smallest of theirs times their number. Over the claims, each of the two is corrected by Holm's method.

    Args:
        claims: The effects of each claim, one at least.
        level: Verdicts are given at 1 - level.

    Returns:
        A judgement per claim, in order.

    Source: Berger 1982 (intersection-union tests); Holm 1979; Schuirmann 1987 (equality as two such effects).
    """
    for_all = [max(each.p_for for each in effects) for effects in claims]
    against = [min(1.0, len(effects) * min(each.p_against for each in effects)) for effects in claims]
    corrected = correct_by_holm(for_all), correct_by_holm(against)
    judgements = []
    for effects, p_for, p_against, sure, refuted in zip(claims, for_all, against, *corrected, strict=True):
        weakest = max(effects, key=lambda each: (each.p_for, each.bound - each.estimate))
        verdict, decisive = Verdict.NOT_SHOWN, weakest
        if sure < 1 - level:
            verdict = Verdict.SUPPORTED
        elif refuted < 1 - level:
            verdict = Verdict.CONTRADICTED
            decisive = min(effects, key=lambda each: (each.p_against, each.estimate - each.bound))
        judgements.append(Judgement(verdict, decisive, p_for, p_against, sure, refuted))
    return judgements
