"""Further pieces for tokenizers of every kind: old borders and ids stay, and the right rows are meant."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from isogloss.errors import ModelError
from isogloss.pretraining.extended_tokenizer import extend_tokenizer
from isogloss.pretraining.extension import compare_words
from isogloss.pretraining.new_pieces import NewPiece, count_words, find_characters, learn_pieces
from isogloss.vocabulary import ModelTokenizer
from trimming.tokenizer_kinds import TEXTS, byte_levels, byte_pairs, collect, unigrams, wordpieces, wrap

EXAMPLES = hypothesis_settings(max_examples=25)


def extend(tokenizer: ModelTokenizer, texts: list[str], most: int) -> tuple[list[NewPiece], ModelTokenizer]:
    words = count_words(tokenizer, texts)
    characters = find_characters(tokenizer, words, most)
    spelling = extend_tokenizer(tokenizer, characters)
    learnt = learn_pieces(spelling, words, most - len(characters))
    return [*characters, *learnt], extend_tokenizer(spelling, learnt)


def expand(ids: list[int], first: int, pieces: list[NewPiece]) -> list[int]:
    row: list[int] = []
    for number in ids:
        own = pieces[number - first].sources if number >= first else ()
        row += expand(list(own), first, pieces) if own else [number]
    return row


def check_common(tokenizer: ModelTokenizer, extended: ModelTokenizer, pieces: list[NewPiece]) -> None:
    """Old pieces keep their ids, new ones follow in order."""
    old = tokenizer.pieces
    assert {number: extended.pieces[number] for number in old} == old
    assert [extended.backend.token_to_id(piece.piece) for piece in pieces] == list(
        range(tokenizer.size, tokenizer.size + len(pieces))
    )


def has_unknown(tokenizer: ModelTokenizer, ids: list[int]) -> bool:
    return tokenizer.unknown is not None and tokenizer.unknown in ids


@given(tokenizer=byte_pairs(), learnt=TEXTS, other=TEXTS, most=st.integers(1, 24))
@EXAMPLES
def test_byte_pairs_close_borders_and_open_none(
    tokenizer: ModelTokenizer, learnt: list[str], other: list[str], most: int
) -> None:
    # Such models take a word that is a piece as it is, whatever the merges would make of it.
    assume(not tokenizer.model.get("ignore_merges"))
    pieces, extended = extend(tokenizer, learnt * 3, most)
    assert len(pieces) <= most
    check_common(tokenizer, extended, pieces)
    for old, new in zip(tokenizer.segment(other), extended.segment(other), strict=True):
        written = expand(new.ids, tokenizer.size, pieces)
        # Without a token for it, what is unknown was left out, and its neighbours could be merged.
        had_unknown = has_unknown(tokenizer, old.ids) or max(written, default=0) >= tokenizer.size
        assert had_unknown or written == old.ids


@given(tokenizer=byte_levels(), learnt=TEXTS, other=TEXTS, most=st.integers(1, 24))
@EXAMPLES
def test_byte_levels_close_borders_and_open_none(
    tokenizer: ModelTokenizer, learnt: list[str], other: list[str], most: int
) -> None:
    assume(not tokenizer.model.get("ignore_merges"))
    pieces, extended = extend(tokenizer, learnt * 3, most)
    check_common(tokenizer, extended, pieces)
    for old, new in zip(tokenizer.segment(other), extended.segment(other), strict=True):
        assert expand(new.ids, tokenizer.size, pieces) == old.ids


@given(tokenizer=unigrams(), learnt=TEXTS, other=TEXTS, most=st.integers(1, 24))
@EXAMPLES
def test_unigram_pieces_make_no_worse_cut_the_best(
    tokenizer: ModelTokenizer, learnt: list[str], other: list[str], most: int
) -> None:
    """The tokenizers of the test have many ties: what is cut then must be one of the best cuts."""
    pieces, extended = extend(tokenizer, learnt * 3, most)
    check_common(tokenizer, extended, pieces)
    vocabulary = tokenizer.model["vocab"]
    assert isinstance(vocabulary, list)
    for old, new in zip(tokenizer.segment(other), extended.segment(other), strict=True):
        if has_unknown(tokenizer, old.ids):
            continue
        written = expand(new.ids, tokenizer.size, pieces)
        own, best = (sum(vocabulary[number][1] for number in ids) for ids in (written, old.ids))
        assert own == pytest.approx(best, abs=1e-3)
        assert len(new.ids) <= len(old.ids) + (written != old.ids) * len(old.ids)


@given(tokenizer=wordpieces(), learnt=TEXTS, other=TEXTS, most=st.integers(1, 24))
@EXAMPLES
def test_wordpieces_are_spelt_as_before(
    tokenizer: ModelTokenizer, learnt: list[str], other: list[str], most: int
) -> None:
    pieces, extended = extend(tokenizer, learnt * 3, most)
    check_common(tokenizer, extended, pieces)
    for old, new in zip(tokenizer.segment(other), extended.segment(other), strict=True):
        if not has_unknown(tokenizer, old.ids):
            spelt = [
                "".join(piece.removeprefix("##") for piece in encoding.tokens) for encoding in (old, new)
            ]
            assert spelt[0] == spelt[1] or has_unknown(tokenizer, new.ids)
    for piece in pieces:
        names = [extended.pieces[number] for number in piece.sources]
        if names:
            assert piece.piece == names[0] + "".join(name.removeprefix("##") for name in names[1:])


def unigram(scores: dict[str, float]) -> ModelTokenizer:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), *scores.items()], 0, False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return wrap(tokenizer)


def test_the_most_frequent_rows_are_joined_first_and_then_their_own() -> None:
    letters = dict.fromkeys("▁abcd", -3.0)
    tokenizer = unigram(letters)
    words = Counter({"▁abc": 10, "▁abd": 6, "▁d": 50, "▁cab": 1})
    learnt = learn_pieces(tokenizer, words, 4)
    # By hand: ▁a, ab and ▁d are counted; ▁a 16, ab 17, ▁d 50.
    assert learnt[0].piece == "▁d"
    assert learnt[1].piece == "ab"
    assert {piece.piece for piece in learnt[2:]} == {"▁ab", "▁abc"}
    assert [tokenizer.pieces[number] for number in learnt[-1].sources] == list("▁abc")
    extended = extend_tokenizer(tokenizer, learnt)
    assert extended.segment(["abc d cab"])[0].tokens == ["▁abc", "▁d", "▁", "c", "ab"]


def test_a_piece_scores_what_it_stands_for() -> None:
    tokenizer = unigram({"▁": -2.0, "a": -3.0, "b": -4.0, "▁a": -4.5})
    (piece,) = learn_pieces(tokenizer, Counter({"▁ab": 5}), 1)
    model = extend_tokenizer(tokenizer, [piece]).model
    assert isinstance(model["vocab"], list)
    assert model["vocab"][-1] == ["▁ab", pytest.approx(-8.5, abs=1e-5)]
    assert model["vocab"][-1][1] > -8.5


def test_characters_that_are_unknown_come_first() -> None:
    tokenizer = unigram({"▁": -2.0, "a": -3.0})
    words = count_words(tokenizer, ["ቤት a", "ቤት", "ት", "ቐ"])
    characters = find_characters(tokenizer, words, 5)
    assert [(piece.piece, piece.sources) for piece in characters] == [("ት", ()), ("ቤ", ())]
    assert [piece.piece for piece in find_characters(tokenizer, words, 1)] == ["ት"]
    _, extended = extend(tokenizer, ["ቤት a", "ቤት", "ት", "ቐ"], 5)
    assert extended.segment(["ቤት"])[0].tokens == ["▁ቤት"]
    assert extended.segment(["ቐ"])[0].tokens == ["▁", "ቐ"]
    assert extended.unknown in extended.segment(["ቐ"])[0].ids


def test_marked_byte_pairs_are_refused() -> None:
    from tokenizers import Tokenizer, models

    model = models.BPE({"a": 0, "b</w>": 1, "ab</w>": 2}, [("a", "b</w>")], end_of_word_suffix="</w>")
    with pytest.raises(ModelError, match="marks parts of words"):
        extend_tokenizer(wrap(Tokenizer(model)), [])


def test_words_that_change_and_borders_that_move_are_told_apart() -> None:
    tokenizer = unigram(dict.fromkeys("▁abcd", -3.0))
    pieces = [NewPiece("ab", (2, 3), (("a", "b"),))]
    extended = extend_tokenizer(tokenizer, pieces)
    changed, moved = compare_words(tokenizer, extended, [(2, 3)], collect(["ab c d", "cab"], "am"))
    assert (changed, moved) == ({"am": 0.5}, {"am": 0.0})
    # A piece that stands for something else than what it is cut into.
    changed, moved = compare_words(tokenizer, extended, [(2, 4)], collect(["ab c d", "cab"], "am"))
    assert (changed, moved) == ({"am": 0.5}, {"am": 0.5})


def test_the_definition_that_was_given_stays_as_it_is() -> None:
    tokenizer = unigram(dict.fromkeys("▁ab", -3.0))
    before = json.dumps(tokenizer.definition)
    extend(tokenizer, ["ab ab ቤ ቤ"], 4)
    assert json.dumps(tokenizer.definition) == before
