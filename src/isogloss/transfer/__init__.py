"""Transfer between languages: scores of pairs and groups of languages, and what predicts them."""

from isogloss.transfer.groups import Group, Grouping, group_pair
from isogloss.transfer.job import study_transfer
from isogloss.transfer.pairs import GroupScore, PairComparison, PairScore, compare_pairs
from isogloss.transfer.report import TransferReport

__all__ = [
    "Group",
    "GroupScore",
    "Grouping",
    "PairComparison",
    "PairScore",
    "TransferReport",
    "compare_pairs",
    "group_pair",
    "study_transfer",
]
