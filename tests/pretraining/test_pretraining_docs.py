"""docs/pretraining.md: its files are settings, its table holds every setting, and its commands are known."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import cast, get_args, get_type_hints

from isogloss.cli.main import build_parser
from isogloss.config import parse_config
from isogloss.pretraining.settings import PretrainConfig

PAGE = (Path(__file__).parents[2] / "docs" / "pretraining.md").read_text(encoding="utf-8")


def settings_of(kind: type, where: str = "") -> dict[str, str]:
    """Write the default of every setting as the page does."""
    found: dict[str, str] = {}
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        tables = [
            hint
            for hint in (hints[field.name], *get_args(hints[field.name]))
            if isinstance(hint, type) and dataclasses.is_dataclass(hint)
        ]
        if tables:
            found |= settings_of(cast("type", tables[0]), f"{where}{field.name}.")
        elif field.default is dataclasses.MISSING:
            found[f"{where}{field.name}"] = "needed"
        elif field.default is None:
            found[f"{where}{field.name}"] = "not set"
        else:
            own = field.default
            shown = {True: "true", False: "false"}.get(own) if isinstance(own, bool) else None
            text = f'"{own}"' if isinstance(own, str) else "[]" if own == () else str(own)
            found[f"{where}{field.name}"] = f"`{shown or text}`"
    return found


def test_the_table_holds_every_setting_and_its_default() -> None:
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| ([^|]+?) \|", PAGE, re.MULTILINE))
    assert rows == settings_of(PretrainConfig)


def test_the_files_of_the_page_are_settings() -> None:
    files = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    new, extended = (parse_config(PretrainConfig, tomllib.loads(text), "page") for text in files)
    assert (new.start, new.language_exponent, [text.aligned for text in new.texts]) == (
        None,
        0.3,
        [True, False],
    )
    assert extended.start is not None
    assert extended.start.languages == ("am", "km")


def test_the_commands_of_the_page_are_known() -> None:
    commands = re.findall(r"^\$ isogloss (.*)$", PAGE, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        build_parser().parse_args(command.split())


def test_the_recipe_of_the_studies_encoder_is_read() -> None:
    recipe = Path(__file__).parents[2] / "studies" / "encoder" / "pretrain.toml"
    config = parse_config(PretrainConfig, tomllib.loads(recipe.read_text(encoding="utf-8")), str(recipe))
    assert config.encoder.vocabulary == 32000
    assert all("benchmarks" not in text.path for text in config.texts)
