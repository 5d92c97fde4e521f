"""Know which passages of a corpus answer a question beside its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isogloss.corpus import Corpus, ParallelCorpus, Rendering, StoredCorpus
from isogloss.overlap.normalization import normalize_text
from isogloss.types import PassageUnit

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RightAnswers:
    """Tell which items' passages answer an item's question.

    A passage answers a question when it is the passage, in whatever language, of an item that asks the same
    question, or when its text equals that of such a passage. Each item asks its own question.

    Args:
        questions: Number of each item's question; items that ask the same question share it. Shape:
            (items,), int64.
        texts: Number of each item's passage text; items whose passages have equal text share it. Shape:
            (items,), int64.
        passages: Passage of each item, as the corpus numbers them. Shape: (items,), int64.

    Source: ours.
    """

    questions: Ints
    texts: Ints
    passages: Ints

    def pair(self, items: Ints, candidates: Ints) -> tuple[Ints, Ints]:
        """Find all pairs of a question and a passage that answers it.

        Args:
            items: The items that ask. Shape: (n,), int64.
            candidates: The items whose passages are looked at, in any order, repeats allowed. Shape: (m,),
                int64.

        Returns:
            Row in ``items`` and place in ``candidates`` of each pair, both int64 of one length, ordered by
            row and then place.
        """
        rows, members = _join(self.questions[items], *self._by_question)
        found = []
        for numbers in (self.passages, self.texts):
            order = np.argsort(numbers[candidates], kind="stable").astype(np.int64)
            asked, places = _join(numbers[members], order, numbers[candidates][order])
            found.append(rows[asked] * len(candidates) + places)
        keys = np.unique(np.concatenate(found))
        return keys // max(1, len(candidates)), keys % max(1, len(candidates))

    @cached_property
    def repeated_questions(self) -> int:
        """Count the questions that are asked of two passages or more."""
        pairs = np.unique(np.stack([self.questions, self.passages]), axis=1)
        return int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())

    @cached_property
    def repeated_texts(self) -> int:
        """Count the texts that two passages or more have."""
        pairs = np.unique(np.stack([self.texts, self.passages]), axis=1)
        return int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())

    @cached_property
    def _by_question(self) -> tuple[Ints, Ints]:
        """The items in the order of their questions, and the questions in that order."""
        order = np.argsort(self.questions, kind="stable").astype(np.int64)
        return order, self.questions[order]


@dataclass(frozen=True, eq=False)
class StoredAnswers:
    """Tell which items' passages answer an item's question, for a corpus that is not in memory.

    Only the items asked about are compared with each other, in all their languages: what two of them share
    through a third item alone stays unknown.

    Args:
        corpus: The corpus.
        unit: The text that stands for a passage.

    Source: ours.
    """

    corpus: StoredCorpus
    unit: PassageUnit

    def pair(self, items: Ints, candidates: Ints) -> tuple[Ints, Ints]:
        """Find the pairs of a question and a passage that answers it.

        Args:
            items: The items that ask. Shape: (n,), int64.
            candidates: The items whose passages are looked at, in any order, repeats allowed. Shape: (m,),
                int64.

        Returns:
            Row in ``items`` and place in ``candidates`` of each pair, both int64 of one length, ordered by
            row and then place.
        """
        numbers = np.unique(np.concatenate([items, candidates]))
        part = self.corpus.load_items(numbers)
        places = {name: place for place, name in enumerate(part.item_ids)}
        local = np.array([places[self.corpus.item_id(number)] for number in numbers.tolist()], dtype=np.int64)
        asked, looked = (local[np.searchsorted(numbers, some)] for some in (items, candidates))
        return compare_all(part, self.unit).pair(asked, looked)


Answers = RightAnswers | StoredAnswers


def find_right_answers(corpus: Corpus, unit: PassageUnit) -> Answers:
    """Compare all questions and all passage texts of a corpus.

    Two texts are equal when their letters, marks and digits are, in one language. Two items share a question,
    or a text, when they do in some language that both have, and so on through any chain of items: the
    translations of equal texts count as equal.

    A stored corpus is not read through: the items of a batch are compared with each other alone.

    Args:
        corpus: The corpus.
        unit: The text that stands for a passage.

    Returns:
        What answers what.

    Source: ours.
    """
    return StoredAnswers(corpus, unit) if isinstance(corpus, StoredCorpus) else compare_all(corpus, unit)


def compare_all(corpus: ParallelCorpus, unit: PassageUnit) -> RightAnswers:
    """Compare all texts of a corpus in memory, as ``find_right_answers`` says.

    Args:
        corpus: The corpus.
        unit: The text that stands for a passage.

    Returns:
        What answers what.

    Source: ours.
    """
    return RightAnswers(
        questions=_number_alike(corpus, lambda rendering: rendering.question),
        texts=_number_alike(corpus, lambda rendering: rendering.passage_text(unit)),
        passages=corpus.passages,
    )


def _number_alike(corpus: ParallelCorpus, choose: Callable[[Rendering], str]) -> Ints:
    """Number items so that those with an equal text in some language share the smallest number."""
    shared = [_group_equal(corpus, language, choose) for language in corpus.languages]
    numbers = np.arange(len(corpus.item_ids), dtype=np.int64)
    while True:
        before = numbers.copy()
        for items, groups in shared:
            least = np.full(int(groups.max(initial=-1)) + 1, len(numbers), dtype=np.int64)
            np.minimum.at(least, groups, numbers[items])
            numbers[items] = least[groups]
        if np.array_equal(before, numbers):
            return numbers


def _group_equal(
    corpus: ParallelCorpus, language: str, choose: Callable[[Rendering], str]
) -> tuple[Ints, Ints]:
    """List the items whose text in a language another item has as well, and the group of each."""
    known: dict[str, int] = {}
    items, digests = [], []
    for item, rendering in enumerate(corpus.renderings[language]):
        if rendering is None:
            continue
        text = choose(rendering)
        if text not in known:
            known[text] = _hash_text(normalize_text(text))
        if known[text]:
            items.append(item)
            digests.append(known[text])
    _, groups, counts = np.unique(np.array(digests, dtype=np.uint64), return_inverse=True, return_counts=True)
    repeated = counts[groups] > 1
    return np.array(items, dtype=np.int64)[repeated], groups[repeated].astype(np.int64)


def _hash_text(text: str) -> int:
    """Hash a text to 64 bits, and nothing (``!?``), which says nothing, to 0."""
    if not text:
        return 0
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _join(numbers: Ints, order: Ints, ordered: Ints) -> tuple[Ints, Ints]:
    """Pair each place in ``numbers`` with the entries of ``order`` that have its number in ``ordered``."""
    first = np.searchsorted(ordered, numbers, side="left")
    counts = np.searchsorted(ordered, numbers, side="right") - first
    rows = np.repeat(np.arange(len(numbers), dtype=np.int64), counts)
    steps = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, order[np.repeat(first, counts) + steps]
