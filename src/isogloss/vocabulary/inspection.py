"""How well a model's vocabulary fits languages: what is unknown, and how finely words are cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import reduce

import numpy as np

from isogloss.columns import align_columns
from isogloss.vocabulary.counting import PieceCounts, count_pieces
from isogloss.vocabulary.texts import TextCollection
from isogloss.vocabulary.tokenizer import ModelTokenizer

MOST_UNKNOWN = 0.01
"""Share of unknown tokens from which on a language is noted as one that the vocabulary does not cover."""
MOST_FRAGMENTS = 0.1
"""Share of tokens below a character from which on a language is noted."""
_ALL = "all"


@dataclass(frozen=True)
class LanguageFit:
    """Say how a vocabulary fits one language.

    Args:
        texts: Number of texts.
        words: Number of runs between white space; None where spaces do not separate words.
        characters: Number of characters that are no white space.
        tokens: Number of pieces, special tokens around texts apart.
        unknown: Share of the tokens that stand for something unknown, 0 to 1.
        fragments: Share of the tokens that are bytes of a character and no whole one, 0 to 1.
        tokens_per_word: Fertility over words; None where spaces do not separate words.
        tokens_per_character: Fertility over characters.
        pieces: Number of different pieces used.
        vocabulary_share: Share of the vocabulary that these are, 0 to 1.
    """

    texts: int
    words: int | None
    characters: int
    tokens: int
    unknown: float
    fragments: float
    tokens_per_word: float | None
    tokens_per_character: float
    pieces: int
    vocabulary_share: float


@dataclass(frozen=True)
class Inspection:
    """Say how a model's vocabulary fits the languages of a text.

    Args:
        model: The model.
        algorithm: ``Unigram``, ``WordPiece`` or ``BPE``.
        bytes_known: Whether what is in no piece is cut into bytes, so that nothing is unknown.
        vocabulary: Number of pieces.
        languages: The fit of each language, sorted, and of all together as ``all`` where there are several.
    """

    model: str
    algorithm: str
    bytes_known: bool
    vocabulary: int
    languages: Mapping[str, LanguageFit]

    def notes(self) -> list[str]:
        """Name the languages that the vocabulary fits badly, and what can be done.

        Returns:
            A line for each of them.
        """
        hint = "extend the vocabulary, or choose a model that knows the script"
        notes = []
        for language, fit in self.languages.items():
            if language == _ALL:
                continue
            if fit.unknown >= MOST_UNKNOWN:
                notes.append(f"{language}: {fit.unknown:.1%} of the tokens are unknown; {hint}")
            if fit.fragments >= MOST_FRAGMENTS:
                notes.append(
                    f"{language}: {fit.fragments:.1%} of the tokens are bytes of a character and no whole "
                    f"one; {hint}"
                )
        return notes

    def to_dict(self) -> dict[str, object]:
        """Give everything as JSON has it.

        Returns:
            The fields, and ``notes``.
        """
        return {**asdict(self), "notes": self.notes()}

    def to_text(self) -> str:
        """Write a table with a row a language.

        Returns:
            Several lines without a line break at the end.
        """
        kind = f"{self.algorithm} with bytes" if self.bytes_known else self.algorithm
        head = ["", "texts", "words", "tokens/word", "tokens/char", "unknown", "bytes", "pieces", "share"]
        rows = [head] + [_format_row(language, fit) for language, fit in self.languages.items()]
        about = [f"model       {self.model}", f"vocabulary  {self.vocabulary:,} pieces, {kind}", ""]
        notes = [f"note: {note}" for note in self.notes()]
        return "\n".join([*about, *align_columns(rows), *([""] if notes else []), *notes])


def inspect_vocabulary(
    model: str, tokenizer: ModelTokenizer, texts: TextCollection, *, quiet: bool = False
) -> Inspection:
    """Measure how a model's vocabulary fits the languages of a text.

    Args:
        model: What to call the model.
        tokenizer: Its tokenizer.
        texts: The text.
        quiet: Whether to show no progress.

    Returns:
        The measures by language.

    Source: Rust et al. 2021, arXiv 2012.15613, section 3 (fertility); the share of bytes is ours.
    """
    counts = count_pieces(tokenizer, texts, quiet=quiet)
    fits = {language: measure_fit(tokenizer, found) for language, found in counts.items()}
    if len(counts) > 1:
        together = measure_fit(tokenizer, reduce(_join, counts.values()))
        if any(fit.words is None for fit in fits.values()):
            together = replace(together, words=None, tokens_per_word=None)
        fits[_ALL] = together
    return Inspection(
        model=model,
        algorithm=tokenizer.algorithm,
        bytes_known=tokenizer.is_byte_level or tokenizer.model.get("byte_fallback") is True,
        vocabulary=len(tokenizer.pieces),
        languages=fits,
    )


def measure_fit(tokenizer: ModelTokenizer, counts: PieceCounts) -> LanguageFit:
    """Measure how a vocabulary fits one language.

    Args:
        tokenizer: The tokenizer.
        counts: What it made of the language's text.

    Returns:
        The measures.
    """
    tokens, letters, words = counts.tokens, counts.letters, counts.spaced_words
    unknown = 0 if tokenizer.unknown is None else int(counts.pieces[tokenizer.unknown])
    fragments = int(counts.pieces[sorted(tokenizer.fragments)].sum()) if tokenizer.fragments else 0
    used = int(np.count_nonzero(counts.pieces))
    return LanguageFit(
        texts=counts.texts,
        words=words,
        characters=letters,
        tokens=tokens,
        unknown=unknown / max(1, tokens),
        fragments=fragments / max(1, tokens),
        tokens_per_word=None if words is None else tokens / words,
        tokens_per_character=tokens / letters,
        pieces=used,
        vocabulary_share=used / len(tokenizer.pieces),
    )


def _join(one: PieceCounts, other: PieceCounts) -> PieceCounts:
    return PieceCounts(
        one.pieces + other.pieces,
        one.texts + other.texts,
        one.words + other.words,
        one.characters + other.characters,
    )


def _format_row(language: str, fit: LanguageFit) -> list[str]:
    return [
        language,
        f"{fit.texts:,}",
        "-" if fit.words is None else f"{fit.words:,}",
        "-" if fit.tokens_per_word is None else f"{fit.tokens_per_word:.2f}",
        f"{fit.tokens_per_character:.3f}",
        f"{fit.unknown:.2%}",
        f"{fit.fragments:.2%}",
        f"{fit.pieces:,}",
        f"{fit.vocabulary_share:.1%}",
    ]
