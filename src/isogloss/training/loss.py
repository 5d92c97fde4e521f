"""The contrastive losses, over embeddings of one planned batch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from torch.nn import functional

from isogloss.config import LossConfig
from isogloss.errors import ConfigError

LOSSES = ("infonce", "eq1")


class ContrastiveLoss(nn.Module):
    """Score each query against its own passage and against negatives, and take the cross-entropy.

    With ``infonce`` the negatives are all other passages of the batch, and the explicit negatives where the
    plan has them. With ``eq1`` they are the explicit negatives of the whole batch alone: other queries'
    passages are not in the denominator, as the paper's equation reads literally. Scores are cosines over a
    temperature.

    | Columns of the batch        | infonce | eq1          |
    |-----------------------------|---------|--------------|
    | (query, passage)            | yes     | not possible |
    | (query, passage, negative)  | yes     | yes          |

    Args:
        model: The encoder.
        config: Name of the loss and its temperature.

    Raises:
        ConfigError: The name is unknown or the temperature is not positive.

    Source: arXiv 2408.10536, eq. 1 (``eq1``, which writes no temperature: set 1.0 for it to the letter);
        van den Oord et al. 2018, arXiv 1807.03748, eq. 4 (``infonce``).
    """

    def __init__(self, model: SentenceTransformer, config: LossConfig) -> None:
        super().__init__()
        if config.name not in LOSSES:
            raise ConfigError(f"'loss.name' is one of {', '.join(LOSSES)}; got {config.name!r}")
        if not config.temperature > 0:
            raise ConfigError(f"'loss.temperature' is above 0; got {config.temperature}")
        self.model = model
        self.config = config
        log_scale = torch.tensor(-math.log(config.temperature))
        if config.learn_temperature:
            self.log_scale: Tensor = nn.Parameter(log_scale)
        else:
            self.register_buffer("log_scale", log_scale, persistent=False)

    @property
    def temperature(self) -> float:
        """Give the temperature in use."""
        return math.exp(-float(self.log_scale.detach()))

    def forward(
        self, sentence_features: Iterable[Mapping[str, Tensor]], labels: Tensor | None = None
    ) -> Tensor:
        """Encode the columns of a batch and take the loss.

        Args:
            sentence_features: Tokenised queries, passages and, with negatives, negatives.
            labels: Not used: the passage of query i is passage i.

        Returns:
            The mean loss in nats, a scalar.
        """
        embeddings = [self.model(dict(features))["sentence_embedding"] for features in sentence_features]
        return self.compute_loss_from_embeddings(embeddings, labels)

    def compute_loss_from_embeddings(self, embeddings: list[Tensor], labels: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Take the loss over embeddings.

        Args:
            embeddings: Queries, passages and, with negatives, negatives. Shape of each: (rows, dimensions).
            labels: Not used.

        Returns:
            The mean loss in nats, a scalar.

        Raises:
            ConfigError: ``eq1`` is asked for without explicit negatives.
        """
        queries, passages, *negatives = (functional.normalize(entry.float(), dim=-1) for entry in embeddings)
        scale = self.log_scale.exp()
        if self.config.name == "infonce":
            scores = scale * queries @ torch.cat([passages, *negatives]).T
            return functional.cross_entropy(scores, torch.arange(len(queries), device=scores.device))
        if not negatives:
            raise ConfigError(
                "loss 'eq1' needs explicit negatives; set batches.negatives, to 'random' for example"
            )
        own = scale * (queries * passages).sum(dim=-1, keepdim=True)
        scores = torch.cat([own, scale * queries @ negatives[0].T], dim=1)
        return functional.cross_entropy(
            scores, torch.zeros(len(queries), dtype=torch.long, device=scores.device)
        )

    def get_config_dict(self) -> dict[str, str | float | bool]:
        """Describe the loss for the model card.

        Returns:
            Name and temperature.
        """
        return {
            "name": self.config.name,
            "temperature": self.temperature,
            "learn_temperature": self.config.learn_temperature,
        }
