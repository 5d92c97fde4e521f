"""What a reader yields: one question in one language, as its file says it, or a flaw of the file."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """Hold one question in one language, before identities across languages are known.

    Args:
        item_id: Identity of the question; the same in every language.
        language: Language code, such as ``en`` or ``zh-Hans``.
        question: The question.
        passage: The whole paragraph that answers it.
        passage_key: Identity of the paragraph: records with an equal key are of one passage, whatever
            their languages. None when only the text and the shared ids tell.
        article: Title of the article that the paragraph is from; None when unknown.
        answer: The answer's text; empty when unknown.
        answer_start: Code point offset of the answer in ``passage``; -1 when unknown.
        sentence_breaks: ``[start, end)`` of each sentence of ``passage`` in code points; None to split
            it by rule.
        negatives: Ids of the questions whose passages are this question's given negatives.
        path: The file that the record is from.
        position: Where in that file.
    """

    item_id: str
    language: str
    question: str
    passage: str
    passage_key: str | None = None
    article: str | None = None
    answer: str = ""
    answer_start: int = -1
    sentence_breaks: tuple[tuple[int, int], ...] | None = None
    negatives: tuple[str, ...] = ()
    path: str = ""
    position: str = ""


class Blemish(NamedTuple):
    """Name one flaw of the data that is counted and reported, not refused.

    Args:
        path: The file.
        position: Where in the file.
        kind: What is wrong, in a few words that are the same for all flaws of the kind.
        language: The language that it touches; empty when unknown.
    """

    path: str
    position: str
    kind: str
    language: str = ""
