"""What is stored is there again; what was torn is cut off; what was changed is refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import ResultsError
from isogloss.translation.store import TranslationStore
from isogloss.translation.translator import Fault, Translation

IDENTITY = {"source": "en", "target": "de", "beams": 4}
BATCHES = (
    (("Who?", Translation("Wer?")), ("A\u2028line \x85 帽", Translation("Eine “Zeile”"))),
    (("Loop", Translation("la la", Fault.UNFINISHED)),),
    (("Where?", Translation("Wo?")),),
)


def fill(path: Path) -> bytes:
    store = TranslationStore(path, IDENTITY)
    for batch in BATCHES:
        store.add([text for text, _ in batch], [made for _, made in batch])
    return path.read_bytes()


def read(path: Path) -> dict[str, Translation]:
    store = TranslationStore(path, IDENTITY)
    return {text: store[text] for batch in BATCHES for text, _ in batch if text in store}


def prefixes() -> list[dict[str, Translation]]:
    """What the store holds after each number of batches."""
    return [dict(pair for batch in BATCHES[:number] for pair in batch) for number in range(len(BATCHES) + 1)]


def test_translations_come_back(tmp_path: Path) -> None:
    fill(tmp_path / "deep" / "en-de.jsonl")
    assert read(tmp_path / "deep" / "en-de.jsonl") == prefixes()[-1]
    assert len(TranslationStore(tmp_path / "deep" / "en-de.jsonl", IDENTITY)) == 4


def test_a_file_cut_off_anywhere_holds_whole_batches_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "en-de.jsonl"
    whole = fill(path)
    ends = [place + 1 for place, byte in enumerate(whole) if byte == ord("\n")]
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        batches = max(sum(end <= length for end in ends) - 1, 0)
        assert read(path) == prefixes()[batches]
        fill(path)
        assert path.read_bytes().startswith(whole[: ends[batches]])
        assert read(path) == prefixes()[-1]


@given(st.data())
def test_a_changed_byte_is_never_read_as_a_translation(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "en-de.jsonl"
        whole = bytearray(fill(path))
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(whole)
        try:
            found = read(path)
        except ResultsError:
            return
        assert found in prefixes()


@pytest.mark.parametrize("content", [b"\n", b"00000000 \n", b"a\xff\n", b"d9aecd1e []\n", b"{}\n"])
def test_what_is_no_store_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "en-de.jsonl"
    path.write_bytes(content)
    with pytest.raises(ResultsError, match=r"line 1: damaged .* --overwrite"):
        TranslationStore(path, IDENTITY)
    assert len(TranslationStore(path, IDENTITY, overwrite=True)) == 0


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "en-de.jsonl"
    before = fill(path)
    with pytest.raises(ResultsError, match=r"begun with another beams, precision; .* --overwrite"):
        TranslationStore(path, {**IDENTITY, "beams": 1, "precision": "float16"})
    assert path.read_bytes() == before


def test_the_first_translation_of_a_text_stays(tmp_path: Path) -> None:
    store = TranslationStore(tmp_path / "en-de.jsonl", IDENTITY)
    store.add(["Who?"], [Translation("Wer?")])
    store.add(["Who?"], [Translation("Welche?")])
    assert read(store.path)["Who?"].text == "Wer?"


def test_a_batch_of_another_shape_is_refused(tmp_path: Path) -> None:
    for shape in ({"batch": [["a", "b"]]}, {"batch": [["a", "b", "no fault"]]}, {"batch": {}}, {}):
        path = tmp_path / "en-de.jsonl"
        store = TranslationStore(path, IDENTITY, overwrite=True)
        store._append(shape)
        with pytest.raises(ResultsError, match="line 2: damaged"):
            TranslationStore(path, IDENTITY)
