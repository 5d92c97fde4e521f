"""Run tasks of mteb on models of ours: mteb's own numbers, under a name that its cache cannot mistake."""

from __future__ import annotations

import difflib
import hashlib
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from isogloss.errors import ConfigError, DataError, first_line
from isogloss.files import replace_file, write_text
from isogloss.mteb_tasks.installation import check_mteb

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask
    from mteb.models import SentenceTransformerEncoderWrapper

    from isogloss.encoding import Encoder

BATCH_SIZE = 32
"""Texts of one batch in mteb."""

_PASSAGE_PROMPTS = ("document", "passage", "corpus")
"""What sentence-transformers calls a passage's prompt; mteb knows the first alone."""


@dataclass(frozen=True)
class MtebScores:
    """Hold the main scores of one model on one task of mteb.

    Attributes:
        task: The task's name.
        measure: Name of the main score, such as ``ndcg_at_10``.
        scores: Split and subset -> main score.
        file: Where mteb's whole result is; None for nowhere.
    """

    task: str
    measure: str
    scores: Mapping[tuple[str, str], float]
    file: Path | None


def as_mteb_model(encoder: Encoder, label: str) -> SentenceTransformerEncoderWrapper:
    """Wrap a model for ``mteb.evaluate``.

    A sentence-transformers model of ours runs in mteb as it is. Wrapped, it also has the encoder's prefixes
    where they are not the stored ones, and a revision that is a hash of the model, its prefixes and its
    lengths: to mteb all models from folders have one and the same name, and its cache of results takes one
    for the other.

    Args:
        encoder: The model, loaded from files; its prefixes are set as its prompts.
        label: What to call it.

    Returns:
        The model as mteb wants it.

    Raises:
        ConfigError: mteb is not installed.
        ModelError: The model was not loaded from files, so nothing says which it is.
    """
    check_mteb()
    from mteb.models import SentenceTransformerEncoderWrapper

    # mteb warns of prompts whose names it does not know, and does without them.
    others = {name: text for name, text in encoder.model.prompts.items() if name not in _PASSAGE_PROMPTS}
    encoder.model.prompts = {
        **others,
        "query": encoder.prefixes["query"],
        "document": encoder.prefixes["passage"],
    }
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning):  # of how mteb calls itself and others
            warnings.simplefilter("ignore", category)
        wrapped = SentenceTransformerEncoderWrapper(encoder.model)
    spaces = "".join(encoder.space(kind).digest() for kind in ("query", "passage"))
    wrapped.mteb_model_meta = wrapped.mteb_model_meta.model_copy(
        update={
            "name": f"isogloss/{label.replace('/', '__')}",
            "revision": hashlib.sha256(spaces.encode()).hexdigest()[:40],
        }
    )
    return wrapped


def run_mteb_task(
    encoder: Encoder,
    name: str,
    out: Path | None = None,
    *,
    label: str,
    batch_size: int = BATCH_SIZE,
    overwrite: bool = False,
    quiet: bool = False,
) -> MtebScores:
    """Run a task of mteb, all its splits and subsets, and keep mteb's result.

    Results of earlier runs are not taken up: what is printed was computed now.

    Args:
        encoder: The model, loaded from files.
        name: The task's name, such as ``XQuADRetrieval``.
        out: Folder for ``<task>.json`` and ``model_meta.json``, the files of mteb's own cache; None for none.
        label: What to call the model.
        batch_size: Texts of one batch.
        overwrite: Whether results that are there already may be replaced.
        quiet: Whether to show no progress bars.

    Returns:
        The main scores.

    Raises:
        ConfigError: mteb is not installed, has no such task of texts, or results are there already.
        DataError: The task's data are neither on this machine nor to be had.
        ModelError: The model was not loaded from files.
    """
    check_mteb()
    import mteb

    task = _find_task(name)
    file = None if out is None else out / f"{task.metadata.name}.json"
    if file is not None and file.exists() and not overwrite:
        raise ConfigError(f"{file} is there already; choose another folder, or --overwrite")
    model = as_mteb_model(encoder, label)
    shown = not quiet
    with _quieten(quiet):
        _load_data(task)
        found = mteb.evaluate(
            model,
            task,
            co2_tracker=False,
            encode_kwargs={"batch_size": batch_size, "show_progress_bar": shown},
            cache=None,
            show_progress_bar=shown,
        ).task_results[0]
    if file is not None:
        meta = json.dumps(model.mteb_model_meta.to_dict(), ensure_ascii=False, indent=1, default=str)
        write_text(file.with_name("model_meta.json"), meta)
        with replace_file(file) as temporary:
            found.to_disk(temporary)
    scores = {
        (split, str(subset["hf_subset"])): float(subset["main_score"])
        for split, subsets in found.scores.items()
        for subset in subsets
    }
    return MtebScores(task.metadata.name, task.metadata.main_score, scores, file)


def format_mteb_scores(scores: MtebScores) -> str:
    """Write main scores as a table.

    Args:
        scores: The scores.

    Returns:
        Lines of text: one a split and subset, then the mean of each split with several subsets.
    """
    rows = dict(scores.scores)
    for split in dict.fromkeys(split for split, _ in scores.scores):
        values = [value for (other, _), value in scores.scores.items() if other == split]
        if len(values) > 1:
            rows[split, "mean"] = sum(values) / len(values)
    first, second = (max(map(len, column)) for column in zip(("split", "subset"), *rows, strict=True))
    lines = [f"{scores.task}, {scores.measure}", f"{'split':{first}}  {'subset':{second}}  score"]
    lines += [f"{split:{first}}  {subset:{second}}  {value:.4f}" for (split, subset), value in rows.items()]
    return "\n".join(lines) + "\n"


def _find_task(name: str) -> AbsTask:
    """Find a task of texts by name."""
    import mteb
    from mteb.abstasks.aggregated_task import AbsTaskAggregate
    from mteb.get_tasks import TASK_LIST

    names = {kind.metadata.name.lower(): kind.metadata.name for kind in TASK_LIST}
    if name not in names.values():
        near = difflib.get_close_matches(name.lower(), names, n=3)
        meant = f"; did you mean {' or '.join(names[other] for other in near)}?" if near else ""
        raise ConfigError(f"mteb has no task {name!r}{meant}")
    task = mteb.get_task(name)
    if isinstance(task, AbsTaskAggregate):
        parts = ", ".join(part.metadata.name for part in task.tasks)
        raise ConfigError(f"{name} joins several tasks of mteb; run each by itself: {parts}")
    if "text" not in task.metadata.modalities or len(task.metadata.modalities) > 1:
        raise ConfigError(f"{name} is a task of {', '.join(task.metadata.modalities)}; our models read text")
    return task


def _load_data(task: AbsTask) -> None:
    """Load a task's data; from the cache alone where there is no network."""
    from datasets.exceptions import DatasetsError

    try:
        task.load_data()
    # What the library raises when a file is neither in its cache nor to be had, or is in a form that it no
    # longer reads, depends on the form.
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        place = task.metadata.dataset["path"]
        raise DataError(
            f"the data of mteb's task {task.metadata.name} cannot be loaded ({first_line(error)}); "
            f"load {place} once where the Hugging Face hub can be reached, and point HF_HOME to that cache"
        ) from error


@contextmanager
def _quieten(quiet: bool) -> Iterator[None]:
    """Keep the log of mteb to warnings, and no progress bars of the data library where none are wanted."""
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    logger, before = logging.getLogger("mteb"), logging.getLogger("mteb").level
    hidden = quiet and not are_progress_bars_disabled()
    logger.setLevel(logging.WARNING)
    if hidden:
        disable_progress_bars()
    try:
        yield
    finally:
        logger.setLevel(before)
        if hidden:
            enable_progress_bars()
