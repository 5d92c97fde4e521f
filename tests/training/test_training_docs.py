"""The settings tables of the documentation name every setting, with its real default."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from sentence_transformers import SentenceTransformerTrainingArguments

from isogloss.config import TrainConfig, parse_config, read_toml
from isogloss.training.arguments import DECIDED, REFUSED

DOCS = Path(__file__).parents[2] / "docs"


def write_value(value: object) -> str:
    """Write a default as the tables do."""
    if isinstance(value, Enum):
        value = value.value
    match value:
        case None:
            return "not set"
        case bool():
            return f"`{str(value).lower()}`"
        case str():
            return f'`"{value}"`'
        case tuple():
            return f"`{list(value)}`"
        case dict():
            return "empty"
    return f"`{value}`"


def list_settings(kind: type[object], where: str = "") -> Iterator[tuple[str, str]]:
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        inner = next(
            (
                entry
                for entry in (hints[field.name], *get_args(hints[field.name]))
                if dataclasses.is_dataclass(entry)
            ),
            None,
        )
        if inner is not None:
            yield from list_settings(inner, f"{where}{field.name}.")  # type: ignore[arg-type]
        elif field.default is not dataclasses.MISSING:
            yield f"{where}{field.name}", write_value(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            yield f"{where}{field.name}", write_value(field.default_factory())
        else:
            yield f"{where}{field.name}", "needed"


def test_the_settings_table_is_complete_and_true() -> None:
    text = (DOCS / "training-settings.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"\| setting \| default \| meaning \|\n\|---\|---\|---\|\n((?:\|.*\n)+)", text)
    rows = [row.split(" | ")[:2] for row in table.splitlines()]
    written = {name.strip("| `"): default for name, default in rows}
    assert len(written) == len(rows)
    assert written == dict(list_settings(TrainConfig))


def test_the_decided_settings_are_listed() -> None:
    text = (DOCS / "training-settings.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"<!-- decided -->(.*?)<!-- end -->", text, re.DOTALL)
    assert re.findall(r"`(\w+)`", listed) == sorted(DECIDED)


def test_the_refused_settings_are_listed() -> None:
    text = (DOCS / "training-settings.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"<!-- refused -->(.*?)<!-- end -->", text, re.DOTALL)
    assert re.findall(r"`(\w+)`", listed) == sorted(REFUSED)


def test_the_examples_of_settings_are_read(tmp_path: Path) -> None:
    text = (DOCS / "training.md").read_text(encoding="utf-8")
    examples = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    tables = [name for example in examples for name in re.findall(r"^\[+([\w.]+)\]+$", example, re.MULTILINE)]
    assert {"lora", "trainer", "overlap.benchmarks"} <= set(tables)
    needed = '[model]\nname = "m"\n[[corpora]]\npath = "c"\n'
    for example in examples:
        whole = example if "[model]" in example else needed + example
        (tmp_path / "train.toml").write_text(whole, encoding="utf-8")
        config = parse_config(TrainConfig, read_toml(tmp_path / "train.toml"), "train.toml")
        fields = SentenceTransformerTrainingArguments.__dataclass_fields__
        assert not [name for name in config.trainer if name in DECIDED or name not in fields]


def list_anchors(page: Path) -> set[str]:
    """List what a link into a page can name: its headings, as GitHub spells them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ["training.md", "training-settings.md", "pretraining.md"])
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]*)(?:#([^)]+))?\)", (DOCS / page).read_text(encoding="utf-8"))
    assert links
    for target, anchor in links:
        file = DOCS / (target or page)
        assert file.is_file(), target
        assert not anchor or anchor in list_anchors(file), anchor
