"""Read a study file, and say everything that is wrong with it at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from isogloss.batching.strategy import STRATEGIES
from isogloss.benchmarks import Layout
from isogloss.config import TomlValue, parse_config, read_toml
from isogloss.debiasing import Debiasing
from isogloss.errors import ConfigError
from isogloss.published import read_published
from isogloss.study.claims import CLAIMS
from isogloss.study.grid import build_training, list_cells
from isogloss.study.settings import ROLES, MarginsConfig, StudyConfig, demo_folder

_NAME = re.compile(r"\w[\w.-]*", re.ASCII)
_PLACES = ("data", "out", "demo")
_OVERRIDES = ("model", "trainer")
"""Tables of the training that one encoder may set otherwise."""
_AXES = (
    "strategies",
    "seeds",
    "alphas",
    "shares",
    "share_strategies",
    "items",
    "item_corpora",
    "item_strategies",
)
"""What the grid lists, each once."""
_DECIDED = {
    "model.name": "'encoders'",
    "batches.strategy": "'grid.strategies'",
    "batches.alpha": "'grid.alphas'",
    "seed": "'grid.seeds'",
    "data_share": "'grid.shares'",
}
"""Settings of a training that the study decides, and what decides each."""


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
    problems = [
        *_check_names(study),
        *_check_grid(study),
        *_check_training(study),
        *_check_margins(study.margins),
    ]
    if problems:
        raise ConfigError(f"{path}: {'; '.join(problems)}")
    for cell in list_cells(study):
        build_training(study, cell, "none")  # says what is wrong with the training's tables
    return study


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
    problems = [
        f"'{what}' is empty; name at least one"
        for what in ("encoders", "benchmarks")
        if not getattr(study, what)
    ]
    papers = tuple(dict.fromkeys(each.model for each in read_published()))
    for encoder in study.encoders:
        if not _NAME.fullmatch(encoder.name):
            problems.append(f"an encoder's name is letters, digits, '-', '_' and '.'; got {encoder.name!r}")
        if bool(encoder.model) == (encoder.pretrain is not None):
            problems.append(f"encoder {encoder.name!r} needs either 'model' or a table 'pretrain'")
        if encoder.published and encoder.published not in papers:
            problems.append(f"'published' is one of {', '.join(papers)}; got {encoder.published!r}")
    known = [claim.id for claim in CLAIMS]
    problems += [
        f"'claims' are {', '.join(known)}; got {claim!r}" for claim in study.claims if claim not in known
    ]
    problems += _find_twice("encoders", [each.name for each in study.encoders])
    for benchmark in study.benchmarks:
        if benchmark.role not in ROLES:
            problems.append(f"'benchmarks.role' is one of {', '.join(ROLES)}; got {benchmark.role!r}")
        if benchmark.layout not in ("auto", *Layout):
            problems.append(
                f"'benchmarks.layout' is one of {', '.join(('auto', *Layout))}; got {benchmark.layout!r}"
            )
        problems += [
            f"'benchmarks.debias' are {', '.join(Debiasing)}; got {way!r}"
            for way in benchmark.debias
            if way not in tuple(Debiasing)
        ]
        problems += _find_twice(f"benchmarks.{benchmark.name}.debias", benchmark.debias)
        if benchmark.articles and benchmark.not_articles:
            problems.append(f"benchmark {benchmark.name!r} has both 'articles' and 'not_articles'; give one")
    return problems + _find_twice("benchmarks", [each.results for each in study.benchmarks])


def _find_twice(what: str, names: Sequence[object]) -> list[str]:
    return [f"'{what}' has {name} twice" for name, count in Counter(names).items() if count > 1]


def _check_grid(study: StudyConfig) -> list[str]:
    """Say what is wrong with the axes of the grid and with the tuning."""
    grid = study.grid
    problems: list[str] = []
    problems += [
        f"'grid.{name}' is empty; name at least one"
        for name in ("strategies", "seeds")
        if not getattr(grid, name)
    ]
    for name in _AXES:
        problems += _find_twice(f"grid.{name}", getattr(grid, name))
    for strategy in dict.fromkeys((*grid.strategies, *grid.share_strategies, *grid.item_strategies)):
        if strategy not in STRATEGIES:
            problems.append(f"'grid' knows the strategies {', '.join(STRATEGIES)}; got {strategy!r}")
    for alpha in grid.alphas:
        if not 0.0 <= alpha <= 1.0:
            problems.append(f"'grid.alphas' are from 0 to 1; got {alpha}")
    for share in grid.shares:
        if not 0.0 < share < 1.0:
            problems.append(f"'grid.shares' are shares of the data, above 0 and below 1; got {share}")
    problems += _check_items(study)
    for seed in (*grid.seeds, study.tuning.seed):
        if not 0 <= seed < 2**32:
            problems.append(f"a seed is a whole number from 0 to 4294967295; got {seed}")
    if study.tuning.trials and study.tuning.seed in grid.seeds:
        problems.append(f"'tuning.seed' {study.tuning.seed} is also one of 'grid.seeds'; choose another")
    return problems


def _check_items(study: StudyConfig) -> list[str]:
    """Say what is wrong with the corpora that are held back, and with the numbers of their items."""
    grid = study.grid
    problems = [f"'grid.items' are numbers of items from 0; got {each}" for each in grid.items if each < 0]
    if bool(grid.items) != bool(grid.item_corpora):
        problems.append("'grid.items' and 'grid.item_corpora' go together; give both or neither")
    corpora = study.training.get("corpora")
    tables = [each for each in corpora if isinstance(each, dict)] if isinstance(corpora, list) else []
    named = [each["name"] for each in tables if each.get("name")]
    problems += [
        f"'grid.item_corpora' are named by 'training.corpora.name'; got {name!r}"
        for name in grid.item_corpora
        if name not in named
    ]
    if any("items" in each for each in tables):
        problems.append("'training.corpora.items' is decided by 'grid.items'; take it out")
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
            f"'encoders.{encoder.name}.training.{key}': encoders differ in {' and '.join(_OVERRIDES)} alone"
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
        problems.append(
            "'tuning' chooses by the validation loss; 'training.validation.share' must be above 0"
        )
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
