"""Tokenizers of every kind that can be trimmed: random small ones, and the same made smaller."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

from isogloss.trimming.pieces import find_needed
from isogloss.trimming.survey import GivenText, survey
from isogloss.trimming.tokenizer_files import trim_definition
from isogloss.vocabulary import ModelTokenizer, Text, TextCollection, TextPart

ALPHABET = "abcé"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
TEXTS = st.lists(
    st.lists(
        st.one_of(
            st.text(alphabet=ALPHABET + "z字", min_size=1, max_size=7),
            st.sampled_from(["<s>", "<pad>", "ab", "abc", "a" * 25, "\u00a0", "A", "e\u0301", "�", "1,2"]),
        ),
        max_size=6,
    ).map(" ".join),
    min_size=1,
    max_size=6,
)
PIECES = st.lists(st.text(alphabet=ALPHABET + "▁", min_size=1, max_size=4), max_size=25, unique=True)
SPECIAL = ["<s>", "<pad>", "<unk>"]


def collect(texts: Sequence[str], language: str = "en") -> TextCollection:
    return TextCollection(
        (TextPart(language, len(texts), lambda: (Text(language, text) for text in texts)),), {}
    )


def wrap(tokenizer: Tokenizer) -> ModelTokenizer:
    return ModelTokenizer("tiny", tokenizer, json.loads(tokenizer.to_str()))


def trim_tokenizer(
    tokenizer: ModelTokenizer, texts: Sequence[str], prefixes: Sequence[str] = ("",)
) -> tuple[NDArray[np.int64], ModelTokenizer]:
    """Trim a tokenizer to texts, all of which are given, and load what was written."""
    found = survey(tokenizer, GivenText(collect(texts), tuple(prefixes), 0.0, quiet=True))
    kept = find_needed(tokenizer, found.rest.ids(), found.rest.scripts())
    return kept, wrap(Tokenizer.from_str(json.dumps(trim_definition(tokenizer, kept))))


def _arrange(draw: st.DrawFn, pieces: Sequence[str]) -> list[str]:
    """Put the special tokens somewhere among the pieces."""
    others = [piece for piece in dict.fromkeys(pieces) if piece not in SPECIAL]
    return draw(st.permutations([*SPECIAL, *others]))


def _finish(draw: st.DrawFn, tokenizer: Tokenizer) -> ModelTokenizer:
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False, lstrip=draw(st.booleans())) for token in SPECIAL]
    )
    number = tokenizer.token_to_id
    around = [("<s>", number("<s>")), ("<pad>", number("<pad>"))]
    tokenizer.post_processor = draw(
        st.sampled_from(
            [
                processors.TemplateProcessing(single="<s> $A <pad>", special_tokens=around),
                processors.BertProcessing(around[1], around[0]),
                processors.Sequence([processors.RobertaProcessing(around[1], around[0])]),
            ]
        )
    )
    return wrap(tokenizer)


def _splitting() -> st.SearchStrategy[
    tuple[normalizers.Normalizer | None, pre_tokenizers.PreTokenizer | None]
]:
    space = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return st.sampled_from(
        [
            (normalizers.NFKC(), pre_tokenizers.Metaspace()),
            (
                normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()]),
                pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
            ),
            (None, pre_tokenizers.Metaspace(prepend_scheme="first")),
            (space, None),
        ]
    )


@st.composite
def unigrams(draw: st.DrawFn) -> ModelTokenizer:
    """Few scores, so that many segmentations tie."""
    fallback = draw(st.booleans())
    order = _arrange(draw, draw(PIECES))
    scores = [(piece, draw(st.sampled_from([-1.0, -1.5, -2.0, -3.25, -11.0]))) for piece in order]
    if fallback:
        scores += [(piece, -12.0) for piece in BYTES]
    tokenizer = Tokenizer(models.Unigram(scores, order.index("<unk>"), fallback))
    normalizer, splitting = draw(_splitting())
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if splitting is not None:
        tokenizer.pre_tokenizer = splitting
    return _finish(draw, tokenizer)


@st.composite
def wordpieces(draw: st.DrawFn) -> ModelTokenizer:
    inside = draw(st.lists(st.text(alphabet=ALPHABET, min_size=1, max_size=3), max_size=15))
    pieces = _arrange(draw, [*draw(PIECES), *(f"##{piece}" for piece in inside)])
    tokenizer = Tokenizer(
        models.WordPiece(
            {piece: number for number, piece in enumerate(pieces)},
            unk_token="<unk>",
            max_input_chars_per_word=draw(st.sampled_from([6, 100])),
        )
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=draw(st.booleans()))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return _finish(draw, tokenizer)


@st.composite
def byte_pairs(draw: st.DrawFn) -> ModelTokenizer:
    """Merges of merges, several ways to one piece among them, with and without bytes for the unknown."""
    letters = [*draw(st.lists(st.sampled_from(ALPHABET), unique=True)), "▁"]
    merges = _merge(draw, letters)
    fallback = draw(st.booleans())
    pieces = [*letters, *(left + right for left, right in merges), *(BYTES if fallback else [])]
    order = _arrange(draw, pieces)
    tokenizer = Tokenizer(
        models.BPE(
            {piece: number for number, piece in enumerate(order)},
            merges,
            unk_token=draw(st.sampled_from(["<unk>", None])),
            fuse_unk=draw(st.booleans()),
            byte_fallback=fallback,
            ignore_merges=draw(st.booleans()),
        )
    )
    normalizer, splitting = draw(_splitting())
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if splitting is not None:
        tokenizer.pre_tokenizer = splitting
    return _finish(draw, tokenizer)


@st.composite
def byte_levels(draw: st.DrawFn) -> ModelTokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = _merge(draw, ["a", "b", "c", "Ġ", "Ã", "©"])
    order = _arrange(draw, [*alphabet, *(left + right for left, right in merges)])
    tokenizer = Tokenizer(
        models.BPE(
            {piece: number for number, piece in enumerate(order)}, merges, ignore_merges=draw(st.booleans())
        )
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(
        add_prefix_space=draw(st.booleans()), use_regex=draw(st.booleans())
    )
    return _finish(draw, tokenizer)


def _merge(draw: st.DrawFn, letters: Sequence[str]) -> list[tuple[str, str]]:
    known = list(letters)
    merges: dict[tuple[str, str], None] = {}
    for _ in range(draw(st.integers(0, 14))):
        pair = (draw(st.sampled_from(known)), draw(st.sampled_from(known)))
        if len("".join(pair)) <= 6:
            merges[pair] = None
            known.append("".join(pair))
    return list(merges)
