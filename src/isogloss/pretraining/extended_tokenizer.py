"""A tokenizer with further pieces, in its own algorithm: its other pieces, ids and rules stay."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tokenizers import Tokenizer

from isogloss.errors import ModelError
from isogloss.pretraining.new_pieces import NewPiece
from isogloss.vocabulary import ModelTokenizer
from isogloss.vocabulary.tokenizer import Definition

_FUSION = 1e-6
"""What a Unigram piece is worth beyond the pieces that it stands for, for each border that it closes."""


def extend_tokenizer(tokenizer: ModelTokenizer, pieces: Sequence[NewPiece]) -> ModelTokenizer:
    """Add pieces to a tokenizer; they get the ids after the highest one.

    - BPE: their merges come after all others, so that what was merged before is merged first.
    - Unigram: a piece scores what the pieces it stands for score together, and a hair more for each border
      that it closes; a character scores as the least likely piece. So the best way to cut a text stays the
      best, but for the borders that close.
    - WordPiece: the longest match is taken, new or old.

    Args:
        tokenizer: The tokenizer.
        pieces: The pieces, none of which it has.

    Returns:
        A new tokenizer.

    Raises:
        ModelError: It is a BPE that marks the insides or ends of words in its pieces.

    Source: ours.
    """
    definition = json.loads(json.dumps(tokenizer.definition))
    model = definition["model"]
    numbers = {piece.piece: tokenizer.size + place for place, piece in enumerate(pieces)}
    if tokenizer.algorithm == "Unigram":
        _extend_unigram(tokenizer, model, pieces)
    else:
        model["vocab"] |= numbers
    if tokenizer.algorithm == "BPE":
        if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
            raise ModelError(f"{tokenizer.name}: its BPE marks parts of words, and cannot be extended")
        model["merges"] += [list(parts) for piece in pieces for parts in piece.parts]
    backend = Tokenizer.from_str(json.dumps(definition))
    backend.no_truncation()
    backend.no_padding()
    return ModelTokenizer(tokenizer.name, backend, definition)


def _extend_unigram(tokenizer: ModelTokenizer, model: Definition, pieces: Sequence[NewPiece]) -> None:
    vocabulary = model["vocab"]
    assert isinstance(vocabulary, list)  # noqa: S101 - the library wrote it
    lowest = min(score for _, score in vocabulary)
    # An id is a place in the list: tokens that were added after it get theirs there.
    for number in range(len(vocabulary), tokenizer.size):
        vocabulary.append([tokenizer.pieces.get(number, f"<unused {number}>"), lowest])
    for piece in pieces:
        scores = [vocabulary[source][1] for source in piece.sources]
        is_character = not piece.parts
        score = lowest if is_character else sum(scores) + _FUSION * (len(scores) - 1)
        vocabulary.append([piece.piece, score])
