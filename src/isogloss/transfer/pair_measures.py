"""Choose the measure that language pairs are scored by."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.comparison.agreement import share_settings
from isogloss.comparison.model import ComparedMeasure
from isogloss.errors import ConfigError, ResultsError
from isogloss.results import Better, Measured, find_measure
from isogloss.types import Setting

_PAIRED = (Setting.MONO, Setting.CROSS)


def choose_pair_measures(results: Sequence[Measured], measure: str | None) -> list[ComparedMeasure]:
    """Choose the measure of pairs in the settings that have it.

    Args:
        results: The results.
        measure: Its name; None for the usual one.

    Returns:
        The measure in the monolingual setting, the cross-lingual one, or both.

    Raises:
        ResultsError: Neither setting was ranked in all results.
        ConfigError: The measure is unknown, not one of these settings, or has no good direction.
    """
    settings = [each for each in share_settings(results) if each in _PAIRED]
    if not settings:
        raise ResultsError(
            f"{results[0].benchmark} was ranked against one pool of all languages alone, so no pair of "
            "languages has a score; evaluate it in the monolingual or the cross-lingual setting"
        )
    name = measure or ("mAP" if Setting.MONO in settings else "accuracy")
    having = [each for each in settings if each in _find_settings(name, settings)]
    chosen = [ComparedMeasure(setting, name) for setting in having]
    if any(each.better is Better.NEITHER for each in chosen):
        raise ConfigError(f"neither direction of {name} is good, so no pair is helped or hurt; name another")
    for each in chosen:
        results[0].table(*each)  # raises here where these results lack the measure
    return chosen


def _find_settings(name: str, settings: Sequence[Setting]) -> tuple[Setting, ...]:
    """Find which of some settings have a measure; an error where none has, or it is unknown."""
    for each in settings:
        try:
            found = find_measure(name, each)
        except ConfigError:
            if each is settings[-1]:
                raise
        else:
            return tuple(setting for setting in settings if setting in found.kind.settings)
    return ()
