"""Read a run's settings from TOML: unknown keys are refused, all errors are reported together."""

from __future__ import annotations

import dataclasses
import difflib
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeAlias, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from isogloss.errors import ConfigError
from isogloss.types import PassageUnit

Config = TypeVar("Config")
TomlValue: TypeAlias = "str | int | float | bool | list[TomlValue] | dict[str, TomlValue]"


@dataclass(frozen=True)
class CorpusConfig:
    """Say where one training corpus is and how to read it."""

    path: str
    format: str = "auto"
    languages: tuple[str, ...] = ()
    name: str = ""
    license: str = ""
    negatives: str = ""
    items: int | None = None


@dataclass(frozen=True)
class ModelConfig:
    """Say which encoder to start from and how it turns text into a vector."""

    name: str
    pooling: str = "mean"
    query_prefix: str = "Query: "
    passage_prefix: str = "Passage: "
    query_length: int = 64
    passage_length: int = 256


@dataclass(frozen=True)
class BatchesConfig:
    """Say how batches are drawn."""

    strategy: str = "hybrid"
    alpha: float | None = None
    size: int = 100
    corpus_exponent: float = 1.0
    language_draw: str = "uniform"
    negatives: str = "none"
    negative_language: str = "passage"


@dataclass(frozen=True)
class LossConfig:
    """Say what is minimised."""

    name: str = "infonce"
    directions: int = 1
    temperature: float = 0.05
    learn_temperature: bool = False
    mask_false_negatives: bool = True
    mini_batch_tokens: int = 0


@dataclass(frozen=True)
class LoraConfig:
    """Say what low-rank adapter is trained in place of the weights themselves."""

    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.0
    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class ValidationConfig:
    """Say what is held out, how often loss and retrieval over it are measured, and which of them decides."""

    share: float = 0.05
    batches: int = 20
    every: int = 50
    patience: int = 5
    retrieval: int = 50
    metric: str = "loss"


@dataclass(frozen=True)
class CheckedBenchmarkConfig:
    """Name a benchmark that the training data must not hold."""

    name: str
    data: str
    languages: tuple[str, ...] = ()
    layout: str = "auto"


@dataclass(frozen=True)
class OverlapConfig:
    """Say which benchmarks the training data are compared with, and what becomes of what they share."""

    policy: str = "refuse"
    benchmarks: tuple[CheckedBenchmarkConfig, ...] = ()


@dataclass(frozen=True)
class TrainConfig:
    """Hold every setting of one training run."""

    model: ModelConfig
    corpora: tuple[CorpusConfig, ...]
    batches: BatchesConfig = field(default_factory=BatchesConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    lora: LoraConfig | None = None
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    overlap: OverlapConfig = field(default_factory=OverlapConfig)
    unit: PassageUnit = PassageUnit.SENTENCE
    data_share: float = 1.0
    seed: int = 0
    license: str = ""
    trainer: Mapping[str, TomlValue] = field(default_factory=dict)
    """Handed to ``SentenceTransformerTrainingArguments`` untouched."""


def read_toml(path: Path, overrides: Sequence[str] = ()) -> dict[str, TomlValue]:
    """Read a TOML file and apply ``key=value`` overrides.

    Args:
        path: The file.
        overrides: Each ``table.key=value``; the value is TOML, or else taken as a string.

    Returns:
        The tables of the file.

    Raises:
        ConfigError: The file is missing or no TOML, or an override has no ``=``.
    """
    try:
        tables: dict[str, TomlValue] = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name a TOML file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}, byte {error.start}: not UTF-8; convert the file") from None
    except ValueError as error:  # TOMLDecodeError, or an integer of thousands of digits
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    for override in overrides:
        _apply_override(tables, override)
    return tables


def parse_config(kind: type[Config], tables: Mapping[str, TomlValue], source: str) -> Config:
    """Turn TOML tables into a configuration dataclass.

    Args:
        kind: The dataclass to build; nested dataclasses are nested tables.
        tables: The tables.
        source: Name of the file, for messages.

    Returns:
        The configuration.

    Raises:
        ConfigError: Keys are unknown or missing, or values have the wrong type; all of them in one message.
    """
    errors: list[str] = []
    config = _build(kind, tables, "", errors)
    if errors:
        raise ConfigError(f"{source}: " + "; ".join(errors))
    return cast("Config", config)


def dump_config(config: object) -> dict[str, TomlValue]:
    """Turn a configuration dataclass back into plain tables.

    Args:
        config: The configuration.

    Returns:
        Tables that ``parse_config`` turns into an equal configuration; settings that are not set are absent.
    """
    plain = _plain(dataclasses.asdict(cast("Any", config)))
    return cast("dict[str, TomlValue]", plain)


def _apply_override(tables: dict[str, TomlValue], override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"--set takes table.key=value; got {override!r}")
    try:
        parsed: dict[str, TomlValue] = tomllib.loads(f"value = {text}")
    except ValueError:
        parsed = {}
    # A line break in the text could add keys of its own; such text is a string.
    value = parsed["value"] if len(parsed) == 1 else text
    *parents, key = name.strip().split(".")
    table = tables
    for parent in parents:
        inner = table.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {name}: {parent!r} is not a table")
        table = inner
    table[key] = value


def _build(
    kind: type[object], tables: Mapping[str, TomlValue], where: str, errors: list[str]
) -> object | None:
    hints = get_type_hints(kind)
    fields = {entry.name: entry for entry in dataclasses.fields(cast("Any", kind))}
    values: dict[str, object] = {}
    for key, value in tables.items():
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            hint = f"did you mean '{where}{near[0]}'?" if near else f"known: {', '.join(fields)}"
            errors.append(f"unknown setting '{where}{key}' ({hint})")
        else:
            values[key] = _convert(hints[key], value, f"{where}{key}", errors)
    for name, entry in fields.items():
        if name not in tables and entry.default is MISSING and entry.default_factory is MISSING:
            errors.append(f"'{where}{name}' is missing")
    return None if errors else kind(**values)


def _convert(hint: object, value: TomlValue, where: str, errors: list[str]) -> object:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        hint = next(choice for choice in get_args(hint) if choice is not NoneType)
        origin = get_origin(hint)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return _build(cast("type[object]", hint), value, f"{where}.", errors)
    if origin is tuple and isinstance(value, list):
        inner = get_args(hint)[0]
        return tuple(_convert(inner, entry, f"{where}[{place}]", errors) for place, entry in enumerate(value))
    if hint is PassageUnit and isinstance(value, str) and value in tuple(PassageUnit):
        return PassageUnit(value)
    if origin is Mapping and isinstance(value, dict):
        return value
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) <= sys.float_info.max:  # neither nan nor infinite, nor an integer too large
            return float(value)
        errors.append(f"'{where}' should be a finite number; got {value!r}")
        return None
    if isinstance(hint, type) and isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    errors.append(f"'{where}' should be {_describe(hint)}; got {value!r}")
    return None


def _describe(hint: object) -> str:
    if hint is PassageUnit:
        return "one of " + ", ".join(repr(unit.value) for unit in PassageUnit)
    if get_origin(hint) is tuple:
        return "a list"
    if dataclasses.is_dataclass(hint) or get_origin(hint) is not None:
        return "a table"
    names = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}
    return names.get(cast("type", hint), str(hint))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    if isinstance(value, PassageUnit):
        return value.value
    return value
