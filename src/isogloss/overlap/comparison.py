"""Compare normalised texts: equal, one inside the other, or nearly so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from isogloss.overlap.ngrams import NgramIndex, measure_containment
from isogloss.overlap.normalization import count_columns

SHORTEST_NEAR = 32
"""Columns (letters and digits, East Asian ones twice) below which near likeness tells nothing."""

_CANDIDATE_SHARE = 0.2
_OTHER_NUMBERS = 1 / 3
_NUMBER = re.compile(r"\d+")


class Manner(StrEnum):
    """Say how two texts are alike."""

    EXACT = "exact"
    """Equal once normalised."""
    CONTAINED = "contained"
    """One stands inside the other, once normalised."""
    NEAR = "near"
    """Nearly one of these."""


class Likeness(NamedTuple):
    """Say that a text is like a reference.

    Args:
        text: Number of the text.
        reference: Number of the reference.
        manner: How they are alike.
        similarity: 1 when exact or contained; else as the comparison measures it, below 1 or equal.
    """

    text: int
    reference: int
    manner: Manner
    similarity: float


Compare = Callable[[str, str, float], tuple[Manner, float] | None]
"""Compares two normalised texts that are not equal: a text, a reference, and the least similarity."""


class TextFinder:
    """Find the texts that are like one of some references; the references are indexed once."""

    def __init__(
        self,
        references: Sequence[str],
        shortest: int,
        least: float,
        compare: Compare,
        *,
        shortest_equal: int | None = None,
    ) -> None:
        """Index references.

        Args:
            references: Normalised texts.
            shortest: Columns that a text or a reference must have to be compared.
            least: Least similarity that counts as near, 0 to 1.
            compare: Compares a text with a reference that shares some of its n-grams.
            shortest_equal: Columns from which equal texts count; ``shortest`` when None.
        """
        self._references = references
        self._shortest = shortest
        self._least = least
        self._compare = compare
        self._known = [number for number, text in enumerate(references) if count_columns(text) >= shortest]
        self._index = NgramIndex([references[number] for number in self._known])
        self._equal: dict[str, list[int]] = {}
        least_equal = shortest if shortest_equal is None else shortest_equal
        for number, normal in enumerate(references):
            if count_columns(normal) >= least_equal:
                self._equal.setdefault(normal, []).append(number)

    def find(self, texts: Sequence[str]) -> Iterator[Likeness]:
        """Find the texts that are like a reference.

        Args:
            texts: Normalised texts.

        Yields:
            Each pair that is alike, once: the equal ones first.
        """
        for text, normal in enumerate(texts):
            for reference in self._equal.get(normal, ()):
                yield Likeness(text, reference, Manner.EXACT, 1.0)
        kept = [number for number, text in enumerate(texts) if count_columns(text) >= self._shortest]
        for place, spot in self._index.find([texts[number] for number in kept], _CANDIDATE_SHARE):
            text, reference = kept[place], self._known[spot]
            if texts[text] != self._references[reference]:
                found = self._compare(texts[text], self._references[reference], self._least)
                if found is not None:
                    yield Likeness(text, reference, *found)


def compare_passages(text: str, reference: str, least: float) -> tuple[Manner, float] | None:
    """Compare passages: whether the shorter one is in the longer one.

    Args:
        text: A normalised passage.
        reference: Another one.
        least: Least share of the shorter one's n-grams that the longer one must hold, 0 to 1.

    Returns:
        How they are alike, and that share; None when they are not.

    Source: ours; the share is the containment of Broder (1997).
    """
    short, long = sorted((text, reference), key=len)
    if short in long:
        return Manner.CONTAINED, 1.0
    if not _is_long(short):
        return None
    similarity = measure_containment(short, long)
    return (Manner.NEAR, similarity) if similarity >= least and share_numbers(short, long) else None


def compare_sentences(text: str, sentence: str, least: float) -> tuple[Manner, float] | None:
    """Compare a passage with a sentence that it may hold.

    Args:
        text: A normalised passage, of one sentence or more.
        sentence: A normalised sentence.
        least: Least similarity of the sentence with the best aligned part of the passage, 0 to 1.

    Returns:
        How the passage holds the sentence, and the similarity; None when it does not.

    Source: ours; the similarity is that of the longest common subsequence of characters, as RapidFuzz aligns
    it.
    """
    from rapidfuzz import fuzz

    if sentence in text:
        return Manner.CONTAINED, 1.0
    if not _is_long(sentence):
        return None
    if len(text) < len(sentence):
        return compare_questions(text, sentence, least)
    aligned = fuzz.partial_ratio_alignment(sentence, text, score_cutoff=100 * least)
    if aligned is None or not share_numbers(sentence, text[aligned.dest_start : aligned.dest_end]):
        return None
    return Manner.NEAR, aligned.score / 100


def compare_questions(text: str, question: str, least: float) -> tuple[Manner, float] | None:
    """Compare two questions as wholes.

    Args:
        text: A normalised question.
        question: Another one.
        least: Least similarity, 0 to 1.

    Returns:
        That they are near, and the similarity; None when they are not.

    Source: ours; the similarity is that of the longest common subsequence of characters, by RapidFuzz.
    """
    from rapidfuzz import fuzz

    if not (_is_long(text) and _is_long(question)):
        return None
    score = fuzz.ratio(text, question, score_cutoff=100 * least)
    return (Manner.NEAR, score / 100) if score > 0 and share_numbers(question, text) else None


def share_numbers(text: str, other: str) -> bool:
    """Tell whether a text's numbers are another's as well: equal words around other numbers are a formula.

    Args:
        text: A normalised text.
        other: Another one.

    Returns:
        True when ``other`` has all runs of digits of ``text``, or some and all but a third (or but one).
    """
    numbers = _NUMBER.findall(text)
    known = set(_NUMBER.findall(other))
    absent = sum(number not in known for number in numbers)
    return not absent or (absent < len(numbers) and absent <= max(1, _OTHER_NUMBERS * len(numbers)))


def _is_long(text: str) -> bool:
    return count_columns(text) >= SHORTEST_NEAR
