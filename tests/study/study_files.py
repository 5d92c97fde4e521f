"""Small studies: two corpora of rivers, a study file, and folders of invented results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import tomli_w

from comparison.synthetic_results import invent_results
from isogloss.config import TomlValue
from isogloss.results import write_results
from isogloss.study.folder import START, StudyFolder
from isogloss.study.grid import list_cells, merge_tables
from isogloss.study.reading import read_study
from isogloss.study.settings import StudyConfig

LANGUAGES = ("de", "el", "en")
ASKED = {"de": "Welcher Fluss", "el": "Ποιος ποταμός", "en": "Which river"}
TOLD = {"de": "Der alte Fluss", "el": "Ο ποταμός", "en": "The old river"}


def write_rivers(path: Path, items: int, name: str, languages: Sequence[str] = LANGUAGES) -> Path:
    """Write a parallel corpus, four items in each article."""
    rows = []
    for item in range(items):
        for language in languages:
            answer = f"{TOLD[language]} {name} {item} {language}"
            rows.append(
                {
                    "id": f"{name}{item:02}",
                    "language": language,
                    "question": f"{ASKED[language]} {name} {item}?",
                    "passage": f"{answer}.",
                    "passage_id": f"{name}{item}",
                    "article": f"{name} {item // 4}",
                    "answer": answer,
                    "answer_start": 0,
                }
            )
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def write_study(folder: Path, model: Path | str, changes: Mapping[str, TomlValue] | None = None) -> Path:
    """Write a study of three strategies, two seeds, two steps each."""
    train = folder / "train.jsonl"
    if not train.exists():
        write_rivers(train, 24, "Rhine", ("de", "en"))
        write_rivers(folder / "lakes.jsonl", 8, "Oder")
    benchmark: dict[str, TomlValue] = {
        "name": "rivers",
        "data": str(folder / "lakes.jsonl"),
        "layout": "parallel",
    }
    tables: dict[str, TomlValue] = {
        "name": "rivers",
        "grid": {"seeds": [1, 2]},
        "encoders": [{"name": "tiny", "model": str(model)}],
        "benchmarks": [benchmark],
        "margins": {"resamples": 200},
        "training": {
            "corpora": [{"path": str(train)}],
            "batches": {"size": 4},
            "model": {"query_length": 16, "passage_length": 16},
            "validation": {"share": 0.2, "batches": 1, "every": 2},
            "overlap": {
                "benchmarks": [
                    dict(benchmark),
                ]
            },
            "trainer": {"max_steps": 2, "learning_rate": 1e-3},
        },
    }
    path = folder / "study.toml"
    path.write_text(tomli_w.dumps(merge_tables(tables, changes or {})), encoding="utf-8")
    return path


def read_rivers(folder: Path, changes: Mapping[str, TomlValue] | None = None) -> StudyConfig:
    """Read a study whose encoder need not be there."""
    return read_study(write_study(folder, "none", changes), folder / "out")


def fill_folder(
    study: StudyConfig,
    folder: StudyFolder,
    strengths: Mapping[str, float],
    *,
    questions: int = 60,
    trained: tuple[str, ...] = ("de", "en"),
    draw: int = 0,
) -> None:
    """Write invented results of every cell whose label has a strength; equal ones differ by chance alone."""
    encoder = study.encoders[0].name
    for place, (label, strength) in enumerate(strengths.items()):
        seeds = [cell.seed for cell in list_cells(study) if (cell.encoder, cell.label) == (encoder, label)]
        for seed in [None] if label == START else seeds:
            for benchmark in study.benchmarks:
                results = invent_results(
                    label,
                    seed,
                    strength=strength,
                    draw=1000 * draw + 31 * place + (seed or 0),
                    questions=questions,
                    benchmark=benchmark.results,
                    trained_languages=() if label == START else trained,
                )
                start = folder.start_results(encoder, benchmark)
                run = folder.path / "runs" / encoder / f"{label}-seed{seed}" / "results" / benchmark.results
                write_results(results, start if label == START else run)
