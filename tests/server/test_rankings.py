"""Rankings: by score, and with a like share for every language."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.retriever import Hit
from isogloss.server.rankings import RANKINGS, keep_best, share_among_languages


def ranked(languages: str) -> list[Hit]:
    return [
        Hit(str(place), 1 - place / 1000, language, "", "", "") for place, language in enumerate(languages)
    ]


def shown(hits: list[Hit]) -> str:
    return "".join(hit.language for hit in hits)


@pytest.mark.parametrize(
    ("found", "k", "languages", "chosen"),
    [
        ("aaaabbc", 3, 3, "abc"),
        ("aaaabbc", 4, 3, "aabb"),
        ("aaaaaaa", 4, 3, "aaaa"),
        ("aaaab", 4, 2, "aaab"),
        ("ab", 5, 2, "ab"),
        ("", 5, 2, ""),
    ],
)
def test_shares_worked_out_by_hand(found: str, k: int, languages: int, chosen: str) -> None:
    assert shown(share_among_languages(ranked(found), k, languages)) == chosen


@given(found=st.text("abcd", max_size=60), k=st.integers(1, 20))
def test_shares_keep_order_and_count_and_never_crowd_out(found: str, k: int) -> None:
    hits = ranked(found)
    chosen = share_among_languages(hits, k, 4)
    assert len(chosen) == min(k, len(hits))
    assert len(set(chosen)) == len(chosen)
    assert [hit.score for hit in chosen] == sorted((hit.score for hit in chosen), reverse=True)
    assert set(chosen) <= set(hits)
    share = -(-k // 4)
    taken, there = Counter(shown(chosen)), Counter(found)
    if max(taken.values(), default=0) > share:  # only where all others have given what they had
        assert sum(min(share, number) for number in there.values()) < k


@given(found=st.text("abcd", max_size=60), k=st.integers(1, 20))
def test_the_plain_ranking_is_the_first_k(found: str, k: int) -> None:
    assert keep_best(ranked(found), k, 4) == ranked(found)[:k]


def test_every_ranking_asks_for_enough() -> None:
    assert RANKINGS["none"].depth == 1
    assert RANKINGS["quota"].depth >= 10
