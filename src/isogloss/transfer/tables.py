"""Lay out a study of transfer as tables of short texts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from isogloss.comparison.grid import Cell, Grid
from isogloss.comparison.model import ComparedMeasure, Outcome
from isogloss.comparison.numbers import count, write_interval, write_p, write_score
from isogloss.results import LanguageShares
from isogloss.transfer.groups import Grouping
from isogloss.transfer.pairs import GroupScore, PairComparison, PairScore
from isogloss.types import LanguagePair, Setting

_MARKS = {Outcome.WIN: "▲", Outcome.LOSS: "▼"}
_OTHERS = 3
"""Languages beside the own one that a row of retrieved languages names."""


def lay_out_groups(compared: PairComparison) -> Grid:
    """Lay out groups x systems: means, differences, pairs helped and hurt.

    Args:
        compared: The comparison.

    Returns:
        A row per setting, group and system.
    """
    rows, ruled = [], set()
    for number, each in enumerate(compared.groups):
        if number and each.group.grouping != compared.groups[number - 1].group.grouping:
            ruled.add(number)
        rows.append(_group_row(compared, each))
    header = ("setting", "pairs", "number", "system", "mean", "difference", "helped/hurt", "uncorrected")
    percent = f"{100 * compared.level:.4g} %"
    notes = (
        f"Means over pairs and seeds; differences to {compared.baseline} with {percent} intervals over "
        "questions and seeds, described, not tested. The languages of a group are not drawn again: an "
        "interval speaks of these languages.",
        "helped/hurt: pairs whose own difference is shown after Holm's correction over all pairs of the "
        "system; uncorrected: pairs whose own interval lies off zero.",
        *_explain_groups(compared),
        *compared.notes,
    )
    return Grid(
        f"{compared.benchmark}, {compared.measure}: groups of language pairs",
        header,
        tuple(rows),
        notes,
        frozenset(ruled),
    )


def _group_row(compared: PairComparison, each: GroupScore) -> tuple[Cell, ...]:
    measure = ComparedMeasure(each.setting, compared.measure)
    name = "all" if each.group.grouping is Grouping.ALL else f"{each.group.grouping}: {each.group.name}"
    cells = [str(each.setting), name, f"{each.pairs:,}", each.label, write_score(measure, each.mean)]
    if each.difference is None or each.interval is None:
        return tuple(map(Cell, [*cells, "", "", ""]))
    difference = Cell(
        write_score(measure, each.difference, signed=True),
        detail=write_interval(measure, each.interval, signed=True),
    )
    counts = (Cell(_count_both(outcomes)) for outcomes in (each.outcomes, each.leanings))
    return (*map(Cell, cells), difference, *counts)


def _count_both(outcomes: Mapping[Outcome, int]) -> str:
    return f"{outcomes.get(Outcome.WIN, 0)}/{outcomes.get(Outcome.LOSS, 0)}"


def _explain_groups(compared: PairComparison) -> list[str]:
    """Say what the groups are that this comparison has."""
    found = {each.group.grouping for each in compared.groups}
    said = []
    if Grouping.RESOURCES in found:
        said.append(
            "resources: the query's language first; high is class 3 to 5 of Joshi et al. 2020, low all "
            "others. lowest class: the lower of both; 0 also where no class is known."
        )
    if Grouping.TRAINING in found:
        said.append(
            f"retrieval training: both languages seen ({' '.join(compared.trained)}), one unseen, or one "
            "unseen whose script no seen language has."
        )
    return said


def lay_out_pairs(compared: PairComparison) -> Grid:
    """Lay out pairs x systems, the difference of each candidate beside its mean.

    Args:
        compared: The comparison.

    Returns:
        A row per pair, monolingual ones first.
    """
    found = {(each.label, each.pair): each for each in compared.pairs}
    labels = [system.label for system in compared.systems]
    pairs = list(dict.fromkeys(each.pair for each in compared.pairs))
    header = ["query", "passage", "questions"]
    for label in labels:
        header += [label] if label == compared.baseline else [label, f"{label} − {compared.baseline}"]
    rows = [_pair_row(compared, pair, [found[label, pair] for label in labels]) for pair in pairs]
    tests = sum(each.test is not None and each.test.p is not None for each in compared.pairs)
    family = tests // max(1, len(compared.candidates()))
    notes = (
        f"Differences with {100 * compared.level:.4g} % intervals over questions and seeds, "
        f"{compared.resamples:,} resamples; ▲ helped, ▼ hurt: Holm-corrected p < {1 - compared.level:.3g}, a "
        f"family of {count(family, 'pair')} for each system.",
    )
    return Grid(
        f"{compared.benchmark}, {compared.measure}: language pairs", tuple(header), tuple(rows), notes
    )


def _pair_row(compared: PairComparison, pair: LanguagePair, scores: Sequence[PairScore]) -> tuple[Cell, ...]:
    setting = Setting.MONO if pair.query == pair.passage else Setting.CROSS
    measure = ComparedMeasure(setting, compared.measure)
    best = measure.find_best([each.mean for each in scores])
    cells = [Cell(pair.query), Cell(pair.passage), Cell(f"{scores[0].questions:,}")]
    for each in scores:
        cells.append(Cell(write_score(measure, each.mean), bold=each.mean == best))
        if each.test is None:
            continue
        interval = each.test.interval and write_interval(measure, each.test.interval, signed=True)
        cells.append(
            Cell(
                write_score(measure, each.test.difference, signed=True),
                marks=_MARKS.get(each.test.outcome, ""),
                detail=f"{interval}, p {write_p(each.test.corrected_p)}"
                if interval and each.test.corrected_p is not None
                else "not tested",
            )
        )
    return tuple(cells)


def lay_out_shares(benchmark: str, label: str, languages: Sequence[str], shares: LanguageShares) -> Grid:
    """Lay out which languages stand at the top of the ranking over all languages.

    Args:
        benchmark: The benchmark.
        label: The system.
        languages: Its languages, in the order of the shares.
        shares: Their shares of the first passages.

    Returns:
        A row per query language: its own share, the most frequent others, the distance to the pool.
    """
    rows = []
    for place, language in enumerate(languages):
        row = shares.shares[place]
        if math.isnan(row[place]):
            continue
        others = sorted((each for each in range(len(row)) if each != place), key=lambda each: -row[each])
        listed = [f"{languages[each]} {row[each]:.0%}" for each in others[:_OTHERS] if row[each] > 0]
        cells = (language, f"{row[place]:.1%}", f"{shares.pool[place]:.1%}", ", ".join(listed))
        rows.append(tuple(map(Cell, (*cells, f"{shares.distances[place]:.2f}"))))
    return Grid(
        f"{benchmark}, {label}: languages of the first {shares.cutoff} passages",
        ("query", "own share", "of the pool", "most frequent others", "distance"),
        tuple(rows),
        (
            "Means over questions and seeds. Distance: total variation between these shares and the pool's, "
            "which a ranking blind to language shows.",
        ),
    )
