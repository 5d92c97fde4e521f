"""Debias a model: encode text, find what tells languages apart, measure, write, check."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from isogloss.debiased_model.card import write_debiased_card
from isogloss.debiased_model.layers import append_projection
from isogloss.debiased_model.measures import (
    HeldOutFigures,
    LanguageVectors,
    measure_held_out,
    share_removed,
)
from isogloss.debiased_model.report import DebiasReport
from isogloss.debiased_model.texts import PartedTexts, part_texts
from isogloss.debiasing import Subspace, check_components, find_subspace, project
from isogloss.encoding import Encoder, load_encoder
from isogloss.encoding.batches import BatchEncoder, make_unit
from isogloss.encoding.fingerprint import fingerprint_model
from isogloss.encoding.store import EmbeddingStore
from isogloss.encoding.stored import StoredEncoder
from isogloss.errors import ConfigError, ModelError
from isogloss.files import is_free, replace_folder, write_text
from isogloss.model_card import CARD_FILE
from isogloss.model_source import hide_loading_bars
from isogloss.run_directory import describe_environment
from isogloss.vocabulary import TOKENIZER_PATTERNS, TextCollection, find_folder

RECORD = "debiasing.json"
_PATTERNS = (*TOKENIZER_PATTERNS, "*.safetensors", "*/*.bin", "*.md")
"""What is fetched of a model on the hub; modules of old models have their few weights as .bin alone."""
_CHECKED = 8
"""Texts of each language whose embeddings are checked before a debiased model is left."""
_ROUNDINGS = 100
"""How many roundings of the model's number format an embedding may differ by."""

Vectors = NDArray[np.float32]
Basis = NDArray[np.float64]


def debias_model(
    model: str,
    texts: TextCollection,
    out: Path,
    *,
    method: Subspace = Subspace.LSAR,
    components: int | None = None,
    aligned: bool = False,
    passage_prefix: str | None = None,
    device: str | None = None,
    store: bool = True,
    quiet: bool = False,
) -> DebiasReport:
    """Write a model whose last layer takes out of its vectors what tells languages apart.

    The directions are learned from four fifths of the text and measured on the rest. Before the folder
    appears, embeddings of what was written are compared with the projected ones of the model.

    Args:
        model: Run directory, model folder, or name on the hub; it is not changed.
        texts: Text of two languages at least, some hundred texts of each; encoded as passages.
        out: Folder of the debiased model; it must not exist yet, or be empty.
        method: How the directions are found.
        components: How many directions to take out; as many as there are when not given.
        aligned: Whether line i of each language's file says the same; then it is measured how often a
            translation is found.
        passage_prefix: Text put before every text; the model's stored prompt for passages when not given.
        device: Where to compute; the best there is when not given.
        store: Whether vectors of the text are kept, and taken from those kept.
        quiet: Whether to show no progress.

    Returns:
        What was done and measured.

    Raises:
        ConfigError: The folder is not free, or there are not as many directions.
        DataError: Text cannot be read, is too little, or is not aligned.
        ModelError: The model cannot be loaded, or cannot be debiased.

    Source: see ``debiasing.find_subspace``.
    """
    if not is_free(out):
        raise ConfigError(f"{out} is not empty; choose another folder for the debiased model")
    parted = part_texts(texts, aligned=aligned)
    folder = find_folder(model, _PATTERNS)
    encoder = load_encoder(str(folder), passage_prefix=passage_prefix, device=device, quiet=quiet)
    check_components(method, components, len(parted.learned), encoder.dimension() or sys.maxsize)
    before = _encode(StoredEncoder(encoder, EmbeddingStore()) if store else encoder, parted)
    basis = find_subspace(before.learned, method, components)
    report = DebiasReport(
        model=model,
        method=method,
        components=len(basis),
        dimension=basis.shape[1],
        prefix=encoder.prefixes["passage"],
        aligned=aligned,
        held_out=_measure(before, parted, basis, model),
    )
    expected = _expect(encoder, parted, basis)
    with replace_folder(out) as written:
        _write_model(folder, basis, written)
        _check_embeddings(written, encoder, parted, expected)
        write_text(written / CARD_FILE, write_debiased_card(folder, report, RECORD))
        _write_record(report, folder, texts, written)
    return report


def _encode(encoder: BatchEncoder, parted: PartedTexts) -> LanguageVectors:
    """Encode both parts at once, so that there is one bar of progress."""
    parts = parted.learned, parted.held_out
    lists = [own for part in parts for own in part.values()]
    vectors = encoder.encode_passages([text for own in lists for text in own])
    rows = iter(np.split(vectors, np.cumsum([len(own) for own in lists])[:-1]))
    learned, held_out = ({language: next(rows) for language in part} for part in parts)
    return LanguageVectors(learned, held_out)


def _measure(before: LanguageVectors, parted: PartedTexts, basis: Basis, model: str) -> HeldOutFigures:
    """Take the directions out of all vectors, and measure what that changes."""
    learned, held_out = (
        {
            language: make_unit(project(own, basis).astype(np.float32), texts[language], model, "passage")
            for language, own in vectors.items()
        }
        for vectors, texts in ((before.learned, parted.learned), (before.held_out, parted.held_out))
    )
    shortened = {language: project(own, basis) for language, own in before.held_out.items()}
    return measure_held_out(
        before,
        LanguageVectors(learned, held_out),
        share_removed(before.held_out, shortened),
        aligned=parted.aligned,
    )


def _expect(encoder: Encoder, parted: PartedTexts, basis: Basis) -> tuple[Vectors, Vectors]:
    """Compute what the debiased model should give for a sample, as queries and as passages."""
    sample = _sample(parted)
    queries, passages = encoder.encode_queries(sample), encoder.encode_passages(sample)
    return (
        make_unit(project(queries, basis).astype(np.float32), sample, encoder.name, "query"),
        make_unit(project(passages, basis).astype(np.float32), sample, encoder.name, "passage"),
    )


def _sample(parted: PartedTexts) -> list[str]:
    """Take the first texts of each language."""
    return [text for own in parted.learned.values() for text in own[:_CHECKED]]


def _write_model(source: Path, basis: Basis, folder: Path) -> None:
    """Write the model with its new layer; loaded anew, since encoding changes a tokenizer's settings."""
    model = load_encoder(str(source), device="cpu", quiet=True).model
    append_projection(model, basis)
    with hide_loading_bars():
        model.save(str(folder), create_model_card=False)


def _check_embeddings(
    folder: Path, encoder: Encoder, parted: PartedTexts, expected: tuple[Vectors, Vectors]
) -> None:
    """Refuse a folder whose model gives other vectors than the projected ones of the model before."""
    loaded = load_encoder(
        str(folder),
        query_prefix=encoder.prefixes["query"],
        passage_prefix=encoder.prefixes["passage"],
        device=str(encoder.model.device),
        quiet=encoder.quiet,
    )
    sample = _sample(parted)
    found = loaded.encode_queries(sample), loaded.encode_passages(sample)
    difference = max(float(np.abs(one - other).max()) for one, other in zip(found, expected, strict=True))
    number = next(encoder.model.parameters(), torch.empty(0)).dtype
    if not difference <= _ROUNDINGS * torch.finfo(number).eps:
        raise ModelError(
            f"{encoder.name}: embeddings of the debiased model differ by {difference:.1e} from those "
            "computed, so nothing is written"
        )


def _write_record(report: DebiasReport, source: Path, texts: TextCollection, folder: Path) -> None:
    record = {
        **report.to_dict(),
        "fingerprint": fingerprint_model(source),
        "files": dict(texts.files),
        **describe_environment(),
    }
    write_text(folder / RECORD, json.dumps(record, ensure_ascii=False, indent=1) + "\n")
