"""Recognise language codes in names of files, configurations and splits."""

from __future__ import annotations

import re

_CODE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*")
_TAGGED = re.compile(r"[a-z]{2,3}(?:[-_][A-Z][a-z]{3})?(?:[-_](?:[A-Z]{2}|[0-9]{3}))?")
_PREFIXED = re.compile(r"([a-z]{2,3})-.+")
# Three letters, yet no languages: usual names of splits and configurations.
_NO_LANGUAGES = frozenset({"all", "dev"})


def is_language_code(text: str) -> bool:
    """Tell whether a text has the shape of a language code.

    Args:
        text: Such as ``en``, ``zh-Hans`` or ``eng_Latn``.

    Returns:
        True for letters and digits in parts of at most eight, joined by hyphens or underscores.
    """
    return _CODE.fullmatch(text) is not None


def tell_language(stem: str) -> str | None:
    """Tell the language that a name speaks of.

    Args:
        stem: Such as ``en``, ``zh-Hans``, ``eng_Latn`` or ``sw-tydi``.

    Returns:
        The whole name when it is a code of two or three letters, with or without script and region; else
        the part before the first hyphen when that is one; else None.
    """
    if stem in _NO_LANGUAGES:
        return None
    if _TAGGED.fullmatch(stem):
        return stem
    prefixed = _PREFIXED.fullmatch(stem)
    return prefixed[1] if prefixed else None
