"""Train a low-rank adapter in place of an encoder's weights, and merge it into them."""

from __future__ import annotations

from pathlib import Path

from sentence_transformers import SentenceTransformer
from torch import nn
from transformers import PreTrainedModel

from isogloss.config import LoraConfig
from isogloss.errors import ConfigError, ModelError
from isogloss.training.start import first_module

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
"""What a saved adapter consists of, in a checkpoint too."""

_UNUSED = ["pooler.dense"]
"""BERT's own pooler: vectors are made from the tokens of the last layer, so it would never be trained."""


def add_adapter(model: SentenceTransformer, config: LoraConfig) -> None:
    """Put a low-rank adapter into an encoder; from then on nothing else of it is trained.

    A head such as LaBSE's stays as it is, too, so that the start and the adapter together are the model.

    Args:
        model: The encoder, changed in place. The adapter changes no vector yet.
        config: Rank, scale, dropout and target modules.

    Raises:
        ConfigError: peft is not installed, a number is out of range, or a target is no linear layer of the
            encoder.

    Source: Hu et al. 2021, arXiv 2106.09685, section 4.1, as implemented by peft.
    """
    try:
        import peft
    except ImportError as error:
        raise ConfigError("LoRA needs the package peft: pip install 'isogloss[lora]'") from error
    _check_numbers(config)
    transformer: PreTrainedModel = first_module(model).model
    _check_targets(transformer, config.targets)
    model.requires_grad_(False)
    model.add_adapter(
        peft.LoraConfig(
            task_type=peft.TaskType.FEATURE_EXTRACTION,
            r=config.rank,
            lora_alpha=config.alpha,  # type: ignore[arg-type] # peft takes fractions too
            lora_dropout=config.dropout,
            target_modules=list(config.targets) or "all-linear",
            exclude_modules=_UNUSED,
        )
    )


def save_adapter(model: SentenceTransformer, folder: Path) -> None:
    """Write the adapter of an encoder alone, as peft writes it.

    Args:
        model: An encoder with an adapter.
        folder: An existing folder.
    """
    first_module(model).model.save_pretrained(str(folder))


def merge_adapter(model: SentenceTransformer) -> None:
    """Add the adapter of an encoder to its weights, and take it out.

    Args:
        model: An encoder with an adapter, changed in place; afterwards it has the modules of the start.

    Raises:
        ModelError: The merged weights are not finite.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    transformer: PreTrainedModel = first_module(model).model
    for name, layer in list(transformer.named_modules()):
        if isinstance(layer, BaseTunerLayer):
            try:
                layer.merge(safe_merge=True)
            except ValueError as error:
                raise ModelError(f"the adapter cannot be merged into {name}: {error}") from error
            transformer.set_submodule(name, layer.get_base_layer())
    for name in list(transformer.peft_config):
        transformer.delete_adapter(name)
    model.requires_grad_(True)


def count_parameters(model: SentenceTransformer) -> tuple[int, int]:
    """Count the numbers that training changes.

    Args:
        model: The encoder in training.

    Returns:
        Trained ones, and all of the encoder without an adapter.
    """
    parameters = dict(model.named_parameters())
    trained = sum(weights.numel() for weights in parameters.values() if weights.requires_grad)
    return trained, sum(weights.numel() for name, weights in parameters.items() if ".lora_" not in name)


def _check_numbers(config: LoraConfig) -> None:
    if config.rank < 1:
        raise ConfigError(f"'lora.rank' is at least 1; got {config.rank}")
    if not config.alpha > 0:
        raise ConfigError(f"'lora.alpha' is above 0; got {config.alpha:g}")
    if not 0 <= config.dropout < 1:
        raise ConfigError(f"'lora.dropout' is at least 0 and below 1; got {config.dropout:g}")


def _check_targets(transformer: nn.Module, targets: tuple[str, ...]) -> None:
    """Check that each target is the name, or the end of the name, of linear layers."""
    layers = [
        f".{name}"
        for name, module in transformer.named_modules()
        if isinstance(module, nn.Linear) and not f".{name}".endswith(tuple(f".{end}" for end in _UNUSED))
    ]
    absent = [target for target in targets if not any(name.endswith(f".{target}") for name in layers)]
    if absent:
        known = sorted({name.rsplit(".", 1)[-1] for name in layers})
        raise ConfigError(
            f"'lora.targets': the encoder has no linear layer {absent[0]!r}; it has {', '.join(known)}"
        )
