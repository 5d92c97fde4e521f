"""A model's folder: what is in it, and the same folder with a smaller vocabulary."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers import AutoConfig

from isogloss.errors import ModelError
from isogloss.model_source import OTHER_FORMS
from isogloss.trimming.tables import INDEX, VocabularyTables, cut_weights, find_tables
from isogloss.trimming.tokenizer_files import renumber, trim_definition
from isogloss.vocabulary import (
    TOKENIZER_PATTERNS,
    ModelTokenizer,
    find_folder,
    find_transformer,
    load_tokenizer,
)
from isogloss.vocabulary.folder import TOKENIZER_FILE, read_object

_OTHER_WEIGHTS = (
    ".bin",
    ".bin.index.json",
    ".h5",
    ".msgpack",
    ".ot",
    ".onnx",
    ".gguf",
    ".ckpt",
    ".pt",
    ".pth",
)
"""Weights in forms that are not used here, and states of training, in the transformer's own folder."""
_OTHER_VOCABULARIES = (".model", "vocab.txt", "vocab.json", "merges.txt", "unigram.json", "added_tokens.json")
"""Vocabularies beside ``tokenizer.json``, which holds all that they do; a loader might prefer them."""
_PATTERNS = (*TOKENIZER_PATTERNS, "*.safetensors", "*/*.bin", "*.md")
"""What is fetched of a model on the hub; modules of old models have their few weights as .bin alone."""
_FULL = (*_OTHER_VOCABULARIES, ".safetensors", INDEX, TOKENIZER_FILE)
"""Files of the transformer's folder that are not copied: they hold the whole vocabulary."""
_WITH_IDS = ("config.json", "generation_config.json", "tokenizer_config.json")


@dataclass(frozen=True)
class ModelFiles:
    """Hold where a model's files are and what of them depends on the vocabulary.

    Args:
        folder: The model's folder.
        transformer: The folder in it with the transformer and its tokenizer, or the same one.
        tokenizer: The tokenizer.
        tables: The tensors with a row for each id.
    """

    folder: Path
    transformer: Path
    tokenizer: ModelTokenizer
    tables: VocabularyTables

    def list(self) -> list[Path]:
        """List the files that are the model: not hidden ones, nor the weights in other forms.

        Returns:
            Paths, sorted.
        """
        return [
            path
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not self._is_passed_over(path)
        ]

    def size(self) -> int:
        """Count the bytes of these files.

        Returns:
            Bytes on disk.
        """
        return sum(path.stat().st_size for path in self.list())

    def _is_passed_over(self, path: Path) -> bool:
        parts = path.relative_to(self.folder).parts
        hidden = any(part.startswith(".") for part in parts)
        other = path.parent == self.transformer and path.name.endswith(_OTHER_WEIGHTS)
        return hidden or other or parts[0] in OTHER_FORMS


def open_model(model: str) -> ModelFiles:
    """Find a model's files.

    Args:
        model: Run directory, model folder, or name on the hub.

    Returns:
        The files.

    Raises:
        ModelError: There is no such model, or it has no vocabulary that can be trimmed.
    """
    folder = find_folder(model, _PATTERNS)
    transformer = find_transformer(folder)
    files = ModelFiles(folder, transformer, load_tokenizer(folder), find_tables(transformer))
    if files.tokenizer.size > files.tables.rows:
        raise ModelError(
            f"{model}: its tokenizer has {files.tokenizer.size:,} ids, its table of embeddings "
            f"{files.tables.rows:,} rows"
        )
    return files


def write_model(files: ModelFiles, kept: NDArray[np.int64], target: Path) -> None:
    """Write a model's folder with the kept pieces alone.

    Weights in other forms than safetensors, vocabularies in other forms than ``tokenizer.json`` and copies
    for other runtimes are left out: they would hold the former vocabulary.

    Args:
        files: The model's files.
        kept: The ids to keep, ascending. Shape: (kept,), int64.
        target: An empty folder.

    Raises:
        ModelError: The files of the model are damaged.
        OSError: A file cannot be written.
    """
    within = target / files.transformer.relative_to(files.folder)
    for path in files.list():
        if path.parent == files.transformer and path.name.endswith(_FULL):
            continue
        place = target / path.relative_to(files.folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    cut_weights(files.transformer, within, files.tables, kept)
    number_of = {int(old): new for new, old in enumerate(kept)}
    _write_json(within / TOKENIZER_FILE, trim_definition(files.tokenizer, kept))
    for name in _WITH_IDS:
        if content := read_object(files.transformer / name):
            renumbered = renumber(content, files.tables.rows, number_of)
            if name == "config.json":
                renumbered |= _change_config(files, len(kept), number_of)
            _write_json(within / name, renumbered)
    if index := read_object(files.transformer / INDEX):
        _write_json(within / INDEX, {**index, "metadata": {}})


def _change_config(files: ModelFiles, size: int, number_of: Mapping[int, int]) -> dict[str, object]:
    """Give the entries of config.json that change, those among them that stand for a default."""
    whole: dict[str, object] = AutoConfig.from_pretrained(str(files.transformer)).to_dict()
    renumbered = renumber(whole, files.tables.rows, number_of)
    changed = {key: value for key, value in renumbered.items() if value != whole[key]}
    return {**changed, "vocab_size": size}


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
