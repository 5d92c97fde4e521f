"""Results of invented systems on aligned sentences, with a stated accuracy in every language pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from pathlib import Path

import numpy as np

from isogloss.results import RunInfo, SentenceResults, write_results
from isogloss.types import LanguagePair

Strength = Callable[[LanguagePair], float]


def invent_sentences(
    label: str,
    seed: int | None,
    strength: Strength,
    *,
    languages: Sequence[str] = ("de", "en", "sw", "am"),
    rows: int = 200,
    trained: tuple[str, ...] = ("de", "en"),
    benchmark: str = "ntrex",
    data_files: Mapping[str, str] = {"a": "b"},
) -> SentenceResults:
    """Invent ranks: a row is right with the pair's stated chance; all systems of a seed share the draws."""
    pairs = tuple(LanguagePair(*each) for each in permutations(languages, 2))
    drawn = np.random.default_rng([5, seed or 0]).random((rows, len(pairs)))
    right = drawn < np.asarray([strength(pair) for pair in pairs])
    own = np.arange(rows)[:, None]
    return SentenceResults(
        benchmark=benchmark,
        info=RunInfo(
            model=f"models/{label}-{seed}",
            label=label,
            seed=seed,
            data_files=data_files,
            trained_languages=trained,
        ),
        languages=tuple(languages),
        question_ids=tuple(f"s{number:04}" for number in range(rows)),
        pairs=pairs,
        ranks=np.where(right, 1, 2).astype(np.int32),
        nearest=np.where(right, own, (own + 1) % rows).astype(np.int32),
        pool_sizes=np.full(len(pairs), rows, dtype=np.int64),
    )


def store_runs(folder: Path, results: Sequence[SentenceResults]) -> list[str]:
    """Write each result as a run directory, and name these."""
    paths = []
    for each in results:
        run = folder / f"{each.info.label}-{each.info.seed}"
        write_results(each, run / "results" / each.benchmark)
        paths.append(str(run))
    return paths
