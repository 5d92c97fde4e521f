"""The wheel: complete, and usable without what the tests need."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import isogloss

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def constraint_names() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {normalise(name): version for name, version in pairs}


def normalise(name: str) -> str:
    return name.lower().replace("_", "-")


def requirement_name(requirement: str) -> str:
    return normalise(requirement.partition(">=")[0])


def test_every_requirement_has_a_lower_bound_and_a_tested_release() -> None:
    requirements = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
    assert all(">=" in requirement for requirement in requirements)
    assert [name for name in map(requirement_name, requirements) if name not in constraint_names()] == []


def test_constraints_are_exact_and_name_no_local_build() -> None:
    versions = constraint_names()
    assert versions["torch"] == "2.13.0"
    assert [name for name, version in versions.items() if "+" in version or not version[0].isdigit()] == []


def test_citation_and_changelog_know_the_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {isogloss.__version__}\n" in citation
    assert f"[{isogloss.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, so that no build folder is left in the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    copied = [
        path for path in (ROOT / "src" / "isogloss").rglob("*") if path.is_file() and path.suffix != ".pyc"
    ]
    for path in copied:
        target = source / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    command = [
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(folder),
        str(source),
    ]
    subprocess.run([sys.executable, "-m", *command], check=True, timeout=300)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if name.startswith("isogloss/")}
    package = ROOT / "src" / "isogloss"
    files = (path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    wanted = {path.relative_to(package.parent).as_posix() for path in files}
    assert "isogloss/py.typed" in wanted
    assert inside == wanted


@pytest.mark.slow
def test_wheel_works_alone(wheel: Path, tmp_path: Path) -> None:
    """Install it in a new environment that sees the libraries of this one, but neither the tests nor src."""
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False, symlinks=os.name != "nt")
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    install = ["pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([sys.executable, "-m", *install], check=True, timeout=300)
    # A path in PYTHONPATH is searched for modules, but its .pth files (an editable install) are not read.
    settings = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")}
    where = "import isogloss, sys; print(isogloss.__file__, isogloss.__version__)"
    shown = subprocess.run(
        [python, "-c", where],
        cwd=tmp_path,
        env=settings,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert shown.startswith(str(environment))
    assert shown.split()[-1] == isogloss.__version__
    text = subprocess.run(
        [scripts / "isogloss", "--help"],
        cwd=tmp_path,
        env=settings,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert text.startswith("usage: isogloss")


def name_libraries(extra: str) -> set[str]:
    """Name the libraries of an extra as they are imported."""
    return {requirement_name(each).replace("-", "_") for each in PROJECT["optional-dependencies"][extra]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("there", "inside", "outside"),
    [((), "isogloss.", "isogloss.server."), (("serve",), "isogloss.server.", "-")],
)
def test_every_module_imports_without_what_the_tests_need(
    there: tuple[str, ...], inside: str, outside: str, tmp_path: Path
) -> None:
    """A module that imports a library of the test extra works here and fails at a user's.

    The service needs its own extra: the command asks for that before it imports anything there.
    """
    # scipy comes with sentence-transformers, by way of scikit-learn.
    blocked = sorted(name_libraries("test").difference({"scipy"}, *map(name_libraries, there)))
    code = f"""
import importlib, pkgutil, sys
for name in {blocked!r}:
    sys.modules[name] = None
import isogloss
names = [each.name for each in pkgutil.walk_packages(isogloss.__path__, "isogloss.")]
chosen = [name for name in names if name.startswith({inside!r}) and not name.startswith({outside!r})]
assert len(chosen) > 5
for name in chosen:
    if name != "isogloss.__main__":
        importlib.import_module(name)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
