"""Encode a batch in mini-batches of rows of like length, so that little is computed on padding.

Embeddings and gradients are those of the batch encoded at once; only the order of sums differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import NamedTuple

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import get_world_size
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

from isogloss.errors import ConfigError
from isogloss.training.word_gradients import WordGradients


class Limits(NamedTuple):
    """Limit a mini-batch: its tokens, padding included, and the padding borne to save a further one."""

    tokens: int
    padding: int


CPU = Limits(tokens=1024, padding=48)
"""Measured, see docs/performance.md."""
ACCELERATOR = Limits(tokens=16384, padding=4096)
"""For a GPU, where a mini-batch must keep the whole chip busy; not yet measured."""


class Span(NamedTuple):
    """Say where the tokens of a row stand in its padded column: from ``start`` to before ``end``."""

    row: int
    start: int
    end: int

    @property
    def length(self) -> int:
        """Count the tokens."""
        return self.end - self.start


MiniBatch = list[Span]


class ColumnEncoder:
    """Encode the columns of a batch: queries, passages, negatives.

    With ``tokens`` given, the activations of one mini-batch alone are in memory at any time (GradCache). All
    are encoded without them and the loss is taken over the embeddings; the backward pass encodes each again,
    with the same dropout, and adds up its gradient. That bounds the memory of a batch of any size, and costs
    one more forward pass.

    Args:
        model: The encoder, before the trainer wraps it.
        tokens: Padded tokens of a mini-batch at most; 0 keeps the activations of the whole batch, encoded in
            mini-batches of the size that suits the device.

    Raises:
        ConfigError: The number of tokens is negative.

    Source: Gao et al. 2021, arXiv 2101.06983, section 3 (GradCache); the cutting by length is ours.
    """

    def __init__(self, model: SentenceTransformer, tokens: int = 0) -> None:
        if tokens < 0:
            raise ConfigError(
                f"'loss.mini_batch_tokens' is a number of tokens, or 0 for the whole batch; got {tokens}"
            )
        self.tokens = tokens
        self._words = WordGradients(model)

    def encode(self, model: nn.Module, columns: Sequence[Mapping[str, Tensor]]) -> list[Tensor]:
        """Encode each row of each column.

        Args:
            model: The encoder, as the trainer has wrapped it.
            columns: Tokenised texts. Several processes that share a batch have equal numbers of rows.

        Returns:
            For each column the embeddings of its rows, in their order. Shape of each: (rows, dimensions).
        """
        cuts = self._cut(columns)
        replay = _Replay(self, sum(len(cut) for cut in cuts))
        encode = replay.encode if self.tokens and torch.is_grad_enabled() else self.encode_spans
        encoded = []
        for column, cut in zip(columns, cuts, strict=True):
            embeddings = torch.cat([encode(model, column, spans) for spans in cut])
            order = torch.tensor([span.row for spans in cut for span in spans]).argsort()
            encoded.append(embeddings[order.to(embeddings.device)])
        return encoded

    def encode_spans(self, model: nn.Module, column: Mapping[str, Tensor], spans: MiniBatch) -> Tensor:
        """Encode one mini-batch.

        Args:
            model: The encoder, as the trainer has wrapped it.
            column: Tokenised texts.
            spans: The rows to take.

        Returns:
            Their embeddings. Shape: (spans, dimensions).
        """
        with self._words.gathered(model):
            embeddings: Tensor = model(take_spans(column, spans))["sentence_embedding"]
        return embeddings

    def _cut(self, columns: Sequence[Mapping[str, Tensor]]) -> list[list[MiniBatch]]:
        """Cut each column, into as many mini-batches as the other processes do."""
        device = columns[0]["attention_mask"].device
        limits = CPU if device.type == "cpu" else ACCELERATOR
        limits = limits._replace(tokens=self.tokens or limits.tokens)
        cuts = [cut_spans(spans, limits) for spans in find_spans(columns)]
        if get_world_size() == 1:
            return cuts
        # Processes that share out the model's weights must run it equally often.
        counts = torch.tensor([len(cut) for cut in cuts], device=device)
        distributed.all_reduce(counts, op=distributed.ReduceOp.MAX)
        return [cut_further(cut, count) for cut, count in zip(cuts, counts.tolist(), strict=True)]


def find_spans(columns: Sequence[Mapping[str, Tensor]]) -> list[MiniBatch]:
    """Find the tokens of each row between the padding, on whichever side it stands.

    Args:
        columns: Tokenised texts, with ``attention_mask``.

    Returns:
        For each column the spans of its rows, in order.
    """
    masks = [column["attention_mask"].bool().to(torch.uint8) for column in columns]
    starts = torch.cat([mask.argmax(dim=1) for mask in masks])
    ends = torch.cat([mask.shape[1] - mask.flip(1).argmax(dim=1) for mask in masks])
    # One transfer for all columns: each makes the host wait for the device.
    numbers = iter(torch.stack([starts, ends], dim=1).tolist())
    return [[Span(row, *next(numbers)) for row in range(len(mask))] for mask in masks]


def cut_spans(spans: Sequence[Span], limits: Limits) -> list[MiniBatch]:
    """Order rows by length, the longest first, and cut them into mini-batches.

    Args:
        spans: The rows.
        limits: What a mini-batch may hold; a single row may be longer.

    Returns:
        The mini-batches; together they hold every row once.

    Source: ours.
    """
    cut: list[MiniBatch] = []
    longest = padding = 0
    for span in sorted(spans, key=lambda span: -span.length):
        padding += longest - span.length
        if cut and (len(cut[-1]) + 1) * longest <= limits.tokens and padding <= limits.padding:
            cut[-1].append(span)
        else:
            cut.append([span])
            longest, padding = span.length, 0
    return cut


def cut_further(cut: Sequence[MiniBatch], count: int) -> list[MiniBatch]:
    """Halve the mini-batches with the most rows until there are enough.

    Args:
        cut: The mini-batches.
        count: How many there shall be, at most one per row.

    Returns:
        At least ``count`` mini-batches of the same rows, in the same order.
    """
    parts = list(cut)
    while len(parts) < count:
        place = max(range(len(parts)), key=lambda place: len(parts[place]))
        half = len(parts[place]) // 2
        parts[place : place + 1] = [parts[place][:half], parts[place][half:]]
    return parts


def take_spans(column: Mapping[str, Tensor], spans: MiniBatch) -> dict[str, Tensor]:
    """Take some rows of a column, without the padding that all of them have.

    Args:
        column: Tokenised texts. Entries without a value for each row, such as the task, are kept as they are.
        spans: The rows to take.

    Returns:
        New features of these rows.
    """
    mask = column["attention_mask"]
    rows = torch.tensor([span.row for span in spans], device=mask.device)
    start, end = min(span.start for span in spans), max(span.end for span in spans)
    taken = dict(column)
    for name, entry in column.items():
        if isinstance(entry, Tensor) and entry.shape[:2] == mask.shape:
            taken[name] = entry[:, start:end][rows]
        elif isinstance(entry, Tensor) and entry.shape[:1] == mask.shape[:1]:
            taken[name] = entry[rows]
    return taken


class _Replay:
    """Encode mini-batches without keeping activations, and each again when its gradient has come.

    Args:
        encoder: Encodes a mini-batch.
        count: How many there are in the batch.
    """

    def __init__(self, encoder: ColumnEncoder, count: int) -> None:
        self._encoder = encoder
        self._remaining = count

    def encode(self, model: nn.Module, column: Mapping[str, Tensor], spans: MiniBatch) -> Tensor:
        """Encode one mini-batch; what the random generators give is the same both times."""
        # A checkpoint looks at its inputs for a gradient, and for the device whose random state counts.
        anchor = torch.zeros((), device=column["attention_mask"].device, requires_grad=True)
        embeddings: Tensor = checkpoint(self._encode, anchor, model, column, spans, use_reentrant=True)
        return embeddings

    def _encode(
        self,
        anchor: Tensor,  # noqa: ARG002
        model: nn.Module,
        column: Mapping[str, Tensor],
        spans: MiniBatch,
    ) -> Tensor:
        if not torch.is_grad_enabled():
            return self._encoder.encode_spans(model, column, spans)
        self._remaining -= 1
        waits = self._remaining > 0 and isinstance(model, DistributedDataParallel)
        # Processes add up their gradients once, after the last mini-batch.
        with model.no_sync() if waits else nullcontext():  # type: ignore[operator]
            return self._encoder.encode_spans(model, column, spans)
