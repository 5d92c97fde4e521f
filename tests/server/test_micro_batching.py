"""Queries of many clients in shared batches: order, budget, bound, cancelling, failure, draining."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from fake_searcher import BROKEN, FakeSearcher
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import ModelError
from isogloss.retriever import Hit
from isogloss.server.micro_batching import MicroBatcher, Query
from isogloss.server.refusals import Refusal


async def stays() -> bool:
    return False


async def goes() -> bool:
    return True


def run(
    searcher: FakeSearcher,
    use: Callable[[MicroBatcher], Coroutine[Any, Any, object]],
    *,
    batch_tokens: int = 4096,
    waiting_queries: int = 256,
) -> list[int]:
    """Use a batcher in an event loop, and tell the sizes of its batches."""
    sizes: list[int] = []

    async def whole() -> None:
        batcher = MicroBatcher(
            searcher, batch_tokens=batch_tokens, waiting_queries=waiting_queries, on_batch=sizes.append
        )
        batcher.start()
        try:
            await use(batcher)
        finally:
            searcher.gate.set()
            await batcher.stop()

    asyncio.run(whole())
    return sizes


def ask(
    batcher: MicroBatcher, text: str, k: int = 3, languages: tuple[str, ...] | None = None
) -> asyncio.Future[list[Hit]]:
    return asyncio.ensure_future(batcher.submit(Query(text, k, languages), stays))


async def occupy(searcher: FakeSearcher, batcher: MicroBatcher) -> asyncio.Future[list[Hit]]:
    """Ask a first query, and wait until the closed gate holds its search up."""
    first = ask(batcher, "first")
    while not searcher.batches:
        await asyncio.sleep(0.001)
    return first


texts = st.text("abcdefgh ", min_size=1, max_size=40).filter(str.strip)
languages = st.sampled_from([None, ("en",), ("de", "sw")])
queries = st.lists(st.tuples(texts, st.integers(1, 5), languages), max_size=30)


@settings(max_examples=25)
@given(queries=queries, budget=st.integers(1, 400))
def test_every_client_gets_the_answer_to_its_own_query(
    queries: list[tuple[str, int, tuple[str, ...] | None]], budget: int
) -> None:
    searcher = FakeSearcher(PASSAGES)

    async def use(batcher: MicroBatcher) -> None:
        answers = await asyncio.gather(*(ask(batcher, *query) for query in queries))
        assert answers == [searcher.rank(text.strip() and text, k, codes) for text, k, codes in queries]

    sizes = run(searcher, use, batch_tokens=budget)
    assert sum(sizes) == len(queries)


PASSAGES = FakeSearcher().passages[:30] + FakeSearcher().passages[100:110] + FakeSearcher().passages[900:910]


def test_what_waits_while_a_batch_is_searched_goes_together_in_its_order() -> None:
    searcher = FakeSearcher()
    searcher.gate.clear()

    async def use(batcher: MicroBatcher) -> None:
        first = await occupy(searcher, batcher)
        rest = [ask(batcher, f"rest {number}") for number in range(20)]
        await asyncio.sleep(0.01)
        assert batcher.waiting == 20
        searcher.gate.set()
        await asyncio.gather(first, *rest)

    assert run(searcher, use) == [1, 20]
    assert searcher.batches == [["first"], [f"rest {number}" for number in range(20)]]


def test_a_batch_keeps_to_the_token_budget_padding_included() -> None:
    searcher = FakeSearcher()
    searcher.gate.clear()

    async def use(batcher: MicroBatcher) -> None:
        answers = [await occupy(searcher, batcher)]
        answers += [ask(batcher, "a" * length) for length in (12, 12, 12, 12, 32, 2, 200, 2)]
        await asyncio.sleep(0.01)
        searcher.gate.set()
        await asyncio.gather(*answers)

    # 8 tokens stand around each: 4 x 20 fill 80 of 100; 40 with others would be 200; 208 goes alone.
    assert run(searcher, use, batch_tokens=100) == [1, 4, 2, 1, 1]


def test_one_search_serves_all_with_one_filter_and_no_one_gets_more_than_wanted() -> None:
    searcher = FakeSearcher()
    searcher.gate.clear()

    async def use(batcher: MicroBatcher) -> None:
        first = await occupy(searcher, batcher)
        asked = [ask(batcher, "the", 2), ask(batcher, "the", 7), ask(batcher, "the", 4, ("de",))]
        asked.append(asyncio.ensure_future(batcher.submit(Query("the", 3, None, "quota"), stays)))
        await asyncio.sleep(0.01)
        searcher.gate.set()
        assert [len(hits) for hits in await asyncio.gather(*asked)] == [2, 7, 4, 3]
        await first

    run(searcher, use)
    assert searcher.calls == [
        (3, None, "none"),
        (7, None, "none"),
        (4, ("de",), "none"),
        (3, None, "quota"),
    ]


def test_clients_that_have_gone_are_passed_over() -> None:
    searcher = FakeSearcher()
    searcher.gate.clear()

    async def use(batcher: MicroBatcher) -> None:
        first = await occupy(searcher, batcher)
        cancelled = ask(batcher, "cancelled")
        gone = asyncio.ensure_future(batcher.submit(Query("gone", 1, None), goes))
        last = ask(batcher, "last")
        await asyncio.sleep(0.01)
        cancelled.cancel()
        searcher.gate.set()
        await asyncio.gather(first, last)
        await asyncio.wait([gone], timeout=5)
        assert gone.cancelled()

    assert run(searcher, use) == [1, 1]
    assert searcher.batches == [["first"], ["last"]]


def test_more_than_the_bound_is_refused_and_told_when_to_come_back() -> None:
    searcher = FakeSearcher()
    searcher.gate.clear()

    async def use(batcher: MicroBatcher) -> None:
        answers = [await occupy(searcher, batcher)]
        answers += [ask(batcher, "more") for _ in range(3)]
        await asyncio.sleep(0.01)
        with pytest.raises(Refusal) as refused:
            await batcher.submit(Query("too many", 1, None), stays)
        assert (refused.value.status, refused.value.code) == (503, "overloaded")
        assert int(refused.value.headers["Retry-After"]) >= 1
        searcher.gate.set()
        await asyncio.gather(*answers)
        await batcher.submit(Query("again", 1, None), stays)

    run(searcher, use, waiting_queries=3)


def test_a_query_that_fails_spoils_no_other() -> None:
    searcher = FakeSearcher()
    searcher.gate.clear()

    async def use(batcher: MicroBatcher) -> None:
        first = await occupy(searcher, batcher)
        asked = [ask(batcher, "the Nile"), ask(batcher, BROKEN), ask(batcher, "the Sahara")]
        await asyncio.sleep(0.01)
        searcher.gate.set()
        one, failed, other = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(failed, ModelError)
        assert one == searcher.rank("the Nile", 3, None)
        assert other == searcher.rank("the Sahara", 3, None)
        await first

    run(searcher, use)


def test_stopping_answers_what_waits_and_refuses_what_comes() -> None:
    searcher = FakeSearcher(seconds=0.02)

    async def use(batcher: MicroBatcher) -> None:
        asked = [ask(batcher, f"query {number}") for number in range(5)]
        await asyncio.sleep(0)
        stopping = asyncio.ensure_future(batcher.stop())
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as refused:
            await batcher.submit(Query("late", 1, None), stays)
        assert (refused.value.status, refused.value.code) == (503, "stopping")
        answers: list[list[Hit]] = await asyncio.gather(*asked)
        assert all(len(hits) == 3 for hits in answers)
        await stopping

    assert sum(run(searcher, use)) == 5


def test_what_fails_beside_the_search_is_an_answer_and_the_next_batch_has_its_turn() -> None:
    async def use() -> None:
        counts = iter([RuntimeError("no count"), None])

        def count(_size: int) -> None:
            if (error := next(counts)) is not None:
                raise error

        async def breaks() -> bool:
            raise OSError("no such connection")

        batcher = MicroBatcher(FakeSearcher(), batch_tokens=4096, waiting_queries=4, on_batch=count)
        batcher.start()
        with pytest.raises(RuntimeError, match="no count"):
            await ask(batcher, "the river")
        with pytest.raises(asyncio.CancelledError):
            await batcher.submit(Query("the river", 3, None), breaks)
        assert len(await ask(batcher, "the river")) == 3
        assert batcher.find_trouble(60) is None
        await batcher.stop()

    asyncio.run(use())


def test_a_search_that_does_not_end_is_told_and_so_is_a_worker_that_has() -> None:
    async def use() -> None:
        searcher = FakeSearcher()
        searcher.gate.clear()
        batcher = MicroBatcher(searcher, batch_tokens=4096, waiting_queries=4, on_batch=lambda _: None)
        assert batcher.find_trouble(60) == "searching has ended"  # it has not begun
        batcher.start()
        first = await occupy(searcher, batcher)
        assert batcher.find_trouble(60) is None
        await asyncio.sleep(0.02)
        assert batcher.find_trouble(0.01) == "one search has taken more than 0.01 s"
        searcher.gate.set()
        await first
        assert batcher.find_trouble(0.01) is None
        await batcher.stop()
        assert batcher.find_trouble(60) == "searching has ended"

    asyncio.run(use())
