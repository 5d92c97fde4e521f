"""The words of the field as types, shared by all floors."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Setting(StrEnum):
    """Say which pool of passages a query is ranked against.

    Source: arXiv 2408.10536, section 4 (the three retrieval settings).
    """

    MONO = "mono"
    """The pool of the query's own language."""
    CROSS = "cross"
    """The pool of one other language."""
    MULTI = "multi"
    """One pool of all languages; every translation of the answer is relevant."""


class PassageUnit(StrEnum):
    """Say which text stands for a passage, in training and in evaluation."""

    SENTENCE = "sentence"
    """The sentence that holds the answer."""
    SENTENCE_CONTEXT = "sentence-context"
    """That sentence, then its whole paragraph."""
    PARAGRAPH = "paragraph"
    """The whole paragraph."""

    def text(self, sentence: str, paragraph: str) -> str:
        """Write the passage text of one sentence in its paragraph.

        Args:
            sentence: The sentence, without surrounding white space.
            paragraph: The paragraph that the sentence stands in.

        Returns:
            The text to encode; sentence and paragraph are joined by one line break.
        """
        match self:
            case PassageUnit.SENTENCE:
                return sentence
            case PassageUnit.SENTENCE_CONTEXT:
                return f"{sentence}\n{paragraph}"
            case PassageUnit.PARAGRAPH:
                return paragraph


class LanguagePair(NamedTuple):
    """Name the query language and the passage language of one direction."""

    query: str
    passage: str

    def __str__(self) -> str:
        return f"{self.query}-{self.passage}"
