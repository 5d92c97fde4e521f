"""Count the texts that the length limits cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Transformer

from isogloss.corpus import Corpus, Rendering
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
    model: SentenceTransformer, corpora: Sequence[Corpus], unit: PassageUnit
) -> TruncationCount:
    """Count the training texts that are longer than the model's lengths, prefix and special tokens included.

    Args:
        model: The encoder, with prompts and lengths.
        corpora: The training corpora.
        unit: The text that stands for a passage.

    Returns:
        The counts, over all texts or an even sample of ``SAMPLE``.
    """
    renderings = _sample_renderings(corpora)
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


def _sample_renderings(corpora: Sequence[Corpus]) -> list[Rendering]:
    """List all renderings or an even sample, by corpus, language and item."""
    columns = [(corpus, place) for corpus in corpora for place in range(len(corpus.languages))]
    ends = np.cumsum([len(corpus.items_in(place)) for corpus, place in columns])
    total = int(ends[-1])
    chosen = np.linspace(0, total - 1, min(total, SAMPLE)).astype(np.int64)
    found = []
    for (corpus, place), end in zip(columns, ends.tolist(), strict=True):
        items = corpus.items_in(place)
        ranks = chosen[(chosen >= end - len(items)) & (chosen < end)] - (end - len(items))
        found += [corpus.rendering(item, corpus.languages[place]) for item in items[ranks].tolist()]
    return found


def _count_longer(transformer: Transformer, texts: Sequence[str], limit: int | None) -> int:
    longest = limit or transformer.max_seq_length
    if not texts or longest is None or transformer.tokenizer is None:
        return 0
    encodings = transformer.tokenizer(list(texts), truncation=False, padding=False, verbose=False)
    return sum(len(ids) > longest for ids in encodings["input_ids"])
