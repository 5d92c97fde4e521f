"""The folder of one training run: settings, provenance, log, checkpoints, model, results."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import tomli_w

from isogloss._version import __version__
from isogloss.config import TomlValue, TrainConfig, dump_config, parse_config, read_toml
from isogloss.errors import ConfigError
from isogloss.files import is_free, write_text

PROVENANCE_VERSION = 1
_RECORDED = (
    "torch",
    "sentence-transformers",
    "transformers",
    "accelerate",
    "datasets",
    "tokenizers",
    "numpy",
)


@dataclass(frozen=True)
class RunDirectory:
    """Know what lies where in the folder of a run.

    Args:
        path: The folder.
    """

    path: Path

    @property
    def config(self) -> Path:
        """Name the file of the resolved settings."""
        return self.path / "config.toml"

    @property
    def data(self) -> Path:
        """Name the file of the data's hashes, written when the run starts."""
        return self.path / "data.json"

    @property
    def provenance(self) -> Path:
        """Name the file that says where the model is from."""
        return self.path / "provenance.json"

    @property
    def log(self) -> Path:
        """Name the file of losses by step, one JSON object a line."""
        return self.path / "log.jsonl"

    @property
    def model(self) -> Path:
        """Name the folder of the finished model, in the sentence-transformers format."""
        return self.path / "model"

    @property
    def adapter(self) -> Path:
        """Name the folder of the low-rank adapter, where one was trained; it is merged into the model."""
        return self.path / "adapter"

    @property
    def checkpoints(self) -> Path:
        """Name the folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def results(self) -> Path:
        """Name the folder of the results, one folder a benchmark."""
        return self.path / "results"

    def check(self, config: TrainConfig, *, resume: bool) -> None:
        """Check that a run can be written here, or that the interrupted run to resume has the same settings.

        Args:
            config: The run's settings.
            resume: Whether to continue the run that the folder holds.

        Raises:
            ConfigError: The folder has content and is not to be resumed, the run is finished, or its settings
                differ.
        """
        if resume and self._has_settings():
            check_same_settings(self.config, config, "start a new run in another folder")
            if self.model.is_dir():
                raise ConfigError(f"{self.path} is finished; its model is in {self.model}")
        elif resume and self.config.is_file():
            pass  # killed while its settings were written: nothing is lost by starting it
        elif not is_free(self.path):
            raise ConfigError(
                f"{self.path} is not an empty folder; choose another, or --resume to continue an interrupted "
                "run that was started there"
            )

    def open(self, config: TrainConfig, files: Mapping[str, str], *, resume: bool) -> None:
        """Make the folder and write settings and data hashes, or check that the data are still the same.

        Args:
            config: The run's settings.
            files: Path -> SHA-256 of the data.
            resume: Whether to continue the run that the folder holds.

        Raises:
            ConfigError: A file of the run to resume has changed, its list cannot be read, or another run has
                started in the folder meanwhile.
        """
        if resume and self._has_settings() and self.data.is_file():
            check_same_files(self.data, files, "start a new run in another folder")
            return
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            # Made by one process only: two runs that start in one folder at once must not share it.
            self.config.touch(exist_ok=resume)
        except FileExistsError:
            raise ConfigError(f"another run has just started in {self.path}; choose another folder") from None
        write_text(self.data, json.dumps(dict(files), ensure_ascii=False, indent=1) + "\n")
        write_text(self.config, tomli_w.dumps(dump_config(config)))

    def _has_settings(self) -> bool:
        """Tell whether the settings are there; their file is empty until they are written."""
        return self.config.is_file() and self.config.stat().st_size > 0

    def write_provenance(self, content: Mapping[str, object]) -> None:
        """Write where the model is from.

        Args:
            content: JSON-able content; version, software and hardware are added.
        """
        full = {"provenance_version": PROVENANCE_VERSION, **content, **describe_environment()}
        write_text(self.provenance, json.dumps(full, ensure_ascii=False, indent=1) + "\n")

    def write_log(self, entries: Sequence[Mapping[str, object]]) -> None:
        """Write the losses by step.

        Args:
            entries: One JSON-able entry a line.
        """
        write_log(self.log, entries)


def check_same_settings(file: Path, config: object, instead: str) -> None:
    """Check that an interrupted run has the settings that it is to be resumed with.

    Args:
        file: Where its settings are, in its folder.
        config: The settings, of the same kind.
        instead: What else can be done, for the message.

    Raises:
        ConfigError: They differ, or cannot be read.
    """
    stored = parse_config(type(config), read_toml(file), str(file))
    if stored != config:
        changed = list_changes(dump_config(stored), dump_config(config))
        raise ConfigError(
            f"{file.parent} was started with other settings ({', '.join(changed)}); resume it with its "
            f"own {file.name}, or {instead}"
        )


def check_same_files(file: Path, files: Mapping[str, str], instead: str) -> None:
    """Check that an interrupted run has the data that it is to be resumed with.

    Args:
        file: Where the hashes of its data are, in its folder.
        files: Path -> SHA-256 of the data.
        instead: What else can be done, for the message.

    Raises:
        ConfigError: A file has changed, or their list cannot be read.
    """
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: cannot be read ({error})") from error
    changed = sorted(path for path in {*stored, *files} if stored.get(path) != files.get(path))
    if changed:
        raise ConfigError(
            f"{file.parent} was started with another version of {changed[0]}; put it back, or {instead}"
        )


def write_log(file: Path, entries: Sequence[Mapping[str, object]]) -> None:
    """Write losses by step.

    Args:
        file: Where to.
        entries: One JSON-able entry a line.
    """
    write_text(file, "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries))


def describe_environment() -> dict[str, object]:
    """Describe software and hardware.

    Returns:
        ``isogloss`` version, the commit of the checkout it runs from if it is one, versions of the libraries
        that decide results, Python, machine and number of cores.
    """
    versions = {name: metadata.version(name) for name in _RECORDED}
    return {
        "isogloss": __version__,
        "commit": _find_commit(),
        "versions": versions,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }


def _find_commit() -> str | None:
    """Name the commit when the package runs from a checkout of its own repository."""
    package = Path(__file__).parent
    if not (package.parents[1] / ".git").exists():
        return None
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=package,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()


def list_changes(
    before: Mapping[str, TomlValue], after: Mapping[str, TomlValue], where: str = ""
) -> list[str]:
    """Name the settings that differ.

    Args:
        before: Tables of settings.
        after: Tables of settings.
        where: Put before each name.

    Returns:
        Names such as ``trainer.max_steps``.
    """
    changed = []
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            changed += list_changes(old, new, f"{where}{key}.")
        elif old != new:
            changed.append(f"{where}{key}")
    return changed
