"""Train a model that is cut into shards (FSDP), and put its weights together where they are saved."""

from __future__ import annotations

from typing import Any

from sentence_transformers import SentenceTransformer, SentenceTransformerTrainingArguments
from torch import nn
from transformers import PreTrainedModel

from isogloss.config import LossConfig
from isogloss.errors import ConfigError
from isogloss.training.start import first_module


def check_sharding(arguments: SentenceTransformerTrainingArguments, loss: LossConfig) -> None:
    """Check that a model can be trained in shards, where the arguments ask for it.

    Args:
        arguments: The trainer's arguments.
        loss: The run's loss.

    Raises:
        ConfigError: There is one process, there is no GPU, or a setting does not go with shards.
    """
    if not arguments.fsdp:
        return
    settings = _read_settings(arguments)
    if arguments.world_size == 1:
        raise ConfigError("'trainer.fsdp' shares a model among processes; start several with --processes")
    check_device(arguments.device.type)
    if str(settings.get("version", 2)) != "2" or settings.get("xla"):
        raise ConfigError(
            "'trainer.fsdp_config': isogloss trains with FSDP2 alone; take 'version' and 'xla' out"
        )
    if settings.get("state_dict_type", "FULL_STATE_DICT") != "FULL_STATE_DICT":
        raise ConfigError(
            "'trainer.fsdp_config.state_dict_type': checkpoints hold whole models; take it out, or say "
            "'FULL_STATE_DICT'"
        )
    if loss.learn_temperature:
        raise ConfigError(
            "'loss.learn_temperature' does not go with 'trainer.fsdp', which trains the encoder alone"
        )


def check_device(device: str) -> None:
    """Check that accelerate cuts models into shards on a device.

    Args:
        device: Type of the device, such as ``cuda``.

    Raises:
        ConfigError: It does not.
    """
    if device == "cpu":
        raise ConfigError(
            "'trainer.fsdp' needs GPUs: on CPUs accelerate trains whole copies without a word; take it out"
        )


def prepare_sharding(model: SentenceTransformer, arguments: SentenceTransformerTrainingArguments) -> None:
    """Make a model one that can be trained in shards, and resumed.

    accelerate shards the last normalisation layer among a model's modules by itself. It would take the module
    that normalises vectors for one, and fail: the classes of sentence-transformers' modules cannot be
    exchanged. BERT's own pooler, which makes none of the vectors, must not count as trained: it would have no
    state of the optimizer, and a resumed run asks for one.

    Args:
        model: The model, changed in place: it names its first module as the one whose layers are looked at.
        arguments: The trainer's arguments.

    Raises:
        ConfigError: The layers to shard one by one are named by a class that the model has not.
    """
    transformer: PreTrainedModel = first_module(model).model
    classes = {type(module).__name__ for module in transformer.modules()}
    for name in _read_settings(arguments).get("transformer_layer_cls_to_wrap") or ():
        if name not in classes:
            known = sorted(set(transformer._no_split_modules or ()) & classes)
            hint = f"; its layers are {', '.join(known)}" if known else ""
            raise ConfigError(
                f"'trainer.fsdp_config.transformer_layer_cls_to_wrap': the encoder has no {name!r}{hint}"
            )
    setattr(model, "base_model_prefix", "0")  # noqa: B010 - not among the attributes that its class declares
    pooler = getattr(transformer, "pooler", None)
    if isinstance(pooler, nn.Module):
        pooler.requires_grad_(False)


def _read_settings(arguments: SentenceTransformerTrainingArguments) -> dict[str, Any]:
    """Give the table ``fsdp_config``, which the arguments have read where it is a file."""
    return arguments.fsdp_config if isinstance(arguments.fsdp_config, dict) else {}
