"""Transfer between languages: scores of pairs and groups of languages, and what predicts them."""

from isogloss.transfer.features import FeatureSources, FeatureTable, VocabularyFacts, measure_features
from isogloss.transfer.groups import Group, Grouping, group_pair
from isogloss.transfer.job import collect_sources, study_transfer
from isogloss.transfer.pairs import GroupScore, PairComparison, PairScore, compare_pairs
from isogloss.transfer.regression import Coefficient, Regression, regress
from isogloss.transfer.report import TransferReport
from isogloss.transfer.typology import Typology, read_typology

__all__ = [
    "Coefficient",
    "FeatureSources",
    "FeatureTable",
    "Group",
    "GroupScore",
    "Grouping",
    "PairComparison",
    "PairScore",
    "Regression",
    "TransferReport",
    "Typology",
    "VocabularyFacts",
    "collect_sources",
    "compare_pairs",
    "group_pair",
    "measure_features",
    "read_typology",
    "regress",
    "study_transfer",
]
