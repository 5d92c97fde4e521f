"""``isogloss inspect``: fertility, the unknown, bytes of characters, against counts by other means."""

from __future__ import annotations

import json
import shutil
import unicodedata
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer

from isogloss.cli.main import main
from isogloss.errors import ModelError
from isogloss.vocabulary import (
    ModelTokenizer,
    Text,
    TextCollection,
    TextPart,
    find_folder,
    inspect_vocabulary,
    load_tokenizer,
)
from isogloss.vocabulary.characters import count_scripts, has_spaced_words, script_name
from isogloss.vocabulary.inspection import LanguageFit
from tiny_models import SENTENCES, tiny_xlmr

SPECIAL = {"unk_token": "<unk>"}


def collect(**texts: list[str]) -> TextCollection:
    def part(language: str, lines: list[str]) -> TextPart:
        return TextPart(language, len(lines), lambda: (Text(language, line) for line in lines))

    return TextCollection(tuple(part(language, lines) for language, lines in texts.items()), {})


def wrap(tokenizer: Tokenizer) -> ModelTokenizer:
    return ModelTokenizer("tiny", tokenizer, json.loads(tokenizer.to_str()))


@pytest.fixture
def wordpiece() -> ModelTokenizer:
    pieces = ["<unk>", "river", "##s", "long", "古", "never"]
    tokenizer = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(pieces)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return wrap(tokenizer)


def test_measures_by_hand(wordpiece: ModelTokenizer) -> None:
    found = inspect_vocabulary(
        "m", wordpiece, collect(en=["rivers long", "river nile"], ja=["古古 町"]), quiet=True
    )
    # rivers long river nile: river ##s long river <unk>
    assert found.languages["en"] == LanguageFit(
        texts=2,
        words=4,
        characters=19,
        tokens=5,
        unknown=1 / 5,
        fragments=0.0,
        tokens_per_word=5 / 4,
        tokens_per_character=5 / 19,
        pieces=4,
        vocabulary_share=4 / 6,
    )
    # The pre-tokeniser takes 古古 for one word, which no piece covers.
    japanese = found.languages["ja"]
    assert (japanese.words, japanese.tokens_per_word, japanese.characters) == (None, None, 3)
    assert (japanese.tokens, japanese.unknown) == (2, 1.0)
    together = found.languages["all"]
    assert (together.texts, together.characters, together.tokens, together.pieces) == (3, 22, 7, 4)
    assert together.unknown == pytest.approx(3 / 7)
    assert (together.words, together.tokens_per_word) == (None, None)
    assert [note.split(":")[0] for note in found.notes()] == ["en", "ja"]
    assert "20.0% of the tokens are unknown; extend the vocabulary" in found.notes()[0]


def test_bytes_of_characters_are_counted() -> None:
    tokenizer = Tokenizer(
        models.BPE(dict(zip(sorted(pre_tokenizers.ByteLevel.alphabet()), range(256), strict=True)), [])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found = inspect_vocabulary("m", wrap(tokenizer), collect(xx=["abé字 "]), quiet=True)
    fit = found.languages["xx"]
    # a, b, two bytes of é, three of 字, a space; no single byte from 128 on is a character
    assert (fit.tokens, fit.fragments, fit.unknown) == (8, 5 / 8, 0.0)
    assert found.bytes_known
    assert len(wrap(tokenizer).fragments) == 128
    assert "xx: 62.5% of the tokens are bytes of a character" in found.notes()[0]


def test_bytes_for_the_unknown_are_counted() -> None:
    pieces = ["<unk>", "a", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokenizer = Tokenizer(
        models.BPE({piece: n for n, piece in enumerate(pieces)}, [], byte_fallback=True, unk_token="<unk>")
    )
    found = inspect_vocabulary("m", wrap(tokenizer), collect(xx=["a字"]), quiet=True)
    assert (found.languages["xx"].tokens, found.languages["xx"].fragments) == (4, 3 / 4)
    assert found.bytes_known
    assert list(found.languages) == ["xx"], "one language needs no sum"


def test_the_unknown_is_the_tokenizers_own() -> None:
    """GPT-like configurations name the end of text as unknown, which it is not."""
    tokenizer = Tokenizer(models.BPE({"a": 0, "<|end|>": 1}, []))
    assert wrap(tokenizer).unknown is None
    tokenizer = Tokenizer(models.Unigram([("a", -1.0), ("<u>", -2.0)], 1, False))
    assert wrap(tokenizer).unknown == 1


@pytest.mark.parametrize("name", ["xlmr", "labse"])
def test_counts_are_those_of_transformers(name: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(name)
    reference = AutoTokenizer.from_pretrained(str(folder))
    lines = [*SENTENCES, "Ein Satz, der nirgends steht: Żółw."]
    pieces = [piece for line in lines for piece in reference(line, add_special_tokens=False)["input_ids"]]
    fit = inspect_vocabulary("m", load_tokenizer(folder), collect(mul=lines), quiet=True).languages["mul"]
    assert fit.tokens == len(pieces)
    assert fit.pieces == len(set(pieces))
    assert fit.unknown == pytest.approx(pieces.count(reference.unk_token_id) / len(pieces))
    assert fit.words == sum(len(line.split()) for line in lines)
    assert fit.characters == sum(not letter.isspace() for line in lines for letter in line)


@pytest.mark.parametrize(
    ("letter", "script"),
    [
        ("a", "LATIN"),
        ("ß", "LATIN"),
        ("Ａ", "LATIN"),
        ("я", "CYRILLIC"),
        ("字", "CJK"),
        ("か", "HIRAGANA"),
        ("ｶ", "KATAKANA"),
        ("ﷲ", "ARABIC"),
        ("ক", "BENGALI"),
        ("가", "HANGUL"),
        ("1", ""),
        ("。", ""),
        ("\u0301", "COMBINING"),
    ],
)
def test_scripts_of_letters(letter: str, script: str) -> None:
    assert script_name(letter) == script


def test_letters_of_every_script_have_one() -> None:
    """Every letter of the first planes has a script, and no script is the name of one letter alone."""
    names = {letter: script_name(letter) for letter in map(chr, range(0x3000)) if letter.isalpha()}
    assert all(names.values())
    for letter, name in names.items():
        if name == "GREEK":
            plain = unicodedata.normalize("NFKC", letter).strip()[:1]
            assert "GREEK" in unicodedata.name(plain)


def test_scripts_without_spaces() -> None:
    assert not has_spaced_words({"字": 3, "a": 2})
    assert has_spaced_words({"字": 2, "a": 2})
    assert not has_spaced_words(dict.fromkeys("แม่น้ำ", 1))
    assert has_spaced_words({"1": 5})
    assert count_scripts({"a": 2, "b": 1, "字": 4, " ": 9, "\u0301": 1}) == {"LATIN": 3, "CJK": 4}


@pytest.fixture
def text(tmp_path: Path) -> Path:
    folder = tmp_path / "text"
    folder.mkdir()
    (folder / "en.txt").write_text(SENTENCES[0] + "\n", encoding="utf-8")
    (folder / "ko.txt").write_text("강은 오래된 도시를 흐른다\n", encoding="utf-8")
    return folder


def test_the_command_prints_a_table(xlmr: Path, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(xlmr), "--text", str(text)]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert lines[0] == f"model       {xlmr}"
    assert lines[1] == f"vocabulary  {len(load_tokenizer(xlmr).pieces)} pieces, Unigram"
    assert [line.split()[0] for line in lines[4:7]] == ["en", "ko", "all"]
    assert "ko" in lines[-1]
    assert "are unknown; extend the vocabulary" in lines[-1]


def test_the_command_prints_json(xlmr: Path, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(xlmr), "--text", str(text), "--languages", "en", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed["languages"]) == ["en"]
    assert printed["languages"]["en"]["unknown"] == 0
    assert printed["notes"] == []


def test_a_tokenizer_alone_is_enough(
    xlmr: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(xlmr / "tokenizer.json", alone)
    printed = []
    for folder in (xlmr, alone):
        assert main(["inspect", str(folder), "--text", str(text), "--json"]) == 0
        printed.append(json.loads(capsys.readouterr().out)["languages"])
    assert printed[0] == printed[1]


def test_a_run_directory_is_its_model(xlmr: Path, tmp_path: Path) -> None:
    shutil.copytree(xlmr, tmp_path / "model")
    (tmp_path / "provenance.json").write_text("{}", encoding="utf-8")
    assert find_folder(str(tmp_path)) == tmp_path / "model"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["no/model here"], "no such folder"),
        (["{empty}"], "no model in the folder"),
        (["{broken}"], "its tokenizer cannot be loaded"),
        (["{xlmr}", "--languages", "fr"], "no text in fr; the text is in en, ko"),
        (["{xlmr}", "--limit", "0"], "whole number from 1; got 0"),
    ],
)
def test_errors_are_one_line(
    words: list[str], told: str, xlmr: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "tokenizer.json").write_text('{"model": {}}', encoding="utf-8")
    places = {"xlmr": xlmr, "empty": tmp_path / "empty", "broken": broken}
    model, *rest = (word.format(**places) for word in words)
    assert main(["inspect", model, "--text", str(text), *rest]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("isogloss: error: ")
    assert told in err
    assert err.count("\n") == 1


def test_a_hub_name_is_fetched_or_refused_in_one_line(
    xlmr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}

    def fetch(name: str, **how: object) -> str:
        asked.update(how, name=name)
        return str(xlmr)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    assert find_folder("someone/model", ("*.json",)) == xlmr
    assert asked == {"name": "someone/model", "allow_patterns": ["*.json"], "revision": None}
    monkeypatch.undo()
    with pytest.raises(ModelError, match="cannot be fetched from the hub") as caught:
        find_folder("someone/model")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["[]", "{", '[{"path": 3}]'])
def test_broken_lists_of_modules_are_refused(content: str, tmp_path: Path) -> None:
    folder = tiny_xlmr(tmp_path / "model")
    (folder / "modules.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=r"modules\.json"):
        load_tokenizer(folder)
