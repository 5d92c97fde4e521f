"""The encoder before its first step: a new one, or a masked language model to go on with."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Transformer
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    set_seed,
)

from isogloss.config import ModelConfig
from isogloss.errors import ModelError, first_line
from isogloss.files import write_text
from isogloss.model_source import HEAD_FOLDER, SAFE_WEIGHTS
from isogloss.pretraining.balance import balance_lines
from isogloss.pretraining.encoder import new_encoder, save_encoder, train_tokenizer
from isogloss.pretraining.extension import extend_model
from isogloss.pretraining.settings import PretrainConfig, StartSettings
from isogloss.pretraining.text import AlignedText
from isogloss.training.start import load_start
from isogloss.vocabulary import TOKENIZER_PATTERNS, find_folder, find_transformer, load_tokenizer
from isogloss.vocabulary.folder import TOKENIZER_FILE

CHANGE_FILE = "vocabulary.json"
"""What an extension changed, beside the model before its first step."""
_MODULES = "modules.json"
_SET_FREE = 1 << 20
"""Tokenizers without a limit of their own name one of this order."""


def make_new(config: PretrainConfig, texts: Sequence[AlignedText], folder: Path) -> None:
    """Learn a vocabulary, make an encoder with random weights, and save both.

    Args:
        config: The settings.
        texts: The text.
        folder: An empty folder.
    """
    set_seed(config.seed)
    tokenizer = train_tokenizer(
        balance_lines(texts, config.language_exponent),
        config.encoder.vocabulary,
        config.encoder.length,
        config.encoder.tokenizer,
    )
    save_encoder(new_encoder(tokenizer, config.encoder, config.seed), tokenizer, folder)


def make_extended(settings: StartSettings, texts: Sequence[AlignedText], seed: int, folder: Path) -> None:
    """Load a masked language model, add pieces to it if they are asked for, and save it.

    Args:
        settings: The model and its further pieces.
        texts: The text.
        seed: Seed of a head that the model lacks.
        folder: An empty folder.

    Raises:
        ConfigError: There is no text in a language whose pieces are asked for, or nothing to add.
        ModelError: The model cannot be loaded, or is none that fills in masked tokens, or cannot be extended.
    """
    source = find_headed(settings.model)
    model, tokenizer = load_headed(source, seed)
    known = load_tokenizer(source)
    if tokenizer.mask_token_id is None:
        raise ModelError(f"{settings.model}: its tokenizer has no token for what is masked")
    change = None
    if settings.add_vocabulary:
        model, known, change = extend_model(model, known, texts, settings)
    save_encoder(model, tokenizer, folder)
    if change is not None:
        known.backend.save(str(folder / TOKENIZER_FILE))
        _check_reload(known.backend.get_vocab_size(), folder)
        write_text(folder / CHANGE_FILE, json.dumps(change.to_dict(), ensure_ascii=False, indent=1) + "\n")


def find_headed(name: str) -> Path:
    """Find the folder of a model with its language-modelling head.

    Args:
        name: Folder or hub name; of a model that isogloss pre-trained, what is kept beside it.

    Returns:
        The folder.

    Raises:
        ModelError: There is no such model.
    """
    folder = find_folder(name, (*TOKENIZER_PATTERNS, "*.safetensors"))
    headed = folder / HEAD_FOLDER
    return headed if headed.is_dir() else folder


def load_headed(folder: Path, seed: int = 0) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a masked language model and its tokenizer.

    Args:
        folder: Its folder, or that of a sentence-transformers model.
        seed: Seed of a head that is missing, which is told on stderr.

    Returns:
        The model, in evaluation mode and float32, and its tokenizer.

    Raises:
        ModelError: It cannot be loaded, or is of a kind that does not fill in masked tokens.
    """
    place = find_transformer(folder)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model, found = AutoModelForMaskedLM.from_pretrained(
                str(place), output_loading_info=True, **SAFE_WEIGHTS
            )
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(str(place))
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise ModelError(
            f"{folder}: cannot be loaded as a masked language model ({first_line(error)})"
        ) from error
    if found["missing_keys"]:
        print(  # noqa: T201
            f"isogloss: {folder} has no language-modelling head; a new one is trained", file=sys.stderr
        )
    headed: PreTrainedModel = model.float().eval()
    return headed, tokenizer


def open_sentences(headed: Path, config: PretrainConfig) -> SentenceTransformer:
    """Open an encoder as a model of sentences, without its head.

    Args:
        headed: Folder of encoder and head.
        config: The settings.

    Returns:
        The model: with the pooling and further layers of the model that was started from, if it has any; else
        with mean pooling and normalisation.
    """
    length = config.encoder.length
    place = ModelConfig(
        name=str(headed), query_prefix="", passage_prefix="", query_length=length, passage_length=length
    )
    start = find_folder(config.start.model) if config.start is not None else headed
    if not (start / _MODULES).is_file():
        return load_start(place)
    layers = list(SentenceTransformer(str(start), model_kwargs=SAFE_WEIGHTS, device="cpu"))[1:]
    whole = headed.with_name("sentences")
    SentenceTransformer(modules=[Transformer(str(headed)), *layers], device="cpu").save(
        str(whole), create_model_card=False
    )
    model = load_start(
        ModelConfig(
            name=str(whole), query_prefix="", passage_prefix="", query_length=length, passage_length=length
        )
    )
    shutil.rmtree(whole)
    return model


def limit_length(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, length: int) -> int:
    """Tell how many tokens a row may have.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        length: Tokens asked for.

    Returns:
        As many, or fewer where the model takes no more.
    """
    own = tokenizer.model_max_length
    if own >= _SET_FREE:
        # Models like RoBERTa count positions from 2.
        own = getattr(model.config, "max_position_embeddings", length + 2) - 2
    return min(length, int(own))


def _check_reload(pieces: int, folder: Path) -> None:
    """Check that the tokenizer's class takes the pieces that were written."""
    found = load_tokenizer(folder).backend.get_vocab_size()
    if found != pieces:
        raise ModelError(f"{folder}: its tokenizer's class keeps {found:,} of {pieces:,} pieces")
