"""The tensors of a model that have a row for each id, and the rows that stay."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel

from isogloss.errors import ModelError, first_line
from isogloss.vocabulary.folder import read_object

WEIGHTS = "model.safetensors"
INDEX = f"{WEIGHTS}.index.json"


@dataclass(frozen=True)
class VocabularyTables:
    """Say which tensors of a model have a row for each id.

    Args:
        rows: Number of rows.
        dimensions: Name of each such tensor in the model's class -> the dimension of its rows.
        lowest: Ids below this one must stay, since positions are counted from the padding id.
    """

    rows: int
    dimensions: Mapping[str, int]
    lowest: int

    def dimension(self, name: str) -> int | None:
        """Tell which dimension of a stored tensor has the rows.

        Args:
            name: The tensor's name in the file; the name of the class before it may be there or not.

        Returns:
            The dimension; None for a tensor without such rows.
        """
        for known, dimension in self.dimensions.items():
            if name == known or name.endswith(f".{known}") or known.endswith(f".{name}"):
                return dimension
        return None


def find_tables(folder: Path) -> VocabularyTables:
    """Find the tensors of a model that grow when its vocabulary does.

    The model's class is built twice, without memory for weights, with one id more the second time.

    Args:
        folder: Folder of a transformer.

    Returns:
        The tensors.

    Raises:
        ModelError: The configuration cannot be read, or is that of a model of several parts or of an adapter.
    """
    if (folder / "adapter_config.json").is_file():
        raise ModelError(f"{folder}: is an adapter; merge it into its model first")
    try:
        config = AutoConfig.from_pretrained(str(folder))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder}: its configuration cannot be read ({first_line(error)})") from error
    if config.get_text_config() is not config or not isinstance(getattr(config, "vocab_size", None), int):
        raise ModelError(f"{folder}: a {config.model_type} model has no single vocabulary of text to trim")
    smaller, larger = (_build(config, extra) for extra in (0, 1))
    after = {name: tensor.shape for name, tensor in larger.state_dict().items()}
    dimensions = {}
    for name, tensor in smaller.state_dict().items():
        changed = [place for place, size in enumerate(tensor.shape) if size != after[name][place]]
        if changed:
            dimensions[name] = changed[0]
    return VocabularyTables(config.vocab_size, dimensions, _find_lowest(smaller, config.vocab_size))


def cut_weights(source: Path, target: Path, tables: VocabularyTables, kept: NDArray[np.int64]) -> None:
    """Write a model's weights with the rows of the kept ids alone; all else is copied bit by bit.

    Args:
        source: Folder of the transformer.
        target: Folder to write into.
        tables: The tensors to cut.
        kept: The ids to keep, ascending. Shape: (kept,), int64.

    Raises:
        ModelError: There are no weights as safetensors, they are damaged, or none of them is the table of
            embeddings.
    """
    rows = torch.from_numpy(kept)
    cut = False
    for file in _list_weights(source):
        tensors = {}
        try:
            with safe_open(file, framework="pt") as stored:
                metadata = stored.metadata()
                for name in stored.keys():  # noqa: SIM118 - no dictionary
                    tensor = stored.get_tensor(name)
                    dimension = tables.dimension(name)
                    if dimension is not None:
                        tensor = _cut(file, name, tensor, dimension, tables.rows, rows)
                        cut = True
                    tensors[name] = tensor
        except SafetensorError as error:
            raise ModelError(f"{file}: cannot be read ({error})") from error
        save_file(tensors, target / file.name, metadata=metadata)
    if not cut:
        raise ModelError(f"{source}: holds no table of embeddings that its configuration speaks of")


def _cut(
    file: Path, name: str, tensor: torch.Tensor, dimension: int, size: int, rows: torch.Tensor
) -> torch.Tensor:
    if tensor.dim() <= dimension or tensor.shape[dimension] != size:
        raise ModelError(
            f"{file}: {name} has the shape {tuple(tensor.shape)}, its configuration says {size} rows"
        )
    return tensor.index_select(dimension, rows).contiguous()


def _list_weights(folder: Path) -> Iterator[Path]:
    if (folder / WEIGHTS).is_file():
        yield folder / WEIGHTS
        return
    shards = read_object(folder / INDEX).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise ModelError(f"{folder}: holds no {WEIGHTS}; save the model as safetensors first")
    for name in sorted(set(map(str, shards.values()))):
        if not (folder / name).is_file():
            raise ModelError(f"{folder}: {name} is missing, which {INDEX} names")
        yield folder / name


def _build(config: PretrainedConfig, extra: int) -> PreTrainedModel:
    """Build the model's class without memory for its weights."""
    grown = copy.deepcopy(config)
    grown.vocab_size += extra
    named = (config.architectures or [""])[0]
    with torch.device("meta"):
        if isinstance(kind := getattr(transformers, named, None), type) and issubclass(kind, PreTrainedModel):
            return kind(grown)
        model: PreTrainedModel = AutoModel.from_config(grown)  # type: ignore[no-untyped-call]
        return model


def _find_lowest(model: PreTrainedModel, rows: int) -> int:
    """Find the padding id that positions are counted from: it stands with the table of positions."""
    places = [
        module.padding_idx
        for module in model.modules()
        if isinstance(module, torch.nn.Embedding)
        and module.padding_idx is not None
        and module.num_embeddings != rows
    ]
    return max(places, default=-1) + 1
