"""Describe language pairs by numbers that may predict how well retrieval works in them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isogloss.languages import script_of
from isogloss.transfer.groups import is_known, name_language
from isogloss.transfer.typology import KINDS, Typology
from isogloss.types import LanguagePair

if TYPE_CHECKING:
    from isogloss.vocabulary import ModelTokenizer, TextCollection

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class VocabularyFacts:
    """Hold what a tokenizer makes of languages, by language and script.

    Attributes:
        fertility: Pieces per word; languages without spaces between words are absent.
        unknown: Share of the pieces that stand for something unknown, 0 to 1.
        pieces: Share of each piece among those used, unknown ones apart. Shape: (ids,), float64.
    """

    fertility: Mapping[str, float]
    unknown: Mapping[str, float]
    pieces: Mapping[str, Floats] = field(repr=False)

    def overlap(self, one: str, other: str) -> float:
        """Measure how much of two languages' text is made of the same pieces.

        Args:
            one: A language and its script.
            other: Another.

        Returns:
            0 (no piece in common) to 1 (the same pieces, equally often): 1 - total variation distance; NaN
            where there is no text.

        Source: ours.
        """
        if one not in self.pieces or other not in self.pieces:
            return math.nan
        return float(np.minimum(self.pieces[one], self.pieces[other]).sum())


@dataclass(frozen=True)
class FeatureSources:
    """Hold what features are made of; what is None gives none.

    Attributes:
        trained: Languages of the retrieval training; empty when unknown.
        vocabulary: What the model's tokenizer makes of text.
        sizes: Characters of pre-training text, by language and script; absent languages had none.
        typology: Vectors of URIEL.
    """

    trained: frozenset[str] = frozenset()
    vocabulary: VocabularyFacts | None = None
    sizes: Mapping[str, float] | None = None
    typology: Typology | None = None


@dataclass(frozen=True)
class FeatureTable:
    """Hold the features of language pairs.

    Attributes:
        pairs: The pairs.
        names: The features.
        values: Shape ``[pairs, features]``, float64; NaN where a value is missing.
    """

    pairs: tuple[LanguagePair, ...]
    names: tuple[str, ...]
    values: Floats


def measure_vocabulary(
    tokenizer: ModelTokenizer, texts: TextCollection, *, quiet: bool = False
) -> VocabularyFacts:
    """Measure what a model's tokenizer makes of the languages of a text.

    Args:
        tokenizer: The tokenizer.
        texts: The text.
        quiet: Whether to show no progress.

    Returns:
        Fertility, unknown pieces, and the pieces themselves; of codes that share language and script, the
        first one's text counts.

    Source: Rust et al. 2021 (arXiv 2012.15613), section 3, for fertility.
    """
    from isogloss.vocabulary import count_pieces, measure_fit

    fertility: dict[str, float] = {}
    unknown: dict[str, float] = {}
    pieces: dict[str, Floats] = {}
    for language, counts in count_pieces(tokenizer, texts, quiet=quiet).items():
        name = name_language(language)
        if name in pieces:
            continue
        fit = measure_fit(tokenizer, counts)
        if fit.tokens_per_word is not None:
            fertility[name] = fit.tokens_per_word
        unknown[name] = fit.unknown
        used = counts.pieces.astype(np.float64)
        if tokenizer.unknown is not None:
            used[tokenizer.unknown] = 0.0
        pieces[name] = used / max(1.0, used.sum())
    return VocabularyFacts(fertility, unknown, pieces)


def measure_features(pairs: Sequence[LanguagePair], sources: FeatureSources) -> FeatureTable:
    """Describe language pairs by whatever is known of their languages.

    Args:
        pairs: The pairs; the same language twice in the monolingual setting.
        sources: What is known.

    Returns:
        Script, shared pieces and distances of the pair; for each of query and passage whether it was trained,
        its fertility, its unknown pieces and the logarithm of its pre-training text. Where no pair is of two
        languages, the features of the one.

    Source: the kinds of features follow arXiv 2212.01757.
    """
    alone = all(pair.query == pair.passage for pair in pairs)
    described = [
        _describe_language(name_language(pair.query), sources) if alone else _describe_pair(pair, sources)
        for pair in pairs
    ]
    names = tuple(described[0]) if described else ()
    values = [[row[name] for name in names] for row in described]
    return FeatureTable(tuple(pairs), names, np.asarray(values, dtype=np.float64).reshape(len(pairs), -1))


def _describe_pair(pair: LanguagePair, sources: FeatureSources) -> dict[str, float]:
    """List the features of one pair."""
    query, passage = map(name_language, pair)
    found = {"same script": _compare_scripts(*pair)}
    if sources.vocabulary is not None:
        found["shared pieces"] = sources.vocabulary.overlap(query, passage)
    if sources.typology is not None:
        found |= {f"{kind} distance": sources.typology.distance(kind, *pair) for kind in KINDS}
    for role, name in (("query", query), ("passage", passage)):
        found |= {f"{role} {what}": value for what, value in _describe_language(name, sources).items()}
    return found


def _describe_language(name: str, sources: FeatureSources) -> dict[str, float]:
    """List the features of a language and script."""
    found: dict[str, float] = {}
    if sources.trained:
        found["trained"] = float(name in {name_language(each) for each in sources.trained})
    if sources.vocabulary is not None:
        found["fertility"] = sources.vocabulary.fertility.get(name, math.nan)
        found["unknown pieces"] = sources.vocabulary.unknown.get(name, math.nan)
    if sources.sizes is not None:
        found["pre-training text"] = math.log10(1 + sources.sizes.get(name, 0.0))
    return found


def _compare_scripts(one: str, other: str) -> float:
    if not (is_known(one) and is_known(other)):
        return math.nan
    return float(script_of(one) == script_of(other))
