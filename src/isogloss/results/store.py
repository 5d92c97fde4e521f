"""Store results: ``results.json`` describes and sums up, ``ranks.npz`` holds the arrays.

The JSON names the sha256 of the arrays' file, so that the two cannot be mixed up. The arrays are plain
numbers and text (never pickled objects).
"""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
import zlib
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import ResultsError
from isogloss.files import replace_file
from isogloss.results.model import MEASURES, Results, RunInfo
from isogloss.types import Setting

FORMAT = "isogloss-results"
VERSION = 1
RESULTS_FILE = "results.json"
RANKS_FILE = "ranks.npz"
T = TypeVar("T")
_ARRAYS = (
    "query_ids",
    "passage_ids",
    "query_languages",
    "passage_languages",
    "judged_query",
    "judged_passage",
    "rank_language",
    "rank_pool",
    "top_pool",
    "top_language",
)


def write_results(results: Results, folder: Path) -> None:
    """Store results in a folder: both files, or nothing that reads as results.

    Args:
        results: What to store.
        folder: The folder; it is made when missing, and results in it are replaced.
    """
    # Both files are whole before either takes its place. The JSON names the arrays by their sha256: a crash
    # between the two leaves results that are refused, not wrong ones.
    ranks_file = folder / RANKS_FILE
    with replace_file(folder / RESULTS_FILE) as document, replace_file(ranks_file) as arrays:
        _write_arrays(results, arrays)
        content = {
            "format": FORMAT,
            "version": VERSION,
            **describe_results(results),
            "ranks": {"file": RANKS_FILE, "sha256": _hash_file(arrays)},
        }
        text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)
        document.write_text(text + "\n", encoding="utf-8")


def _write_arrays(results: Results, path: Path) -> None:
    """Write the arrays, uncompressed: numbers of passages are nearly noise; small integers save as much."""
    with path.open("wb") as stream:
        np.savez(
            stream,
            query_ids=np.asarray(results.query_ids),
            query_languages=_shrink(results.query_languages),
            passage_ids=np.asarray(results.passage_ids),
            passage_languages=_shrink(results.passage_languages),
            judged_query=_shrink(results.judged_query),
            judged_passage=_shrink(results.judged_passage),
            rank_language=_shrink(results.rank_language),
            rank_pool=_shrink(results.rank_pool),
            top_pool=_shrink(results.top_pool),
            top_language=_shrink(results.top_language),
        )


def describe_results(results: Results) -> dict[str, object]:
    """Describe and sum up results, ready for JSON.

    Args:
        results: The results.

    Returns:
        What was evaluated, and setting -> measure -> macro mean, chance level and mean per cell; None stands
        for no value.
    """
    info = results.info
    return {
        "benchmark": results.benchmark,
        "info": {
            "model": info.model,
            "label": info.label,
            "seed": info.seed,
            "alpha": info.alpha,
            "data_files": dict(info.data_files),
            "settings": dict(info.settings),
            "versions": dict(info.versions),
            "notes": info.notes,
            "trained_languages": info.trained_languages,
        },
        "languages": results.languages,
        "counts": {
            "questions": len(set(results.query_ids)),
            "queries": len(results.query_ids),
            "passages": len(results.passage_ids),
            "judged": len(results.judged_query),
        },
        "measures": {
            setting.value: {name: _summarize(results, setting, name) for name in names}
            for setting, names in MEASURES.items()
        },
    }


def _summarize(results: Results, setting: Setting, measure: str) -> dict[str, object]:
    """Sum up one measure of one setting."""
    table = results.table(setting, measure)
    means = zip(table.cells, table.means(), strict=True)
    return {
        "macro": _number_or_none(table.macro()),
        "chance": _number_or_none(results.chance(setting, measure).macro()),
        "cells": {cell: _number_or_none(float(mean)) for cell, mean in means},
    }


def read_results(folder: Path) -> Results:
    """Read stored results.

    Args:
        folder: A folder that ``write_results`` filled.

    Returns:
        The results.

    Raises:
        ResultsError: A file is missing, damaged, changed since, or of a newer format.
    """
    document = _read_document(folder / RESULTS_FILE)
    ranks_file = folder / RANKS_FILE
    try:
        if _hash_file(ranks_file) != _field(document["ranks"], "sha256", str):
            raise ResultsError(f"{ranks_file}: not the file that {RESULTS_FILE} describes; evaluate again")
        with np.load(ranks_file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in _ARRAYS}
        results = Results(
            benchmark=_field(document, "benchmark", str),
            info=_read_info(document["info"]),
            languages=_texts(document["languages"]),
            query_ids=tuple(arrays["query_ids"].tolist()),
            query_languages=arrays["query_languages"].astype(np.int16),
            passage_ids=tuple(arrays["passage_ids"].tolist()),
            passage_languages=arrays["passage_languages"].astype(np.int16),
            judged_query=arrays["judged_query"].astype(np.int32),
            judged_passage=arrays["judged_passage"].astype(np.int32),
            rank_language=arrays["rank_language"].astype(np.int32),
            rank_pool=arrays["rank_pool"].astype(np.int32),
            top_pool=arrays["top_pool"].astype(np.int32),
            top_language=arrays["top_language"].astype(np.int32),
        )
        _check_shapes(results)
    except FileNotFoundError as error:
        raise ResultsError(f"{ranks_file}: not there, though {RESULTS_FILE} is; evaluate again") from error
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ResultsError(f"{folder}: damaged results ({error}); evaluate again") from error
    return results


def _read_document(path: Path) -> dict[str, object]:
    """Read the JSON and check that it is ours, and of a version known here."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ResultsError(f"{path}: no results there; make them with isogloss evaluate") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ResultsError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ResultsError(f"{path}: not a results file of isogloss (no format {FORMAT!r})")
    if document.get("version") != VERSION:
        raise ResultsError(
            f"{path}: format version {document.get('version')!r}; this isogloss reads version {VERSION}"
        )
    return document


def _read_info(stored: object) -> RunInfo:
    """Read what was evaluated."""
    if not isinstance(stored, dict):
        raise TypeError("info is not an object")
    seed, alpha = stored["seed"], stored["alpha"]
    if not (seed is None or isinstance(seed, int)) or not (alpha is None or isinstance(alpha, int | float)):
        raise TypeError("info: seed and alpha must be numbers or null")
    settings = _field(stored, "settings", dict)
    return RunInfo(
        model=_field(stored, "model", str),
        label=_field(stored, "label", str),
        seed=seed,
        alpha=None if alpha is None else float(alpha),
        data_files=_field(stored, "data_files", dict),
        settings={str(name): value for name, value in settings.items()},
        versions=_field(stored, "versions", dict),
        notes=_texts(stored["notes"]),
        trained_languages=_texts(stored["trained_languages"]),
    )


def _check_shapes(results: Results) -> None:
    """Check that the arrays belong together."""
    queries, passages, judged = len(results.query_ids), len(results.passage_ids), len(results.judged_query)
    depth = results.top_pool.shape[-1] if results.top_pool.ndim == 2 else -1
    languages = len(results.languages)
    shapes = {
        "query_languages": (queries,),
        "passage_languages": (passages,),
        "judged_query": (judged,),
        "judged_passage": (judged,),
        "rank_language": (judged,),
        "rank_pool": (judged,),
        "top_pool": (queries, depth),
        "top_language": (queries, languages, depth),
    }
    limits = {
        "query_languages": (0, languages),
        "passage_languages": (0, languages),
        "judged_query": (0, queries),
        "judged_passage": (0, passages),
        "rank_language": (1, passages + 1),
        "rank_pool": (1, passages + 1),
        "top_pool": (-1, passages),
        "top_language": (-1, passages),
    }
    for name, shape in shapes.items():
        array: NDArray[np.int32] = getattr(results, name)
        low, high = limits[name]
        if array.shape != shape or (array.size and (array.min() < low or array.max() >= high)):
            raise ValueError(f"{RANKS_FILE}: {name} has the wrong shape or values out of range")


def _field(document: object, name: str, kind: type[T]) -> T:
    """Take a field of an object and check its type."""
    value = document[name] if isinstance(document, dict) else None
    if not isinstance(value, kind):
        raise TypeError(f"{name} is not a {kind.__name__}")
    return value


def _texts(value: object) -> tuple[str, ...]:
    """Check a list of strings."""
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise TypeError("a list of strings is missing")
    return tuple(value)


def _shrink(array: NDArray[np.int16] | NDArray[np.int32]) -> NDArray[np.int16] | NDArray[np.int32]:
    """Store numbers as int16 where all of them fit."""
    limits = np.iinfo(np.int16)
    fits = array.size == 0 or (array.min() >= limits.min and array.max() <= limits.max)
    return array.astype(np.int16) if fits else array


def _number_or_none(value: float) -> float | None:
    """Write NaN, which JSON lacks, as None."""
    return None if math.isnan(value) else value


def _hash_file(path: Path) -> str:
    """Compute the sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
