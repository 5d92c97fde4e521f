"""Masked language modelling over lines (MLM) and over pairs of translations (TLM)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerFast

from isogloss.batching.hashing import hash_keys, uniforms
from isogloss.pretraining.text import AlignedText


class MaskingRows(Dataset[dict[str, list[int]]]):
    """Give one line, or two translations of it side by side, for each row number.

    The text is drawn in proportion to its lines, the language uniformly; every draw is a hash of the row
    number.

    Args:
        texts: The aligned texts.
        tokenizer: The tokenizer.
        rows: Number of rows.
        translation_share: Share of rows that hold two translations, from 0 to 1.
        length: Tokens at most.
        seed: Seed of the draws.

    Source: Conneau and Lample 2019, arXiv 1901.07291, sections 3.1 and 3.3 (MLM, TLM).
    """

    def __init__(
        self,
        texts: Sequence[AlignedText],
        tokenizer: PreTrainedTokenizerFast,
        *,
        rows: int,
        translation_share: float,
        length: int,
        seed: int,
    ) -> None:
        self.tokenizer = tokenizer
        self.texts = texts
        self.spoken = [[np.flatnonzero(row) for row in text.present()] for text in texts]
        self.lines = [
            (text, line)
            for text, spoken in enumerate(self.spoken)
            for line, own in enumerate(spoken)
            if len(own)
        ]
        self.rows = rows
        self.translation_share = translation_share
        self.length = length
        self.seed = seed

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, row: int) -> dict[str, list[int]]:
        if not 0 <= row < self.rows:
            raise IndexError(row)
        text, line = self.lines[int(hash_keys("masking line", self.seed, row)) % len(self.lines)]
        spoken = self.spoken[text][line]
        order = np.argsort(hash_keys("masking language", self.seed, row, spoken))
        both = len(spoken) > 1 and uniforms("masking pair", self.seed, row) < self.translation_share
        chosen = [
            self.texts[text].lines[self.texts[text].languages[spoken[place]]][line]
            for place in order[: 1 + both]
        ]
        encoding = self.tokenizer(
            *chosen, truncation=True, max_length=self.length, return_special_tokens_mask=True
        )
        return {key: encoding[key] for key in ("input_ids", "attention_mask", "special_tokens_mask")}
