"""Tiny random models of the classes that can be trimmed, and the texts that they are trimmed for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    LlamaConfig,
    LlamaModel,
    ModernBertConfig,
    ModernBertForMaskedLM,
    MPNetConfig,
    MPNetModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
    XLMRobertaConfig,
    XLMRobertaModel,
    XLMRobertaTokenizer,
)

from tiny_models import HIDDEN, MAX_TOKENS, SENTENCES

KEPT = [sentence for sentence in SENTENCES if not set(sentence) & set("古Πक")]
"""Sentences that models are trimmed for; the Greek, Japanese and Hindi ones are left out."""
ROBERTA = {"bos_token": "<s>", "cls_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>"} | {
    "sep_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}
_SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
_SHAPE = {
    "hidden_size": HIDDEN,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "initializer_range": 0.2,
}


def write_texts(folder: Path, texts: Mapping[str, Iterable[str]]) -> Path:
    """Write a text file for each language."""
    folder.mkdir(parents=True, exist_ok=True)
    for language, lines in texts.items():
        (folder / f"{language}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


def roberta_with_head(folder: Path) -> Path:
    """Byte-level BPE in RoBERTa's form, with the head of masked language modelling, in several files."""
    fast = _byte_level(_SPECIALS, ROBERTA)
    config = RobertaConfig(
        vocab_size=len(fast) + 7,  # more rows than ids, as models padded to a round number have
        max_position_embeddings=MAX_TOKENS + 2,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        **_SHAPE,
    )
    fast.backend_tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return _save(folder, RobertaForMaskedLM(_seed(config)), fast, max_shard_size="30KB")


def modernbert(folder: Path) -> Path:
    """Byte-level BPE with special tokens after all pieces, so that their ids change."""
    fast = _byte_level([], {})
    names = {
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "mask_token": "[MASK]",
        "unk_token": "[UNK]",
    }
    fast.add_special_tokens(names)
    number = fast.convert_tokens_to_ids
    fast.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(token, number(token)) for token in ("[CLS]", "[SEP]")],
    )
    config = ModernBertConfig(
        vocab_size=len(fast),
        max_position_embeddings=MAX_TOKENS,
        pad_token_id=number("[PAD]"),
        bos_token_id=number("[CLS]"),
        cls_token_id=number("[CLS]"),
        eos_token_id=number("[SEP]"),
        sep_token_id=number("[SEP]"),
        reference_compile=False,
        **_SHAPE,
    )
    return _save(folder, ModernBertForMaskedLM(_seed(config)), fast)


def llama(folder: Path) -> Path:
    """BPE over whole texts with spaces as letters and bytes for the unknown, as Llama and Gemma have it."""
    byte_pieces = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<unk>", "<s>", "</s>", *byte_pieces], show_progress=False
    )
    # Words are what sentencepiece learns from; the finished tokenizer splits nothing.
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(SENTENCES * 3, trainer)
    definition = json.loads(tokenizer.to_str())
    definition["pre_tokenizer"] = None
    # The bytes are ordinary pieces, not tokens that are found in text.
    definition["added_tokens"] = definition["added_tokens"][:3]
    definition["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
    }
    fast = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(definition)),
        model_max_length=MAX_TOKENS,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="</s>",
        unk_token="<unk>",
    )
    config = LlamaConfig(
        vocab_size=len(fast),
        max_position_embeddings=MAX_TOKENS,
        pad_token_id=None,
        bos_token_id=1,
        eos_token_id=2,
        **_SHAPE,
    )
    return _save(folder, LlamaModel(_seed(config)), fast)


def xlmr_with_late_padding(folder: Path) -> Path:
    """XLM-R whose padding has a high id, from which its positions are counted."""
    pieces = [f"unused{number}" for number in range(6)]
    fast = _byte_level([*_SPECIALS[:1], *pieces, *_SPECIALS[1:]], ROBERTA)
    padding = fast.convert_tokens_to_ids("<pad>")
    assert padding == 7
    # What is no special token any more can be dropped.
    definition = json.loads(fast.backend_tokenizer.to_str())
    definition["added_tokens"] = [
        token for token in definition["added_tokens"] if not token["content"].startswith("unused")
    ]
    fast = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(definition)), model_max_length=MAX_TOKENS, **ROBERTA
    )
    config = XLMRobertaConfig(
        vocab_size=len(fast),
        max_position_embeddings=MAX_TOKENS + padding + 1,
        type_vocab_size=1,
        pad_token_id=padding,
        bos_token_id=0,
        eos_token_id=padding + 1,
        **_SHAPE,
    )
    return _save(folder, XLMRobertaModel(_seed(config)), fast)


def mpnet(folder: Path) -> Path:
    """MPNet, whose class counts positions from the id 1, whatever the configuration says."""
    fast = _byte_level(_SPECIALS, ROBERTA)
    config = MPNetConfig(vocab_size=len(fast), max_position_embeddings=MAX_TOKENS + 2, **_SHAPE)
    return _save(folder, MPNetModel(_seed(config)), fast)


def as_published(xlmr: Path, folder: Path) -> Path:
    """Save the tokenizer of a Unigram model under XLM-R's own class, beside files that fit no longer."""
    pieces = json.loads((xlmr / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    tokenizer = XLMRobertaTokenizer(vocab=[(piece, score) for piece, score in pieces])
    folder.mkdir()
    for name in ("config.json", "model.safetensors"):
        (folder / name).write_bytes((xlmr / name).read_bytes())
    tokenizer.save_pretrained(folder)
    named = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert named["tokenizer_class"] == "XLMRobertaTokenizer"
    for name in ("sentencepiece.bpe.model", "pytorch_model.bin", "tf_model.h5", ".gitattributes"):
        (folder / name).write_bytes(b"of the whole vocabulary")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"of the whole vocabulary")
    (folder / "README.md").write_text("# A model\n", encoding="utf-8")
    return folder


def _byte_level(specials: list[str], names: Mapping[str, str]) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES * 3, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=MAX_TOKENS, **names)


def _seed(config: RobertaConfig) -> RobertaConfig:
    torch.manual_seed(0)
    return config


def _save(folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, **how: str) -> Path:
    model.save_pretrained(folder, **how)
    tokenizer.save_pretrained(folder)
    return folder


MAKERS = {
    "RoBERTa with head": roberta_with_head,
    "ModernBERT": modernbert,
    "Llama": llama,
    "late padding": xlmr_with_late_padding,
    "MPNet": mpnet,
}
