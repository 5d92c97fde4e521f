"""What is mined: settings, a question's negatives, and the negatives of a whole corpus."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.corpus import ParallelCorpus
from isogloss.errors import ConfigError
from isogloss.types import PassageUnit


class Pool(StrEnum):
    """Say among which passages a question's negatives are looked for."""

    SAME = "same"
    """Those in the question's language."""
    EACH = "each"
    """Those of each language, one language after the other: negatives from every one."""
    ANY = "any"
    """Those of all languages at once: the nearest, in whatever language they are."""


@dataclass(frozen=True)
class MiningSettings:
    """Say which of the nearest passages become negatives.

    A passage's rank is counted from 1 among all passages that are known not to answer the question. Among the
    ranks after ``skip`` and up to ``depth``, the ``count`` nearest are taken whose score is at most
    ``positive - absolute_margin`` and at most ``positive - relative_margin * |positive|``, where ``positive``
    is the score of the question's own passage in the candidate's language (in the question's, where the item
    lacks that).

    Args:
        unit: The text that stands for a passage.
        pool: Where candidates come from.
        count: Negatives of a question, at least 1; with ``Pool.EACH``, from each language.
        skip: Nearest passages to leave out, at least 0.
        depth: Last rank that is looked at, above ``skip``.
        absolute_margin: Distance from the score of the own passage. Negative margins let passages through
            that score higher than the own one.
        relative_margin: The same as a share of the own passage's score.
        keep_answers: Whether to take passages that hold the text of the answer.

    Raises:
        ConfigError: A number is out of range.

    Source: arXiv 2407.15831, section 3 (margins: ``TopK-MarginPos`` and ``TopK-PercPos``, whose share of 95 %
        is ``relative_margin = 0.05``); the rest is ours.
    """

    unit: PassageUnit = PassageUnit.SENTENCE
    pool: Pool = Pool.SAME
    count: int = 8
    skip: int = 0
    depth: int = 100
    absolute_margin: float = 0.0
    relative_margin: float = 0.05
    keep_answers: bool = False

    def __post_init__(self) -> None:
        for name, number, least in (("count", self.count, 1), ("skip", self.skip, 0)):
            if number < least:
                raise ConfigError(f"'{name}' is a whole number from {least}; got {number}")
        if self.depth < self.skip + self.count:
            raise ConfigError(
                f"'depth' is at least skip + count, here {self.skip + self.count}; got {self.depth}"
            )
        for name, margin in (("absolute", self.absolute_margin), ("relative", self.relative_margin)):
            if not math.isfinite(margin):
                raise ConfigError(f"the {name} margin is a finite number; got {margin}")

    def to_dict(self) -> dict[str, str | int | float | bool]:
        """Turn the settings into plain values.

        Returns:
            Name -> value, ready for JSON.
        """
        return {**asdict(self), "unit": self.unit.value, "pool": self.pool.value}


class MinedNegative(NamedTuple):
    """Name one negative.

    Args:
        item_id: An item with that passage.
        language: The language in which the passage was found.
        score: Cosine of question and passage, -1 to 1.
    """

    item_id: str
    language: str
    score: float


class MinedQuestion(NamedTuple):
    """Hold the negatives of one question in one language.

    Args:
        item_id: The question's item.
        language: Its language.
        positives: For each language of ``negatives``, the score of the question's own passage.
        negatives: The negatives, nearest first; language by language where each has its own.
        holding: Passages looked at that hold the answer: left out, unless answers are kept.
        near: Passages looked at that were left out by a margin.
    """

    item_id: str
    language: str
    positives: Mapping[str, float]
    negatives: tuple[MinedNegative, ...]
    holding: int = 0
    near: int = 0


@dataclass
class MiningSummary:
    """Count what was mined.

    Args:
        questions: Questions asked, each language by itself.
        with_negatives: Those that have a negative.
        negatives: All negatives.
        foreign: Negatives in another language than their question.
        holding: Passages looked at that hold the answer: left out, or kept where answers are.
        near: Passages looked at that were left out by a margin.
    """

    questions: int = 0
    with_negatives: int = 0
    negatives: int = 0
    foreign: int = 0
    holding: int = 0
    near: int = 0

    def add(self, question: MinedQuestion) -> None:
        """Count one question.

        Args:
            question: What was found for it.
        """
        self.questions += 1
        self.with_negatives += bool(question.negatives)
        self.negatives += len(question.negatives)
        self.foreign += sum(negative.language != question.language for negative in question.negatives)
        self.holding += question.holding
        self.near += question.near


@dataclass(frozen=True, eq=False)
class MinedNegatives:
    """Hold the mined negatives of a corpus as they were read from a file.

    Args:
        item_ids: The items that ``entries`` counts.
        languages: The languages that ``entries`` counts.
        entries: Item, query language, negative item and its language of each negative. Shape: (n, 4), int32.
        files: Path of the file, with the SHA-256 of its bytes.
    """

    item_ids: tuple[str, ...] = field(repr=False)
    languages: tuple[str, ...]
    entries: NDArray[np.int32] = field(repr=False)
    files: Mapping[str, str]

    def number(self, corpus: ParallelCorpus) -> NDArray[np.int64]:
        """Write the negatives in the numbers of a corpus.

        Args:
            corpus: The corpus that they were mined for, or a part of it.

        Returns:
            Item, query language, negative item and its language. Shape: (m, 4), int64, ordered by item,
            query language and the negative's language; without those that the corpus lacks.
        """
        items = _renumber(self.item_ids, corpus.item_ids)
        languages = _renumber(self.languages, corpus.languages)
        columns = [items, languages, items, languages]
        moved = np.stack(
            [column[self.entries[:, place]] for place, column in enumerate(columns)], axis=1
        ).reshape(-1, 4)
        moved = moved[(moved >= 0).all(axis=1)]
        moved = moved[corpus.present[moved[:, 2], moved[:, 3]]]
        return moved[np.lexsort((moved[:, 3], moved[:, 1], moved[:, 0]))]


def _renumber(names: tuple[str, ...], others: tuple[str, ...]) -> NDArray[np.int64]:
    """Give the place of each name among others, -1 where it is not there."""
    places = {name: place for place, name in enumerate(others)}
    return np.array([places.get(name, -1) for name in names], dtype=np.int64)
