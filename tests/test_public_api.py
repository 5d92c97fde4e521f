"""What the package promises to its users, by name."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import isogloss
from isogloss import errors

PACKAGES = sorted(
    module.name
    for module in pkgutil.iter_modules(isogloss.__path__, "isogloss.")
    if module.ispkg and module.name != "isogloss.cli"
)


def test_the_root_exports_exactly_this() -> None:
    assert sorted(isogloss.__all__) == ["IsoglossError", "__version__"]


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_lists_is_there(package: str) -> None:
    module = importlib.import_module(package)
    names = getattr(module, "__all__", [])
    assert len(names) == len(set(names))
    missing = [name for name in names if not hasattr(module, name)]
    assert not missing


def test_one_class_catches_every_error() -> None:
    classes = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__
    ]
    assert len(classes) >= 6
    assert all(issubclass(kind, errors.IsoglossError) for kind in classes)


def test_every_error_is_in_the_tree_drawn_for_the_reader() -> None:
    drawn = errors.__doc__ or ""
    classes = [
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if kind.__module__ == errors.__name__
    ]
    assert [name for name in classes if name not in drawn] == []


@pytest.mark.parametrize("name", importlib.import_module("isogloss.cli.main").COMMANDS)
def test_every_command_has_its_three_parts(name: str) -> None:
    module = importlib.import_module(f"isogloss.cli.{name}")
    assert isinstance(module.HELP, str)
    assert module.HELP
    assert list(inspect.signature(module.configure).parameters) == ["parser"]
    assert list(inspect.signature(module.run).parameters) == ["arguments"]


DOCS = sorted((Path(__file__).resolve().parent.parent / "docs").glob("*.md"))


def names_in(text: str) -> set[str]:
    return set(re.findall(r"`(isogloss(?:\.\w+)+)`", text))


def resolve(name: str) -> object:
    """Import the longest part of a dotted name that is a module, and look up the rest."""
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:size]))
        except ModuleNotFoundError:
            continue
        for part in parts[size:]:
            found = getattr(found, part)
        return found
    raise AttributeError(name)


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.stem)
def test_every_name_in_the_documentation_exists(page: Path) -> None:
    missing = []
    for name in sorted(names_in(page.read_text(encoding="utf-8"))):
        try:
            resolve(name)
        except AttributeError:
            missing.append(name)
    assert not missing, f"{page.name} names what isogloss does not have"


def test_the_method_is_mapped_to_functions() -> None:
    method = next(page for page in DOCS if page.stem == "method")
    assert len(names_in(method.read_text(encoding="utf-8"))) > 30
    with pytest.raises(AttributeError):
        resolve("isogloss.training.loss.no_such_loss")
