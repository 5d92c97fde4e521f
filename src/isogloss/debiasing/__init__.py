"""Take language out of embeddings without training: baselines that whatever is trained should beat.

``per_language`` changes the vectors of a benchmark, each by its own language; ``subspace`` finds one
projection for the texts of all languages, which can become a layer of a model.
"""

from isogloss.debiasing.per_language import Debiasing, debias_vectors
from isogloss.debiasing.subspace import Subspace, check_components, find_subspace, project

__all__ = ["Debiasing", "Subspace", "check_components", "debias_vectors", "find_subspace", "project"]
