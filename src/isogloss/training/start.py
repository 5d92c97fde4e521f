"""Load the encoder that training starts from."""

from __future__ import annotations

from pathlib import Path

from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

from isogloss.config import ModelConfig
from isogloss.errors import ConfigError, ModelError

POOLINGS = ("mean", "cls", "max", "lasttoken")


def load_start(config: ModelConfig) -> SentenceTransformer:
    """Load a sentence-transformers model with its own head, or a Hugging Face encoder with a new pooling.

    The prefixes and lengths of the configuration become part of the model, so that plain
    ``SentenceTransformer(folder).encode_query(...)`` uses them.

    Args:
        config: Name or folder, pooling, prefixes and lengths.

    Returns:
        The model; its embeddings are normalised.

    Raises:
        ConfigError: The pooling is unknown or a length is not positive.
        ModelError: There is no such model, or it is damaged.
    """
    if config.pooling not in POOLINGS:
        raise ConfigError(f"'model.pooling' is one of {', '.join(POOLINGS)}; got {config.pooling!r}")
    for name, length in (("query_length", config.query_length), ("passage_length", config.passage_length)):
        if length < 1:
            raise ConfigError(f"'model.{name}' is a number of tokens, at least 1; got {length}")
    try:
        model = _load(config)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"model {config.name!r} cannot be loaded: {reason} (give a folder, or a name on the Hugging Face hub "
            "such as FacebookAI/xlm-roberta-base or sentence-transformers/LaBSE)"
        ) from error
    transformer = model[0]
    limit = transformer.max_seq_length
    transformer.query_length = min(config.query_length, limit or config.query_length)
    transformer.document_length = min(config.passage_length, limit or config.passage_length)
    model.prompts = {"query": config.query_prefix, "document": config.passage_prefix}
    return model


def _load(config: ModelConfig) -> SentenceTransformer:
    if _is_sentence_transformer(config.name):
        return SentenceTransformer(config.name)
    transformer = Transformer(config.name)
    pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode=config.pooling)
    return SentenceTransformer(modules=[transformer, pooling, Normalize()])


def _is_sentence_transformer(name: str) -> bool:
    """Tell whether a folder or a model of the hub comes with modules of its own."""
    folder = Path(name)
    if folder.is_dir():
        return (folder / "modules.json").is_file()
    from sentence_transformers.util import is_sentence_transformer_model

    return bool(is_sentence_transformer_model(name))
