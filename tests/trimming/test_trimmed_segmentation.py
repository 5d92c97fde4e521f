"""Given text is segmented by a trimmed vocabulary as by the whole one, for random vocabularies and texts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_kinds import TEXTS, byte_levels, byte_pairs, trim_tokenizer, unigrams, wordpieces, wrap
from tokenizers import Tokenizer, models, pre_tokenizers

from isogloss.errors import ModelError
from isogloss.trimming.pieces import derive, find_needed
from isogloss.trimming.words import BrokenWords, Speller, group_by_word
from isogloss.vocabulary import ModelTokenizer

KINDS = {
    "Unigram": unigrams(),
    "WordPiece": wordpieces(),
    "BPE": byte_pairs(),
    "byte-level BPE": byte_levels(),
}
PREFIXES = st.sampled_from(["", "ab: ", "a"])


def segment(tokenizer: ModelTokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer.backend.encode(text).ids  # with the special tokens around it
    return ids


def check_given_text(tokenizer: ModelTokenizer, texts: list[str], prefix: str) -> None:
    kept, trimmed = trim_tokenizer(tokenizer, texts, ["", prefix])
    for text in texts:
        for written in (text, prefix + text):
            assert [kept[number] for number in segment(trimmed, written)] == segment(tokenizer, written)
    for new, old in enumerate(kept.tolist()):
        assert trimmed.pieces[new] == tokenizer.pieces[old]
    assert len(trimmed.pieces) == len(kept)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), texts=TEXTS, prefix=PREFIXES)
@settings(max_examples=60)
def test_given_text_is_segmented_as_before(
    kind: str, data: st.DataObject, texts: list[str], prefix: str
) -> None:
    check_given_text(data.draw(KINDS[kind]), texts, prefix)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), texts=TEXTS, prefix=PREFIXES)
@settings(max_examples=2000)
def test_much_given_text_is_segmented_as_before(
    kind: str, data: st.DataObject, texts: list[str], prefix: str
) -> None:
    check_given_text(data.draw(KINDS[kind]), texts, prefix)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), texts=TEXTS)
@settings(max_examples=25)
def test_trimming_again_changes_nothing(kind: str, data: st.DataObject, texts: list[str]) -> None:
    _, once = trim_tokenizer(data.draw(KINDS[kind]), texts)
    kept, twice = trim_tokenizer(once, texts)
    np.testing.assert_array_equal(kept, np.arange(len(once.pieces)))
    assert twice.definition == once.definition


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), texts=TEXTS, others=TEXTS)
@settings(max_examples=25)
def test_other_text_can_be_segmented(
    kind: str, data: st.DataObject, texts: list[str], others: list[str]
) -> None:
    tokenizer = data.draw(KINDS[kind])
    kept, trimmed = trim_tokenizer(tokenizer, texts)
    knows_bytes = kind == "byte-level BPE" or tokenizer.model.get("byte_fallback")
    for text in others:
        after = [kept[number] for number in segment(trimmed, text)]
        if knows_bytes and tokenizer.unknown not in segment(tokenizer, text):
            assert tokenizer.unknown not in after


def merge_by_hand(word: str, ranks: dict[tuple[str, str], int]) -> tuple[list[str], set[tuple[str, str]]]:
    """Merge a whole word as the algorithm is told, and note every merge that is applied."""
    symbols = list(word)
    applied = set()
    while True:
        found = [pair for pair in pairwise(symbols) if pair in ranks]
        if not found:
            return symbols, applied
        best = min(found, key=ranks.__getitem__)
        applied.add(best)
        place = next(n for n in range(len(symbols)) if tuple(symbols[n : n + 2]) == best)
        symbols[place : place + 2] = ["".join(best)]


@given(data=st.data())
@settings(max_examples=80)
def test_every_merge_that_is_applied_stays(data: st.DataObject) -> None:
    letters = ["a", "b", "c"]
    merges: dict[tuple[str, str], int] = {}
    for rank in range(data.draw(st.integers(1, 20))):
        left, right = data.draw(st.sampled_from(letters)), data.draw(st.sampled_from(letters))
        if (left, right) not in merges and len(left + right) < 8:
            merges[left, right] = rank
            letters.append(left + right)
    order = {piece: number for number, piece in enumerate(dict.fromkeys(letters))}
    tokenizer = wrap(Tokenizer(models.BPE(order, list(merges))))
    word = data.draw(st.text(alphabet="abc", min_size=1, max_size=16))
    final, applied = merge_by_hand(word, merges)
    assert tokenizer.backend.encode(word).tokens == final
    passed = {piece for token in final for piece in derive(token, merges)}
    assert passed == set(word) | {left + right for left, right in applied}
    kept = {
        tokenizer.pieces[number] for number in find_needed(tokenizer, tokenizer.ids([word]), set()).tolist()
    }
    _, trimmed = trim_tokenizer(tokenizer, [word])
    assert passed <= kept
    written = trimmed.model["merges"]
    assert isinstance(written, list)
    assert applied <= {tuple(pair) for pair in written}


def test_a_word_that_failed_still_fails() -> None:
    """Without 'abc', which no result shows, 'abcd' would be 'ab' and '##cd' instead of unknown."""
    pieces = ["<unk>", "ab", "abc", "##cd", "ok"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = wrap(Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>")))
    assert tokenizer.backend.encode("abcd").tokens == ["<unk>"]
    assert BrokenWords(tokenizer).find(["abcd"]) == {2}
    kept, trimmed = trim_tokenizer(tokenizer, ["abcd"])
    assert trimmed.backend.encode("abcd").tokens == ["<unk>"]
    assert kept.tolist() == [0, 2]


def test_the_cost_of_the_unknown_stays() -> None:
    """An unknown character costs ten more than the worst piece, used or not."""
    scores = [("<unk>", 0.0), ("a", -1.0), ("xa", -15.0), ("worst", -40.0)]
    tokenizer = wrap(Tokenizer(models.Unigram(scores, 0, False)))
    assert tokenizer.backend.encode("xa").tokens == ["xa"]
    kept, trimmed = trim_tokenizer(tokenizer, ["xa", "a"])
    assert kept.tolist() == [0, 1, 2, 3]
    assert trimmed.backend.encode("xa").tokens == ["xa"]


@given(tokenizer=st.one_of(unigrams(), byte_pairs()), texts=TEXTS)
@settings(max_examples=30)
def test_words_are_read_as_the_tokenizer_sees_them(tokenizer: ModelTokenizer, texts: list[str]) -> None:
    """Where a text has no added token, its words are what normaliser and pre-tokeniser make of it."""
    texts = [text for text in texts if "<" not in text]
    expected = []
    for text in texts:
        normalizer, splitting = tokenizer.backend.normalizer, tokenizer.backend.pre_tokenizer
        normal = text if normalizer is None else normalizer.normalize_str(text)
        parts = [(normal, None)] if splitting is None else splitting.pre_tokenize_str(normal)
        expected += [part for part, _ in parts if part]
    assert list(Speller(tokenizer).words(texts)) == expected


def test_ids_are_grouped_by_word() -> None:
    pieces = ["<unk>", "ab", "##c", "d"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    assert group_by_word(tokenizer.encode("abc d zz")) == {0: (1, 2), 1: (3,), 2: (0,)}


@pytest.mark.parametrize("setting", ["continuing_subword_prefix", "end_of_word_suffix"])
def test_settings_of_byte_pairs_that_are_not_known_are_refused(setting: str) -> None:
    tokenizer = wrap(Tokenizer(models.BPE({"a": 0, "b": 1}, [], **{setting: "@"})))
    with pytest.raises(ModelError, match=f"BPE with '{setting}' cannot be trimmed"):
        find_needed(tokenizer, {0}, set())


@pytest.mark.parametrize(
    ("scripts", "stays"),
    [({"LATIN"}, ["a", "▁b", "1", "▁", "。"]), ({"CJK"}, ["1", "▁", "字", "。"]), (set(), ["1", "▁", "。"])],
)
def test_single_characters_of_the_scripts_stay(scripts: set[str], stays: list[str]) -> None:
    pieces = ["<unk>", "a", "▁b", "ab", "1", "▁", "字", "字字", "。", "12"]
    tokenizer = wrap(Tokenizer(models.Unigram([(piece, -1.0) for piece in pieces], 0, False)))
    kept = [tokenizer.pieces[number] for number in find_needed(tokenizer, [], scripts).tolist()]
    assert kept == ["<unk>", *stays]


def test_ids_below_the_padding_stay() -> None:
    tokenizer = wrap(Tokenizer(models.WordPiece({f"{n}x": n for n in range(6)}, unk_token="0x")))
    assert find_needed(tokenizer, [5], set(), lowest=3).tolist() == [0, 1, 2, 5]
