"""Typological distances between languages from URIEL, whose tables the package lang2vec carries."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import ConfigError, DataError
from isogloss.languages import normalize_language
from isogloss.transfer.groups import is_known

Floats = NDArray[np.float64]

KINDS = ("syntax", "phonology", "inventory", "genealogy", "geography")
"""The distances."""

_PREFIXES = {"syntax": "S_", "phonology": "P_", "inventory": "INV_"}
_TYPOLOGY, _FAMILIES, _PLACES = "feature_predictions.npz", "family_features.npz", "geocoord_features.npz"


@dataclass(frozen=True)
class Typology:
    """Hold vectors of languages by kind of distance.

    Attributes:
        vectors: Kind -> code of ISO 639-3 -> its vector, float64.
    """

    vectors: Mapping[str, Mapping[str, Floats]]

    def distance(self, kind: str, one: str, other: str) -> float:
        """Measure how far two languages are from one another.

        Args:
            kind: One of ``KINDS``.
            one: A code in any form.
            other: Another.

        Returns:
            0 (alike) to 1; NaN where a language is not in the tables. Syntax, phonology and inventory:
            1 - cosine of the vectors of features. Genealogy: 1 - shared over all groups that either belongs
            to. Geography: share of half the Earth's circumference, by the fixed point whose distances to both
            differ most.

        Source: URIEL (Littell et al. 2017); the measures of genealogy and geography are ours.
        """
        vectors = self.vectors[kind]
        first, second = (vectors.get(find_alpha3(each)) for each in (one, other))
        if first is None or second is None:
            return float("nan")
        match kind:
            case "genealogy":
                return 1.0 - float(np.minimum(first, second).sum() / np.maximum(first, second).sum())
            case "geography":
                return float(np.abs(first - second).max())
        cosine = float(first @ second) / float(np.linalg.norm(first) * np.linalg.norm(second))
        return max(0.0, 1.0 - cosine)


@cache
def find_alpha3(language: str) -> str:
    """Give a language's code of ISO 639-3, that of the macrolanguage where there is one.

    Args:
        language: A code in any form.

    Returns:
        Three letters; a code of the user's own as it stands.
    """
    from langcodes import Language

    if not is_known(language):
        return language
    return str(Language.get(normalize_language(language).split("-")[0], normalize=False).to_alpha3())


def read_typology(languages: Collection[str]) -> Typology:
    """Read languages out of URIEL's tables in the package lang2vec, without running its code.

    Args:
        languages: Their codes, in any form.

    Returns:
        The vectors of those of them that the tables have. Features of syntax, phonology and inventory that no
        source gives are URIEL's own predictions from related and neighbouring languages.

    Raises:
        ConfigError: The package is not installed.
        DataError: Its tables are damaged.

    Source: URIEL and lang2vec (Littell et al. 2017), under CC BY-SA 4.0.
    """
    wanted = {find_alpha3(each) for each in languages}
    typology = _read_table(_TYPOLOGY, wanted)
    names = [str(name) for name in typology.features]
    vectors: dict[str, Mapping[str, Floats]] = {}
    for kind, prefix in _PREFIXES.items():
        columns = [place for place, name in enumerate(names) if name.startswith(prefix)]
        vectors[kind] = _list_vectors(typology, columns)
    vectors["genealogy"] = _list_vectors(_read_table(_FAMILIES, wanted))
    vectors["geography"] = _list_vectors(_read_table(_PLACES, wanted))
    return Typology(vectors)


@dataclass(frozen=True)
class _Table:
    languages: list[str]
    features: list[str]
    values: NDArray[np.float32]  # [languages, features]


def _read_table(name: str, wanted: Collection[str]) -> _Table:
    """Read some languages of one of the files; nothing in it is unpickled."""
    try:
        # The package is not imported: a script of its name stands in front of it where commands lie.
        place = Path(str(distribution("lang2vec").locate_file(f"lang2vec/data/{name}")))
    except PackageNotFoundError as error:
        raise ConfigError(
            "typological distances need the package lang2vec: pip install 'isogloss[uriel]'"
        ) from error
    try:
        with place.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            known = arrays["langs"].tolist()
            rows = [row for row, language in enumerate(known) if language in wanted]
            values = arrays["data"][rows, :, 0]
            return _Table([known[row] for row in rows], arrays["feats"].tolist(), values)
    except (OSError, KeyError, ValueError, IndexError, BadZipFile) as error:
        raise DataError("is not the table of URIEL; install lang2vec again", str(place)) from error


def _list_vectors(table: _Table, columns: list[int] | None = None) -> dict[str, Floats]:
    """Give the vector of every language that has one other than zero."""
    values = table.values if columns is None else table.values[:, columns]
    return {
        language: row.astype(np.float64)
        for language, row in zip(table.languages, values, strict=True)
        if row.any()
    }
