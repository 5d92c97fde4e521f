"""Rank passages by BM25, the baseline without a model; within a language alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import ConfigError

Scores = NDArray[np.float32]

# Scripts written without spaces between words: Thai, Lao, Tibetan, Burmese, Khmer, kana and Han.
_UNSPACED = re.compile(
    r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
)


class _WordLetters(dict[int, int | str | None]):
    """Tell ``str.translate`` what becomes of each character: letters, marks and digits stay."""

    def __missing__(self, code: int) -> int | str | None:
        kind = unicodedata.category(chr(code))
        # Joiners and other format characters stand inside words; all the rest parts them.
        kept: int | str | None = code if kind[0] in "LMN" else None if kind == "Cf" else " "
        self[code] = kept
        return kept


_LETTERS = _WordLetters()


def split_words(text: str) -> list[str]:
    """Split a text into the terms that BM25 counts.

    Args:
        text: The text.

    Returns:
        Its words in lower case; pairs of neighbouring letters where a script sets no spaces between words.

    Source: ours; pairs of letters as Lucene's analyser for Chinese, Japanese and Korean forms them.
    """
    words: list[str] = []
    for word in unicodedata.normalize("NFKC", text).lower().translate(_LETTERS).split():
        start = 0
        for run in _UNSPACED.finditer(word):
            if run.start() > start:
                words.append(word[start : run.start()])
            letters = _join_marks(run[0])
            words += letters if len(letters) == 1 else [a + b for a, b in pairwise(letters)]
            start = run.end()
        if start < len(word):
            words.append(word[start:])
    return words


def _join_marks(text: str) -> list[str]:
    """Split a text into letters, each with the vowel and tone marks that follow it."""
    letters: list[str] = []
    for character in text:
        if letters and unicodedata.category(character)[0] == "M":
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def score_lexically(
    queries: Sequence[str],
    passages: Sequence[str],
    query_languages: NDArray[np.int16] | None,
    passage_languages: NDArray[np.int16],
) -> Callable[[int, int], Scores]:
    """Index each language's passages for BM25 (k1 1.5, b 0.75, Lucene's idf).

    Args:
        queries: The queries.
        passages: The passages.
        query_languages: ``[Q]``; None for queries of unknown language, which are scored in every language.
        passage_languages: ``[P]``.

    Returns:
        A function of two query numbers, first and one after last, that gives their scores, float32
        ``[n, P]``: 0 or more where the query is scored, minus infinity elsewhere.

    Raises:
        ConfigError: The package bm25s is not installed.

    Source: Robertson et al., TREC-3, 1994, as the package bm25s computes it (arXiv 2407.03618).
    """
    try:
        import bm25s
    except ImportError as error:
        raise ConfigError("BM25 needs the package bm25s: pip install 'isogloss[bm25]'") from error
    members = {
        int(number): np.flatnonzero(passage_languages == number) for number in np.unique(passage_languages)
    }
    indexes = {}
    for number, places in members.items():
        words = [split_words(passages[place]) for place in places.tolist()]
        if any(words):
            indexes[number] = bm25s.BM25()
            indexes[number].index(words, show_progress=False)

    def score(first: int, last: int) -> Scores:
        block = np.full((last - first, len(passages)), -np.inf, dtype=np.float32)
        for row, query in enumerate(range(first, last)):
            words = split_words(queries[query])
            asked = members if query_languages is None else {int(query_languages[query])} & set(members)
            for language in asked:
                index = indexes.get(language)
                known = [word for word in words if index and word in index.vocab_dict]
                block[row, members[language]] = index.get_scores(known) if index and known else 0.0
        return block

    return score
