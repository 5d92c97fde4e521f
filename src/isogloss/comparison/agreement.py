"""Check that results may be compared, and group them into systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from isogloss.errors import ResultsError
from isogloss.results import MeasureTable, Results, RunInfo

UNIT_SETTING = "unit"
"""The setting that decides which text stands for a passage, so which task is measured."""

START_SETTING = "start"
"""The setting that names the model a training started from."""


def group_runs(results: Sequence[Results], baseline: str) -> dict[str, tuple[Results, ...]]:
    """Group results by label, the baseline first and each group by seed.

    Args:
        results: Results of any number of runs, in any order.
        baseline: The label to compare with.

    Returns:
        Label -> its results, ascending by seed (an unknown seed first).

    Raises:
        ResultsError: The results do not belong together, one (label, seed) occurs twice, the baseline is
            unknown, or there is no second label.
    """
    groups: dict[str, dict[int | None, Results]] = {}
    for each in results:
        check_same_task(results[0], each)
        runs = groups.setdefault(each.info.label, {})
        if each.info.seed in runs:
            raise ResultsError(
                f"two results are labelled {describe(each.info)} and {describe(runs[each.info.seed].info)}; "
                "leave one out, or evaluate it again with its own --label"
            )
        runs[each.info.seed] = each
    _check_labels(list(groups), baseline)
    _check_same_training(groups)
    order = [baseline, *(label for label in groups if label != baseline)]
    return {label: _sort_by_seed(groups[label]) for label in order}


def describe(info: RunInfo) -> str:
    """Name a run in one phrase.

    Args:
        info: The run.

    Returns:
        Label, seed and model.
    """
    seed = "unknown" if info.seed is None else str(info.seed)
    return f"{info.label}, seed {seed} ({info.model})"


def check_same_questions(first: MeasureTable, other: MeasureTable, name: str) -> None:
    """Refuse two tables that were not made from the same questions.

    Args:
        first: One table, its questions in ascending order.
        other: Another, likewise.
        name: What to call the other in the error.

    Raises:
        ResultsError: Questions, languages, or which question has an answer where, differ.
    """
    what = f"{name}: {first.setting} {first.measure}"
    if first.cells != other.cells:
        cells = ", ".join(sorted(set(first.cells) ^ set(other.cells)))
        raise ResultsError(f"{what} covers other languages than the first results: {cells}")
    if first.questions != other.questions:
        differing = sorted(set(first.questions) ^ set(other.questions))
        raise ResultsError(
            f"{what} is over {len(other.questions)} questions, the first results over "
            f"{len(first.questions)}; only in one of them: {differing[0]}; "
            "evaluate all with the same restriction"
        )
    if not np.array_equal(np.isnan(first.values), np.isnan(other.values)):
        raise ResultsError(f"{what}: other questions have an answer than in the first results")


def _sort_by_seed(runs: Mapping[int | None, Results]) -> tuple[Results, ...]:
    known = sorted(seed for seed in runs if seed is not None)
    unknown = [runs[None]] if None in runs else []
    return (*unknown, *(runs[seed] for seed in known))


def _check_labels(labels: Sequence[str], baseline: str) -> None:
    if baseline not in labels:
        listed = ", ".join(sorted(labels)) or "none"
        raise ResultsError(f"no results are labelled {baseline}, the baseline; labels here: {listed}")
    if len(labels) == 1:
        raise ResultsError(f"all results are labelled {baseline}; add a run of another label to compare")


def _check_same_training(groups: Mapping[str, Mapping[int | None, Results]]) -> None:
    """Refuse runs under one label that differ in more than the seed."""
    for label, group in groups.items():
        runs = [run.info for run in group.values()]
        found = {
            "alphas": {str(run.alpha) for run in runs},
            "starting models": {str(run.settings.get(START_SETTING)) for run in runs},
        }
        for what, values in found.items():
            if len(values) > 1:
                raise ResultsError(
                    f"runs labelled {label} have different {what} ({', '.join(sorted(values))}); "
                    "evaluate them with a --label each"
                )


def check_same_task(first: Results, other: Results) -> None:
    """Refuse results of another benchmark, other data or another passage unit.

    Args:
        first: Some results.
        other: Others, to be shown in one table with them.

    Raises:
        ResultsError: Benchmark, files, languages or passage unit differ.
    """
    name = describe(other.info)
    if other.benchmark != first.benchmark:
        raise ResultsError(
            f"{name} is evaluated on {other.benchmark}, {describe(first.info)} on {first.benchmark}; "
            "compare one benchmark at a time"
        )
    for file in sorted(first.info.data_files.keys() | other.info.data_files.keys()):
        if first.info.data_files.get(file) != other.info.data_files.get(file):
            raise ResultsError(
                f"{name} is evaluated on another version of {file} than {describe(first.info)}; "
                "evaluate both on the same files"
            )
    if other.languages != first.languages:
        raise ResultsError(
            f"{name} is evaluated on the languages {' '.join(other.languages)}, {describe(first.info)} on "
            f"{' '.join(first.languages)}; evaluate both on the same"
        )
    units = first.info.settings.get(UNIT_SETTING), other.info.settings.get(UNIT_SETTING)
    if units[0] != units[1]:
        raise ResultsError(
            f"{name} is evaluated with the passage unit {units[1]}, {describe(first.info)} with {units[0]}; "
            "evaluate both with the same --unit"
        )
