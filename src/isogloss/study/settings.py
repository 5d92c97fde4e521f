"""The settings of a study: what is trained, measured and judged, and within which margins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from isogloss.batching.strategy import DEFAULT_ALPHA, choose_strategy
from isogloss.config import TomlValue
from isogloss.pretraining.settings import PretrainConfig

ROLES = ("parallel", "native", "shown")
"""What a benchmark is to the claims: the parallel sets, native monolingual ones, or no evidence for any."""


@dataclass(frozen=True)
class EncoderConfig:
    """Name an encoder that cells start from: one that is there, or one to pre-train first."""

    name: str
    model: str = ""
    published: str = ""
    minutes: float = 0.0
    pretrain: PretrainConfig | None = None
    training: Mapping[str, TomlValue] = field(default_factory=dict)


@dataclass(frozen=True)
class StudyBenchmark:
    """Say what every cell is measured on, and what that is to the claims."""

    name: str
    data: str
    role: str = "parallel"
    languages: tuple[str, ...] = ()
    articles: str = ""
    not_articles: str = ""
    layout: str = "auto"
    debias: tuple[str, ...] = ()

    @property
    def results(self) -> str:
        """Name the results on it: a part of the questions is a benchmark of its own."""
        end = "-articles" if self.articles else "-not-articles" if self.not_articles else ""
        return f"{self.name}{end}"

    @property
    def judged(self) -> bool:
        """Tell whether it is evidence for a claim."""
        return self.role != "shown"


@dataclass(frozen=True)
class GridConfig:
    """Set the axes of the grid."""

    strategies: tuple[str, ...] = ("x-x-mono", "x-y", "hybrid")
    seeds: tuple[int, ...] = (1, 2, 3)
    alphas: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    share_strategies: tuple[str, ...] = ("x-x-mono", "x-y", "hybrid")
    items: tuple[int, ...] = ()
    item_corpora: tuple[str, ...] = ()
    item_strategies: tuple[str, ...] = ("x-x-mono", "x-y", "hybrid")


@dataclass(frozen=True)
class TuningConfig:
    """Set what is tried for every strategy before the grid, and chosen by validation loss alone."""

    trials: tuple[Mapping[str, TomlValue], ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class MarginsConfig:
    """Fix, before the first cell, what counts as equal, stable, strong, and sure."""

    equal: float = 0.005
    stable: float = 0.01
    strong: float = 0.1
    zero_shot: float = 0.9
    level: float = 0.95
    resamples: int = 10_000
    seed: int = 0


@dataclass(frozen=True)
class StudyConfig:
    """Hold every setting of a study."""

    name: str
    encoders: tuple[EncoderConfig, ...]
    training: Mapping[str, TomlValue]
    benchmarks: tuple[StudyBenchmark, ...]
    grid: GridConfig = field(default_factory=GridConfig)
    tuning: TuningConfig = field(default_factory=TuningConfig)
    margins: MarginsConfig = field(default_factory=MarginsConfig)
    claims: tuple[str, ...] = ()

    def encoder(self, name: str) -> EncoderConfig:
        """Look up an encoder.

        Args:
            name: Its name.

        Returns:
            Its settings.

        Raises:
            KeyError: There is none of that name.
        """
        for each in self.encoders:
            if each.name == name:
                return each
        raise KeyError(name)


def demo_folder(out: Path) -> Path:
    """Name the folder of the demonstration corpus in a study's folder.

    Args:
        out: The study's folder.

    Returns:
        The folder.
    """
    return out / "demo-corpus"


def label_alpha(alpha: float) -> tuple[str, str]:
    """Find the strategy that has a share of monolingual batches, and what comparisons call it.

    Args:
        alpha: The share, from 0 to 1.

    Returns:
        Strategy and label: the pure strategies at both ends, whose batches are the same as those of a hybrid
        with that alpha, and hybrid between them.
    """
    for name in ("x-y", "x-x-mono"):
        if choose_strategy(name).alpha == alpha:
            return name, name
    return "hybrid", "hybrid" if alpha == DEFAULT_ALPHA else f"hybrid-{alpha:g}"
