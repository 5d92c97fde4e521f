"""Every kind of file of a collection, what names its languages, and what is refused."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import ConfigError, DataError
from isogloss.passages import Passage, measure_passages, stream_passages

ROWS = [
    {
        "id": "a",
        "text": 'Mto unapita, "katikati"\nya mji.',
        "language": "sw",
        "title": "Mto",
        "source": "http://a",
    },
    {"id": "日本", "text": "川\u2028が\x85流れる", "language": "ja", "title": "", "source": None},
]
READ = [
    Passage("a", 'Mto unapita, "katikati"\nya mji.', "sw", "Mto", "http://a"),
    Passage("日本", "川\u2028が\x85流れる", "ja", "", "SOURCE"),
]


def write_csv(delimiter: str) -> bytes:
    import csv

    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(ROWS[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(ROWS)
    return stream.getvalue().encode()


def write_parquet(rows: list[dict[str, object]]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), stream)
    return stream.getvalue()


JSONL = "".join(f"{json.dumps(row)}\n" for row in ROWS).encode()
FILES = {
    "x.jsonl": (JSONL, "line 2"),
    "y.jsonl.gz": (gzip.compress(JSONL), "line 2"),
    "x.csv": (write_csv(","), "line 4"),
    "x.tsv": (write_csv("\t"), "line 4"),
    "x.parquet": (write_parquet(ROWS), "row 2"),
}


@pytest.mark.parametrize("name", FILES)
def test_every_table_gives_the_same_passages(tmp_path: Path, name: str) -> None:
    content, place = FILES[name]
    (tmp_path / name).write_bytes(content)
    expected = [READ[0], READ[1]._replace(source=f"{name}, {place}")]
    seen: list[int] = []
    for path in (tmp_path / name, tmp_path):
        seen.clear()
        assert list(stream_passages(path, advance=seen.append)) == expected
        assert 0.9 * len(content) <= sum(seen) <= len(content) == measure_passages(path)


def test_text_folders_and_squad(tmp_path: Path) -> None:
    (tmp_path / "sw").mkdir()
    (tmp_path / "sw" / "cat.txt").write_text("Paka.\nMwisho.", encoding="utf-8")
    (tmp_path / "am.txt").write_text("ወንዝ", encoding="utf-8")
    (tmp_path / ".hidden.jsonl").write_text("nonsense", encoding="utf-8")
    (tmp_path / "README.md").write_text("no passage", encoding="utf-8")
    paragraphs = [{"context": "One.", "qas": []}, {"context": "Two.", "qas": []}]
    squad = {"data": [{"title": "T", "paragraphs": paragraphs}]}
    (tmp_path / "en.json").write_text(json.dumps(squad), encoding="utf-8")
    assert list(stream_passages(tmp_path)) == [
        Passage("am.txt", "ወንዝ", "am", "am", "am.txt"),
        Passage("en/0/0", "One.", "en", "T", "en.json, data[0].paragraphs[0]"),
        Passage("en/0/1", "Two.", "en", "T", "en.json, data[0].paragraphs[1]"),
        Passage("sw/cat.txt", "Paka.\nMwisho.", "sw", "cat", "sw/cat.txt"),
    ]


def language_of(folder: Path, name: str, row: dict[str, object], **settings: object) -> str:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(
        json.dumps({"id": "a", "text": "Der Fluss ist lang.", **row}), encoding="utf-8"
    )
    (passage,) = stream_passages(folder, **settings)  # type: ignore[arg-type]
    return passage.language


def test_the_row_counts_then_the_setting_then_the_names(tmp_path: Path) -> None:
    assert language_of(tmp_path, "swh_Latn.jsonl", {"lang": "am"}, language="de") == "am"
    assert language_of(tmp_path, "swh_Latn.jsonl", {"lang": None}, language="deu") == "de"
    assert language_of(tmp_path, "swh_Latn.jsonl", {}, detect=True) == "sw"


def test_a_folder_s_name_counts_and_what_is_no_language_does_not(tmp_path: Path) -> None:
    pytest.importorskip("py3langid")
    assert language_of(tmp_path, "zh-Hans/rows.jsonl", {}) == "zh-Hans"
    (tmp_path / "zh-Hans" / "rows.jsonl").unlink()
    assert language_of(tmp_path, "rows/xqz.jsonl", {}, detect=True) == "de"


def test_detection_needs_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "py3langid.langid", None)
    (tmp_path / "x.jsonl").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"pip install 'isogloss\[detect\]'"):
        list(stream_passages(tmp_path, detect=True))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("sw.jsonl", b'{"id": "a", "text": "t"}\n{"text": "t"}', "line 2: 'id' is missing or empty"),
        ("sw.jsonl", b'{"id": "a", "text": ""}', "line 1: 'text' is missing or empty"),
        ("sw.jsonl", b'{"id": "a", "text": ["t"]}', "line 1: 'text' must be a string, found a list"),
        ("sw.jsonl", b'{"id": true, "text": "t"}', "line 1: 'id' must be a string"),
        ("sw.jsonl", b'{"id": "a", "id": "b", "text": "t"}', "line 1: 'id' is given twice"),
        ("sw.jsonl", b'{"id": "a", "text": "\xff"}', "line 1: is not UTF-8 text"),
        ("sw.jsonl", b"\n", "holds no passage"),
        ("rows.jsonl", b'{"id": "a", "text": "t"}', "line 1: no language: give it in a field 'language'"),
        ("sw.jsonl.gz", b"no gzip", "is not a whole gzip file"),
        ("sw.csv", b"name,text\na,b\n", "needs columns, 'id' and 'text' at least"),
        ("sw.csv", b"id,text,text\na,b,c\n", "line 1: the first row names a column twice"),
        ("sw.csv", b"id,text\na\n", "line 2: 1 fields where the first row has 2"),
        ("sw.csv", b'id,text\na,"b"c\n', "line 2: is no table"),
        ("sw.csv", b"", "needs columns, 'id' and 'text' at least"),
        ("sw.parquet", b"PAR1", "is no whole Parquet file"),
        ("sw.parquet", write_parquet([{"name": "a"}]), "at least; it has name"),
        ("sw.parquet", write_parquet([{"id": "a", "text": 3}]), "row 1: 'text' must be a string"),
        (
            "sw.json",
            b'{"data": [{"paragraphs": [{"context": " "}]}]}',
            r"data\[0\].paragraphs\[0\]: 'context'",
        ),
        ("sw.json", b'{"data": [{"paragraphs": 3}]}', r"data\[0\]: 'paragraphs' must be a list"),
        ("sw.txt", b" \n", "holds no text"),
        ("sw.pdf", b"%PDF", "holds nothing that can be read; files ending in .jsonl, .csv"),
    ],
)
def test_what_is_no_passage_is_refused_with_its_place(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    for path in (tmp_path / name, tmp_path):
        with pytest.raises(DataError, match=message):
            list(stream_passages(path))
    with pytest.raises(DataError, match="no such file or folder"):
        list(stream_passages(tmp_path / "none"))
    with pytest.raises(ConfigError, match="names no language"):
        list(stream_passages(tmp_path, language="qqq"))


def test_numbers_may_be_ids(tmp_path: Path) -> None:
    (tmp_path / "sw.jsonl").write_text('{"docid": 7, "passage": "t"}', encoding="utf-8")
    assert [one.id for one in stream_passages(tmp_path)] == ["7"]


SOUND = {
    **{name: content for name, (content, _) in FILES.items()},
    "sw.txt": b"Mto\n",
    "en.json": b'{"data": [{"title": "T", "paragraphs": [{"context": "One."}]}]}',
}


@settings(max_examples=150)
@given(name=st.sampled_from(sorted(SOUND)), data=st.data())
def test_damaged_files_are_read_or_refused_in_one_line(name: str, data: st.DataObject) -> None:
    content = bytearray(SOUND[name])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            content[place] = data.draw(st.integers(0, 255))
        else:
            del content[place:]
            break
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            read = list(stream_passages(path, language="sw"))
        except DataError as error:
            read, refused = [], str(error)
        else:
            refused = str(path)
        assert str(path) in refused
        assert all(one.id and one.text.strip() and one.source for one in read)
