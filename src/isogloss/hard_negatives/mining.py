"""Find the nearest passages that do not answer a question, by exact search in blocks.

Ties: of two passages with equal scores the one that the corpus has first comes first, languages in the order
of the corpus. Blocks have a fixed size, so the same vectors give the same negatives on one machine; where two
scores differ in the last bit alone, another machine may order them differently.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isogloss.answers import RightAnswers, compare_all
from isogloss.corpus import ParallelCorpus
from isogloss.encoding.batches import BatchEncoder
from isogloss.hard_negatives.containment import holds_answer
from isogloss.hard_negatives.model import MinedNegative, MinedQuestion, MiningSettings, Pool
from isogloss.progress import show_progress

BLOCK_BYTES = 1 << 27
"""Memory for the scores of one block of questions; about three times as much is used."""

Vectors = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Texts:
    """Hold the distinct passage texts of some languages, and which items have them."""

    vectors: Vectors
    items: Ints
    """First item with each text. Shape: (texts,)."""
    languages: Ints
    """Language of each text. Shape: (texts,)."""
    member_items: Ints
    """Every item of every language, with the place of its text in ``member_texts``."""
    member_texts: Ints


def mine_negatives(
    corpus: ParallelCorpus, encoder: BatchEncoder, settings: MiningSettings, *, quiet: bool = False
) -> Iterator[MinedQuestion]:
    """Mine the negatives of every question of a corpus in every language that has it.

    Known to answer a question, and so never its negative, are passages of its own item, of items that ask the
    same question, and of equal text, in whatever language (``RightAnswers``).

    Args:
        corpus: The corpus.
        encoder: The model.
        settings: Which passages become negatives.
        quiet: Whether to show no progress.

    Yields:
        What was found for each question, languages and items in the corpus's order; questions without any
        negative included.

    Source: arXiv 2407.15831, section 3, for margins over a retriever's ranking; pools, ties and the identity
        of answers are ours.
    """
    answers = compare_all(corpus, settings.unit)
    pools = _encode_passages(corpus, encoder, settings)
    asked = _encode_questions(corpus, encoder)
    own = _place_own(corpus, pools)
    filled = [pool for pool in pools if len(pool.items)]
    joined = [_join(filled)] if settings.pool is Pool.ANY else filled
    with show_progress("mining negatives", int(corpus.present.sum()), quiet=quiet) as advance:
        for language, (items, vectors) in enumerate(asked):
            chosen = [pools[language]] if settings.pool is Pool.SAME else joined
            size = max(1, BLOCK_BYTES // (4 * max([1, *(len(pool.items) for pool in chosen)])))
            for start in range(0, len(items), size):
                part, queries = items[start : start + size], vectors[start : start + size]
                limits, positives = _set_limits(queries, part, language, pools, own, settings)
                block = _Block(corpus, settings, answers, part, language, limits, positives)
                yield from block.search(queries, chosen)
                advance(len(part))


@dataclass(frozen=True, eq=False)
class _Block:
    """Search negatives for some questions in one language."""

    corpus: ParallelCorpus
    settings: MiningSettings
    answers: RightAnswers
    items: Ints
    language: int
    limits: Vectors
    """Highest score of a negative, by the candidate's language. Shape: (questions, languages)."""
    positives: Vectors

    def search(self, queries: Vectors, pools: Sequence[_Texts]) -> Iterator[MinedQuestion]:
        """Rank the texts of each pool for each question, and choose among the nearest."""
        ranked = [list(self._rank(queries, pool)) for pool in pools]
        for row, item in enumerate(self.items.tolist()):
            found: list[MinedNegative] = []
            holding = near = 0
            for pool, rows in zip(pools, ranked, strict=True):
                taken, held, close = self._choose(row, pool, *rows[row])
                found += taken
                holding, near = holding + held, near + close
            languages = {negative.language for negative in found}
            yield MinedQuestion(
                item_id=self.corpus.item_ids[item],
                language=self.corpus.languages[self.language],
                positives={
                    name: float(self.positives[row, place])
                    for place, name in enumerate(self.corpus.languages)
                    if name in languages
                },
                negatives=tuple(found),
                holding=holding,
                near=near,
            )

    def _rank(self, queries: Vectors, pool: _Texts) -> Iterator[tuple[Ints, Vectors]]:
        """Give the nearest texts of each question that do not answer it, and their scores."""
        scores = queries @ pool.vectors.T
        rows, members = self.answers.pair(self.items, pool.member_items)
        scores[rows, pool.member_texts[members]] = -np.inf
        depth = min(self.settings.depth, scores.shape[1])
        edges = np.partition(scores, -depth, axis=1)[:, -depth]
        for row, edge in zip(scores, edges, strict=True):
            near = np.flatnonzero((row >= edge) & (row > -np.inf)).astype(np.int64)
            near = near[np.argsort(-row[near], kind="stable")][self.settings.skip : depth]
            yield near, row[near]

    def _choose(
        self, row: int, pool: _Texts, near: Ints, scores: Vectors
    ) -> tuple[list[MinedNegative], int, int]:
        """Take the nearest texts that keep the margins, and count those that do not or hold the answer."""
        taken: list[MinedNegative] = []
        holding = close = 0
        above = scores > self.limits[row, pool.languages[near]]
        for text, score, is_close in zip(near.tolist(), scores.tolist(), above.tolist(), strict=True):
            if len(taken) == self.settings.count:
                break
            if is_close:
                close += 1
                continue
            item, language = int(pool.items[text]), int(pool.languages[text])
            held = self._holds_answer(int(self.items[row]), item, language)
            holding += held
            if not held or self.settings.keep_answers:
                name = self.corpus.languages[language]
                taken.append(MinedNegative(self.corpus.item_ids[item], name, score))
        return taken, holding, close

    def _holds_answer(self, item: int, candidate: int, language: int) -> bool:
        """Tell whether a candidate holds the answer, as the item has it in its language or the question's."""
        columns = [self.corpus.renderings[self.corpus.languages[one]] for one in (language, self.language)]
        passage = columns[0][candidate]
        renderings = [column[item] for column in columns]
        return passage is not None and holds_answer(
            passage.passage_text(self.settings.unit),
            [rendering.answer for rendering in renderings if rendering is not None],
        )


def _encode_passages(corpus: ParallelCorpus, encoder: BatchEncoder, settings: MiningSettings) -> list[_Texts]:
    """Encode the distinct passage texts of each language."""
    found: list[tuple[dict[str, int], Ints, Ints, Ints]] = []
    for place, language in enumerate(corpus.languages):
        items = np.flatnonzero(corpus.present[:, place]).astype(np.int64)
        texts: dict[str, int] = {}
        places = np.array(
            [
                texts.setdefault(corpus.rendering(item, language).passage_text(settings.unit), len(texts))
                for item in items.tolist()
            ],
            dtype=np.int64,
        )
        firsts = items[np.unique(places, return_index=True)[1]]
        found.append((texts, firsts, items, places))
    vectors = encoder.encode_passages([text for texts, *_ in found for text in texts])
    ends = np.cumsum([len(texts) for texts, *_ in found])
    return [
        _Texts(part, firsts, np.full(len(firsts), language, dtype=np.int64), items, places)
        for language, (part, (_, firsts, items, places)) in enumerate(
            zip(np.split(vectors, ends[:-1]), found, strict=True)
        )
    ]


def _encode_questions(corpus: ParallelCorpus, encoder: BatchEncoder) -> list[tuple[Ints, Vectors]]:
    """Encode the questions of each language: the items that have it, and their vectors."""
    items = [
        np.flatnonzero(corpus.present[:, place]).astype(np.int64) for place in range(len(corpus.languages))
    ]
    texts = [
        corpus.rendering(item, language).question
        for language, some in zip(corpus.languages, items, strict=True)
        for item in some.tolist()
    ]
    vectors = encoder.encode_queries(texts)
    return list(zip(items, np.split(vectors, np.cumsum([len(some) for some in items])[:-1]), strict=True))


def _join(pools: Sequence[_Texts]) -> _Texts:
    """Put the texts of all languages into one pool."""
    starts = np.cumsum([0, *(len(pool.items) for pool in pools)])
    return _Texts(
        np.concatenate([pool.vectors for pool in pools]),
        np.concatenate([pool.items for pool in pools]),
        np.concatenate([pool.languages for pool in pools]),
        np.concatenate([pool.member_items for pool in pools]),
        np.concatenate([pool.member_texts + start for pool, start in zip(pools, starts, strict=False)]),
    )


def _place_own(corpus: ParallelCorpus, pools: Sequence[_Texts]) -> Ints:
    """Place each item's own text in the pool of each language; -1 where it lacks that."""
    own = np.full(corpus.present.shape, -1, dtype=np.int64)
    for language, pool in enumerate(pools):
        own[pool.member_items, language] = pool.member_texts
    return own


def _set_limits(
    queries: Vectors,
    items: Ints,
    language: int,
    pools: Sequence[_Texts],
    own: Ints,
    settings: MiningSettings,
) -> tuple[Vectors, Vectors]:
    """Give the highest score of a negative, and that of the own passage, by the candidate's language."""
    positives = np.empty((len(items), len(pools)), dtype=np.float32)
    asked = pools[language].vectors[own[items, language]]
    for other, pool in enumerate(pools):
        has = own[items, other] >= 0
        vectors = asked.copy()
        vectors[has] = pool.vectors[own[items[has], other]]
        positives[:, other] = np.einsum("ij,ij->i", queries, vectors)
    limits = np.minimum(
        positives - np.float32(settings.absolute_margin),
        positives - np.float32(settings.relative_margin) * np.abs(positives),
    )
    return limits, positives
