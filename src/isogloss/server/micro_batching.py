"""Search for many clients at once: queries that wait together are encoded together."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from isogloss.retriever import Hit
from isogloss.server.rankings import RANKINGS
from isogloss.server.refusals import refuse_for_now
from isogloss.server.systems import Searcher

_SPECIAL_TOKENS = 8
"""What a model puts around a text, at most: marks of start and end, and a prefix."""


class Query(NamedTuple):
    """Hold what one client searches for.

    Attributes:
        text: The query.
        k: Passages wanted.
        languages: Languages to search; all when None.
        ranking: How passages are ranked, a name in ``rankings.RANKINGS``.
    """

    text: str
    k: int
    languages: tuple[str, ...] | None
    ranking: str = "none"

    def count_tokens(self) -> int:
        """Tell how many tokens the text has at most, for models that have a piece for every letter.

        Returns:
            One a code point, and what stands around the text.
        """
        return len(self.text) + _SPECIAL_TOKENS


class _Waiting(NamedTuple):
    query: Query
    answer: asyncio.Future[list[Hit]]
    is_gone: Callable[[], Awaitable[bool]]


class MicroBatcher:
    """Collect the queries that wait, and search for them in one thread beside the event loop.

    While one batch is searched for, the next ones gather: under light load each query goes at once and
    alone, under heavy load batches grow up to the token budget. First come, first served.
    """

    def __init__(
        self,
        searcher: Searcher,
        *,
        batch_tokens: int,
        waiting_queries: int,
        on_batch: Callable[[int], None],
    ) -> None:
        """Set what to search and how much at once.

        Args:
            searcher: What finds the passages.
            batch_tokens: Tokens of a batch at most, padding included; one query at least.
            waiting_queries: Queries that wait at most.
            on_batch: Called with the number of queries of each batch.
        """
        self._searcher = searcher
        self._batch_tokens = batch_tokens
        self._waiting_queries = waiting_queries
        self._on_batch = on_batch
        self._waiting: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._stopping = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="search")
        self._worker: asyncio.Task[None] | None = None
        self._begun: float | None = None

    @property
    def waiting(self) -> int:
        """Number of queries that wait."""
        return len(self._waiting)

    def find_trouble(self, seconds: float) -> str | None:
        """Tell why no query is answered, if that is so.

        Args:
            seconds: Seconds that one batch may take.

        Returns:
            What has happened, for people; None when all is well.
        """
        if self._worker is None or self._worker.done():
            return "searching has ended"
        if self._begun is not None and time.monotonic() - self._begun > seconds:
            return f"one search has taken more than {seconds:g} s"
        return None

    def start(self) -> None:
        """Begin to search, in the running event loop."""
        self._worker = asyncio.get_running_loop().create_task(self._work())

    async def stop(self) -> None:
        """Answer what waits, then end; later queries are refused."""
        self._stopping = True
        self._arrived.set()
        if self._worker is not None:
            await self._worker
        self._thread.shutdown()

    async def submit(self, query: Query, is_gone: Callable[[], Awaitable[bool]]) -> list[Hit]:
        """Search for one query when its turn comes.

        Args:
            query: The query.
            is_gone: Tells whether the client has gone, so that nobody would read the answer.

        Returns:
            The passages, best first.

        Raises:
            Refusal: Too many queries wait, or the service is stopping.
        """
        if self._stopping:
            raise refuse_for_now("stopping", "the service is stopping")
        if len(self._waiting) >= self._waiting_queries:
            raise refuse_for_now("overloaded", "too many searches wait; try again in a moment")
        answer: asyncio.Future[list[Hit]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(query, answer, is_gone))
        self._arrived.set()
        return await answer

    async def reload(self) -> bool:
        """Let the searcher see the newest state of its collection, between two batches.

        Returns:
            True when it is another one than before.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._searcher.reload)

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            batch = await self._collect()
            if batch:
                await self._answer(batch)
            elif self._stopping:
                return
            elif not self._waiting:
                self._arrived.clear()

    async def _answer(self, batch: Sequence[_Waiting]) -> None:
        """Answer a batch; whatever goes wrong is the answer, and the next batch has its turn."""
        self._begun = time.monotonic()
        answers: Sequence[list[Hit] | Exception]
        try:
            self._on_batch(len(batch))
            queries = [each.query for each in batch]
            loop = asyncio.get_running_loop()
            answers = await loop.run_in_executor(self._thread, self._search, queries)
        except Exception as error:
            answers = [error] * len(batch)
        self._begun = None
        for each, answer in zip(batch, answers, strict=True):
            _settle(each.answer, answer)

    async def _collect(self) -> list[_Waiting]:
        """Take waiting queries, oldest first, up to the budget; those that nobody waits for are dropped."""
        batch: list[_Waiting] = []
        longest = 0
        while self._waiting:
            longest = max(longest, self._waiting[0].query.count_tokens())
            if batch and longest * (len(batch) + 1) > self._batch_tokens:
                break
            each = self._waiting.popleft()
            if not each.answer.done() and not await _has_gone(each):
                batch.append(each)
            else:
                each.answer.cancel()
        return batch

    def _search(self, queries: Sequence[Query]) -> list[list[Hit] | Exception]:
        """Search for a batch; where that fails, for each query alone, so that one cannot spoil the others."""
        try:
            return [*self._search_together(queries)]
        except Exception as error:
            if len(queries) == 1:
                return [error]
        return [answer for query in queries for answer in self._search([query])]

    def _search_together(self, queries: Sequence[Query]) -> list[list[Hit]]:
        """Search once for languages and a ranking, for as many passages as any such query wants."""
        rows: dict[tuple[tuple[str, ...] | None, str], list[int]] = {}
        for row, query in enumerate(queries):
            rows.setdefault((query.languages, query.ranking), []).append(row)
        found: list[list[Hit]] = [[] for _ in queries]
        for (languages, ranking), members in rows.items():
            k = max(queries[row].k for row in members)
            texts = [queries[row].text for row in members]
            way = RANKINGS[ranking]
            answers = self._searcher.search(texts, k, languages, ranking=way.fairness, lexical=way.lexical)
            for row, hits in zip(members, answers, strict=True):
                found[row] = hits[: queries[row].k]
        return found


async def _has_gone(each: _Waiting) -> bool:
    try:
        return await each.is_gone()
    except Exception:  # a connection that cannot be asked has gone
        return True


def _settle(future: asyncio.Future[list[Hit]], answer: list[Hit] | Exception) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
