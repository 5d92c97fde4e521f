"""How alike two texts of one language are, by their characters."""

from __future__ import annotations

from collections import Counter

_ORDER = 6
_BETA = 2.0


def compare_characters(text: str, reference: str) -> float:
    """Compare two texts by the character n-grams that they share (chrF2: n from 1 to 6, beta 2).

    White space is left out. Precision and recall are averaged over the n for which both texts have n-grams.

    Args:
        text: The text to judge.
        reference: What it should be.

    Returns:
        0 (nothing in common, or one text is empty) to 1 (the same but for white space).

    Source: Popovic 2015, "chrF: character n-gram F-score for automatic MT evaluation", section 2.
    """
    one, other = "".join(text.split()), "".join(reference.split())
    precisions, recalls = [], []
    for size in range(1, min(_ORDER, len(one), len(other)) + 1):
        grams, wanted = _count_grams(one, size), _count_grams(other, size)
        shared = (grams & wanted).total()
        precisions.append(shared / grams.total())
        recalls.append(shared / wanted.total())
    if not sum(precisions):
        return 0.0
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    return (1 + _BETA**2) * precision * recall / (_BETA**2 * precision + recall)


def _count_grams(text: str, size: int) -> Counter[str]:
    return Counter(text[start : start + size] for start in range(len(text) - size + 1))
