"""Tell of a character which script it is written in, and whether words of that script stand apart."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache

_UNSPACED = frozenset(
    {
        "CJK",
        "HIRAGANA",
        "KATAKANA",
        "BOPOMOFO",
        "YI",
        "THAI",
        "LAO",
        "KHMER",
        "MYANMAR",
        "TIBETAN",
        "JAVANESE",
    }
)
"""Scripts whose words are not, or not always, separated by spaces (in Tibetan syllables are)."""


@cache
def script_name(character: str) -> str:
    """Tell the script of a letter.

    Args:
        character: One character.

    Returns:
        The first word of the letter's name in Unicode, which is that of its script for all scripts of living
        languages (``LATIN``, ``CYRILLIC``, ``CJK``); empty for what is no letter or mark.

    Source: ours, over the names of the Unicode Character Database.
    """
    if unicodedata.category(character)[0] not in "LM":
        return ""
    # Compatibility forms (full-width Latin, Arabic presentation forms) count as what they stand for.
    plain = unicodedata.normalize("NFKC", character).strip()[:1] or character
    words = unicodedata.name(plain, "").replace("-", " ").split()
    return words[0] if words else ""


def count_scripts(characters: Mapping[str, int]) -> dict[str, int]:
    """Count letters by script.

    Args:
        characters: Number of each character.

    Returns:
        Number of the letters of each script that occurs; marks that belong to all scripts are left out.
    """
    scripts: dict[str, int] = {}
    for character, count in characters.items():
        name = script_name(character)
        if name and name != "COMBINING":
            scripts[name] = scripts.get(name, 0) + count
    return scripts


def has_spaced_words(characters: Mapping[str, int]) -> bool:
    """Tell whether white space separates the words of a text.

    Args:
        characters: Number of each character of the text.

    Returns:
        False when most letters are of scripts that are written without spaces between words.
    """
    scripts = count_scripts(characters)
    unspaced = sum(count for name, count in scripts.items() if name in _UNSPACED)
    return 2 * unspaced <= sum(scripts.values())
