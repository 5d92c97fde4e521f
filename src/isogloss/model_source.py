"""Find a model by what the user names: a run directory, a model folder or a hub name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from isogloss.errors import ModelError
from isogloss.results import RunInfo
from isogloss.types import PassageUnit


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


def find_model(name: str, label: str | None = None, seed: int | None = None) -> ModelSource:
    """Find a model, and read the provenance of a run directory.

    Args:
        name: Run directory (it holds ``model/`` and ``provenance.json``), model folder, or hub name.
        label: What comparisons call the model; the run's label, else the folder's name, when not given.
        seed: The training's seed; that of the run when not given.

    Returns:
        The model's place and description.

    Raises:
        ModelError: The run directory's provenance cannot be read.
    """
    folder = Path(name)
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
    )
    trained_unit = PassageUnit(unit) if unit in set(PassageUnit) else PassageUnit.SENTENCE
    return ModelSource(model, folder, info, trained_unit)
