"""Tell whether a passage holds the text of an answer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from isogloss.overlap.normalization import count_columns, normalize_text

_SHORT = 5
"""Answers of fewer columns occur inside other words by chance: ``no`` in ``north``, ``19`` in ``1943``."""
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
)
"""Letters of scripts that are written without spaces between words."""
_BEFORE, _AFTER = f"(?<![^\\W{_UNSPACED}])", f"(?![^\\W{_UNSPACED}])"


def holds_answer(passage: str, answers: Iterable[str]) -> bool:
    """Tell whether a passage holds one of some answers.

    Case, punctuation, white space and forms of characters make no difference. A short answer counts only as
    a word, or several, of its own.

    Args:
        passage: The text of the passage.
        answers: The answers; empty ones are never held.

    Returns:
        Whether one of them is there.

    Source: ours.
    """
    spaced, joined = _fold(passage)
    for answer in answers:
        text = normalize_text(answer)
        if not text or text not in joined:
            continue
        if count_columns(text) >= _SHORT or re.search(_write_pattern(answer), spaced):
            return True
    return False


@lru_cache(maxsize=1 << 16)
def _fold(passage: str) -> tuple[str, str]:
    """Write a passage for comparison, with its spaces and without; the same ones come again and again."""
    return _write_spaced(passage), normalize_text(passage)


@lru_cache(maxsize=1 << 12)
def _write_pattern(answer: str) -> str:
    words = re.findall(r"\w+", _write_spaced(answer))
    return _BEFORE + r"[\W_]*".join(map(re.escape, words)) + _AFTER


def _write_spaced(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
