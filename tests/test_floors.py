"""The floors of the package: a module imports only from lower floors, and never in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import isogloss

SOURCE = Path(isogloss.__file__).parent

FLOORS: dict[int, tuple[str, ...]] = {
    0: ("_version", "characters", "columns", "errors", "types", "files", "processors", "progress"),
    1: ("config", "trec", "measures", "bias", "significance", "languages"),
    2: (
        "corpus",
        "benchmarks",
        "results",
        "published",
        "demo_corpus",
        "demo_collection",
        "run_directory",
        "model_source",
        "passages",
    ),
    3: (
        "answers",
        "batching",
        "encoding",
        "hard_negatives",
        "index",
        "overlap",
        "ranking",
        "sentence_ranking",
        "streamed_ranking",
        "mining",
        "lexical",
        "lexical_fusion",
        "debiasing",
        "fair_ranking",
        "vocabulary",
        "model_card",
    ),
    4: ("indexing", "retriever"),
    5: (
        "training",
        "evaluation",
        "pretraining",
        "mteb_tasks",
        "translation",
        "trimming",
        "exporting",
        "debiased_model",
        "sharding",
    ),
    6: ("comparison", "report", "demo", "study", "demo_search", "server", "transfer"),
    7: ("cli", "__main__"),
}
"""Every module and sub-package directly inside isogloss, by floor; a new one is added here."""

FLOOR_OF = {name: floor for floor, names in FLOORS.items() for name in names}

HEAVY = frozenset(
    {
        "accelerate",
        "bm25s",
        "datasets",
        "faiss",
        "grpc",
        "langcodes",
        "milvus_lite",
        "mteb",
        "openai",
        "prometheus_client",
        "pydantic",
        "py3langid",
        "pymilvus",
        "rapidfuzz",
        "ray",
        "regex",
        "rich",
        "scipy",
        "sentence_transformers",
        "sacremoses",
        "sentencepiece",
        "sentencex",
        "starlette",
        "tokenizers",
        "torch",
        "transformers",
        "uvicorn",
    }
)
"""Libraries that take long to import, or that not every command needs."""

MAY_IMPORT_HEAVY = (
    "encoding",
    "training",
    "pretraining",
    "vocabulary",
    "trimming",
    "exporting",
    "debiased_model",
    "server",
)
"""Parts whose whole job is done with such libraries; all others import them where they use them."""


class Import(NamedTuple):
    """One import statement's target, and whether it runs when the module is imported."""

    target: str
    at_import: bool
    line: int


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def top(module: str) -> str:
    """Name the part of isogloss that a module belongs to; the root package itself counts as floor 0."""
    return module.split(".")[1] if "." in module else "_version"


def is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def imports_in(nodes: list[ast.stmt], at_import: bool = True) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, at_import, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}: write the full name"
            base = str(node.module)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield Import(inner if inner in MODULES else base, at_import, node.lineno)
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            guarded = isinstance(node, ast.If) and is_type_checking(node.test)
            for field in ("body", "handlers", "orelse", "finalbody", "cases"):
                later = inside or (guarded and field == "body")
                yield from imports_in(getattr(node, field, []), at_import and not later)


def imports_of(module: str) -> list[Import]:
    return list(imports_in(ast.parse(MODULES[module].read_text(encoding="utf-8")).body))


def own_imports(module: str) -> list[Import]:
    return [found for found in imports_of(module) if found.target.split(".")[0] == "isogloss"]


def breach(module: str, target: str) -> bool:
    """Tell whether one module may not import another, circles apart."""
    return FLOOR_OF[top(target)] > FLOOR_OF[top(module)]


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_a_floor(module: str) -> None:
    assert top(module) in FLOOR_OF, f"{module} has no floor yet: add {top(module)!r} to FLOORS in {__file__}"


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module: str) -> None:
    wrong = [
        f"line {found.line}: {found.target}" for found in own_imports(module) if breach(module, found.target)
    ]
    assert not wrong, (
        f"{module} (floor {FLOOR_OF[top(module)]}) imports from a higher floor: {'; '.join(wrong)}"
    )


def find_circle(edges: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_circles_between_files() -> None:
    edges = {module: {found.target for found in own_imports(module)} for module in MODULES}
    circle = find_circle(edges)
    assert not circle, "modules import one another in a circle: " + " -> ".join(circle)


def test_no_circles_between_parts() -> None:
    edges: dict[str, set[str]] = {}
    for module in MODULES:
        targets = {top(found.target) for found in own_imports(module)} - {top(module)}
        edges.setdefault(top(module), set()).update(targets)
    circle = find_circle(edges)
    assert not circle, "parts of isogloss import one another in a circle: " + " -> ".join(circle)


@pytest.mark.parametrize("module", MODULES)
def test_heavy_libraries_are_imported_where_they_are_used(module: str) -> None:
    if top(module) in MAY_IMPORT_HEAVY:
        return
    wrong = [
        f"line {found.line}: {found.target}"
        for found in imports_of(module)
        if found.at_import and found.target.split(".")[0] in HEAVY
    ]
    assert not wrong, f"{module} imports at module level what belongs inside a function: {'; '.join(wrong)}"


def test_the_root_and_the_command_line_import_no_numpy() -> None:
    light = [module for module in MODULES if module == "isogloss" or top(module) in ("cli", "__main__")]
    wrong = [
        f"{module}, line {found.line}"
        for module in light
        for found in imports_of(module)
        if found.at_import and found.target.split(".")[0] == "numpy"
    ]
    assert not wrong, "numpy slows the start of every command; import it inside run: " + "; ".join(wrong)


def test_the_checks_see_what_they_should() -> None:
    """The walker tells module level, function, TYPE_CHECKING and try blocks apart, and circles are found."""
    code = (
        "import torch\n"
        "if TYPE_CHECKING:\n    import scipy\n"
        "def f():\n    import rich\n"
        "try:\n    import datasets\nexcept ImportError:\n    import tokenizers\n"
        "from isogloss import errors\n"
    )
    found = {entry.target: entry.at_import for entry in imports_in(ast.parse(code).body)}
    assert found == {
        "torch": True,
        "scipy": False,
        "rich": False,
        "datasets": True,
        "tokenizers": True,
        "isogloss.errors": True,
    }
    assert breach("isogloss.errors", "isogloss.cli.main")
    assert not breach("isogloss.cli.main", "isogloss.errors")
    assert find_circle({"a": {"b"}, "b": {"a"}})
    assert not find_circle({"a": {"b"}, "b": set()})
