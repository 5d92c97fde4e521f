"""Put a projection at the end of a sentence-transformers model."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize


def append_projection(model: SentenceTransformer, basis: NDArray[np.float64]) -> None:
    """Make a projection the last layer of a model but for the normalisation that follows it.

    A normalisation at the end of the model moves behind the projection, which gives the same vectors since
    both are linear up to length. Prompts, lengths and the number format stay.

    Args:
        model: The model; it is changed.
        basis: The directions to take out: float64 ``[components, d]``, orthonormal rows.
    """
    width = basis.shape[1]
    matrix = np.eye(width) - basis.T @ basis
    first = next(model.parameters(), torch.empty(0))
    dense = Dense(
        width,
        width,
        bias=False,
        activation_function=torch.nn.Identity(),
        init_weight=torch.from_numpy(matrix).to(device=first.device, dtype=first.dtype),
    )
    if isinstance(model[-1], Normalize):
        model.insert(len(model) - 1, dense)
    else:
        model.append(dense)
        model.append(Normalize())
