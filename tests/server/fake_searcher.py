"""A searcher without a model: it scores by shared words, and can be slow, fail or wait to be let on."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from isogloss.demo_collection import list_passages
from isogloss.errors import ModelError
from isogloss.fair_ranking import Fairness, order_fairly
from isogloss.passages import Passage
from isogloss.retriever import Hit

BROKEN = "break the model"
_TOLD = "/secret/folder: a zero vector for 'break the model'"


def words(text: str) -> set[str]:
    return set(text.casefold().split())


class FakeSearcher:
    def __init__(
        self, passages: Sequence[Passage] | None = None, seconds: float = 0.0, *, has_words: bool = False
    ) -> None:
        self.passages = list_passages() if passages is None else list(passages)
        self.seconds = seconds
        self.has_words = has_words
        self.batches: list[list[str]] = []
        self.calls: list[tuple[int, tuple[str, ...] | None, str]] = []
        self.reloads = 0
        self.gate = threading.Event()
        self.gate.set()

    @property
    def count(self) -> int:
        return len(self.passages)

    @property
    def languages(self) -> Mapping[str, int]:
        return dict(Counter(passage.language for passage in self.passages).most_common())

    def can_rank(self, ranking: str, *, lexical: bool = False) -> bool:
        return ranking in set(Fairness) and (self.has_words or not lexical)

    def search(
        self,
        queries: Sequence[str],
        k: int = 10,
        languages: Sequence[str] | None = None,
        *,
        ranking: str = "none",
        lexical: bool = False,
    ) -> list[list[Hit]]:
        self.batches.append(list(queries))
        self.calls.append(
            (k, None if languages is None else tuple(languages), "words" if lexical else ranking)
        )
        assert self.gate.wait(20)
        time.sleep(self.seconds)
        if BROKEN in queries:
            raise ModelError(_TOLD)
        assert self.can_rank(ranking, lexical=lexical)
        return [self.rank(query, k, languages, ranking, lexical=lexical) for query in queries]

    def rank(
        self,
        query: str,
        k: int,
        languages: Sequence[str] | None,
        ranking: str = "none",
        *,
        lexical: bool = False,
    ) -> list[Hit]:
        asked = words(query)
        scored = [
            (-len(asked & words(each.text)) / max(1, len(asked)), each.id, each)
            for each in self.passages
            if languages is None or each.language in languages
        ]
        ordered = sorted(scored)
        if lexical:  # any order of its own will do
            ordered = [each for each in ordered if each[0]][::-1] + [each for each in ordered if not each[0]]
            return [
                Hit(each.id, -score, each.language, each.title, each.text, each.source)
                for score, _, each in ordered[:k]
            ]
        codes = sorted({each.language for _, _, each in ordered})
        places = order_fairly(
            np.array([[-score for score, _, _ in ordered]]),
            np.array([codes.index(each.language) for _, _, each in ordered], dtype=np.int16),
            Fairness(ranking),
        )[0]
        return [
            Hit(each.id, -score, each.language, each.title, each.text, each.source)
            for score, _, each in (ordered[place] for place in np.argsort(-places, kind="stable")[:k])
        ]

    def reload(self) -> bool:
        self.reloads += 1
        return self.reloads == 1
