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

    With ``directions = 2``, ``infonce`` is the mean of that loss and of the same from passages to queries:
    each passage against all queries of the batch. Explicit negatives belong to the first direction alone.

    Candidates that ``labels`` name as further right answers of a query are in none of its denominators, nor
    the query in theirs.

    Where several processes share a batch, each scores its own queries against the passages and negatives of
    all, and gradients flow back to whichever process encoded them. All of them return the loss of the whole
    batch; averaged over the processes, as data parallel training does, their gradients are its gradient.

    Args:
        model: The encoder.
        config: Name of the loss, its directions and its temperature.

    Raises:
        ConfigError: The name is unknown, the directions are neither 1 nor 2, or 2 with ``eq1``, the
            temperature is not positive, or the tokens of a mini-batch are negative.

    Source: arXiv 2408.10536, eq. 1 (``eq1``, which writes no temperature: set 1.0 for it to the letter);
        van den Oord et al. 2018, arXiv 1807.03748, eq. 4 (``infonce``); Radford et al. 2021, arXiv
        2103.00020, figure 3 (two directions); the masking is ours.
    """

    def __init__(self, model: SentenceTransformer, config: LossConfig) -> None:
        super().__init__()
        if config.name not in LOSSES:
            raise ConfigError(f"'loss.name' is one of {', '.join(LOSSES)}; got {config.name!r}")
        if config.directions not in (1, 2):
            raise ConfigError(
                f"'loss.directions' is 1 (query to passage) or 2 (and back); got {config.directions}"
            )
        if config.name == "eq1" and config.directions == 2:
            raise ConfigError("loss 'eq1' has one direction; set 'loss.directions' to 1, or use 'infonce'")
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
            labels: See ``compute_loss_from_embeddings``. The passage of query i is passage i.

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
            labels: First column: place of each row in the batch, and -1 for rows to leave out, which are read
                where several processes share the batch. Further columns: candidates of the whole batch, its
                passages and then its negatives counted from 0, that are right answers of the row's query
                beside its own passage; filled up with -1. Shape: (rows, 1 + columns), or (rows,) for the
                first column alone; all processes have the same number of columns.

        Returns:
            The mean loss in nats, a scalar.

        Raises:
            ConfigError: ``eq1`` is asked for without explicit negatives.
        """
        if self.config.name == "eq1" and len(embeddings) < 3:
            raise ConfigError(
                "loss 'eq1' needs explicit negatives; set batches.negatives, to 'random' for example"
            )
        if labels is not None:
            labels = labels.reshape(len(labels), -1)
        # Autocast would take the products of vectors in 16 bits: of a cosine, 2 or 3 decimal places.
        with torch.autocast(embeddings[0].device.type, enabled=False):
            queries, passages, *negatives = (
                functional.normalize(entry.float(), dim=-1) for entry in embeddings
            )
            if get_world_size() > 1:
                return self._shared_loss(queries, passages, negatives, labels)
            batch = _Candidates(queries, passages, negatives, None if labels is None else labels[:, 1:])
            return self._sum_loss(queries, passages, batch) / len(queries)

    def _sum_loss(self, queries: Tensor, passages: Tensor, batch: _Candidates, first: int = 0) -> Tensor:
        """Sum the losses of some rows, which stand in the batch from row ``first`` on."""
        scale = self.log_scale.exp()
        here = slice(first, first + len(queries))
        if self.config.name == "eq1":
            own_scores = scale * (queries * passages).sum(dim=-1, keepdim=True)
            others = batch.mask(scale * queries @ batch.negatives[0].T, here, len(batch.passages))
            scores = torch.cat([own_scores, others], dim=1)
            targets = torch.zeros(len(queries), dtype=torch.long, device=scores.device)
            return functional.cross_entropy(scores, targets, reduction="sum")
        targets = torch.arange(here.start, here.stop, device=queries.device)
        scores = batch.mask(scale * queries @ torch.cat([batch.passages, *batch.negatives]).T, here)
        loss = functional.cross_entropy(scores, targets, reduction="sum")
        if self.config.directions == 1:
            return loss
        back = batch.mask_back(scale * passages @ batch.queries.T, here)
        return (loss + functional.cross_entropy(back, targets, reduction="sum")) / 2

    def _shared_loss(
        self, queries: Tensor, passages: Tensor, negatives: list[Tensor], labels: Tensor | None
    ) -> Tensor:
        """Take the loss of the batch that all processes share."""
        processes, rank = get_world_size(), get_rank()
        if labels is None:
            labels = torch.zeros(len(queries), 1, dtype=torch.long, device=queries.device)
        everywhere = _gather_parts(labels)
        real = everywhere[:, 0] >= 0
        here = labels[:, 0] >= 0
        batch = _Candidates(
            _gather(queries)[real] if self.config.directions == 2 else queries,
            _gather(passages)[real],
            [_gather(entry)[real] for entry in negatives],
            everywhere[real, 1:],
        )
        # What fills up a share stands at its end, so the first row here keeps its place among those left.
        first = int(real[: rank * len(here)].sum())
        local = self._sum_loss(queries[here], passages[here], batch, first)
        # Gradients are averaged over the processes: times their number, that is the mean over all rows.
        local = local * (processes / int(real.sum()))
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
            Its settings, with the temperature in use.
        """
        return {
            "name": self.config.name,
            "directions": self.config.directions,
            "temperature": self.temperature,
            "learn_temperature": self.config.learn_temperature,
            "mask_false_negatives": self.config.mask_false_negatives,
        }


class _Candidates:
    """Hold all that the rows of a batch are scored against, and which of it are further right answers.

    ``answers`` lists them for each row of the batch, as the further columns of ``labels`` do.
    """

    def __init__(
        self, queries: Tensor, passages: Tensor, negatives: list[Tensor], answers: Tensor | None
    ) -> None:
        self.queries = queries
        self.passages = passages
        self.negatives = negatives
        self.right: Tensor | None = None
        if answers is not None and answers.shape[1]:
            width = len(passages) * (1 + len(negatives))
            # One more column takes the -1 of rows with fewer answers.
            right = torch.zeros(len(answers), width + 1, dtype=torch.bool, device=passages.device)
            right.scatter_(1, torch.where(answers < 0, width, answers), value=True)
            self.right = right[:, :width]
            self.right.diagonal().fill_(False)  # a query's own passage is what it is asked for

    def mask(self, scores: Tensor, rows: slice, first: int = 0) -> Tensor:
        """Take right answers out of the scores of some queries for the candidates from ``first`` on."""
        if self.right is None:
            return scores
        return scores.masked_fill(self.right[rows, first : first + scores.shape[1]], -math.inf)

    def mask_back(self, scores: Tensor, rows: slice) -> Tensor:
        """Take queries that they answer out of the scores of some passages for all queries."""
        return scores if self.right is None else scores.masked_fill(self.right[:, rows].T, -math.inf)


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
