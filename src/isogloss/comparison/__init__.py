"""Compare systems on one benchmark: scores, differences to a baseline, and how sure they are."""

from isogloss.comparison.estimation import compare, refer_to
from isogloss.comparison.model import (
    DEFAULT_MEASURES,
    ComparedMeasure,
    Difference,
    LanguageScore,
    PartScore,
    Reference,
    Score,
    System,
    Verdict,
)
from isogloss.comparison.report import Comparison

__all__ = [
    "DEFAULT_MEASURES",
    "ComparedMeasure",
    "Comparison",
    "Difference",
    "LanguageScore",
    "PartScore",
    "Reference",
    "Score",
    "System",
    "Verdict",
    "compare",
    "refer_to",
]
