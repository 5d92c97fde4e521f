"""The contrastive losses, over embeddings of one planned batch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import get_rank, get_world_size
from torch import Tensor, distributed, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional

from isogloss.config import LossConfig
from isogloss.errors import ConfigError
from isogloss.training.mini_batches import ColumnEncoder

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

    Where several processes share a batch, each scores its own queries against the passages and negatives of
    all, and gradients flow back to whichever process encoded them. All of them return the loss of the whole
    batch; averaged over the processes, as data parallel training does, their gradients are its gradient.

    Args:
        model: The encoder.
        config: Name of the loss and its temperature.

    Raises:
        ConfigError: The name is unknown, the temperature is not positive, or the tokens of a mini-batch are
            negative.

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
        self._encoder = ColumnEncoder(model, config.mini_batch_tokens)
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
            labels: Place of each row in the batch, and -1 for rows to leave out; read only where several
                processes share the batch. Shape: (rows,). The passage of query i is passage i.

        Returns:
            The mean loss in nats, a scalar.
        """
        embeddings = self._encoder.encode(self.model, list(sentence_features))
        return self.compute_loss_from_embeddings(embeddings, labels)

    def compute_loss_from_embeddings(self, embeddings: list[Tensor], labels: Tensor | None = None) -> Tensor:
        """Take the loss over embeddings.

        Args:
            embeddings: Queries, passages and, with negatives, negatives. Shape of each: (rows, dimensions).
                Several processes that share a batch have the same number of rows.
            labels: Place of each row in the batch, and -1 for rows to leave out; read only where several
                processes share the batch. Shape: (rows,).

        Returns:
            The mean loss in nats, a scalar.

        Raises:
            ConfigError: ``eq1`` is asked for without explicit negatives.
        """
        if self.config.name == "eq1" and len(embeddings) < 3:
            raise ConfigError(
                "loss 'eq1' needs explicit negatives; set batches.negatives, to 'random' for example"
            )
        # Autocast would take the products of vectors in 16 bits: of a cosine, 2 or 3 decimal places.
        with torch.autocast(embeddings[0].device.type, enabled=False):
            queries, passages, *negatives = (
                functional.normalize(entry.float(), dim=-1) for entry in embeddings
            )
            if get_world_size() == 1:
                return self._cross_entropy(queries, passages, passages, negatives)
            return self._shared_loss(queries, passages, negatives, labels)

    def _cross_entropy(
        self,
        queries: Tensor,
        own: Tensor,
        passages: Tensor,
        negatives: list[Tensor],
        first: int = 0,
        reduction: str = "mean",
    ) -> Tensor:
        """Score queries, whose own passages also stand in ``passages`` from ``first`` on."""
        scale = self.log_scale.exp()
        if self.config.name == "infonce":
            scores = scale * queries @ torch.cat([passages, *negatives]).T
            targets = torch.arange(first, first + len(queries), device=scores.device)
        else:
            own_scores = scale * (queries * own).sum(dim=-1, keepdim=True)
            scores = torch.cat([own_scores, scale * queries @ negatives[0].T], dim=1)
            targets = torch.zeros(len(queries), dtype=torch.long, device=scores.device)
        return functional.cross_entropy(scores, targets, reduction=reduction)

    def _shared_loss(
        self, queries: Tensor, passages: Tensor, negatives: list[Tensor], labels: Tensor | None
    ) -> Tensor:
        """Take the loss of the batch that all processes share."""
        processes, rank = get_world_size(), get_rank()
        here = torch.ones(len(queries), dtype=torch.bool, device=queries.device)
        if labels is not None:
            here = labels >= 0
        everywhere = _gather_parts(here)
        rows = int(everywhere.sum())
        # What fills up a share stands at its end, so the first row here keeps its place among those left.
        first = int(everywhere[: rank * len(here)].sum())
        local = self._cross_entropy(
            queries[here],
            passages[here],
            _gather(passages)[everywhere],
            [_gather(entry)[everywhere] for entry in negatives],
            first=first,
            reduction="sum",
        )
        # Gradients are averaged over the processes: times their number, that is the mean over all rows.
        local = local * (processes / rows)
        whole = local.detach().clone()
        distributed.all_reduce(whole)
        # The gradient of this process's part, the value of the whole.
        return local - local.detach() + whole / processes

    def average_temperature_gradient(self) -> None:
        """Average the gradient of a learned temperature over the processes, which no library does for it."""
        if get_world_size() > 1 and self.log_scale.grad is not None:
            distributed.all_reduce(self.log_scale.grad)
            self.log_scale.grad /= get_world_size()

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


class _GatherRows(torch.autograd.Function):
    """Gather rows from all processes; each row's gradient is summed over the processes that used it."""

    @staticmethod
    def forward(context: FunctionCtx, rows: Tensor) -> Tensor:  # noqa: ARG004
        return _gather_parts(rows)

    @staticmethod
    def backward(context: FunctionCtx, gradient: Tensor) -> Tensor:  # noqa: ARG004
        total = gradient.contiguous().clone()
        distributed.all_reduce(total)
        return total.chunk(get_world_size())[get_rank()]


def _gather(rows: Tensor) -> Tensor:
    gathered: Tensor = _GatherRows.apply(rows)  # type: ignore[no-untyped-call]
    return gathered


def _gather_parts(rows: Tensor) -> Tensor:
    rows = rows.contiguous()
    parts = [torch.empty_like(rows) for _ in range(get_world_size())]
    distributed.all_gather(parts, rows)
    return torch.cat(parts)
