"""The settings of a study: what is trained, measured and judged, and within which margins."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from isogloss.batching.strategy import DEFAULT_ALPHA, STRATEGIES, choose_strategy
from isogloss.benchmarks import Layout
from isogloss.config import TomlValue, parse_config, read_toml
from isogloss.errors import ConfigError
from isogloss.pretraining.settings import PretrainConfig
from isogloss.published import read_published

ROLES = ("parallel", "native", "shown")
"""What a benchmark is to the claims: the parallel sets, native monolingual ones, or no evidence for any."""

_NAME = re.compile(r"\w[\w.-]*", re.ASCII)
_PLACES = ("data", "out", "demo")
_OVERRIDES = ("model", "trainer")
"""Tables of the training that one encoder may set otherwise."""
_DECIDED = {
    "model.name": "'encoders'",
    "batches.strategy": "'grid.strategies'",
    "batches.alpha": "'grid.alphas'",
    "seed": "'grid.seeds'",
    "data_share": "'grid.shares'",
}
"""Settings of a training that the study decides, and what decides each."""


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

    @property
    def results(self) -> str:
        """Name the results on it: a part of the questions is a benchmark of its own."""
        end = "-articles" if self.articles else "-not-articles" if self.not_articles else ""
        return f"{self.name}{end}"


@dataclass(frozen=True)
class GridConfig:
    """Set the axes of the grid."""

    strategies: tuple[str, ...] = ("x-x-mono", "x-y", "hybrid")
    seeds: tuple[int, ...] = (1, 2, 3)
    alphas: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    share_strategies: tuple[str, ...] = ("x-x-mono", "x-y", "hybrid")


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


def read_study(path: Path, out: Path, data: Path | None = None) -> StudyConfig:
    """Read a study file.

    Args:
        path: The file.
        out: The study's folder; stands in place of ``{out}`` in the file, and ``{demo}`` is the demonstration
            corpus in it.
        data: The folder of real data, in place of ``{data}``.

    Returns:
        The settings.

    Raises:
        ConfigError: A setting is unknown, missing, or does not fit, or the file needs ``data`` and there is
            none.
    """
    places = {"out": str(out), "demo": str(demo_folder(out))} | ({} if data is None else {"data": str(data)})
    tables = cast("dict[str, TomlValue]", _fill(read_toml(path), places, str(path)))
    study = parse_config(StudyConfig, tables, str(path))
    problems = [*_check_names(study), *_check_grid(study), *_check_training(study), *_check_margins(study.margins)]
    if problems:
        raise ConfigError(f"{path}: {'; '.join(problems)}")
    return study


def demo_folder(out: Path) -> Path:
    """Name the folder of the demonstration corpus in a study's folder.

    Args:
        out: The study's folder.

    Returns:
        The folder.
    """
    return out / "demo-corpus"


def _fill(value: TomlValue, places: Mapping[str, str], source: str) -> TomlValue:
    """Put folders in place of their names in braces, in all texts."""
    match value:
        case str():
            for place in _PLACES:
                name = f"{{{place}}}"
                if name in value and place not in places:
                    raise ConfigError(f"{source} reads {value!r}; say which folder that is by --{place}")
                value = value.replace(name, places.get(place, ""))
            return value
        case list():
            return [_fill(entry, places, source) for entry in value]
        case dict():
            return {key: _fill(entry, places, source) for key, entry in value.items()}
    return value


def _check_names(study: StudyConfig) -> list[str]:
    """Say what is wrong with the names of encoders and benchmarks."""
    problems = [f"'{what}' is empty; name at least one" for what in ("encoders", "benchmarks") if not getattr(study, what)]
    papers = tuple(dict.fromkeys(each.model for each in read_published()))
    for encoder in study.encoders:
        if not _NAME.fullmatch(encoder.name):
            problems.append(f"an encoder's name is letters, digits, '-', '_' and '.'; got {encoder.name!r}")
        if bool(encoder.model) == (encoder.pretrain is not None):
            problems.append(f"encoder {encoder.name!r} needs either 'model' or a table 'pretrain'")
        if encoder.published and encoder.published not in papers:
            problems.append(f"'published' is one of {', '.join(papers)}; got {encoder.published!r}")
    problems += _find_twice("encoders", [each.name for each in study.encoders])
    for benchmark in study.benchmarks:
        if benchmark.role not in ROLES:
            problems.append(f"'benchmarks.role' is one of {', '.join(ROLES)}; got {benchmark.role!r}")
        if benchmark.layout not in ("auto", *Layout):
            problems.append(f"'benchmarks.layout' is one of {', '.join(('auto', *Layout))}; got {benchmark.layout!r}")
        if benchmark.articles and benchmark.not_articles:
            problems.append(f"benchmark {benchmark.name!r} has both 'articles' and 'not_articles'; give one")
    return problems + _find_twice("benchmarks", [each.results for each in study.benchmarks])


def _find_twice(what: str, names: Sequence[object]) -> list[str]:
    return [f"'{what}' has {name} twice" for name, count in Counter(names).items() if count > 1]


def _check_grid(study: StudyConfig) -> list[str]:
    """Say what is wrong with the axes of the grid and with the tuning."""
    grid, problems = study.grid, []
    for name in ("strategies", "seeds"):
        if not getattr(grid, name):
            problems.append(f"'grid.{name}' is empty; name at least one")
    for name in ("strategies", "seeds", "alphas", "shares", "share_strategies"):
        problems += _find_twice(f"grid.{name}", getattr(grid, name))
    for strategy in dict.fromkeys((*grid.strategies, *grid.share_strategies)):
        if strategy not in STRATEGIES:
            problems.append(f"'grid' knows the strategies {', '.join(STRATEGIES)}; got {strategy!r}")
    for alpha in grid.alphas:
        if not 0.0 <= alpha <= 1.0:
            problems.append(f"'grid.alphas' are from 0 to 1; got {alpha}")
    for share in grid.shares:
        if not 0.0 < share < 1.0:
            problems.append(f"'grid.shares' are shares of the data, above 0 and below 1; got {share}")
    for seed in (*grid.seeds, study.tuning.seed):
        if not 0 <= seed < 2**32:
            problems.append(f"a seed is a whole number from 0 to 4294967295; got {seed}")
    if study.tuning.trials and study.tuning.seed in grid.seeds:
        problems.append(f"'tuning.seed' {study.tuning.seed} is also one of 'grid.seeds'; choose another")
    return problems


def _check_training(study: StudyConfig) -> list[str]:
    """Say which tables of the training, its overrides and trials set what they may not."""
    problems = []
    for where, tables in (
        ("training", study.training),
        *((f"encoders.{each.name}.training", each.training) for each in study.encoders),
    ):
        for name, decider in _DECIDED.items():
            first, _, rest = name.partition(".")
            inner = tables.get(first)
            if (rest and isinstance(inner, dict) and rest in inner) or (not rest and inner is not None):
                problems.append(f"'{where}.{name}' is decided by {decider}; take it out")
    for encoder in study.encoders:
        problems += [
            f"'encoders.{encoder.name}.training.{key}': an encoder may differ in {' and '.join(_OVERRIDES)} alone"
            for key in encoder.training
            if key not in _OVERRIDES
        ]
    for number, trial in enumerate(study.tuning.trials):
        problems += [
            f"'tuning.trials[{number}].{key}': trials differ in 'trainer' alone, since validation losses of "
            "other losses, lengths or batches cannot be compared"
            for key in trial
            if key != "trainer"
        ]
    validation = study.training.get("validation")
    if study.tuning.trials and isinstance(validation, dict) and validation.get("share") == 0:
        problems.append("'tuning' chooses by the validation loss; 'training.validation.share' must be above 0")
    return problems


def _check_margins(margins: MarginsConfig) -> list[str]:
    problems = [
        f"'margins.{name}' is at least 0; got {getattr(margins, name)}"
        for name in ("equal", "stable", "strong", "zero_shot")
        if not getattr(margins, name) >= 0
    ]
    if not 0.5 < margins.level < 1:
        problems.append(f"'margins.level' lies between 0.5 and 1; got {margins.level}")
    if margins.resamples < 100:
        problems.append(f"'margins.resamples' is at least 100; got {margins.resamples}")
    if margins.seed < 0:
        problems.append(f"'margins.seed' is at least 0; got {margins.seed}")
    return problems


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
