"""Tiny masked language models of the classes that are extended, with tokenizers of every algorithm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    PreTrainedModel,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from tiny_models import HIDDEN, MAX_TOKENS, tiny_labse, tiny_xlmr
from trimming.models_to_trim import as_published, modernbert, roberta_with_head

AMHARIC = [
    f"ቤት{ending} ሰው ቤት {number} riverboat stonebridge" for number in range(12) for ending in ("", "ቤት", "ሰው")
]
"""Characters that most of the models do not know, and words whose letters they know."""
SIZES = {"hidden_size": HIDDEN, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}


def xlmr_with_head(folder: Path) -> Path:
    """Unigram; the decoder is the table of embeddings."""
    tiny_xlmr(folder)
    rows = len(AutoTokenizer.from_pretrained(folder))
    config = XLMRobertaConfig(
        vocab_size=rows, max_position_embeddings=MAX_TOKENS + 2, type_vocab_size=1, pad_token_id=1, **SIZES
    )
    return _save_head(XLMRobertaForMaskedLM, config, folder)


def published_xlmr(folder: Path) -> Path:
    """The same under XLM-R's own class of tokenizers."""
    own = xlmr_with_head(folder.with_name(f"{folder.name}-plain"))
    return as_published(own, folder)


def untied_xlmr(folder: Path) -> Path:
    """The decoder has a table of its own."""
    tiny_xlmr(folder)
    rows = len(AutoTokenizer.from_pretrained(folder))
    config = XLMRobertaConfig(
        vocab_size=rows,
        max_position_embeddings=MAX_TOKENS + 2,
        type_vocab_size=1,
        pad_token_id=1,
        tie_word_embeddings=False,
        **SIZES,
    )
    return _save_head(XLMRobertaForMaskedLM, config, folder)


def bert_with_head(folder: Path) -> Path:
    """WordPiece."""
    return _wordpiece(
        folder, lambda rows: BertForMaskedLM(BertConfig(vocab_size=rows, max_position_embeddings=64, **SIZES))
    )


def distilbert_with_head(folder: Path) -> Path:
    """WordPiece under a head of several modules."""
    return _wordpiece(
        folder,
        lambda rows: DistilBertForMaskedLM(
            DistilBertConfig(
                vocab_size=rows,
                dim=HIDDEN,
                n_layers=1,
                n_heads=2,
                hidden_dim=64,
                max_position_embeddings=64,
            )
        ),
    )


def _wordpiece(folder: Path, make: Callable[[int], PreTrainedModel]) -> Path:
    labse = tiny_labse(folder.with_name(f"{folder.name}-labse"))
    tokenizer = AutoTokenizer.from_pretrained(labse)
    torch.manual_seed(0)
    return _finish(make(len(tokenizer)), folder, tokenizer)


def _save_head(kind: type[PreTrainedModel], config: XLMRobertaConfig, folder: Path) -> Path:
    torch.manual_seed(0)
    return _finish(kind(config), folder, None)


def _finish(model: PreTrainedModel, folder: Path, tokenizer: object) -> Path:
    with torch.no_grad():
        # Zeros as they are made would tell nothing about how a bias grows.
        bias = model.get_output_embeddings().bias
        bias.copy_(torch.randn(bias.shape))
    model.save_pretrained(folder)
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)
    return folder


MAKERS = {
    "XLM-R": xlmr_with_head,
    "XLM-R as published": published_xlmr,
    "XLM-R untied": untied_xlmr,
    "BERT": bert_with_head,
    "DistilBERT": distilbert_with_head,
    "RoBERTa, more rows than ids": roberta_with_head,
    "ModernBERT": modernbert,
}
