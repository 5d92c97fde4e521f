"""Plain text beside aligned text, and languages drawn in proportion to their lines ** exponent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import ConfigError, DataError
from isogloss.pretraining.balance import balance_lines, count_lines, share_languages
from isogloss.pretraining.encoder import SPECIAL_TOKENS, train_tokenizer
from isogloss.pretraining.masking import LanguageDraw, LineDraw, MaskingRows
from isogloss.pretraining.settings import EncoderShape, PretrainConfig, TextSettings
from isogloss.pretraining.text import AlignedText, read_plain_text, read_text

ALIGNED = AlignedText(
    "aligned",
    ("am", "en"),
    {"am": ["am 0", "am 1", "", "am 3"], "en": ["en 0", "en 1", "en 2", ""]},
    {},
)
PLAIN = AlignedText("plain", ("en",), {"en": [f"plain {number}" for number in range(97)]}, {})
TEXTS = (ALIGNED, PLAIN)
COUNTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 10**9), min_size=1, max_size=8)


def test_plain_files_may_differ_in_length(tmp_path: Path) -> None:
    (tmp_path / "deu.txt").write_text("eins\n\n zwei \ndrei\n", encoding="utf-8")
    (tmp_path / "news.en.txt").write_text("one", encoding="utf-8")
    texts = read_text(TextSettings(str(tmp_path), aligned=False))
    assert [(text.languages, dict(text.lines)) for text in texts] == [
        (("de",), {"de": ["eins", "zwei", "drei"]}),
        (("en",), {"en": ["one"]}),
    ]
    assert set(texts[0].files) == {str(tmp_path / "deu.txt"), str(tmp_path / "news.en.txt")}
    (only,) = read_plain_text(str(tmp_path), ["eng"])
    assert only.languages == ("en",)
    with pytest.raises(DataError, match="no text in fr"):
        read_plain_text(str(tmp_path), ["fr"])
    (tmp_path / "en.txt").write_text("one\n", encoding="utf-8")
    with pytest.raises(DataError, match="aligned"):
        read_text(TextSettings(str(tmp_path)))


def test_a_corpus_is_plain_text(tmp_path: Path) -> None:
    question = {"id": "1", "question": "Where is it?", "answers": [{"text": "here", "answer_start": 6}]}
    article = {"title": "t", "paragraphs": [{"context": "It is here.\nOr there.", "qas": [question]}]}
    (tmp_path / "en.json").write_text(json.dumps({"data": [article]}), encoding="utf-8")
    (text,) = read_plain_text(str(tmp_path))
    assert text.languages == ("en",)
    assert {"Where is it?", "It is here. Or there."} <= set(text.lines["en"])
    assert not any("\n" in line for line in text.lines["en"])


def test_lines_that_hold_text_are_counted() -> None:
    assert count_lines(TEXTS) == {"am": 3, "en": 100}


@given(counts=COUNTS, exponent=st.floats(0, 1))
def test_shares_lie_between_alike_and_in_proportion(counts: dict[str, int], exponent: float) -> None:
    shares = share_languages(counts, exponent)
    assert sum(shares.values()) == pytest.approx(1)
    total = sum(counts.values())
    assert shares[min(counts, key=counts.__getitem__)] >= min(counts.values()) / total - 1e-12
    for one in counts:
        for other in counts:
            ratio = np.log(shares[one] / shares[other])
            assert ratio == pytest.approx(exponent * np.log(counts[one] / counts[other]), abs=1e-9)


@pytest.mark.parametrize("exponent", [0.0, 0.3, 1.0])
def test_the_vocabulary_sees_all_lines_and_languages_by_their_shares(exponent: float) -> None:
    given_lines = list(balance_lines(TEXTS, exponent))
    every = {line for text in TEXTS for column in text.lines.values() for line in column if line}
    assert set(given_lines) == every
    found = Counter("am" if line.startswith("am") else "en" for line in given_lines)
    shares = share_languages({"am": 3, "en": 100}, exponent)
    assert found["am"] / len(given_lines) == pytest.approx(shares["am"], abs=0.005)
    repeats = Counter(line for line in given_lines if line.startswith("am"))
    assert max(repeats.values()) - min(repeats.values()) <= 1


def test_without_an_exponent_each_line_is_given_once_in_order() -> None:
    expected = ["am 0", "am 1", "am 3", "en 0", "en 1", "en 2", *PLAIN.lines["en"]]
    assert list(balance_lines(TEXTS, None)) == expected


def draw_rows(share: float, exponent: float, rows: int = 4000) -> list[list[str]]:
    draw = LanguageDraw(TEXTS, share, exponent, seed=3)
    return [draw.choose(row) for row in range(rows)]


@pytest.mark.parametrize(("exponent", "expected"), [(0.0, 0.5), (0.3, 0.259), (1.0, 3 / 103)])
def test_rows_are_drawn_by_the_exponent(exponent: float, expected: float) -> None:
    rows = draw_rows(0.0, exponent)
    assert all(len(row) == 1 for row in rows)
    share = np.mean([row[0].startswith("am") for row in rows])
    # Four standard errors of a share of so many rows.
    assert share == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / len(rows)))
    assert {row[0] for row in rows} >= {"am 0", "am 1", "am 3"}


def test_the_share_of_pairs_holds_however_much_text_is_plain() -> None:
    rows = draw_rows(0.5, 0.3)
    pairs = [row for row in rows if len(row) == 2]
    assert len(pairs) / len(rows) == pytest.approx(0.5, abs=0.04)
    assert {tuple(sorted(pair)) for pair in pairs} == {("am 0", "en 0"), ("am 1", "en 1")}
    assert {pair[0][:2] for pair in pairs} == {"am", "en"}


def test_without_translations_there_are_no_pairs() -> None:
    draw = LanguageDraw([PLAIN], 1.0, 0.3, seed=1)
    assert all(len(draw.choose(row)) == 1 for row in range(50))
    assert all(len(LineDraw([PLAIN], 1.0, seed=1).choose(row)) == 1 for row in range(50))


def test_a_balanced_row_depends_on_its_number_alone() -> None:
    tokenizer = train_tokenizer(balance_lines(TEXTS, 0.3), 80, 32)
    rows, again = (
        MaskingRows(LanguageDraw(TEXTS, 0.5, 0.3, seed=5), tokenizer, rows=40, length=32) for _ in range(2)
    )
    assert [rows[row] for row in range(40)] == [again[row] for row in reversed(range(40))][::-1]
    other = MaskingRows(LanguageDraw(TEXTS, 0.5, 0.3, seed=6), tokenizer, rows=40, length=32)
    assert [rows[row] for row in range(40)] != [other[row] for row in range(40)]


@pytest.mark.parametrize("exponent", [-0.1, 1.5])
def test_the_exponent_is_checked(exponent: float) -> None:
    with pytest.raises(ConfigError, match="'language_exponent' is from 0 to 1"):
        PretrainConfig((), language_exponent=exponent)


SENTENCES = [f"ein Haus ist grün {number % 7}. der Baum ist {number} ቤት ዛፍ 古い" for number in range(60)]


def test_unigram_cuts_as_its_scores_say_and_knows_every_character() -> None:
    tokenizer = train_tokenizer(SENTENCES, 90, 32, "unigram")
    definition = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    assert definition["type"] == "Unigram"
    assert tuple(piece for piece, _ in definition["vocab"][:5]) == SPECIAL_TOKENS
    assert definition["unk_id"] == tokenizer.unk_token_id == 3
    scores = dict(definition["vocab"])
    for sentence in SENTENCES[:3]:
        pieces = tokenizer.tokenize(sentence)
        assert "<unk>" not in pieces
        # Against every way to cut each word.
        for word in sentence.replace(".", "").split()[:4]:
            own = sum(scores[piece] for piece in tokenizer.tokenize(word))
            assert own == pytest.approx(best_score(f"▁{word}", scores))
    assert tokenizer("ж")["input_ids"].count(tokenizer.unk_token_id) == 1


def best_score(word: str, scores: dict[str, float]) -> float:
    if not word:
        return 0.0
    ends = [end for end in range(1, len(word) + 1) if word[:end] in scores]
    return max((scores[word[:end]] + best_score(word[end:], scores) for end in ends), default=-np.inf)


@pytest.mark.slow
def test_unigram_is_the_same_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("\n".join(SENTENCES), encoding="utf-8")
    code = (
        "import sys; from pathlib import Path; from isogloss.pretraining.encoder import train_tokenizer\n"
        "lines = Path(sys.argv[1]).read_text().split('\\n')\n"
        "print(train_tokenizer(lines, 90, 32, 'unigram').backend_tokenizer.to_str())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "text")],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONUTF8": "1"},
        ).stdout
        for _ in range(3)
    }
    assert len(outputs) == 1


def test_the_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'encoder\.tokenizer' is one of bpe, unigram; got 'wordpiece'"):
        EncoderShape(tokenizer="wordpiece")
