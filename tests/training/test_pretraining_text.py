"""Text aligned by line: reading, errors, equal lines, and the rows of masked language modelling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from isogloss.batching import BatchPlan, choose_strategy
from isogloss.errors import DataError
from isogloss.pretraining.encoder import train_tokenizer
from isogloss.pretraining.masking import LineDraw, MaskingRows
from isogloss.pretraining.text import AlignedText, read_aligned_text

LINES = {
    "de": ["Der Fluss ist lang.", "", "Die Brücke ist alt.", "Die Brücke ist alt.", "Nur hier."],
    "en": ["The river is long.", "It rains.", "The bridge is old.", "The old bridge.", ""],
    "zh": ["这条河很长。", "下雨了。", "", "这座桥很旧。", ""],
}


def write(folder: Path, lines: dict[str, list[str]]) -> Path:
    folder.mkdir(exist_ok=True)
    for language, column in lines.items():
        (folder / f"{language}.txt").write_text("".join(f"{line}\n" for line in column), encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "text", LINES)


@pytest.fixture
def text(folder: Path) -> AlignedText:
    return read_aligned_text(folder)


def test_lines_are_read_as_they_stand(text: AlignedText) -> None:
    assert (text.name, text.languages, dict(text.lines)) == ("text", ("de", "en", "zh"), LINES)
    assert [len(digest) for digest in text.files.values()] == [64] * 3
    expected = [[1, 1, 1], [0, 1, 1], [1, 1, 0], [1, 1, 1], [1, 0, 0]]
    np.testing.assert_array_equal(text.present(), expected)


def test_marks_line_ends_and_white_space_do_not_matter(folder: Path) -> None:
    plain = read_aligned_text(folder)
    for language, column in LINES.items():
        content = "\ufeff" + "\r\n".join(f" {line}\t" for line in column)
        (folder / f"{language}.txt").write_bytes(content.encode())
    assert read_aligned_text(folder).lines == plain.lines


def test_languages_are_chosen(folder: Path) -> None:
    assert read_aligned_text(folder, ["zh", "en", "zh"]).languages == ("en", "zh")
    with pytest.raises(DataError, match=r"holds no fr\.txt; it has de, en, zh"):
        read_aligned_text(folder, ["fr"])


def test_what_cannot_be_read_is_one_clear_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        read_aligned_text(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"holds no <language>\.txt file"):
        read_aligned_text(tmp_path)
    (folder / "zh.txt").write_text("一\n二\n", encoding="utf-8")
    with pytest.raises(
        DataError, match=r"zh\.txt: has 2 lines, de\.txt has 5; files must be aligned by line"
    ):
        read_aligned_text(folder)
    (folder / "zh.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"zh\.txt, byte 0: not UTF-8"):
        read_aligned_text(folder)
    with pytest.raises(DataError, match="holds empty lines only"):
        read_aligned_text(write(tmp_path / "empty", {"en": ["", " "]}))


@given(content=st.one_of(st.binary(max_size=60), st.text(max_size=30).map(str.encode)))
@hypothesis_settings(max_examples=150)
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    write(folder, {"en": ["one", "two"]})
    (folder / "xx.txt").write_bytes(content)
    try:
        lines = len(content.decode("utf-8-sig").removesuffix("\n").split("\n"))
    except UnicodeDecodeError:
        lines = 0
    if lines == 2:
        read = read_aligned_text(folder)
        assert read.present().shape == (2, 2)
        assert len(read.as_corpus().item_ids) == 2
    else:
        with pytest.raises(DataError, match=r"xx\.txt") as caught:
            read_aligned_text(folder)
        assert "\n" not in str(caught.value)


def test_lines_equal_in_some_language_are_one_passage(text: AlignedText) -> None:
    corpus = text.as_corpus()
    assert corpus.item_ids == ("0", "1", "2", "3", "4")
    assert corpus.passages[2] == corpus.passages[3]
    assert len(set(corpus.passages.tolist())) == 4
    assert corpus.rendering(0, "zh").passage == corpus.rendering(0, "zh").question == "这条河很长。"
    plan = BatchPlan([corpus], choose_strategy("x-y"), batch_size=4, seed=1)
    for epoch in range(20):
        for batch in plan.batches(epoch):
            assert not {2, 3} <= set(batch.items.tolist())
            assert 4 not in batch.items


def test_equality_carries_over_through_other_languages() -> None:
    lines = {"a": ["x", "x", "y", "z"], "b": ["p", "q", "q", "r"]}
    corpus = AlignedText("t", ("a", "b"), lines, {}).as_corpus()
    first, second, third, last = corpus.passages.tolist()
    assert first == second == third != last


@pytest.fixture(scope="module")
def rows() -> MaskingRows:
    text = AlignedText("t", tuple(LINES), LINES, {})
    tokenizer = train_tokenizer([line for column in LINES.values() for line in column], 120, 32)
    return MaskingRows(LineDraw([text], 0.5, seed=7), tokenizer, rows=400, length=32)


def test_a_masking_row_depends_on_its_number_alone(rows: MaskingRows) -> None:
    forward = [rows[row] for row in range(60)]
    backward = [rows[row] for row in reversed(range(60))]
    assert forward == backward[::-1]
    assert len(rows) == 400
    for row in (400, -1):
        with pytest.raises(IndexError):
            rows[row]


def test_masking_rows_are_lines_or_two_translations(rows: MaskingRows) -> None:
    end = rows.tokenizer.sep_token_id
    lines = {line: number for column in LINES.values() for number, line in enumerate(column) if line}
    single = pairs = 0
    for row in range(len(rows)):
        ids = rows[row]["input_ids"]
        cuts = [place for place, token in enumerate(ids) if token == end]
        if len(cuts) == 1:
            single += 1
            assert rows.tokenizer.decode(ids, skip_special_tokens=True) in lines
        else:
            pairs += 1
            first = rows.tokenizer.decode(ids[: cuts[0]], skip_special_tokens=True)
            second = rows.tokenizer.decode(ids[cuts[1] :], skip_special_tokens=True)
            assert first != second
            # Line 2 and 3 are one in German.
            assert {lines[first], lines[second]} in ({0}, {1}, {2}, {3}, {2, 3})
    # A fifth of the lines has one language; half of the rest are pairs.
    assert 0.3 < pairs / (single + pairs) < 0.5


def test_no_character_of_the_text_is_unknown() -> None:
    text = [
        "Ποιος ποταμός διασχίζει την παλιά πόλη;",
        "कौन सी नदी पुराने शहर से बहती है?",
        "古い町を流れる川はどれですか。",
        "這條河流經舊城，還有一隻貓。",
        "أي نهر يمر عبر المدينة القديمة؟",
        "แม่น้ำสายใดไหลผ่านเมืองเก่า",
        "Year 1843, 38 m² – “quoted” 🌉",
    ]
    tokenizer = train_tokenizer(text, 60, 64)
    for line in text:
        ids = tokenizer(line)["input_ids"]
        assert tokenizer.unk_token_id not in ids
        normal = tokenizer.backend_tokenizer.normalizer.normalize_str(line)
        assert tokenizer.decode(ids, skip_special_tokens=True) == normal
    assert tokenizer.unk_token_id in tokenizer("ж")["input_ids"]


def test_the_same_text_gives_the_same_tokenizer() -> None:
    text = [line for column in LINES.values() for line in column] * 3
    first, second = (train_tokenizer(text, 150, 32).backend_tokenizer.to_str() for _ in range(2))
    assert first == second
