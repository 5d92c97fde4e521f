"""The batching strategies by name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from isogloss.errors import ConfigError


class Kind(StrEnum):
    """Say what the languages of one batch have in common."""

    MONO = "monolingual"
    """All queries and passages in one language."""
    CROSS = "cross-lingual"
    """Query and passage of each row in two different languages; rows of many language pairs."""
    MIXED = "mixed"
    """Query and passage of each row in the same language; rows of many languages."""


@dataclass(frozen=True)
class Strategy:
    """Describe how the kind and the language of each batch are drawn.

    Args:
        name: One of ``STRATEGIES``.
        alpha: Probability in [0, 1] that a batch is monolingual; the others are cross-lingual.
        mixed: Whether every batch is of kind MIXED instead.
        only_language: The one language of every batch, if there is only one.

    Source: arXiv 2408.10536, section 3 (X-X-mono, X-Y, hybrid); arXiv 2004.05484, section 4 (X-X, En-En).
    """

    name: str
    alpha: float
    mixed: bool = False
    only_language: str | None = None


DEFAULT_ALPHA = 0.5
"""The share that was best on the paper's validation set (arXiv 2408.10536, section 3)."""

STRATEGIES = ("hybrid", "x-x-mono", "x-y", "x-x", "en-en")

_FIXED = {
    "x-x-mono": Strategy("x-x-mono", alpha=1.0),
    "x-y": Strategy("x-y", alpha=0.0),
    "x-x": Strategy("x-x", alpha=1.0, mixed=True),
    "en-en": Strategy("en-en", alpha=1.0, only_language="en"),
}


def choose_strategy(name: str, alpha: float | None = None) -> Strategy:
    """Choose a batching strategy by name.

    Args:
        name: ``hybrid``, ``x-x-mono``, ``x-y``, ``x-x`` or ``en-en``.
        alpha: Probability in [0, 1] of a monolingual batch; for ``hybrid`` only, 0.5 when not given.

    Returns:
        The strategy.

    Raises:
        ConfigError: The name is unknown, alpha is outside [0, 1], or is given to a strategy that fixes it.
    """
    if name not in STRATEGIES:
        raise ConfigError(
            f"unknown strategy {name!r} ('batches.strategy'); choose one of {', '.join(STRATEGIES)}"
        )
    if name in _FIXED:
        if alpha is not None and alpha != _FIXED[name].alpha:
            raise ConfigError(
                f"strategy {name!r} takes no alpha (got {alpha}); use strategy 'hybrid' to set it"
            )
        return _FIXED[name]
    alpha = DEFAULT_ALPHA if alpha is None else alpha
    if not 0.0 <= alpha <= 1.0:
        raise ConfigError(f"alpha is the probability of a monolingual batch, from 0 to 1; got {alpha}")
    return Strategy("hybrid", alpha=alpha)
