"""Learn pieces that a tokenizer lacks: frequent rows of its own pieces in the text of new languages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from isogloss.trimming.words import Speller
from isogloss.vocabulary import ModelTokenizer

_LEAST_USES = 2
"""A piece that occurs once would never be learnt."""
_LINES_AT_ONCE = 10_000
_FIRST_STAND_IN = 0x10000
"""Beyond all white space of Unicode."""


@dataclass(frozen=True)
class NewPiece:
    """Hold a piece that is to be added.

    Args:
        piece: The piece as the tokenizer's vocabulary has it.
        sources: Ids of the pieces that it stands for: those that the tokenizer cuts it into, or the bytes of
            a character; empty for a character that it does not know.
        parts: The two pieces that it is merged from, in each way; none for a character.
    """

    piece: str
    sources: tuple[int, ...]
    parts: tuple[tuple[str, str], ...] = ()


def count_words(tokenizer: ModelTokenizer, lines: Iterable[str]) -> Counter[str]:
    """Count the words that a tokenizer looks up.

    Args:
        tokenizer: The tokenizer.
        lines: The text.

    Returns:
        How often each word occurs, normalised and split as the tokenizer does it.
    """
    speller = Speller(tokenizer)
    words: Counter[str] = Counter()
    left = iter(lines)
    while part := list(islice(left, _LINES_AT_ONCE)):
        words.update(word for word in speller.words(part) if "\ufffd" not in word)
    return words


def find_characters(tokenizer: ModelTokenizer, words: Mapping[str, int], most: int) -> list[NewPiece]:
    """Find the characters of a text that a tokenizer has no piece for.

    Args:
        tokenizer: The tokenizer.
        words: How often each word occurs.
        most: Pieces at most.

    Returns:
        The pieces to add, the most frequent ones first.
    """
    inside = _inside(tokenizer)
    found: Counter[str] = Counter()
    for word, uses in words.items():
        for place, character in enumerate(word):
            found[(inside if place else "") + character] += uses
    known = tokenizer.backend.get_vocab(with_added_tokens=True)
    lacking = [(uses, piece) for piece, uses in found.items() if piece not in known]
    lacking.sort(key=lambda entry: (-entry[0], entry[1]))
    return [NewPiece(piece, _bytes_of(piece, known)) for uses, piece in lacking[:most] if uses >= _LEAST_USES]


def learn_pieces(tokenizer: ModelTokenizer, words: Mapping[str, int], most: int) -> list[NewPiece]:
    """Learn the pairs of pieces that stand beside each other most often, again and again.

    This goes on with byte-pair encoding where the tokenizer ends: what it cuts most finely is joined first.

    Args:
        tokenizer: The tokenizer, of any algorithm.
        words: How often each word occurs.
        most: Pieces at most.

    Returns:
        The pieces to add, in the order of their merges. Pieces that the tokenizer has already, and those made
        of them, are left out.

    Source: Sennrich et al. 2016, arXiv 1508.07909, over pieces instead of characters; ours.
    """
    if most < 1:
        return []
    rows = {word: [token.id for token in tokenizer.backend.model.tokenize(word)] for word in words}
    unknown = tokenizer.unknown
    rows = {word: row for word, row in rows.items() if len(row) > 1 and unknown not in row}
    used = sorted({number for row in rows.values() for number in row})
    stand_ins = {number: chr(_FIRST_STAND_IN + place) for place, number in enumerate(used)}
    ids = {stand_in: number for number, stand_in in stand_ins.items()}
    spelt = {word: "".join(stand_ins[number] for number in row) for word, row in rows.items()}
    merges = _learn_merges(((text, words[word]) for word, text in spelt.items()), len(used) + most)
    return _name_pieces(tokenizer, merges, ids)


def _learn_merges(words: Iterable[tuple[str, int]], vocabulary: int) -> list[tuple[str, str]]:
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, min_frequency=_LEAST_USES, special_tokens=[], show_progress=False
    )
    learner.train_from_iterator((f"{word} " * uses for word, uses in words), trainer)
    merges = json.loads(learner.to_str())["model"]["merges"]
    return [(first, second) for first, second in merges]


def _name_pieces(
    tokenizer: ModelTokenizer, merges: Sequence[tuple[str, str]], ids: Mapping[str, int]
) -> list[NewPiece]:
    inside = _inside(tokenizer)
    known = set(tokenizer.backend.get_vocab(with_added_tokens=True))
    names = {stand_in: tokenizer.pieces[number] for stand_in, number in ids.items()}
    new: dict[str, NewPiece] = {}
    for first, second in merges:
        if first not in names or second not in names:
            continue  # made of a piece that the tokenizer had and does not use here
        parts = (names[first], names[second])
        piece = parts[0] + parts[1].removeprefix(inside)
        if piece in known:
            continue
        sources = tuple(ids[stand_in] for stand_in in first + second)
        earlier = new.get(piece, NewPiece(piece, sources))
        if earlier.sources != sources:
            continue  # a piece stands for one row of pieces alone
        names[first + second] = piece
        new[piece] = NewPiece(piece, sources, (*earlier.parts, parts))
    return list(new.values())


def _inside(tokenizer: ModelTokenizer) -> str:
    """Give what a tokenizer puts before pieces that do not start a word; WordPiece alone does."""
    return str(tokenizer.model["continuing_subword_prefix"]) if tokenizer.algorithm == "WordPiece" else ""


def _bytes_of(piece: str, known: Mapping[str, int]) -> tuple[int, ...]:
    """Give the ids of the bytes that a character is cut into, where the tokenizer has such pieces."""
    names = [f"<0x{byte:02X}>" for byte in piece.encode()]
    return tuple(known[name] for name in names) if all(name in known for name in names) else ()
