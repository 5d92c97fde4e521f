"""Count the texts that the length limits cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Transformer

from isogloss.corpus import ParallelCorpus
from isogloss.training.start import first_module
from isogloss.types import PassageUnit

SAMPLE = 20_000
"""Texts of one column that are tokenised at most; a share is then known to about 0.4 percentage points."""


@dataclass(frozen=True)
class TruncationCount:
    """Count cut texts among those looked at.

    Args:
        queries: Queries looked at.
        cut_queries: Queries longer than the query length.
        passages: Passages looked at.
        cut_passages: Passages longer than the passage length.
    """

    queries: int
    cut_queries: int
    passages: int
    cut_passages: int

    def shares(self) -> dict[str, float]:
        """Give the shares of cut texts.

        Returns:
            Shares from 0 to 1 under ``queries`` and ``passages``.
        """
        return {
            "queries": self.cut_queries / max(1, self.queries),
            "passages": self.cut_passages / max(1, self.passages),
        }


def count_truncated(
    model: SentenceTransformer, corpora: Sequence[ParallelCorpus], unit: PassageUnit
) -> TruncationCount:
    """Count the training texts that are longer than the model's lengths, prefix and special tokens included.

    Args:
        model: The encoder, with prompts and lengths.
        corpora: The training corpora.
        unit: The text that stands for a passage.

    Returns:
        The counts, over all texts or an even sample of ``SAMPLE``.
    """
    renderings = [
        rendering
        for corpus in corpora
        for column in corpus.renderings.values()
        for rendering in column
        if rendering
    ]
    if len(renderings) > SAMPLE:
        renderings = [renderings[place] for place in np.linspace(0, len(renderings) - 1, SAMPLE).astype(int)]
    transformer = first_module(model)
    prefixes = {side: model.prompts.get(side) or "" for side in ("query", "document")}
    queries = [prefixes["query"] + rendering.question for rendering in renderings]
    passages = [prefixes["document"] + rendering.passage_text(unit) for rendering in renderings]
    return TruncationCount(
        queries=len(queries),
        cut_queries=_count_longer(transformer, queries, transformer.query_length),
        passages=len(passages),
        cut_passages=_count_longer(transformer, passages, transformer.document_length),
    )


def _count_longer(transformer: Transformer, texts: Sequence[str], limit: int | None) -> int:
    longest = limit or transformer.max_seq_length
    if not texts or longest is None or transformer.tokenizer is None:
        return 0
    encodings = transformer.tokenizer(list(texts), truncation=False, padding=False, verbose=False)
    return sum(len(ids) > longest for ids in encodings["input_ids"])
