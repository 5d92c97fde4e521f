"""A new small encoder of XLM-R's kind: a vocabulary of its own and random weights."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from isogloss.pretraining.settings import EncoderShape

START, PADDING, END, UNKNOWN, MASK = SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
"""In XLM-R's order, so that its id of padding (1) holds here too."""


def train_tokenizer(
    texts: Iterable[str], vocabulary: int, length: int, algorithm: str = "bpe"
) -> PreTrainedTokenizerFast:
    """Train a tokenizer with XLM-R's special tokens.

    On a few megabytes of text, byte-pair pieces are whole words twice as often as Unigram's. Chinese
    characters stand alone, since pieces would glue them over word borders.

    Args:
        texts: The text to learn pieces from, balanced as the caller wishes.
        vocabulary: Pieces at most.
        length: Tokens of the longest text.
        algorithm: ``bpe`` or ``unigram``.

    Returns:
        The tokenizer.

    Source: Sennrich et al. 2016, arXiv 1508.07909 (byte-pair encoding); Kudo 2018, arXiv 1804.10959
        (Unigram); the library ``tokenizers`` does it.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN) if algorithm == "bpe" else models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    # Splitting at punctuation keeps "Berlin." and "Berlin" one word.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\p{Han}"), behavior="isolated"),
            pre_tokenizers.Metaspace(prepend_scheme="first"),
            pre_tokenizers.Punctuation(),
        ]
    )
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    tokenizer.train_from_iterator(texts, _make_trainer(algorithm, vocabulary))
    if algorithm == "unigram":
        tokenizer.model = _settle_scores(tokenizer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}",
        pair=f"{START} $A {END} {END} $B {END}",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (START, END)],
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        cls_token=START,
        sep_token=END,
        pad_token=PADDING,
        unk_token=UNKNOWN,
        mask_token=MASK,
        model_max_length=length,
    )


def _make_trainer(algorithm: str, vocabulary: int) -> trainers.Trainer:
    if algorithm == "bpe":
        return trainers.BpeTrainer(
            vocab_size=vocabulary, special_tokens=list(SPECIAL_TOKENS), show_progress=False
        )
    return trainers.UnigramTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL_TOKENS),
        unk_token=UNKNOWN,
        show_progress=False,
    )


def _settle_scores(tokenizer: Tokenizer) -> models.Unigram:
    """Undo what differs from process to process: the order of sums, and that of the rarest characters.

    The library gives characters that it did not choose for pieces the lowest score and a little more, a ten
    thousandth more for each; all get the lowest here.
    """
    learnt = json.loads(tokenizer.to_str())["model"]["vocab"]
    scores = {piece: round(score, 5) for piece, score in learnt if piece not in SPECIAL_TOKENS}
    lowest = min(scores.values(), default=0.0)
    rare = lowest + 1e-4 * (1 + sum(len(piece) == 1 for piece in scores))
    for piece, score in scores.items():
        if len(piece) == 1 and score <= rare:
            scores[piece] = lowest
    ordered = sorted(scores.items(), key=lambda entry: (-entry[1], entry[0]))
    specials = [(piece, 0.0) for piece in SPECIAL_TOKENS]
    return models.Unigram([*specials, *ordered], unk_id=SPECIAL_TOKENS.index(UNKNOWN), byte_fallback=False)


def new_encoder(tokenizer: PreTrainedTokenizerFast, shape: EncoderShape, seed: int) -> XLMRobertaForMaskedLM:
    """Make an encoder with random weights and a language-modelling head.

    Args:
        tokenizer: Its tokenizer.
        shape: Its size.
        seed: Seed of the weights.

    Returns:
        The model, in evaluation mode.
    """
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.hidden,
        # XLM-R counts positions from the padding id + 1.
        max_position_embeddings=shape.length + 2,
        type_vocab_size=1,
        hidden_dropout_prob=shape.dropout,
        attention_probs_dropout_prob=shape.dropout,
        bos_token_id=tokenizer.bos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model: XLMRobertaForMaskedLM = XLMRobertaForMaskedLM(config)
    model.eval()  # type: ignore[no-untyped-call]
    return model


def save_encoder(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Save encoder, head and tokenizer as an ordinary Hugging Face folder.

    Args:
        model: The encoder with its head.
        tokenizer: Its tokenizer.
        folder: The folder to write into.
    """
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
