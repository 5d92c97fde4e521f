"""Find the sentence of a paragraph that holds an answer."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import cache


def split_sentences(language: str, passage: str) -> list[tuple[int, int]]:
    """Split a paragraph into sentences by the rules of its language.

    Args:
        language: Language code; an unknown one is split by general rules.
        passage: The paragraph.

    Returns:
        ``[start, end)`` of each sentence in code points, in order, without overlap.
    """
    import sentencex

    # The splitter fails on some characters beyond ASCII that count as white space (U+2028 after an initial).
    text = passage.translate(_plain_spaces())
    spans = []
    end = 0
    for sentence in sentencex.segment(language, text):
        # It leaves out some line breaks, so lengths alone do not give the offsets.
        start = text.index(sentence, end)
        end = start + len(sentence)
        spans.append((start, end))
    return spans


def strip_spans(passage: str, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Cut white space off the ends of spans, and drop the spans that hold nothing else.

    Args:
        passage: The text that the spans lie in.
        spans: ``[start, end)`` of each span in code points.

    Returns:
        The spans that are left, in the same order.
    """
    stripped = []
    for start, end in spans:
        text = passage[start:end]
        length = len(text.strip())
        if length:
            start += len(text) - len(text.lstrip())
            stripped.append((start, start + length))
    return stripped


def find_sentence(passage: str, spans: Sequence[tuple[int, int]], offset: int) -> tuple[int, int]:
    """Choose the sentence that holds an offset.

    Args:
        passage: The paragraph.
        spans: Its sentences, without surrounding white space, in order.
        offset: A code point offset into the paragraph; -1 when unknown.

    Returns:
        The first sentence that ends after the offset, so an offset on the space between two sentences
        belongs to the second; the last sentence when none does; the whole paragraph when the offset is
        unknown or there are no sentences.

    Source: arXiv 2004.05484, section 3 (the sentence whose ``[start, end)`` holds the answer's start).
    """
    if offset < 0 or not spans:
        return 0, len(passage)
    return next((span for span in spans if offset < span[1]), spans[-1])


@cache
def _plain_spaces() -> dict[int, str]:
    wide = (chr(code) for code in range(128, sys.maxunicode + 1))
    return {ord(char): "\n" if char in "\u2028\u2029\x85" else " " for char in wide if char.isspace()}
