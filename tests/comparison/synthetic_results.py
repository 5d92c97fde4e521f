"""Results of invented systems: random ranks around a stated strength."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from isogloss.results import Results, RunInfo

LANGUAGES = ("de", "el", "en")
DATA_FILES = {"de.json": "a1", "el.json": "b2", "en.json": "c3"}


def invent_results(
    label: str,
    seed: int | None,
    *,
    strength: float = 0.0,
    draw: int | None = None,
    questions: int = 60,
    languages: Sequence[str] = LANGUAGES,
    alpha: float | None = None,
    benchmark: str = "xquad-r",
    data_files: Mapping[str, str] = DATA_FILES,
    settings: Mapping[str, str | int | float | bool] = {"unit": "sentence"},
    trained_languages: tuple[str, ...] = (),
    reverse_questions: bool = False,
) -> Results:
    """Invent results: every question in every language, one relevant passage in each language.

    The larger ``strength``, the nearer to the top are the relevant passages. Results with the same ``draw``
    (the seed where none is given) share all random numbers, so equal strengths give equal ranks.
    """
    generator = np.random.default_rng([99, (seed or 0) if draw is None else draw])
    count = len(languages)
    # Difficulty belongs to the question and is shared by all runs.
    difficulty = np.random.default_rng(7).normal(0, 1, questions)
    noise = generator.normal(0, 0.3, (questions, count, count))
    level = difficulty[:, None, None] + noise - strength
    in_language = np.clip(np.exp(1.0 + level), 1, questions).astype(np.int32)
    in_pool = np.clip(in_language * count - np.arange(count)[::-1], 1, questions * count).astype(np.int32)
    order = np.arange(questions)[::-1] if reverse_questions else np.arange(questions)
    query = np.repeat(np.arange(questions * count, dtype=np.int32), count)
    target = np.tile(np.arange(count, dtype=np.int32), questions * count)
    asked = np.repeat(order, count)
    return Results(
        benchmark=benchmark,
        info=RunInfo(
            model=f"runs/{label}-{seed}",
            label=label,
            seed=seed,
            alpha=alpha,
            data_files=data_files,
            settings=settings,
            trained_languages=trained_languages,
        ),
        languages=tuple(languages),
        query_ids=tuple(f"q{number:04}" for number in asked),
        query_languages=np.tile(np.arange(count, dtype=np.int16), questions),
        passage_ids=tuple(f"p{number:04}-{language}" for number in asked[::count] for language in languages),
        passage_languages=np.tile(np.arange(count, dtype=np.int16), questions),
        judged_query=query,
        judged_passage=(query // count * count + target).astype(np.int32),
        rank_language=in_language[order].reshape(-1),
        rank_pool=in_pool[order].reshape(-1),
        top_pool=np.zeros((questions * count, 1), dtype=np.int32),
        top_language=np.zeros((questions * count, count, 1), dtype=np.int32),
    )


def invent_family(
    seeds: Sequence[int | None] = (0, 1, 2),
    labels: Sequence[str] = ("x-x-mono", "x-y", "hybrid"),
    **options: object,
) -> list[Results]:
    """Invent three strategies, each a little stronger than the one before."""
    return [
        invent_results(label, seed, strength=0.4 * place, draw=17 * place + (seed or 0), **options)  # type: ignore[arg-type]
        for place, label in enumerate(labels)
        for seed in seeds
    ]
