"""Decide which pieces of a vocabulary must stay so that given text is segmented as before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import ModelError
from isogloss.vocabulary import ModelTokenizer
from isogloss.vocabulary.characters import script_name

_SPACE = "▁"


def find_needed(
    tokenizer: ModelTokenizer, used: Collection[int], scripts: Collection[str], lowest: int = 0
) -> NDArray[np.int64]:
    """Find the pieces to keep: those in use, those that make them, and those that keep other text known.

    Kept are: the pieces in use; added tokens and the unknown one; single characters of the scripts named, and
    all that are no letters; pieces for bytes; in BPE every piece that the merges of a kept piece go through;
    in Unigram one piece of the lowest score, which decides what an unknown character costs.

    Args:
        tokenizer: The tokenizer.
        used: Ids of the pieces in use.
        scripts: Scripts, named as ``script_name`` does, whose single characters stay.
        lowest: Every id below this one stays, where a model counts positions from its padding id.

    Returns:
        Ids, ascending. Shape: (kept,), int64.

    Raises:
        ModelError: The tokenizer has settings of BPE that are not known here.

    Source: ours; that dropping unused pieces leaves a segmentation as it is, is shown in docs/vocabulary.md.
    """
    kept = set(used) | tokenizer.added
    kept.update(number for number in tokenizer.pieces if number < lowest)
    kept.update(_single_characters(tokenizer, scripts))
    if tokenizer.unknown is not None:
        kept.add(tokenizer.unknown)
    if tokenizer.algorithm == "Unigram":
        kept.add(_lowest_score(tokenizer, kept))
    elif tokenizer.algorithm == "BPE":
        kept.update(_parts_of(tokenizer, kept - tokenizer.added))
    return np.array(sorted(kept), dtype=np.int64)


def _single_characters(tokenizer: ModelTokenizer, scripts: Collection[str]) -> Iterator[int]:
    """Give the pieces of one character, alone, at the start of a word or inside it."""
    if tokenizer.is_byte_level:
        yield from (number for number, piece in tokenizer.pieces.items() if len(piece) == 1)
        return
    inside = tokenizer.model.get("continuing_subword_prefix") or ""
    for number, piece in tokenizer.pieces.items():
        bare = piece.removeprefix(str(inside)) or piece
        bare = bare.removeprefix(_SPACE) or bare
        letter = len(bare) == 1
        if number in tokenizer.fragments or (letter and script_name(bare) in ("", *scripts)):
            yield number


def _lowest_score(tokenizer: ModelTokenizer, kept: Collection[int]) -> int:
    """Find a piece of the lowest score, if possible one that stays anyway."""
    scores = [float(score) for _, score in _entries(tokenizer)]
    low = min(scores)
    places = [number for number, score in enumerate(scores) if score == low]
    return next((number for number in places if number in kept), places[0])


def _entries(tokenizer: ModelTokenizer) -> list[tuple[str, float]]:
    entries = tokenizer.model["vocab"]
    assert isinstance(entries, list)  # noqa: S101 - the library wrote it
    return entries


def _parts_of(tokenizer: ModelTokenizer, kept: Iterable[int]) -> set[int]:
    """Find the pieces that the merges of kept pieces go through."""
    for setting in ("continuing_subword_prefix", "end_of_word_suffix"):
        if tokenizer.model.get(setting):
            raise ModelError(f"{tokenizer.name}: BPE with {setting!r} cannot be trimmed")
    merges = tokenizer.model["merges"]
    assert isinstance(merges, list)  # noqa: S101 - the library wrote it
    ranks = {(left, right): rank for rank, (left, right) in enumerate(merges)}
    number_of = {piece: number for number, piece in tokenizer.pieces.items()}
    parts: set[int] = set()
    for number in kept:
        for piece in derive(tokenizer.pieces[number], ranks):
            if piece in number_of:
                parts.add(number_of[piece])
    return parts


def derive(piece: str, ranks: Mapping[tuple[str, str], int]) -> list[str]:
    """List what byte-pair merging goes through on its way from characters to a piece.

    Inside a word, no pair across the border of a final piece is ever merged. So each final piece is merged
    in the order in which it would be merged alone, and this list is right for every word that it is in.

    Args:
        piece: The piece.
        ranks: Rank of each merge; the lowest goes first, of equal ones the leftmost.

    Returns:
        The characters, then what each merge makes, in order; the last is the piece itself when merges
        reach it.

    Source: Sennrich et al. 2016, arXiv 1508.07909, algorithm 1.
    """
    symbols: list[str] = list(piece)
    passed = list(symbols)
    while len(symbols) > 1:
        pairs = [(ranks[pair], place) for place, pair in enumerate(pairwise(symbols)) if pair in ranks]
        if not pairs:
            break
        _, place = min(pairs)
        symbols[place : place + 2] = [symbols[place] + symbols[place + 1]]
        passed.append(symbols[place])
    return passed
