"""Load the encoder that training starts from."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from sentence_transformers.util import is_sentence_transformer_model
from transformers import PreTrainedTokenizerBase

from isogloss.config import ModelConfig
from isogloss.encoding.onnx_module import OnnxTransformer, open_model
from isogloss.errors import ConfigError, ModelError, first_line
from isogloss.model_source import SAFE_WEIGHTS, check_model_name

POOLINGS = ("mean", "cls", "max", "lasttoken")


def load_start(config: ModelConfig) -> SentenceTransformer:
    """Load a sentence-transformers model with its own head, or a Hugging Face encoder with a new pooling.

    The prefixes and lengths of the configuration become part of the model, so that plain
    ``SentenceTransformer(folder).encode_query(...)`` uses them. A length beyond what the model takes is
    lowered to that. Weights become float32, however they are stored. Code that comes with a model is never
    run.

    Args:
        config: Name or folder, pooling, prefixes and lengths.

    Returns:
        The model; a new pooling is followed by a normalisation, models with modules of their own keep those.

    Raises:
        ConfigError: The pooling is unknown or a length is not positive.
        ModelError: There is no such model, it is damaged, it does not encode text, or it is an adapter alone.
    """
    if config.pooling not in POOLINGS:
        raise ConfigError(f"'model.pooling' is one of {', '.join(POOLINGS)}; got {config.pooling!r}")
    for name, length in (("query_length", config.query_length), ("passage_length", config.passage_length)):
        if length < 1:
            raise ConfigError(f"'model.{name}' is a number of tokens, at least 1; got {length}")
    check_model_name(config.name)
    try:
        # Steps of training are too small for weights of 16 bits; `trainer.bf16` computes with 16 bits alone.
        model = _load(config).float()
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise ModelError(
            f"model {config.name!r} cannot be loaded: {first_line(error)} (give a folder, or a name on "
            "the Hugging Face hub such as FacebookAI/xlm-roberta-base or sentence-transformers/LaBSE)"
        ) from error
    transformer = first_module(model)
    if getattr(transformer.model, "peft_config", None):
        raise ModelError(
            f"model {config.name!r} is an adapter, which stands on another model; name a whole one, such as "
            "the folder 'model' that isogloss writes beside an adapter"
        )
    special = len(transformer.tokenizer("")["input_ids"]) if transformer.tokenizer is not None else 0
    for name, length in (("query_length", config.query_length), ("passage_length", config.passage_length)):
        if length <= special:
            raise ConfigError(
                f"'model.{name}' leaves no room for text: {config.name} puts {special} special tokens "
                f"around it; got {length}"
            )
    limit = transformer.max_seq_length or max(config.query_length, config.passage_length)
    transformer.query_length = min(config.query_length, limit)
    transformer.document_length = min(config.passage_length, limit)
    # Plain `encode` names neither side; it takes no more than the longer one had in training.
    transformer.max_seq_length = max(transformer.query_length, transformer.document_length)
    model.prompts = {"query": config.query_prefix, "document": config.passage_prefix}
    return model


def first_module(model: SentenceTransformer) -> Transformer:
    """Give the transformer at the start of a model.

    Args:
        model: The model.

    Returns:
        The module that holds tokenizer and lengths.

    Raises:
        ModelError: The model starts with something else, or has no tokenizer for text.
    """
    module = model[0]
    if not isinstance(module, Transformer) or not isinstance(module.tokenizer, PreTrainedTokenizerBase):
        raise ModelError(
            f"the model starts with {type(module).__name__}; isogloss trains transformers that encode text"
        )
    transformer: Transformer = module
    return transformer


def _load(config: ModelConfig) -> SentenceTransformer:
    if _is_sentence_transformer(config.name):
        model = open_model(config.name, None, SAFE_WEIGHTS)
        if isinstance(model[0], OnnxTransformer):
            raise ModelError(
                f"{config.name}: an exported model has no weights to train; name the one it was exported from"
            )
        return model
    transformer = Transformer(config.name, model_kwargs=SAFE_WEIGHTS)
    pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode=config.pooling)
    return SentenceTransformer(modules=[transformer, pooling, Normalize()])


def _is_sentence_transformer(name: str) -> bool:
    """Tell whether a folder or a model of the hub comes with modules of its own."""
    folder = Path(name)
    if folder.is_dir():
        return (folder / "modules.json").is_file()
    return bool(is_sentence_transformer_model(name))
