"""Ask the model in training the questions of the retrieval set, and find what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from sentence_transformers import SentenceTransformer
from sentence_transformers.base.evaluation import BaseEvaluator
from sentence_transformers.base.model import BaseModel
from transformers import TrainerState

from isogloss.encoding import Encoder
from isogloss.errors import ModelError
from isogloss.evaluation import evaluate
from isogloss.training.retrieval import METRICS, RetrievalSet


class RetrievalEvaluator(BaseEvaluator):
    """Measure the model in training on held-out articles, by the code of ``isogloss evaluate``.

    The trainer calls it at each validation, in the first of several processes, and shares what it gives with
    the others, so that all stop at the same step.

    Args:
        retrieval: The questions and candidate passages.
    """

    def __init__(self, retrieval: RetrievalSet) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.retrieval = retrieval

    def __call__(
        self,
        model: BaseModel,
        output_path: str | None = None,
        epoch: float = -1,  # noqa: ARG002 - the trainer calls every evaluator with these
        steps: int = -1,  # noqa: ARG002
    ) -> dict[str, float]:
        """Measure the model.

        Args:
            model: The model; its mode is as before afterwards, and no random number is drawn.
            output_path: A folder for files, which the trainer has made; removed, as the log holds everything.
            epoch: Not used.
            steps: Not used.

        Returns:
            Key in the log, without ``eval_`` -> value.

        Raises:
            ModelError: The model gives vectors that cannot be ranked.
        """
        if output_path is not None:
            Path(output_path).rmdir()
        in_training = model.training
        try:
            encoder = Encoder(cast("SentenceTransformer", model), "the model in training", quiet=True)
            results = evaluate(encoder, self.retrieval.benchmark, self.retrieval.unit, quiet=True)
        except ModelError as error:
            raise ModelError(
                f"{error}; if training diverged, lower the learning rate or raise the warmup, and start in "
                "another folder"
            ) from error
        finally:
            model.train(in_training)
        return {METRICS[name].key: value for name, value in self.retrieval.score(results).items()}


def find_validation(state: TrainerState) -> dict[str, float]:
    """Find what was measured at the step whose model is kept.

    Args:
        state: The trainer's state after training.

    Returns:
        The trainer's names, such as ``eval_loss`` -> values; empty without validation.
    """
    for entry in reversed(state.log_history):
        if entry.get("step") == state.best_global_step and "eval_loss" in entry:
            return dict(entry)
    return {}


def take_metrics(entry: Mapping[str, float]) -> dict[str, float]:
    """Take the metrics of the retrieval set out of an entry of the log.

    Args:
        entry: The trainer's names -> values.

    Returns:
        Metric, by the names of ``validation.metric`` -> value.
    """
    return {name: entry[key] for name, metric in METRICS.items() if (key := f"eval_{metric.key}") in entry}
