"""Hard negatives: passages that a model ranks high for a question, and that do not answer it."""

from isogloss.hard_negatives.containment import holds_answer
from isogloss.hard_negatives.files import read_negatives, write_negatives
from isogloss.hard_negatives.mining import mine_negatives
from isogloss.hard_negatives.model import (
    MinedNegative,
    MinedNegatives,
    MinedQuestion,
    MiningSettings,
    MiningSummary,
    Pool,
)

__all__ = [
    "MinedNegative",
    "MinedNegatives",
    "MinedQuestion",
    "MiningSettings",
    "MiningSummary",
    "Pool",
    "holds_answer",
    "mine_negatives",
    "read_negatives",
    "write_negatives",
]
