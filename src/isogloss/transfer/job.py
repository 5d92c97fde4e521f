"""Study transfer on one benchmark from finished results."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.report import build_section
from isogloss.results import Measured
from isogloss.transfer.pairs import choose_pair_measures, compare_pairs
from isogloss.transfer.report import TransferReport

CUTOFF = 10
"""Passages in which retrieved languages are counted."""


def study_transfer(
    results: Sequence[Measured],
    baseline: str,
    *,
    measure: str | None = None,
    resamples: int = 20_000,
    seed: int = 0,
) -> TransferReport:
    """Score pairs and groups of pairs.

    Args:
        results: Results on one benchmark, in any order.
        baseline: Label of the system that the others are compared with.
        measure: Measure of every pair; the usual one when not given.
        resamples: Number of resamples, at least 100.
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
    shares = {label: each for label, each in found.items() if each is not None}
    return TransferReport(section, compared, shares)
