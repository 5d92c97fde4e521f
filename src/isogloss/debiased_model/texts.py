"""Part texts of many languages into those that are learned from and those that are held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from isogloss.errors import DataError
from isogloss.vocabulary import TextCollection, TextPart
from isogloss.vocabulary.texts import UNKNOWN_LANGUAGE

LEAST_TEXTS = 100
"""Texts that a language needs: the mean of fewer says as much about their subjects as about the language."""
HELD_OUT_SHARE = 0.2


@dataclass(frozen=True)
class PartedTexts:
    """Hold the texts of each language in two parts.

    Args:
        learned: Language -> the texts to learn from; languages are sorted.
        held_out: Language -> the texts to measure on; of aligned texts, row i says the same in each.
        aligned: Whether the texts of the languages are translations of each other.
    """

    learned: Mapping[str, list[str]]
    held_out: Mapping[str, list[str]]
    aligned: bool


def part_texts(texts: TextCollection, *, aligned: bool) -> PartedTexts:
    """Hold out the last fifth of each language's texts in each file or corpus.

    Neighbours are often of one document, so that a run of lines keeps the two parts further apart than a
    random choice. Empty texts are left out; of aligned held-out texts, all lines that lack a language.

    Args:
        texts: The texts.
        aligned: Whether line i of each language's file says the same.

    Returns:
        Both parts.

    Raises:
        DataError: A language is unknown or has too few texts, or texts said to be aligned are not.
    """
    if UNKNOWN_LANGUAGE in texts.languages:
        raise DataError(
            "the language of some text is not known; name plain text by its language, such as en.txt, and "
            "give one file a language"
        )
    languages = texts.languages
    if len(languages) < 2:
        raise DataError(f"all text is in {languages[0]}; give text in two languages at least")
    learned, held_out = _part_lines(texts, aligned=aligned)
    numbers = {language: len(learned[language]) + len(held_out[language]) for language in languages}
    if few := {language: number for language, number in numbers.items() if number < LEAST_TEXTS}:
        told = ", ".join(f"{language}: {number}" for language, number in few.items())
        raise DataError(
            f"a language needs {LEAST_TEXTS} texts at least, or its mean says more about their subjects than "
            f"about the language ({told}); give more, or choose other languages by --languages"
        )
    return PartedTexts(learned, held_out, aligned)


def _part_lines(texts: TextCollection, *, aligned: bool) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Read the texts of each language in two parts, without empty ones."""
    places = {
        language: [_read(part) for part in texts.parts if part.language == language]
        for language in texts.languages
    }
    if aligned:
        _check_sizes({language: [len(place) for place in own] for language, own in places.items()})
    cut = {language: [_cut(place) for place in own] for language, own in places.items()}
    learned, held_out = (
        {language: [text for pair in own for text in pair[side]] for language, own in cut.items()}
        for side in range(2)
    )
    if aligned:
        rows = [row for row in zip(*held_out.values(), strict=True) if all(row)]
        held_out = {language: [row[number] for row in rows] for number, language in enumerate(held_out)}
    kept, rest = (
        {language: [text for text in own if text] for language, own in part.items()}
        for part in (learned, held_out)
    )
    if bare := [language for language, own in rest.items() if not own]:
        told = "every language" if aligned else bare[0]
        raise DataError(f"the last fifth of the lines is held out, and none of them has text in {told}")
    return kept, rest


def _read(part: TextPart) -> list[str]:
    """Read the texts of one place, empty ones included: they keep aligned lines together."""
    return ["" if text.text.isspace() else text.text for text in part.read()]


def _cut(place: list[str]) -> tuple[list[str], list[str]]:
    """Cut off what is held out."""
    cut = len(place) - round(len(place) * HELD_OUT_SHARE)
    return place[:cut], place[cut:]


def _check_sizes(sizes: dict[str, list[int]]) -> None:
    """Refuse texts as aligned whose numbers of lines differ."""
    first, own = next(iter(sizes.items()))
    for language, other in sizes.items():
        if other != own:
            numbers = [" + ".join(map(str, counts)) for counts in (own, other)]
            raise DataError(
                f"aligned text has as many lines in each language, but {first} has {numbers[0]} and "
                f"{language} {numbers[1]}; leave out --aligned, or one of them by --languages"
            )
