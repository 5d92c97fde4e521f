"""Find a model by what the user names: a run directory, a model folder or a hub name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isogloss.errors import ConfigError, ModelError, first_line
from isogloss.results import RunInfo
from isogloss.types import PassageUnit

SAFE_WEIGHTS = {"use_safetensors": True}
"""Passed when a model is loaded: weights stored as pickles, which can run code, are refused."""

HEAD_FOLDER = "mlm"
"""Folder in a pre-trained model with the encoder and its language-modelling head, as they were together."""
OTHER_FORMS = frozenset({"onnx", "openvino", "coreml", HEAD_FOLDER})
"""Folders in a model's folder that make none of its vectors: forms for uses that are none of ours."""

_HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", re.ASCII)


@dataclass(frozen=True)
class ModelSource:
    """Say where a model is and what its training run tells about it.

    Attributes:
        model: Folder or hub name to load.
        run: The run directory it is from; None when it is from none.
        info: What comparisons should know about it.
        unit: The passage text it was trained on; a sentence when unknown.
    """

    model: str
    run: Path | None
    info: RunInfo
    unit: PassageUnit


def find_model(
    name: str, label: str | None = None, seed: int | None = None, benchmark: str | None = None
) -> ModelSource:
    """Find a model, and read the provenance of a run directory.

    Args:
        name: Run directory (it holds ``model/`` and ``provenance.json``) or its model; another model folder;
            hub name.
        label: What comparisons call the model; the run's label, else the folder's name, when not given.
        seed: The training's seed; that of the run when not given.
        benchmark: The benchmark to be measured on: the notes tell what the training data share with it alone,
            or that they were not compared with it; with every benchmark checked, when not given.

    Returns:
        The model's place and description.

    Raises:
        ModelError: The run directory's provenance cannot be read.
    """
    folder = Path(name)
    if folder.name == "model" and (folder.parent / "provenance.json").is_file():
        # The model of a run is the run's: unit, label, seed and languages are known.
        folder = folder.parent
    provenance = folder / "provenance.json"
    if not (provenance.is_file() and (folder / "model").is_dir()):
        own = folder.resolve().name if folder.is_dir() else name.rsplit("/", maxsplit=1)[-1]
        return ModelSource(
            name, None, RunInfo(model=name, label=label or own, seed=seed), PassageUnit.SENTENCE
        )
    try:
        stored = json.loads(provenance.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{provenance}: cannot be read ({error})") from error
    known = stored if isinstance(stored, dict) else {}
    model = str(folder / "model")
    alpha, run_seed, languages, unit = (known.get(key) for key in ("alpha", "seed", "languages", "unit"))
    names = [known.get("label"), known.get("strategy"), folder.resolve().name]
    info = RunInfo(
        model=model,
        label=label or next(text for text in names if isinstance(text, str) and text),
        seed=seed if seed is not None else run_seed if isinstance(run_seed, int) else None,
        alpha=float(alpha) if isinstance(alpha, int | float) else None,
        trained_languages=tuple(str(language) for language in languages)
        if isinstance(languages, list)
        else (),
        settings={"start": start} if isinstance(start := known.get("start"), str) else {},
        notes=_note_overlap(known["overlap"], benchmark) if "overlap" in known else (),
    )
    trained_unit = (
        PassageUnit(unit) if isinstance(unit, str) and unit in set(PassageUnit) else PassageUnit.SENTENCE
    )
    return ModelSource(model, folder, info, trained_unit)


def _note_overlap(overlap: object, benchmark: str | None) -> tuple[str, ...]:
    """Say what the training data share with benchmarks, as the run has recorded it."""
    reports = overlap.get("reports") if isinstance(overlap, dict) else None
    notes = tuple(
        f"training data: {report['summary']}"
        for report in (reports if isinstance(reports, list) else ())
        if isinstance(report, dict)
        and isinstance(report.get("summary"), str)
        and benchmark in (None, report.get("benchmark"))
    )
    if benchmark is not None and not notes:
        return (f"training data were not checked for overlap with {benchmark}",)
    return notes


def check_model_name(name: str) -> None:
    """Refuse at once what is no model folder and cannot be a name on the hub, before the network is asked.

    Args:
        name: Folder, or name on the Hugging Face hub.

    Raises:
        ModelError: The name is neither.
    """
    folder = Path(name)
    if name and folder.is_dir():
        if not any((folder / file).is_file() for file in ("modules.json", "config.json")):
            raise ModelError(f"{name}: no model in the folder (neither modules.json nor config.json)")
    elif folder.is_file():
        raise ModelError(f"{name}: is a file; give the folder of a model, or a name on the hub")
    elif not _HUB_NAME.fullmatch(name):
        raise ModelError(f"{name or repr(name)}: no such folder, and no name that the hub could have")


def fetch_model(name: str, patterns: Sequence[str] | None = None, revision: str | None = None) -> Path:
    """Find the folder of a model, and download it where it is named by its name on the hub.

    Args:
        name: Model folder, or name on the Hugging Face hub.
        patterns: The files to download, such as ``*.json``; all when not given.
        revision: Branch, tag or commit on the hub; the main branch when not given.

    Returns:
        The folder.

    Raises:
        ModelError: There is no such folder and no such model on the hub, or it cannot be fetched.
    """
    check_model_name(name)
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined] # of the library beneath

    try:
        wanted = None if patterns is None else list(patterns)
        return Path(snapshot_download(name, revision=revision, allow_patterns=wanted))
    except (OSError, ValueError, HTTPError) as error:
        told = name if revision is None else f"{name}@{revision}"
        raise ModelError(
            f"{told}: no such folder, and it cannot be fetched from the hub ({first_line(error)})"
        ) from error


def check_device(device: str | None) -> None:
    """Refuse a device that this installation of torch cannot use.

    Args:
        device: ``cpu``, ``cuda``, ``cuda:1`` ...; None for the best there is, which is always to be had.

    Raises:
        ConfigError: There is no such device.
    """
    if device is None:
        return
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, ImportError) as error:  # a build without CUDA fails an assertion
        raise ConfigError(f"device {device!r} cannot be used ({first_line(error)})") from error


@contextmanager
def hide_loading_bars() -> Iterator[None]:
    """Keep the bars that transformers shows while it loads a model off stderr; they come and go in seconds.

    Yields:
        Nothing; the bars are shown again afterwards, if they were before.
    """
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
