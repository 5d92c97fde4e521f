"""Take passages apart into sentences to translate, and put translations together as passages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from isogloss.corpus import ParallelCorpus, Rendering
from isogloss.corpus.sentences import split_sentences, strip_spans
from isogloss.languages import script_of

Span = tuple[int, int]
"""``[start, end)`` in code points."""

_UNSPACED = frozenset({"Hani", "Hans", "Hant", "Jpan"})
"""Scripts that set no space between two sentences."""


class Piece(NamedTuple):
    """Hold what is translated of one item.

    Attributes:
        question: The question.
        sentences: The sentences of its passage.
        answer: Which of them holds the answer; None when unknown.
        spans: Where the sentences stand in the passage.
    """

    question: str
    sentences: tuple[str, ...]
    answer: int | None
    spans: tuple[Span, ...]

    def deciding(self) -> tuple[str, ...]:
        """List the texts without which the item cannot be used.

        Returns:
            The question and the sentence of the answer; every sentence where that is unknown.
        """
        if self.answer is None:
            return (self.question, *self.sentences)
        return (self.question, self.sentences[self.answer])


class Passage(NamedTuple):
    """Hold a passage that was put together of sentences.

    Attributes:
        text: The passage.
        spans: Where its sentences stand.
        answer_start: Where the sentence of the answer starts; -1 when unknown.
    """

    text: str
    spans: tuple[Span, ...]
    answer_start: int


def take_apart(corpus: ParallelCorpus, language: str) -> list[Piece]:
    """Split the passages of one language into sentences.

    The corpus's own answer sentences are kept as they are; the rest of a passage is split by the rules of its
    language.

    Args:
        corpus: The corpus.
        language: A language that all of its items have.

    Returns:
        One entry per item. White space inside a text is one space.

    Raises:
        DataError: An item lacks the language.

    Source: ours.
    """
    rows = [corpus.rendering(item, language) for item in range(len(corpus.item_ids))]
    known: dict[str, set[Span]] = {}
    for row in rows:
        known.setdefault(row.passage, set()).update([row.sentence] if row.answer_start >= 0 else [])
    spans = {passage: _split_around(passage, language, found) for passage, found in known.items()}
    return [_make_piece(row, spans[row.passage], language) for row in rows]


def join_sentences(piece: Piece, translations: Mapping[str, str], language: str) -> Passage:
    """Put the translations of a passage's sentences together.

    Args:
        piece: The item.
        translations: Sentence -> translation; sentences without one are left out.
        language: Language code of the translations.

    Returns:
        The passage.
    """
    space = "" if script_of(language) in _UNSPACED else " "
    texts: list[str] = []
    spans: list[Span] = []
    end, answer_start = 0, -1
    for number, sentence in enumerate(piece.sentences):
        if sentence in translations:
            text = translations[sentence]
            start = end + len(space) if texts else 0
            end = start + len(text)
            texts.append(text)
            spans.append((start, end))
            if number == piece.answer:
                answer_start = start
    return Passage(space.join(texts), tuple(spans), answer_start)


def plain(text: str) -> str:
    """Write every stretch of white space as one space.

    Args:
        text: Any text.

    Returns:
        The text, without white space at its ends.
    """
    return " ".join(text.split())


def _make_piece(row: Rendering, spans: Sequence[Span], language: str) -> Piece:
    if row.answer_start >= 0 and row.sentence not in spans:
        # Two copies of one passage that are split in different ways: this one's answer decides.
        spans = _split_around(row.passage, language, {row.sentence})
    answer = spans.index(row.sentence) if row.answer_start >= 0 else None
    sentences = tuple(plain(row.passage[start:end]) for start, end in spans)
    return Piece(plain(row.question), sentences, answer, tuple(spans))


def _split_around(passage: str, language: str, known: set[Span]) -> list[Span]:
    """Split a passage by rule, but for sentences that are known (of two that overlap, the first)."""
    fixed: list[Span] = []
    for span in sorted(known):
        if not fixed or fixed[-1][1] <= span[0]:
            fixed.append(span)
    bounds = [(0, 0), *fixed, (len(passage), len(passage))]
    gaps = [(one[1], other[0]) for one, other in pairwise(bounds)]
    ruled = split_sentences(language, passage) or [(0, len(passage))]
    between = [
        (max(start, first), min(end, last))
        for first, last in gaps
        for start, end in ruled
        if start < last and first < end
    ]
    return sorted([*fixed, *strip_spans(passage, between)])
