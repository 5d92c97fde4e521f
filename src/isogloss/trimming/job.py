"""Trim a model: survey text, try the cut on held-out text, cut, check, report."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss.encoding import Encoder, load_encoder
from isogloss.encoding.fingerprint import fingerprint_model
from isogloss.errors import ConfigError, ModelError
from isogloss.files import is_free, replace_folder, write_text
from isogloss.run_directory import describe_environment
from isogloss.trimming.held_out import HeldOutChange, compare_segmentation, measure_change
from isogloss.trimming.model_files import ModelFiles, open_model, write_model
from isogloss.trimming.pieces import find_needed
from isogloss.trimming.report import ModelSize, TrimReport
from isogloss.trimming.survey import GivenText, Survey, Usage, check_same_segmentation, survey
from isogloss.vocabulary import TextCollection, load_tokenizer

MOST_DIFFERENT = 1e-6
"""Largest difference that embeddings of the given text may have."""
RECORD = "trimming.json"
_CHECKED = 32
"""Texts of each language whose embeddings are compared before a trimmed model is left."""


def trim(
    model: str,
    texts: TextCollection,
    out: Path,
    *,
    share: float = 0.1,
    query_prefix: str | None = None,
    passage_prefix: str | None = None,
    quiet: bool = False,
) -> TrimReport:
    """Cut a model's vocabulary to what text needs, and measure what that does to other text.

    First a share of the text is held out, a vocabulary is cut for the rest and tried on what is held out.
    Then the vocabulary is cut for all of the text. Before the folder appears, all text is segmented with
    what was written, and embeddings of a sample are compared.

    Args:
        model: Run directory, model folder, or name on the hub.
        texts: The text whose segmentation must stay.
        out: Folder of the trimmed model; it must not exist yet, or be empty.
        share: Share of the texts to hold out for the measures, 0 (no measures) to below 1.
        query_prefix: Text that will be put before queries; the model's stored prompt when not given.
        passage_prefix: Text that will be put before passages; the model's stored prompt when not given.
        quiet: Whether to show no progress.

    Returns:
        What was done and measured.

    Raises:
        ConfigError: The folder is not free, or the share is out of range.
        DataError: Text cannot be read.
        ModelError: The model cannot be loaded, or cannot be trimmed.

    Source: ours; Abdaoui et al. 2020, arXiv 2010.05609, cut vocabularies to the pieces of a language.
    """
    if not is_free(out):
        raise ConfigError(f"{out} is not empty; choose another folder for the trimmed model")
    if not 0 <= share < 1:
        raise ConfigError(f"the share to hold out is from 0 to below 1; got {share}")
    files = open_model(model)
    whole = load_encoder(
        str(files.folder), query_prefix=query_prefix, passage_prefix=passage_prefix, quiet=quiet
    )
    prompts = [prompt or "" for prompt in whole.model.prompts.values()]
    prefixes = tuple(dict.fromkeys(["", *whole.prefixes.values(), *prompts]))
    given = GivenText(texts, prefixes, share, quiet)
    found = survey(files.tokenizer, given)
    changes = _try_on_held_out(files, whole, given, found, out) if share else {}
    with replace_folder(out) as folder:
        size, difference, encoded = _write_checked(files, whole, given, found, folder)
        report = TrimReport(
            model=model,
            folder=str(out),
            before=_measure_size(whole, files.size(), len(files.tokenizer.pieces)),
            after=size,
            prefixes=prefixes,
            texts=found.texts,
            encoded=encoded,
            difference=difference,
            share=share,
            held_out=changes,
        )
        _write_record(report, files, texts, folder)
    return report


def _write_record(report: TrimReport, files: ModelFiles, texts: TextCollection, folder: Path) -> None:
    record = {
        **report.to_dict(),
        "fingerprint": fingerprint_model(files.folder),
        "languages": list(texts.languages),
        "files": dict(texts.files),
        **describe_environment(),
    }
    write_text(folder / RECORD, json.dumps(record, ensure_ascii=False, indent=1) + "\n")


def _try_on_held_out(
    files: ModelFiles, whole: Encoder, given: GivenText, found: Survey, out: Path
) -> Mapping[str, HeldOutChange]:
    """Cut the vocabulary for the rest of the text, and see what that does to the text held out."""
    kept = _choose(files, found.rest)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", suffix=".trial", dir=out.parent) as scratch:
        folder = Path(scratch)
        write_model(files, kept, folder)
        compared = compare_segmentation(files.tokenizer, load_tokenizer(folder), kept, given)
        trimmed = _load_alike(folder, whole)
        return {language: measure_change(counts, whole, trimmed) for language, counts in compared.items()}


def _write_checked(
    files: ModelFiles, whole: Encoder, given: GivenText, found: Survey, folder: Path
) -> tuple[ModelSize, float, int]:
    """Write the trimmed model and check it; tell its size, the difference of embeddings, and of how many."""
    kept = _choose(files, found.rest | found.held_out)
    write_model(files, kept, folder)
    check_same_segmentation(load_tokenizer(folder), kept, given, found)
    trimmed = _load_alike(folder, whole)
    sample = _sample(given.texts)
    difference = _compare_embeddings(whole, trimmed, sample)
    if not difference <= MOST_DIFFERENT:
        raise ModelError(
            f"{files.folder}: embeddings of the given text differ by {difference:.1e} after trimming, so "
            "nothing is written"
        )
    return _measure_size(trimmed, _count_bytes(folder), len(kept)), difference, len(sample)


def _load_alike(folder: Path, whole: Encoder) -> Encoder:
    """Load a trimmed model with the prefixes of the whole one."""
    return load_encoder(
        str(folder),
        query_prefix=whole.prefixes["query"],
        passage_prefix=whole.prefixes["passage"],
        quiet=whole.quiet,
    )


def _choose(files: ModelFiles, usage: Usage) -> NDArray[np.int64]:
    return find_needed(files.tokenizer, usage.ids(), usage.scripts(), files.tables.lowest)


def _sample(texts: TextCollection) -> list[str]:
    """Take the first texts of each language."""
    counts: dict[str, int] = {}
    sample: dict[str, None] = {}
    for text in texts:
        if counts.get(text.language, 0) < _CHECKED and text.text not in sample:
            counts[text.language] = counts.get(text.language, 0) + 1
            sample[text.text] = None
    return list(sample)


def _compare_embeddings(whole: Encoder, trimmed: Encoder, texts: list[str]) -> float:
    """Find the largest difference between numbers of the embeddings, as queries and as passages."""
    queries = np.abs(whole.encode_queries(texts) - trimmed.encode_queries(texts))
    passages = np.abs(whole.encode_passages(texts) - trimmed.encode_passages(texts))
    return float(max(queries.max(), passages.max()))


def _measure_size(encoder: Encoder, disk: int, pieces: int) -> ModelSize:
    parameters = list(encoder.model.parameters())
    return ModelSize(
        pieces=pieces,
        parameters=sum(tensor.numel() for tensor in parameters),
        disk=disk,
        memory=sum(tensor.numel() * tensor.element_size() for tensor in parameters),
    )


def _count_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
