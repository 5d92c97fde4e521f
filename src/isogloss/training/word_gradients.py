"""Collect the gradient of the word embeddings without a whole matrix for each mini-batch.

A vocabulary of 250,002 pieces has a gradient of hundreds of megabytes, nearly all zeros, for every call of
the encoder. PyTorch can also give the rows alone; those of all mini-batches then become one matrix.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sentence_transformers import SentenceTransformer
from sentence_transformers.util import get_world_size
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from isogloss.training.start import first_module


class WordGradients:
    """Let an encoder's word embeddings give the gradient of the rows that were looked up.

    The optimizer sees an ordinary gradient: the same numbers, in the same place.

    Args:
        model: The encoder, before the trainer wraps it.

    Source: ours.
    """

    def __init__(self, model: SentenceTransformer) -> None:
        self._module = (first_module(model),)  # in a tuple, so that a loss does not count its weights twice
        self._watched: Tensor | None = None

    @contextmanager
    def gathered(self, model: nn.Module) -> Iterator[None]:
        """Gather the gradient by rows for what is encoded inside.

        Args:
            model: The encoder, as the trainer has wrapped it; where processes share out its weights, nothing
                is changed.

        Yields:
            Nothing.
        """
        table = self._module[0].model.get_input_embeddings()
        whole = get_world_size() == 1 or isinstance(model, DistributedDataParallel)
        if not (whole and isinstance(table, nn.Embedding) and table.weight.requires_grad) or table.sparse:
            yield
            return
        if table.weight is not self._watched:
            table.weight.register_post_accumulate_grad_hook(_fill)  # type: ignore[no-untyped-call]
            self._watched = table.weight
        table.sparse = True
        try:
            yield
        finally:
            table.sparse = False


def _fill(weight: Tensor) -> None:
    """Make the gradient an ordinary matrix; what comes later is added to its rows."""
    if weight.grad is not None and weight.grad.is_sparse:
        weight.grad = weight.grad.to_dense()
