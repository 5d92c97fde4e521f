"""Split documents that are too long for a model into overlapping passages that end where sentences end."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

from isogloss.corpus.sentences import split_sentences, strip_spans
from isogloss.passages.model import Passage

CountTokens = Callable[[Sequence[str]], Sequence[int]]
"""Counts the tokens of each text as the model reads it, prefix and special tokens included."""
Span = tuple[int, int]
_SHRINK = (1.0, 0.85, 0.7)
"""Shares of the room that are tried: a text may have more tokens than its sentences one by one."""


def split_passages(
    passages: Sequence[Passage], count_tokens: CountTokens, budget: int, overlap: int = 1
) -> list[Passage]:
    """Split those passages that have more tokens than a model reads.

    Args:
        passages: The documents.
        count_tokens: How the model counts.
        budget: Tokens that it reads.
        overlap: Sentences at the end of a passage that start the next one again, where there is room.

    Returns:
        Short ones as they are; of a long one ``doc`` the passages ``doc#0``, ``doc#1`` ..., each with its
        place in the document. They hold every sentence, and all but the parts of a sentence that alone is too
        long end where a sentence ends.

    Source: ours; sentences by the rules of sentencex.
    """
    lengths = count_tokens([passage.encoded_text() for passage in passages])
    split: list[Passage] = []
    for passage, length in zip(passages, lengths, strict=True):
        split += [passage] if length <= budget else _split(passage, count_tokens, budget, overlap)
    return split


def _split(document: Passage, count_tokens: CountTokens, budget: int, overlap: int) -> list[Passage]:
    """Split one document; parts with more tokens than their sentences are split again, a little smaller."""
    bare, titled = count_tokens(["", document._replace(text="").encoded_text()])
    # A title that leaves little room is cut by the model's end, not by dropping text.
    room = max(budget - titled, (budget - bare) // 2, 1)
    parts: list[Passage] = []
    for share in _SHRINK:
        spans = _pack(
            document, lambda texts: _subtract(count_tokens(texts), bare), int(room * share), overlap
        )
        parts = [_cut_out(document, number, span) for number, span in enumerate(spans)]
        if max(count_tokens([part.text for part in parts]), default=0) - bare <= room:
            break
    return parts if len(parts) > 1 else [document]


def _pack(document: Passage, count_tokens: CountTokens, room: int, overlap: int) -> list[Span]:
    """Join sentences to passages, as many as fit, each from the last sentences of the one before."""
    text = document.text
    spans = strip_spans(text, split_sentences(document.language, text))
    sizes = count_tokens([text[start:end] for start, end in spans])
    pieces: list[Span] = []
    lengths: list[int] = []
    for span, size in zip(spans, sizes, strict=True):
        own = [span] if size <= room else _halve(text, span, count_tokens, room)
        pieces += own
        lengths += [size] if size <= room else count_tokens([text[start:end] for start, end in own])
    packed: list[Span] = []
    first = end = 0
    while end < len(pieces):
        # Fewer sentences again where they would leave no room for the next one.
        while first < end and sum(lengths[first : end + 1]) > room:
            first += 1
        fresh = end
        while end < len(pieces) and (end == fresh or sum(lengths[first : end + 1]) <= room):
            end += 1
        packed.append((pieces[first][0], pieces[end - 1][1]))
        first = max(end - overlap, first + 1)
    return packed


def _halve(text: str, span: Span, count_tokens: CountTokens, room: int) -> list[Span]:
    """Cut a sentence that alone is too long: near the middle, between words where there are any."""
    start, end = span
    if end - start < 2 or count_tokens([text[start:end]])[0] <= room:
        return [span]
    middle = (start + end) // 2
    quarter = (end - start) // 4
    spaces = [place for place in range(middle - quarter, middle + quarter) if text[place].isspace()]
    cut = min(spaces, key=lambda place: abs(place - middle), default=middle)
    while cut < end - 1 and unicodedata.combining(text[cut]):
        cut += 1
    halves = strip_spans(text, [(start, max(cut, start + 1)), (max(cut, start + 1), end)])
    return [piece for half in halves for piece in _halve(text, half, count_tokens, room)]


def _cut_out(document: Passage, number: int, span: Span) -> Passage:
    return document._replace(
        id=f"{document.id}#{number}",
        text=document.text[span[0] : span[1]],
        document=document.id,
        start=document.start + span[0],
    )


def _subtract(counts: Sequence[int], bare: int) -> list[int]:
    return [max(0, int(count) - bare) for count in counts]
