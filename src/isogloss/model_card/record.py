"""Read what a run directory tells about its model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from isogloss.config import TrainConfig, parse_config, read_toml
from isogloss.errors import ConfigError
from isogloss.results import RESULTS_FILE, StoredResults, can_compare, read_results
from isogloss.results.mining import read_mining_results
from isogloss.run_directory import RunDirectory

T = TypeVar("T")


@dataclass(frozen=True)
class RunRecord:
    """Hold what a card is written from.

    Args:
        config: The run's settings.
        provenance: Where the model is from, as ``provenance.json`` has it.
        results: What evaluations of the model found, by benchmark.
    """

    config: TrainConfig
    provenance: Mapping[str, object]
    results: tuple[StoredResults, ...] = ()

    def find(self, kind: type[T], *names: str) -> T | None:
        """Look up an entry of the provenance.

        Args:
            kind: Type that the entry must have.
            *names: The keys that lead to it.

        Returns:
            The entry; none where it is missing, as in runs of earlier releases, or of another type.
        """
        return look_up(self.provenance, kind, *names)


def look_up(content: object, kind: type[T], *names: str) -> T | None:
    """Look up an entry of nested JSON objects.

    Args:
        content: An object out of JSON.
        kind: Type that the entry must have; ``float`` also takes a whole number.
        *names: The keys that lead to it.

    Returns:
        The entry, or none.
    """
    for name in names:
        content = content.get(name) if isinstance(content, Mapping) else None
    if kind is float and isinstance(content, int) and not isinstance(content, bool):
        content = float(content)
    return content if isinstance(content, kind) else None


def read_record(run: Path) -> RunRecord:
    """Read a finished run's settings, provenance and results.

    Args:
        run: The run directory.

    Returns:
        What it tells.

    Raises:
        ConfigError: It is no run directory, or settings or provenance cannot be read.
        ResultsError: Stored results are damaged.
    """
    directory = RunDirectory(run)
    try:
        stored = json.loads(directory.provenance.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{run}: no {directory.provenance.name}; name the directory of a finished run of isogloss train"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{directory.provenance}: cannot be read ({error})") from error
    if not isinstance(stored, dict):
        raise ConfigError(f"{directory.provenance}: should hold a JSON object")
    config = parse_config(TrainConfig, read_toml(directory.config), str(directory.config))
    folders = sorted(path.parent for path in directory.results.glob(f"*/{RESULTS_FILE}"))
    results = tuple(
        read_results(folder) if can_compare(folder) else read_mining_results(folder) for folder in folders
    )
    return RunRecord(config, stored, results)
