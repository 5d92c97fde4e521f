"""Find a model's own code of a language: ``deu_Latn``, ``de`` or ``>>deu<<`` for ``de``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from isogloss.errors import ConfigError
from isogloss.languages import normalize_language, script_of

_ALIKE = {"nb": "no"}
"""Languages that one model calls by the one name, another by the other."""
_SAME_SCRIPT = {"Aran": "Arab", "Kore": "Hang"}
"""The same of scripts."""
_NEAREST = 3


class _Key(NamedTuple):
    """What must agree: the language, and its script whether written or usual."""

    language: str
    script: str


def find_code(language: str, known: Sequence[str], model: str) -> str:
    """Find the code that a model has for a language.

    A code is found when it is the very one, or names the same language in the same script in any form that
    ``normalize_language`` takes; a region decides where several do.

    Args:
        language: Language code, ours or the model's.
        known: The model's codes.
        model: The model, for the message.

    Returns:
        One of ``known``.

    Raises:
        ConfigError: The model does not know the language; the codes nearest to it are named.
    """
    if language in known:
        return language
    wanted = _key_of(language)
    found = [code for code in known if _try_key(code) == wanted]
    if found:
        # Dari beside Persian, a region beside none: the one that is called alike, else the plainest.
        normal = normalize_language(language)
        return min(
            found, key=lambda code: (normalize_language(code) != normal, len(normalize_language(code)))
        )
    near = _find_nearest(language, known)
    told = f"; the nearest that it knows: {', '.join(near)}" if near else ""
    raise ConfigError(f"{model} does not know the language {language!r}{told}")


def is_same_language(one: str, other: str) -> bool:
    """Tell whether two codes name one language in one script.

    Args:
        one: A code; one that names no known language is the same as nothing.
        other: Another.

    Returns:
        True for ``de`` and ``deu_Latn``, False for ``zh-Hans`` and ``zh-Hant``.
    """
    key = _try_key(one)
    return one == other or (key is not None and key == _try_key(other))


def _key_of(code: str) -> _Key:
    language = normalize_language(code).split("-")[0]
    script = script_of(code)
    return _Key(_ALIKE.get(language, language), _SAME_SCRIPT.get(script, script))


def _try_key(code: str) -> _Key | None:
    try:
        return _key_of(code)
    except ConfigError:  # models have codes of their own making, such as "ns"
        return None


def _find_nearest(language: str, known: Sequence[str]) -> list[str]:
    """Order a model's codes by how well a speaker of the language would understand them."""
    from langcodes import tag_distance

    distances = {
        code: tag_distance(normalize_language(language), normalize_language(code))
        for code in known
        if _try_key(code) is not None
    }
    return sorted(distances, key=lambda code: (distances[code], code))[:_NEAREST]
