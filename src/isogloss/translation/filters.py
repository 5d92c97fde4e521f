"""Find translations that cannot be right, each text by itself."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from isogloss.errors import ConfigError
from isogloss.languages import script_of
from isogloss.lexical import split_words
from isogloss.overlap.normalization import normalize_text
from isogloss.translation.similarity import compare_characters
from isogloss.translation.translator import Fault, Translation

if TYPE_CHECKING:
    import regex

Translations = Mapping[str, Translation]
"""Text -> translation."""

LENGTH_RATIO = 1.75
"""Leaves out one human translation of 200, and most that lack half: docs/translation.md, bench."""
_SMOOTHING = 10
"""Characters added to both lengths, so that a few more or less in a short text are no fault."""
_COPIED_WORDS = 4
"""Shorter texts may well be the same in two languages: names, numbers, titles."""
_LEAST_LETTERS = 10
_LEAST_SHARE = 0.5
_LOOP = re.compile(r"(\D{2,60}?)\1{3,}")
"""Four or more of the same in a row; not the noughts of a number."""
_SCRIPTS = {"Jpan": "Hira Kana Hani", "Kore": "Hang Hani", "Hans": "Hani", "Hant": "Hani", "Aran": "Arab"}
"""Codes of ISO 15924 that stand for several scripts of Unicode, or for a form of one."""


@dataclass(frozen=True)
class Filters:
    """Say which translations are not used.

    Args:
        length_ratio: A translation may be this many times as long or as short as is usual for its language;
            above 1.
        min_similarity: Least chrF of the text and its back-translation, above 0 and at most 1; None for no
            back-translation.
    """

    length_ratio: float = LENGTH_RATIO
    min_similarity: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 1 < self.length_ratio < math.inf:  # what is infinite or no number could not be noted as JSON
            raise ConfigError(f"--length-ratio takes a finite number above 1; got {self.length_ratio}")
        if self.min_similarity is not None and not 0 < self.min_similarity <= 1:
            raise ConfigError(
                f"--min-similarity takes a number above 0 and at most 1; got {self.min_similarity}"
            )


def find_faults(translations: Translations, target: str, filters: Filters) -> dict[str, Fault]:
    """Find the translations of one direction that cannot be right.

    Args:
        translations: All of them: their usual length is a matter of all.
        target: Language code of the translations.
        filters: The bounds.

    Returns:
        Text -> first fault found, for the texts that have one.

    Source: ours; the ratio of lengths after Gale and Church 1993, relative to the corpus's own median.
    """
    whole = {text: made.text for text, made in translations.items() if made.fault is None and made.text}
    usual = _find_usual_ratio(whole)
    faults = {}
    for text, made in translations.items():
        fault = made.fault or (
            _find_fault(text, made.text, target, usual, filters) if made.text else Fault.EMPTY
        )
        if fault is not None:
            faults[text] = fault
    return faults


def find_unlike(
    texts: Collection[str], translations: Translations, back: Translations, least: float
) -> list[str]:
    """Find the texts that their back-translation does not give again.

    Args:
        texts: The texts to judge.
        translations: Text -> translation.
        back: Translation -> its translation back.
        least: Least chrF, 0 to 1.

    Returns:
        Those whose back-translation has a fault or is less like them.
    """
    found = []
    for text in texts:
        again = back[translations[text].text]
        if again.fault is not None or compare_characters(again.text, text) < least:
            found.append(text)
    return found


def _find_fault(text: str, made: str, target: str, usual: float, filters: Filters) -> Fault | None:
    if _is_copied(text, made):
        return Fault.COPIED
    if _is_repeating(text, made):
        return Fault.REPEATING
    if _is_in_wrong_script(text, made, target):
        return Fault.WRONG_SCRIPT
    ratio = (len(made) + _SMOOTHING) / (usual * len(text) + _SMOOTHING)
    if not 1 / filters.length_ratio <= ratio <= filters.length_ratio:
        return Fault.LENGTH
    return None


def _find_usual_ratio(whole: Mapping[str, str]) -> float:
    """Tell how long a translation usually is, in characters per character of its text."""
    ratios = [math.log(len(made) / len(text)) for text, made in whole.items()]
    return math.exp(statistics.median(ratios)) if ratios else 1.0


def _is_copied(text: str, made: str) -> bool:
    return normalize_text(text) == normalize_text(made) and len(split_words(text)) >= _COPIED_WORDS


def _is_repeating(text: str, made: str) -> bool:
    """Tell whether something stands four times in a row, where nothing does so in the text."""
    return bool(_LOOP.search(normalize_text(made))) and not _LOOP.search(normalize_text(text))


def _is_in_wrong_script(text: str, made: str, target: str) -> bool:
    """Tell whether fewer than half of the letters are of the language's script, copied names aside."""
    copied = set(split_words(" ".join(word for word in text.split() if word != word.lower())))
    words = "".join(word for word in split_words(made) if word not in copied)
    total = len(_letters_of("").findall(words))
    right = len(_letters_of(script_of(target)).findall(words))
    return total >= _LEAST_LETTERS and right < _LEAST_SHARE * total


@cache
def _letters_of(script: str) -> regex.Pattern[str]:
    """Match a letter or vowel sign of a script; any one when the script is empty or unknown to Unicode."""
    import regex

    scripts = "".join(rf"\p{{Script={name}}}" for name in _SCRIPTS.get(script, script).split())
    try:
        return regex.compile(rf"[[{scripts}]&&\p{{Alphabetic}}]" if scripts else r"\p{Alphabetic}", regex.V1)
    except regex.error:
        return _letters_of("")
