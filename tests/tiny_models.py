"""Build tiny random models on disk, with the classes and files of the real ones. Nothing is downloaded."""

from __future__ import annotations

import json
import math
import unicodedata
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

SENTENCES = (
    "Which river flows through the old town?",
    "Der Fluss fließt durch die alte Stadt.",
    "¿Qué río cruza la ciudad vieja?",
    "Река течёт через старый город.",
    "Ποιος ποταμός διασχίζει την παλιά πόλη;",
    "古い町を流れる川はどれですか。",
    "कौन सी नदी पुराने शहर से बहती है?",
    "In 1843 the bridge was built of stone, 38 metres long.",
)
MAX_TOKENS = 64
HIDDEN = 32
LONGEST_WORD = 6
"""Letters; longer words are spelt, so that texts have as many tokens as real vocabularies give them."""


def tiny_xlmr(folder: Path, seed: int = 0) -> Path:
    """Save a random XLM-RoBERTa encoder without a sentence-transformers configuration."""
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    # Not by the library's trainer: what that learns differs from process to process.
    vocabulary = [(special, 0.0) for special in specials] + _choose_pieces(_count_words())
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=specials.index("<unk>"), byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {
        "bos_token": "<s>",
        "cls_token": "<s>",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=MAX_TOKENS, **names)
    config = XLMRobertaConfig(
        vocab_size=len(fast),
        max_position_embeddings=MAX_TOKENS + 2,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        **_sizes(),
    )
    torch.manual_seed(seed)
    XLMRobertaModel(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def _count_words() -> Counter[str]:
    """Count the words of the sentences and prefixes, split at white space."""
    texts = (*SENTENCES, "Query: Passage:")
    return Counter(word for text in texts for word in unicodedata.normalize("NFKC", text).split())


def _choose_pieces(words: Mapping[str, int]) -> list[tuple[str, float]]:
    """Take all characters and all words but long ones for pieces, with the logarithms of their shares."""
    found: Counter[str] = Counter()
    for word, uses in words.items():
        marked = f"▁{word}"
        for piece in (*marked, *[marked] * (len(word) <= LONGEST_WORD)):
            found[piece] += uses
    return [(piece, math.log(uses / found.total())) for piece, uses in sorted(found.items())]


def tiny_labse(folder: Path, seed: int = 0) -> Path:
    """Save random modules like those of LaBSE: BERT, CLS pooling, a dense layer with tanh, normalisation."""
    fast = _wordpiece_tokenizer()
    torch.manual_seed(seed)
    bert = folder.with_name(f"{folder.name}-bert")
    BertModel(
        BertConfig(vocab_size=len(fast), max_position_embeddings=MAX_TOKENS, pad_token_id=0, **_sizes())
    ).save_pretrained(bert)
    fast.save_pretrained(bert)
    modules = [
        Transformer(str(bert), max_seq_length=MAX_TOKENS),
        Pooling(HIDDEN, pooling_mode="cls"),
        Dense(HIDDEN, HIDDEN, activation_function=torch.nn.Tanh()),
        Normalize(),
    ]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder), create_model_card=False)
    _write_as_first_published(folder)
    return folder


def _write_as_first_published(folder: Path) -> None:
    """Rewrite the configuration the way the files of LaBSE, saved by an old release, have it."""
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Dense": "Dense", "3_Normalize": "Normalize"}
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(kinds.items())
    ]
    pooling = {
        "word_embedding_dimension": HIDDEN,
        "pooling_mode_cls_token": True,
        "pooling_mode_mean_tokens": False,
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
    }
    dense = {
        "in_features": HIDDEN,
        "out_features": HIDDEN,
        "bias": True,
        "activation_function": "torch.nn.modules.activation.Tanh",
    }
    for name, content in (
        ("modules.json", modules),
        ("1_Pooling/config.json", pooling),
        ("2_Dense/config.json", dense),
        ("sentence_bert_config.json", {"max_seq_length": MAX_TOKENS, "do_lower_case": False}),
    ):
        (folder / name).write_text(json.dumps(content), encoding="utf-8")


def set_prompts(folder: Path, prompts: dict[str, str]) -> None:
    """Write prompts into a saved sentence-transformers model."""
    file = folder / "config_sentence_transformers.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**config, "prompts": prompts}), encoding="utf-8")


def _wordpiece_tokenizer() -> PreTrainedTokenizerFast:
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = [word for word in _count_words() if len(word) <= LONGEST_WORD]
    letters = sorted({letter for word in _count_words() for letter in word})
    pieces = [*specials, *letters, *(f"##{letter}" for letter in letters), *sorted(words)]
    numbers = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=MAX_TOKENS, **names)


def _sizes() -> dict[str, float]:
    return {
        # Ten times the usual spread: with less, a random encoder gives all texts nearly one vector.
        "initializer_range": 0.2,
        "hidden_size": HIDDEN,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
    }
