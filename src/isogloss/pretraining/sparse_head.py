"""Predict masked tokens alone: the language-modelling head skips all places that have no label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, Trainer

IGNORED = -100
"""The label of a place that is not predicted."""


def predict_masked(model: PreTrainedModel, inputs: Mapping[str, Tensor], labels: Tensor) -> Tensor:
    """Give the scores of all pieces at the labelled places alone.

    With 15 % of the tokens masked this leaves out most of a small encoder's work: the product of every
    token's vector with a vocabulary of tens of thousands of pieces.

    Args:
        model: Any model with a language-modelling head.
        inputs: Its inputs, without labels.
        labels: int64 [rows, tokens]; ``IGNORED`` where nothing is predicted.

    Returns:
        float [labelled places, vocabulary], in reading order; the model's own scores there.

    Source: ours.
    """
    places = labels != IGNORED
    head = find_head(model)
    if head is None:
        return cast(Tensor, model(**inputs).logits)[places]
    hook = head.register_forward_pre_hook(lambda _, arguments: (arguments[0][places], *arguments[1:]))
    try:
        return cast(Tensor, model(**inputs).logits)
    finally:
        hook.remove()


def find_head(model: PreTrainedModel) -> nn.Module | None:
    """Find the one module that turns the encoder's vectors into scores.

    Args:
        model: The model.

    Returns:
        The module, which works on each place by itself; None where the head is spread over several.
    """
    output = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if output is None:
        return None
    beside = [(name, child) for name, child in model.named_children() if name != model.base_model_prefix]
    if len(beside) != 1 or not any(module is output for module in beside[0][1].modules()):
        return None
    return beside[0][1]


class MaskedTrainer(Trainer):
    """Train on the mean cross-entropy of the masked places."""

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        """Compute a batch's loss.

        Args:
            model: The model.
            inputs: Its inputs and the labels.
            return_outputs: Whether the scores are wanted too.
            num_items_in_batch: Masked places of all batches of the step; of this one when None.

        Returns:
            The loss, and the scores if they are wanted.
        """
        labels = inputs["labels"]
        given = {name: value for name, value in inputs.items() if name != "labels"}
        scores = predict_masked(cast(PreTrainedModel, model), given, labels)
        places = labels[labels != IGNORED]
        total = torch.nn.functional.cross_entropy(scores.float(), places, reduction="sum")
        loss = total / (len(places) if num_items_in_batch is None else num_items_in_batch)
        return (loss, {"logits": scores}) if return_outputs else loss
