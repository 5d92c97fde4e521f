"""Find the stored results of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from isogloss.comparison.agreement import check_same_task
from isogloss.comparison.model import ComparedMeasure, Reference
from isogloss.comparison.references import refer_to
from isogloss.errors import ResultsError
from isogloss.results import RESULTS_FILE, Measured, can_compare, read_results


def read_runs(runs: Sequence[Path], benchmark: str | None = None) -> dict[str, list[Measured]]:
    """Read the results of runs, grouped by benchmark.

    Args:
        runs: Run directories (results in ``results/<benchmark>``) or folders of results.
        benchmark: Read this benchmark alone; None for all.

    Returns:
        Benchmark -> the results of every run on it, in the order of the runs; a run may hold several, such as
        those of a variant under its own label.

    Raises:
        ResultsError: A run is given twice, has no results, or none on a benchmark that another run has.
    """
    for run in runs:
        if runs.count(run) > 1:
            raise ResultsError(f"{run}: given twice; name each run once")
    found = {run: _read_run(run, benchmark) for run in runs}
    names = list(dict.fromkeys(name for results in found.values() for name in results))
    for run, results in found.items():
        for name in names:
            if name not in results:
                raise ResultsError(
                    f"{run}: no results on {name}, which other runs have; first: {_command(run, name)}; "
                    "or give --benchmark"
                )
    return {name: [each for results in found.values() for each in results[name]] for name in names}


def read_references(
    runs: Sequence[Path],
    results: Mapping[str, Sequence[Measured]],
    measures: Mapping[str, Sequence[ComparedMeasure]],
) -> dict[str, list[Reference]]:
    """Read the runs that are shown beside others and not tested, such as the start of training.

    Args:
        runs: Run directories or folders of results; a run without results on a benchmark is not shown there.
        results: Benchmark -> the results that are compared.
        measures: Benchmark -> what is compared; a run without the setting of a measure shows none there.

    Returns:
        Benchmark -> the rows to show.

    Raises:
        ResultsError: A run has no results at all, or was evaluated on other data than those compared.
    """
    references: dict[str, list[Reference]] = {name: [] for name in results}
    for run in runs:
        for name, found in _read_run(run, None).items():
            if name in results:
                for each in found:
                    check_same_task(results[name][0], each)
                    references[name].append(refer_to(each, measures[name]))
    return references


def _read_run(run: Path, benchmark: str | None) -> dict[str, list[Measured]]:
    """Read all wanted results of one run, by the benchmark that they name."""
    if not run.is_dir():
        raise ResultsError(f"{run}: no such folder; give a run directory or a folder of results")
    if (run / RESULTS_FILE).is_file():
        folders = [run]
    else:
        found = sorted(file.parent for file in run.glob(f"results/*/{RESULTS_FILE}"))
        folders = [folder for folder in found if can_compare(folder)] or found
    read: dict[str, list[Measured]] = {}
    others: set[str] = set()
    for results in map(read_results, folders):
        if benchmark in (None, results.benchmark):
            read.setdefault(results.benchmark, []).append(results)
        else:
            others.add(results.benchmark)
    if not read:
        missing = f"no results on {benchmark}" if benchmark else "no results"
        known = f" (there are those on {', '.join(sorted(others))})" if others else ""
        raise ResultsError(f"{run}: {missing}{known}; first: {_command(run, benchmark or 'xquad-r')}")
    return read


def _command(run: Path, benchmark: str) -> str:
    return f"isogloss evaluate {run} --benchmark {benchmark} --data FOLDER"
