"""Build tiny random translation models on disk, with the classes and files of the real ones."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import sentencepiece
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    M2M100Config,
    M2M100ForConditionalGeneration,
    M2M100Tokenizer,
    MarianConfig,
    MarianMTModel,
    MarianTokenizer,
    NllbTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from isogloss.model_source import hide_loading_bars
from tiny_models import SENTENCES

MAX_TOKENS = 96
_SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
_CARD = "---\nlicense: cc-by-nc-4.0\nlanguage: [en, de]\n---\n\n# A tiny model\n"


def tiny_nllb(folder: Path, seed: int = 0) -> Path:
    """Save a model as that of facebook/nllb-200-distilled-600M."""
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=220, special_tokens=list(_SPECIALS), show_progress=False)
    trained.train_from_iterator(SENTENCES * 4, trainer)
    model = json.loads(trained.to_str())["model"]
    tokenizer = NllbTokenizer(
        vocab=model["vocab"],
        merges=[tuple(pair) for pair in model["merges"]],
        model_max_length=MAX_TOKENS,
    )
    return _save_m2m(tokenizer, len(tokenizer), folder, seed)


def tiny_m2m(folder: Path, seed: int = 0) -> Path:
    """Save a model as that of facebook/m2m100_418M."""
    folder.mkdir(parents=True)
    pieces = _train_pieces(folder / "sentencepiece.bpe.model")
    vocabulary = {piece: number for number, piece in enumerate((*_SPECIALS, *pieces))}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    tokenizer = M2M100Tokenizer(
        str(folder / "vocab.json"),
        str(folder / "sentencepiece.bpe.model"),
        model_max_length=MAX_TOKENS,
    )
    size = len(vocabulary) + len(tokenizer.lang_code_to_id) + tokenizer.num_madeup_words
    return _save_m2m(tokenizer, size, folder, seed)


def tiny_marian(
    folder: Path,
    source: str | None = "en",
    target: str | None = "de",
    labels: Sequence[str] = (),
    seed: int = 0,
) -> Path:
    """Save a model as those of Helsinki-NLP; with labels, one that is told the target language."""
    folder.mkdir(parents=True)
    pieces = _train_pieces(folder / "source.spm")
    (folder / "target.spm").write_bytes((folder / "source.spm").read_bytes())
    names = ["</s>", "<unk>", *pieces, *(f">>{label}<<" for label in labels), "<pad>"]
    vocabulary = {piece: number for number, piece in enumerate(names)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    tokenizer = MarianTokenizer(
        str(folder / "source.spm"),
        str(folder / "target.spm"),
        str(folder / "vocab.json"),
        source_lang=source,
        target_lang=target,
        model_max_length=MAX_TOKENS,
    )
    config = MarianConfig(
        vocab_size=len(vocabulary),
        decoder_start_token_id=vocabulary["<pad>"],
        pad_token_id=vocabulary["<pad>"],
        eos_token_id=0,
        forced_eos_token_id=0,
        **_sizes(),
    )
    torch.manual_seed(seed)
    return _save(MarianMTModel(config), tokenizer, folder)


def _save_m2m(tokenizer: NllbTokenizer | M2M100Tokenizer, size: int, folder: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    model = M2M100ForConditionalGeneration(M2M100Config(vocab_size=size, **_sizes()))
    return _save(model, tokenizer, folder)


def _save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> Path:
    # A random model never ends; this makes the end likelier with every token after the sixth.
    model.generation_config.exponential_decay_length_penalty = (6, 1.5)
    with hide_loading_bars():
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text(_CARD, encoding="utf-8")
    return folder


def _train_pieces(path: Path) -> list[str]:
    """Train a sentencepiece model; give its pieces without the special ones."""
    with path.open("wb") as stream:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(SENTENCES * 4),
            model_writer=stream,
            vocab_size=200,
            model_type="bpe",
            minloglevel=2,
        )
    processor = sentencepiece.SentencePieceProcessor(str(path))
    pieces = [processor.id_to_piece(number) for number in range(processor.get_piece_size())]
    return [piece for piece in pieces if not re.fullmatch(r"<.*>", piece)]


def _sizes() -> dict[str, float]:
    return {
        "d_model": 32,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "encoder_ffn_dim": 64,
        "decoder_ffn_dim": 64,
        "max_position_embeddings": MAX_TOKENS,
        # Ten times the usual spread: with less, a random model writes the same whatever it reads.
        "init_std": 0.2,
    }
