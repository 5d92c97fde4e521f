"""Add passages to an index: split what is long, encode, and go on where a killed attempt was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import TYPE_CHECKING

from isogloss.index import Change
from isogloss.passages import Passage, check_passages, split_passages

if TYPE_CHECKING:
    from isogloss.encoding.batches import BatchEncoder

ENCODED_AT_ONCE = 4096
"""Documents that are split and encoded together, so that texts of like length share a batch."""


def add_passages(
    change: Change,
    encoder: BatchEncoder,
    passages: Iterable[Passage],
    overlap: int,
    encoding: AbstractContextManager[object],
) -> int:
    """Split, encode and add passages, some thousand at a time; what is encoded is kept if this is killed.

    Args:
        change: The change of the index; committing it is left to the caller.
        encoder: The model.
        passages: The passages; those longer than the model reads are split at sentence ends.
        overlap: Sentences that start the next passage of a split one again.
        encoding: Held while the model computes.

    Returns:
        How many passages were added, parts of split ones counted one by one.

    Raises:
        DataError: A passage has no id, no text or no known language, or two have one id.
        ModelError: A vector is zero or holds NaN.
    """
    from isogloss.encoding.store import EmbeddingStore
    from isogloss.encoding.stored import StoredEncoder

    stored = StoredEncoder(encoder, EmbeddingStore(change.scratch))
    stored.quiet = True
    added = 0
    checked = check_passages(passages)
    while documents := list(islice(checked, ENCODED_AT_ONCE)):
        with encoding:
            parts = _split(documents, encoder, overlap)
        for start in range(0, len(parts), ENCODED_AT_ONCE):
            chosen = parts[start : start + ENCODED_AT_ONCE]
            with encoding:
                vectors = stored.encode_passages([part.encoded_text() for part in chosen])
            change.add(chosen, vectors)
        added += len(parts)
    return added


def _split(documents: Sequence[Passage], encoder: BatchEncoder, overlap: int) -> Sequence[Passage]:
    """Split documents for a model whose tokens can be counted; those at endpoints cannot."""
    from isogloss.encoding.batches import TokenCounter

    budget = encoder.max_lengths.get("passage")
    if budget is None or not isinstance(encoder, TokenCounter):
        return documents
    return split_passages(
        documents, lambda texts: encoder.count_tokens("passage", texts).tolist(), budget, overlap
    )
