"""Masked language modelling over lines (MLM) and over pairs of translations (TLM)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from isogloss.batching.hashing import hash_keys, uniforms
from isogloss.pretraining.balance import share_languages
from isogloss.pretraining.text import AlignedText


class Draw(Protocol):
    """Choose what a row holds, by a hash of its number."""

    def choose(self, row: int) -> list[str]:
        """Choose one line, or two translations of it.

        Args:
            row: Number of the row.

        Returns:
            One line or two.
        """


class LineDraw:
    """Draw lines as they stand: each alike, in whatever languages it is, then one of these.

    Args:
        texts: The texts.
        translation_share: Share of rows with two translations, of those whose line has any.
        seed: Seed of the draws.
    """

    def __init__(self, texts: Sequence[AlignedText], translation_share: float, seed: int) -> None:
        self.texts = texts
        self.translation_share = translation_share
        self.seed = seed
        self.spoken = [[np.flatnonzero(row) for row in text.present()] for text in texts]
        self.lines = [
            (text, line)
            for text, spoken in enumerate(self.spoken)
            for line, own in enumerate(spoken)
            if len(own)
        ]

    def choose(self, row: int) -> list[str]:
        """Choose a line, then its language, and another for a translation."""
        text, line = self.lines[int(hash_keys("masking line", self.seed, row)) % len(self.lines)]
        spoken = self.spoken[text][line]
        order = np.argsort(hash_keys("masking language", self.seed, row, spoken))
        both = len(spoken) > 1 and uniforms("masking pair", self.seed, row) < self.translation_share
        own = self.texts[text]
        return [own.lines[own.languages[spoken[place]]][line] for place in order[: 1 + both]]


class LanguageDraw:
    """Draw a language in proportion to its lines ** exponent, then one of its lines.

    Rows with two translations come from the lines that have one, by the numbers of these.

    Args:
        texts: The texts.
        translation_share: Share of rows with two translations, where any line has one.
        exponent: From 0 (all languages alike) to 1 (in proportion to their lines).
        seed: Seed of the draws.

    Source: Conneau and Lample 2019, arXiv 1901.07291, section 3.1.
    """

    def __init__(
        self, texts: Sequence[AlignedText], translation_share: float, exponent: float, seed: int
    ) -> None:
        self.texts = texts
        self.seed = seed
        present = [text.present() for text in texts]
        self.all = _Places(texts, present, exponent)
        self.translated = _Places(
            texts, [rows & (rows.sum(axis=1) > 1)[:, None] for rows in present], exponent
        )
        self.translation_share = translation_share if self.translated.languages else 0.0

    def choose(self, row: int) -> list[str]:
        """Choose a language, then its line, and a translation of it."""
        both = bool(uniforms("masking pair", self.seed, row) < self.translation_share)
        places = self.translated if both else self.all
        language, number, line = places.choose(
            float(uniforms("masking language", self.seed, row)),
            int(hash_keys("masking line", self.seed, row)),
        )
        text = self.texts[number]
        if not both:
            return [text.lines[language][line]]
        others = [other for other in text.languages if other != language and text.lines[other][line]]
        other = others[int(hash_keys("masking translation", self.seed, row)) % len(others)]
        return [text.lines[language][line], text.lines[other][line]]


class _Places:
    """Hold in which text and line each language stands, and how often the language is drawn."""

    def __init__(
        self, texts: Sequence[AlignedText], chosen: Sequence[NDArray[np.bool_]], exponent: float
    ) -> None:
        found: dict[str, list[NDArray[np.int64]]] = {}
        for number, (text, rows) in enumerate(zip(texts, chosen, strict=True)):
            for column, language in enumerate(text.languages):
                lines = np.flatnonzero(rows[:, column])
                if len(lines):
                    pairs = np.stack([np.full_like(lines, number), lines], axis=1)
                    found.setdefault(language, []).append(pairs)
        self.places = {language: np.concatenate(found[language]) for language in sorted(found)}
        self.languages = tuple(self.places)
        counts = {language: len(places) for language, places in self.places.items()}
        self.edges = np.cumsum(list(share_languages(counts, exponent).values()))

    def choose(self, share: float, number: int) -> tuple[str, int, int]:
        """Choose language, text and line by a number from 0 to below 1, and by any other number."""
        last = len(self.languages) - 1
        language = self.languages[min(last, int(np.searchsorted(self.edges, share, side="right")))]
        text, line = self.places[language][number % len(self.places[language])].tolist()
        return language, text, line


class MaskingRows(Dataset[dict[str, list[int]]]):
    """Give one line, or two translations of it side by side, for each row number.

    Args:
        draw: Chooses what a row holds.
        tokenizer: The tokenizer.
        rows: Number of rows.
        length: Tokens at most.

    Source: Conneau and Lample 2019, arXiv 1901.07291, sections 3.1 and 3.3 (MLM, TLM).
    """

    def __init__(self, draw: Draw, tokenizer: PreTrainedTokenizerBase, *, rows: int, length: int) -> None:
        self.draw = draw
        self.tokenizer = tokenizer
        self.rows = rows
        self.length = length

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, row: int) -> dict[str, list[int]]:
        if not 0 <= row < self.rows:
            raise IndexError(row)
        encoding = self.tokenizer(
            *self.draw.choose(row), truncation=True, max_length=self.length, return_special_tokens_mask=True
        )
        return {key: encoding[key] for key in ("input_ids", "attention_mask", "special_tokens_mask")}
