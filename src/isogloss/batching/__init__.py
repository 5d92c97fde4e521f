"""Plan the batches of a training run: pure, exact and free of any framework."""

from isogloss.batching.batch import Batch
from isogloss.batching.composition import Composition, StratumCount, count_composition
from isogloss.batching.false_negatives import find_false_negatives
from isogloss.batching.negatives import NegativeChoice
from isogloss.batching.plan import BatchPlan
from isogloss.batching.sampler import PlanSampler
from isogloss.batching.strategy import STRATEGIES, Kind, Strategy, choose_strategy

__all__ = [
    "STRATEGIES",
    "Batch",
    "BatchPlan",
    "Composition",
    "Kind",
    "NegativeChoice",
    "PlanSampler",
    "Strategy",
    "StratumCount",
    "choose_strategy",
    "count_composition",
    "find_false_negatives",
]
