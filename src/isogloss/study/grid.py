"""The cells of a study: which runs are trained, in which order, with which settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from isogloss.config import TomlValue, TrainConfig, parse_config
from isogloss.study.settings import StudyBenchmark, StudyConfig, label_alpha


@dataclass(frozen=True)
class Cell:
    """Name one training run of the grid.

    Attributes:
        encoder: Name of the encoder.
        strategy: The batching strategy.
        alpha: Share of monolingual batches, of a hybrid other than the usual one; None otherwise.
        seed: The training's seed.
        share: Share of the data.
        trial: Number of the trial of the tuning; None for a run of the grid.
        items: Items of the corpora that are held back; None for all of them.
    """

    encoder: str
    strategy: str
    alpha: float | None
    seed: int
    share: float = 1.0
    trial: int | None = None
    items: int | None = None

    @property
    def label(self) -> str:
        """Write what comparisons call the runs that differ in the seed alone."""
        label = self.strategy if self.alpha is None else f"{self.strategy}-{self.alpha:g}"
        label = label if self.share == 1.0 else f"{label}-share{self.share:g}"
        return label if self.items is None else f"{label}-items{self.items}"

    @property
    def name(self) -> str:
        """Write the cell's name, which is also its place in the study's folder."""
        if self.trial is not None:
            return f"{self.encoder}/tuning/{self.label}-trial{self.trial + 1}"
        return f"{self.encoder}/{self.label}-seed{self.seed}"


class Measurement(NamedTuple):
    """Name what a cell's model is measured on, and how language is taken out of its vectors before."""

    benchmark: StudyBenchmark
    debias: str = ""

    @property
    def name(self) -> str:
        """Write what messages call it."""
        return f"{self.benchmark.results}, {self.debias}" if self.debias else self.benchmark.results


def list_measurements(study: StudyConfig) -> list[Measurement]:
    """List how the model of each cell of the grid is measured, in that order.

    Args:
        study: The study.

    Returns:
        The measurements: on each benchmark, and then without language where the benchmark asks for it.
    """
    return [Measurement(each, way) for each in study.benchmarks for way in ("", *each.debias)]


def list_cells(study: StudyConfig) -> tuple[Cell, ...]:
    """List the runs of the grid in the order in which they are done.

    First all seeds of the strategies, then the further alphas, then the smaller shares of the data, then few
    items of the corpora that are held back, so that a study that is stopped early can say most.

    Args:
        study: The study.

    Returns:
        The cells, each once.
    """
    return tuple(dict.fromkeys(_list_cells(study)))


def _list_cells(study: StudyConfig) -> Iterator[Cell]:
    grid = study.grid
    names = [each.name for each in study.encoders]
    for seed in grid.seeds:
        for encoder in names:
            yield from (Cell(encoder, strategy, None, seed) for strategy in grid.strategies)
    for seed in grid.seeds:
        for encoder in names:
            for alpha in grid.alphas:
                strategy, label = label_alpha(alpha)
                yield Cell(encoder, strategy, None if label == strategy else alpha, seed)
    for share in sorted(grid.shares, reverse=True):
        for seed in grid.seeds:
            for encoder in names:
                yield from (Cell(encoder, strategy, None, seed, share) for strategy in grid.share_strategies)
    for seed in grid.seeds:
        for encoder in names:
            for items in sorted(grid.items):
                yield from (
                    Cell(encoder, strategy, None, seed, items=items) for strategy in grid.item_strategies
                )


def list_trials(study: StudyConfig) -> tuple[Cell, ...]:
    """List the trials of the tuning: as many for every strategy, and one seed that no run of the grid has.

    Args:
        study: The study.

    Returns:
        The trials; none where nothing is tuned.
    """
    strategies = dict.fromkeys((cell.encoder, cell.strategy) for cell in list_cells(study))
    return tuple(
        Cell(encoder, strategy, None, study.tuning.seed, trial=trial)
        for encoder, strategy in strategies
        for trial in range(len(study.tuning.trials))
    )


def build_training(
    study: StudyConfig, cell: Cell, model: Path | str, chosen: Mapping[str, TomlValue] | None = None
) -> TrainConfig:
    """Build the settings of a cell's training.

    Args:
        study: The study.
        cell: The cell.
        model: Folder or hub name of the encoder.
        chosen: What tuning chose for the cell's strategy, or what the trial tries.

    Returns:
        The settings.

    Raises:
        ConfigError: A setting is unknown or does not fit.
    """
    tables = merge_tables(study.training, study.encoder(cell.encoder).training)
    tables = merge_tables(tables, chosen or {})
    batches: dict[str, TomlValue] = {"strategy": cell.strategy}
    if cell.alpha is not None:
        batches["alpha"] = cell.alpha
    decided: dict[str, TomlValue] = {"model": {"name": str(model)}, "batches": batches, "seed": cell.seed}
    config = parse_config(TrainConfig, merge_tables(tables, decided), f"{study.name}, cell {cell.name}")
    corpora = tuple(
        dataclasses.replace(each, items=cell.items) if each.name in study.grid.item_corpora else each
        for each in config.corpora
    )
    return dataclasses.replace(config, data_share=cell.share, corpora=corpora)


def merge_tables(first: Mapping[str, TomlValue], second: Mapping[str, TomlValue]) -> dict[str, TomlValue]:
    """Join two sets of tables.

    Args:
        first: Tables.
        second: Others, whose values win.

    Returns:
        New tables; tables that both have are joined likewise.
    """
    merged = dict(first)
    for key, value in second.items():
        before = merged.get(key)
        both = isinstance(before, dict) and isinstance(value, dict)
        merged[key] = merge_tables(before, value) if both else value  # type: ignore[arg-type]
    return merged
