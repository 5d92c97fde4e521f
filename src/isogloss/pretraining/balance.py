"""Language-balanced sampling: languages with little text are drawn oftener than their share of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from isogloss.pretraining.text import AlignedText


def count_lines(texts: Sequence[AlignedText]) -> dict[str, int]:
    """Count the lines of each language that hold text.

    Args:
        texts: The texts.

    Returns:
        For each language, sorted, the number of its lines, at least 1.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        for language in text.languages:
            counts[language] += sum(1 for line in text.lines[language] if line)
    return {language: count for language, count in sorted(counts.items()) if count}


def share_languages(counts: Mapping[str, int], exponent: float) -> dict[str, float]:
    """Tell how often each language is drawn.

    Args:
        counts: Lines of each language, at least 1.
        exponent: From 0 (all alike) to 1 (in proportion to the lines).

    Returns:
        Shares that add up to 1.

    Source: Conneau and Lample 2019, arXiv 1901.07291, section 3.1; Conneau et al. 2020, arXiv 1911.02116,
        take an exponent of 0.3.
    """
    weights = {language: count**exponent for language, count in counts.items()}
    total = sum(weights.values())
    return {language: weight / total for language, weight in weights.items()}


def balance_lines(texts: Sequence[AlignedText], exponent: float | None) -> Iterator[str]:
    """Give the lines that a vocabulary is learnt from.

    Lines of small languages are repeated and none is left out, so that every character is seen.

    Args:
        texts: The texts.
        exponent: That of the languages' shares; None for each line once.

    Yields:
        Lines that hold text: of each language a number in proportion to its share, spread evenly over them.
    """
    if exponent is None:
        for text in texts:
            for language in text.languages:
                yield from (line for line in text.lines[language] if line)
        return
    counts = count_lines(texts)
    weights = {
        language: share / counts[language] for language, share in share_languages(counts, exponent).items()
    }
    least = min(weights.values(), default=1.0)
    for language, count in counts.items():
        lines = [line for text in texts for line in text.lines.get(language, ()) if line]
        given = round(weights[language] / least * count)
        yield from (lines[number * count // given] for number in range(given))
