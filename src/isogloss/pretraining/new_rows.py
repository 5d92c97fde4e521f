"""The rows of new pieces in a model's tables: means of the rows of the pieces that they stand for."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel


def extend_rows(model: PreTrainedModel, first: int, sources: Sequence[Sequence[int]]) -> PreTrainedModel:
    """Give a model rows for new pieces: in the embeddings, the decoder and its bias.

    Args:
        model: A model with a language-modelling head.
        first: Id of the first new piece; rows from there on are those of no piece, and are overwritten.
        sources: For each new piece, the ids whose rows it gets the mean of: former ones, or those of new
            pieces before it; of all former ids when empty.

    Returns:
        A model of the same class and weights, in evaluation mode, with further rows.

    Source: Hewitt 2021, "Initializing new word embeddings for pretrained language models" (the mean of all);
        Mundra et al. 2024, arXiv 2407.05841 (why a row among the old ones is a good start). The mean of the
        pieces that a new one replaces is common practice.
    """
    rows = int(model.config.vocab_size)
    size = max(rows, first + len(sources))
    dimensions = _find_dimensions(model, rows)
    state = {
        name: _extend(tensor, dimensions[name], first, size, sources) if name in dimensions else tensor
        for name, tensor in model.state_dict().items()
    }
    # The library's own resizing leaves the bias of a decoder with a table of its own as it was.
    with torch.random.fork_rng():
        extended = type(model)(_resize(model.config, size))
    extended.load_state_dict(state)
    extended.tie_weights()
    extended.eval()  # type: ignore[no-untyped-call]
    return extended


def _find_dimensions(model: PreTrainedModel, rows: int) -> dict[str, int]:
    """Find the tensors with a row for each id, by building the class with one id more, without memory."""
    with torch.device("meta"):
        larger = type(model)(_resize(model.config, rows + 1)).state_dict()
    dimensions = {}
    for name, tensor in model.state_dict().items():
        changed = [place for place, size in enumerate(tensor.shape) if size != larger[name].shape[place]]
        if changed:
            dimensions[name] = changed[0]
    return dimensions


def _extend(table: Tensor, dimension: int, first: int, size: int, sources: Sequence[Sequence[int]]) -> Tensor:
    rows = table.movedim(dimension, 0)
    extended = torch.cat([rows, rows.new_zeros(size - rows.shape[0], *rows.shape[1:])])
    common = rows[:first].mean(dim=0)
    for place, own in enumerate(sources):
        extended[first + place] = extended[list(own)].mean(dim=0) if own else common
    return extended.movedim(0, dimension).contiguous()


def _resize(config: PretrainedConfig, size: int) -> PretrainedConfig:
    resized = copy.deepcopy(config)
    resized.vocab_size = size
    return resized
