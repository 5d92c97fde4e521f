"""Group language pairs by what is known of their languages: resources, training, scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from isogloss.errors import ConfigError
from isogloss.languages import is_low_resource, normalize_language, resource_class, script_of
from isogloss.types import LanguagePair


class Grouping(StrEnum):
    """Name a way to group pairs."""

    ALL = "all pairs"
    """Every pair of a setting: one group."""
    RESOURCES = "resources"
    """Classes 3 to 5 are high, all others low; the query's language first: ``high-low``."""
    LOWEST_CLASS = "lowest class"
    """The lower of the two resource classes; 0 stands also for languages of no known class."""
    TRAINING = "retrieval training"
    """``seen``, ``unseen`` (a language is), or ``unseen script`` (a language's script is, too)."""
    SCRIPTS = "scripts"
    """Whether both languages are written in one script; pairs of different languages alone."""


@dataclass(frozen=True)
class Group:
    """Name a group of pairs.

    Attributes:
        grouping: The way to group.
        name: The group.
    """

    grouping: Grouping
    name: str


@cache
def group_pair(pair: LanguagePair, trained: frozenset[str]) -> tuple[Group, ...]:
    """List the groups that a pair belongs to, one for each way to group that says something of it.

    Args:
        pair: Query and passage language; the same one twice in the monolingual setting.
        trained: Languages of the retrieval training; empty when unknown.

    Returns:
        The groups. A language with a code of the user's own belongs to groups of training alone.

    Source: resource classes of arXiv 2004.09095; the groups of pairs are ours.
    """
    languages = tuple(dict.fromkeys(pair))
    found = [Group(Grouping.ALL, "all")]
    if all(map(is_known, languages)):
        levels = ["low" if is_low_resource(each) else "high" for each in languages]
        found.append(Group(Grouping.RESOURCES, "-".join(levels)))
        lowest = min(resource_class(each) or 0 for each in languages)
        found.append(Group(Grouping.LOWEST_CLASS, str(lowest)))
    if trained:
        found.append(Group(Grouping.TRAINING, _name_training(languages, trained)))
    if len(languages) == 2 and all(map(is_known, languages)):
        alike = script_of(languages[0]) == script_of(languages[1])
        found.append(Group(Grouping.SCRIPTS, "same" if alike else "different"))
    return tuple(found)


def _name_training(languages: Sequence[str], trained: frozenset[str]) -> str:
    """Say what retrieval training saw of some languages."""
    names = {name_language(each) for each in trained}
    unseen = [each for each in languages if name_language(each) not in names]
    if not unseen:
        return "seen"
    scripts = {script_of(each) for each in trained if is_known(each)}
    if any(is_known(each) and script_of(each) not in scripts for each in unseen):
        return "unseen script"
    return "unseen"


def is_known(code: str) -> bool:
    """Tell whether a code names a language, and is no code of the user's own.

    Args:
        code: The code.

    Returns:
        Whether scripts and classes can be looked up.
    """
    try:
        normalize_language(code)
    except ConfigError:
        return False
    return True


def name_language(code: str) -> str:
    """Name a language alike in benchmarks, texts and tables: language and script, whatever the region.

    Args:
        code: The code that a benchmark, a text or a table uses.

    Returns:
        Such as ``zh-Hans`` for ``zh-CN``, ``deu`` and ``de`` alike ``de-Latn``; a code of the user's own as
        it stands.
    """
    if not is_known(code):
        return code
    return f"{normalize_language(code).split('-')[0]}-{script_of(code)}"
