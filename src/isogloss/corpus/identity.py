"""Join records of many languages into one corpus: which are one item, one passage, one article."""

from __future__ import annotations

import re
from array import array
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from isogloss.characters import holds_half_pair
from isogloss.corpus.languages import is_language_code
from isogloss.corpus.model import ParallelCorpus, Rendering, frozen, number_by_first_use
from isogloss.corpus.record import Blemish, Record
from isogloss.corpus.sentences import find_sentence, split_sentences, strip_spans
from isogloss.errors import DataError

UNKNOWN_NEGATIVE = "negative not in the corpus"
OWN_NEGATIVE = "negative of the question's own passage"


class Partition:
    """Keep items in groups that only ever grow together (union-find).

    Args:
        size: Number of items.
    """

    def __init__(self, size: int) -> None:
        self._parents = array("q", range(size))
        self._firsts: dict[Hashable, int] = {}

    def find(self, item: int) -> int:
        """Find the group of an item.

        Args:
            item: The item.

        Returns:
            The first item of its group.
        """
        parents = self._parents
        while parents[item] != item:
            parents[item] = parents[parents[item]]
            item = parents[item]
        return item

    def join(self, item: int, label: Hashable) -> None:
        """Put an item into one group with all others of the same label.

        Args:
            item: The item.
            label: What those of its group share.
        """
        self.unite(item, self._firsts.setdefault(label, item))

    def unite(self, one: int, other: int) -> None:
        """Put two items into one group.

        Args:
            one: An item.
            other: Another one, or the same.
        """
        one, other = self.find(one), self.find(other)
        self._parents[max(one, other)] = min(one, other)

    def roots(self) -> NDArray[np.int64]:
        """List the group of each item.

        Returns:
            The first item of its group. Shape: (items,), int64.
        """
        return np.fromiter(map(self.find, range(len(self._parents))), np.int64, len(self._parents))


def build_corpus(
    name: str,
    records: Iterable[Record],
    files: Mapping[str, str],
    blemishes: Iterable[Blemish] = (),
) -> ParallelCorpus:
    """Join records by question id, and derive the identity of passages and articles.

    Two items are of one passage when some language holds them in the same paragraph (an equal
    ``passage_key``, or text that is equal up to white space), and so on through any chain of languages.
    Two items are of one article when they are of one passage, or some language gives both the same
    title. An item without any title has its passage for an article. The order of records does not matter.

    Args:
        name: What to call the corpus.
        records: Questions, one language each.
        files: Path of each file read, with the SHA-256 of its bytes.
        blemishes: Flaws that the reader has seen.

    Returns:
        The corpus. Answers that are not at their offset, and given negatives that are unknown or of the
        question's own passage, are listed in its blemishes.

    Raises:
        DataError: There are no records; a question is given twice in one language; a text is blank; an
            offset is outside its passage.

    Source: ours.
    """
    rows = sorted(records, key=lambda record: (record.item_id, record.language))
    if not rows:
        raise DataError("holds no questions", next(iter(files), None))
    _check_repeats(rows)
    for row in rows:
        check_record(row)
    item_ids = tuple(dict.fromkeys(row.item_id for row in rows))
    place = {item_id: item for item, item_id in enumerate(item_ids)}
    languages = tuple(sorted({row.language for row in rows}))
    passages, articles, article_names = _identify(rows, place)
    renderings, present = _render(rows, place, languages)
    negatives, unusable = _link_negatives(rows, place, passages)
    misplaced = [blemish for row in rows if (blemish := find_misplaced(row)) is not None]
    found = [*blemishes, *misplaced, *unusable]
    return ParallelCorpus(
        name=name,
        languages=languages,
        item_ids=item_ids,
        passages=passages,
        articles=articles,
        article_names=article_names,
        present=present,
        renderings=renderings,
        negatives=negatives,
        blemishes=tuple(sorted(found, key=_order_of)),
        files=dict(sorted(files.items())),
    )


def _check_repeats(rows: Sequence[Record]) -> None:
    for one, other in pairwise(rows):
        if one[:2] == other[:2]:
            raise explain_repeat(one, other)


def explain_repeat(one: Record, other: Record) -> DataError:
    """Name the two places where a question is given twice.

    Args:
        one: A record.
        other: Another one of the same id and language.

    Returns:
        The error to raise.
    """
    first, second = sorted((one, other), key=lambda row: (row.path, natural_order(row.position)))
    # The file is left out when the second record shares it.
    where = first.position if first.path == second.path else f"{first.path}, {first.position}"
    return DataError(
        f"question id {one.item_id!r} is given twice in {one.language}; first at {where}",
        second.path or None,
        second.position or None,
    )


def check_record(row: Record) -> None:
    """Check that a record says what it must.

    Args:
        row: The record.

    Raises:
        DataError: A text is blank or cut inside a character, or an offset is outside its passage.
    """

    def refuse(message: str) -> DataError:
        return DataError(message, row.path or None, row.position or None)

    if not is_language_code(row.language):
        raise refuse(f"{row.language!r} is not a language code such as en or zh-Hans")
    for field, text in (("id", row.item_id), ("question", row.question), ("passage", row.passage)):
        if not text.strip():
            raise refuse(f"the {field} is empty")
    for text in (
        row.item_id,
        row.question,
        row.passage,
        row.answer,
        row.article or "",
        row.passage_key or "",
    ):
        if holds_half_pair(text):
            raise refuse("half of a surrogate pair stands alone; the text was cut inside a character")
    length = len(row.passage)
    if row.answer_start >= length or row.answer_start < -1:
        raise refuse(f"the answer starts at {row.answer_start}, outside its passage of {length} characters")
    last = 0
    for start, end in row.sentence_breaks or ():
        if not last <= start <= end <= length:
            raise refuse(f"sentence [{start}, {end}) is out of order, or outside its {length} characters")
        last = end


def _identify(
    rows: Sequence[Record], place: Mapping[str, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[str, ...]]:
    passages, articles = Partition(len(place)), Partition(len(place))
    normal: dict[str, str] = {}
    for row in rows:
        item = place[row.item_id]
        if row.passage not in normal:
            normal[row.passage] = normalize_space(row.passage)
        passages.join(item, ("text", row.language, normal[row.passage]))
        if row.passage_key is not None:
            passages.join(item, ("key", row.passage_key))
        if row.article:
            articles.join(item, ("title", row.language, row.article))
    roots = passages.roots()
    for item, root in enumerate(roots.tolist()):
        articles.join(item, ("passage", root))
    numbers, _ = number_by_first_use(articles.roots())
    return number_by_first_use(roots)[0], numbers, _name_articles(rows, place, numbers)


def normalize_space(text: str) -> str:
    """Write a text with single spaces, so that passages that differ in white space only are equal.

    Args:
        text: The text.

    Returns:
        Its words, with a space between them.
    """
    return " ".join(text.split())


def _name_articles(
    rows: Sequence[Record], place: Mapping[str, int], articles: NDArray[np.int64]
) -> tuple[str, ...]:
    """Name articles by their English title, else that of their first language, else their first item."""
    best: dict[int, tuple[int, str, str]] = {}
    for row in rows:
        article = int(articles[place[row.item_id]])
        rank = 2 if not row.article else 1 if row.language != "en" else 0
        title = (rank, row.language if rank == 1 else "", row.article or row.item_id)
        best[article] = min(best.get(article, title), title)
    return tuple(best[article][2] for article in range(len(best)))


SentenceSpans = dict[tuple[str, str], list[tuple[int, int]]]
"""The sentences of passages that were split before, by language and passage."""


def render(row: Record, known: SentenceSpans) -> Rendering:
    """Find the sentence of a record's answer, and keep its texts.

    Args:
        row: The record.
        known: Passages that were split before; this one is added.

    Returns:
        The texts.
    """
    if row.sentence_breaks is not None:
        spans = strip_spans(row.passage, row.sentence_breaks)
    elif row.answer_start < 0:
        spans = []
    else:
        key = (row.language, row.passage)
        if key not in known:
            known[key] = strip_spans(row.passage, split_sentences(*key))
        spans = known[key]
    sentence = find_sentence(row.passage, spans, row.answer_start)
    return Rendering(row.question, row.passage, row.answer, row.answer_start, sentence)


def _render(
    rows: Sequence[Record], place: Mapping[str, int], languages: Sequence[str]
) -> tuple[dict[str, tuple[Rendering | None, ...]], NDArray[np.bool_]]:
    columns: dict[str, list[Rendering | None]] = {language: [None] * len(place) for language in languages}
    present = np.zeros((len(place), len(languages)), dtype=np.bool_)
    column_of = {language: index for index, language in enumerate(languages)}
    sentences: SentenceSpans = {}
    for row in rows:
        rendering = render(row, sentences)
        item = place[row.item_id]
        columns[row.language][item] = rendering
        present[item, column_of[row.language]] = True
    return {language: tuple(column) for language, column in columns.items()}, frozen(present)


def find_misplaced(row: Record) -> Blemish | None:
    """Look whether a record's answer is where it is said to be.

    Args:
        row: The record.

    Returns:
        The blemish, if there is one.
    """
    if row.answer and row.answer_start < 0:
        return Blemish(row.path, row.position, "answer without an offset", row.language)
    if row.answer and not row.passage.startswith(row.answer, row.answer_start):
        return Blemish(row.path, row.position, "answer not at its offset", row.language)
    return None


def _link_negatives(
    rows: Iterable[Record], place: Mapping[str, int], passages: NDArray[np.int64]
) -> tuple[dict[int, tuple[int, ...]], list[Blemish]]:
    linked: dict[int, set[int]] = {}
    unusable: list[Blemish] = []
    for row in rows:
        item = place[row.item_id]
        for negative in row.negatives:
            other = place.get(negative)
            if other is not None and passages[other] != passages[item]:
                linked.setdefault(item, set()).add(other)
                continue
            kind = UNKNOWN_NEGATIVE if other is None else OWN_NEGATIVE
            unusable.append(Blemish(row.path, row.position, kind, row.language))
    return {item: tuple(sorted(others)) for item, others in sorted(linked.items())}, unusable


def _order_of(blemish: Blemish) -> tuple[str, str, list[tuple[int, str]]]:
    return blemish.kind, blemish.path, natural_order(blemish.position)


def natural_order(position: str) -> list[tuple[int, str]]:
    """Order positions by the numbers in them: line 9 before line 10.

    Args:
        position: Where in a file.

    Returns:
        What to sort by.
    """
    parts = re.split(r"([0-9]+)", position)
    return [(int(part), "") if index % 2 else (0, part) for index, part in enumerate(parts)]
