"""The sizes of docs/search.md follow from files that are written here, from the code and its own figures."""

from __future__ import annotations

import re
import tracemalloc
from math import ceil
from pathlib import Path

import numpy as np
import pytest

from isogloss.encoding.store import _Index
from isogloss.index import Compression, Index, create_index, graph, open_index, writing
from isogloss.index.compression import BITS, SCALES, VECTORS
from isogloss.index.names import NAME_DTYPE
from isogloss.index.segment import COLUMNS, NAMES, PASSAGES
from isogloss.index.words import LENGTHS, PLACES
from isogloss.lexical import split_words
from isogloss.passages import Passage
from isogloss.retriever import Retriever
from made_up_index import MODEL, WIDTH, MadeUpEncoder, passage

PAGE = (Path(__file__).parents[2] / "docs" / "search.md").read_text(encoding="utf-8")
UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
COUNTS = (10**6, 10**7, 10**8, 10**9)
HEAD = 128
"""Bytes before the numbers of a file of NumPy's."""
FORMULAS = re.findall(r"^\| ((?:folder|Milvus), [^|]+) \| ([^|]+) \| ([^|]+) \| 384 \|", PAGE, re.MULTILINE)
MEMORY = {label: formula for label, formula, _ in FORMULAS}
DISK = {label: formula for label, _, formula in FORMULAS}
TAKEN = {
    "exact": "folder, exact, `float32`",
    "binary": "folder, `binary`",
    "graphs": "folder, graphs",
    "the same": "folder, graphs",
    "HNSW_SQ": "Milvus, HNSW_SQ (SQ8, M = 18)",
    "HNSW": "Milvus, HNSW (M = 18)",
    "DISKANN": "Milvus, DISKANN",
    "IVF_RABITQ": "Milvus, IVF_RABITQ",
}
"""What stands in the table of settings -> the row of sizes that is meant; the first that fits."""


def count_bytes(formula: str, width: int) -> float:
    """Compute a formula such as ``5d + 272``; nothing but numbers, d, / and + is let through."""
    assert re.fullmatch(r"[0-9d/+ ]+", formula)
    return float(eval(re.sub(r"(\d)d", r"\1 * d", formula), {"d": width}))


def read_size(text: str) -> float:
    number, unit = text.split()
    return float(number) * UNITS[unit]


def make(
    folder: Path, count: int, width: int, engine: str = "auto", form: Compression = "float32", **more: bool
) -> Index:
    """Index passages with vectors by chance."""
    vectors = np.random.default_rng(1).standard_normal((count, width)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    passages = [passage(f"p{n}", f"text number {n % 7} of some", "en") for n in range(count)]
    with create_index(folder, MODEL, width, engine, compression=form, **more) as change:
        change.add(passages, vectors)
        change.commit()
    index = open_index(folder)
    assert isinstance(index, Index)
    return index


def measure(index: Index, *names: str) -> int:
    """Sum up the bytes of some files of an index, without their heads."""
    files = [file for segment in index.segments for file in segment.entry.all_files()]
    return sum(file.bytes - HEAD * file.name.endswith(".npy") for file in files if file.name in names)


@pytest.mark.parametrize(
    ("form", "label"),
    [
        ("float32", "folder, exact, `float32`"),
        ("float16", "folder, exact, `float16`"),
        ("int8", "folder, exact, `int8`"),
        ("binary", "folder, `binary`"),
    ],
)
def test_vectors_take_the_bytes_that_the_table_says(tmp_path: Path, form: Compression, label: str) -> None:
    index = make(tmp_path / "i", 100, 384, form=form)
    assert measure(index, VECTORS, SCALES, BITS) == 100 * count_bytes(DISK[label], 384)
    if form != "binary":
        assert MEMORY[label] == DISK[label]  # all of it is read


def test_signs_take_what_a_search_measures(tmp_path: Path) -> None:
    index = make(tmp_path / "i", 40_000, 64, form="binary")
    query = index.segments[0].vectors.decode(slice(0, 1))
    query /= np.linalg.norm(query)
    index.search(query, 1)
    tracemalloc.start()
    index.search(query, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    said = count_bytes(MEMORY["folder, `binary`"], 64) - measure(index, BITS) / index.count
    assert peak / index.count == pytest.approx(said, abs=2)
    assert f"by signs, {said:g} bytes a passage" in PAGE


def test_graphs_take_what_one_that_is_built_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "LEAST_ROWS", 1)
    index = make(tmp_path / "i", 2000, 64, "graph")
    (entry,) = index.manifest.segments
    each = entry.graphs[0].file.bytes / 2000
    row = index._graphs[0].parts[0].rows.itemsize
    assert each + row == pytest.approx(count_bytes(MEMORY["folder, graphs"], 64), abs=1)
    on_disk = each + measure(index, VECTORS) / 2000
    assert on_disk == pytest.approx(count_bytes(DISK["folder, graphs"], 64), abs=1)
    links = count_bytes(MEMORY["folder, graphs"], 0) - row
    assert f"{links:g} bytes of links" in PAGE


def test_texts_take_what_the_page_says(tmp_path: Path) -> None:
    index = make(tmp_path / "i", 5000, 8, lexical=True)
    (segment,) = index.segments
    passages = segment.passages(range(5000))
    texts = sum(len(getattr(one, name).encode()) for one in passages for name in COLUMNS)
    beside = (measure(index, PASSAGES, NAMES) - texts) / 5000
    said, more = map(int, re.findall(r"come a passage's texts [^.]* and (\d+) bytes, (\d+) more", PAGE)[0])
    assert beside == pytest.approx(said, abs=2)
    assert more == NAME_DTYPE.itemsize
    different = sum(len(set(split_words(one.encoded_text()))) for one in passages)
    assert measure(index, PLACES) == 8 * different
    assert measure(index, LENGTHS) == 4 * 5000
    assert "with `--lexical` 8 for each different word of it and 4" in " ".join(PAGE.split())


def test_a_build_keeps_the_vectors_three_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SEGMENT_ROWS", 100)
    folder, commit = tmp_path / "i", writing.write_manifest
    found: list[tuple[int, int]] = []

    def note(*given: object) -> None:
        scratch = sum(file.stat().st_size for file in (folder / writing.SCRATCH).rglob("*") if file.is_file())
        found.append(
            (scratch, sum(file.stat().st_size - HEAD for file in folder.rglob("segments/*/vectors.npy")))
        )
        commit(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(writing, "write_manifest", note)
    passages = [Passage(f"p{n}", f"text {n} of it", "en") for n in range(1000)]
    assert Retriever.build(MadeUpEncoder(), passages, folder).count == 1000
    ((scratch, vectors),) = found
    assert vectors == 2 * 4 * WIDTH * 1000
    (beside,) = re.findall(r"goes on with \(4d \+ (\d+)\)", PAGE)
    assert scratch / 1000 == pytest.approx(4 * WIDTH + int(beside), abs=1)
    assert not (folder / writing.SCRATCH).exists()


def test_a_change_keeps_the_bytes_of_names_that_the_page_says(tmp_path: Path) -> None:
    kept = _Index(tmp_path)
    looked_up = kept._keys.itemsize + kept._places.itemsize
    said = f"a change keeps {looked_up} bytes a passage, and {NAME_DTYPE.itemsize} for each of its names"
    assert said in " ".join(PAGE.split())


def test_merging_takes_no_more_memory_than_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SEGMENT_ROWS", 400)
    passages = [Passage(f"id{n:08}", "text", "en") for n in range(4000)]
    vectors = np.zeros((4000, 2), np.float32)
    vectors[:, 0] = 1
    with create_index(tmp_path / "i", MODEL, 2, "exact") as change:
        change.add(passages, vectors)
        del passages, vectors
        tracemalloc.start()
        change.commit()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    (said,) = re.findall(r"merges segments about (\d+) bytes for each", PAGE)
    assert peak / 4000 < 1.1 * int(said)


def test_the_table_follows_from_its_formulas() -> None:
    rows = re.findall(
        r"^\| ((?:folder|Milvus), [^|]+) \| ([^|]+) \| [^|]+ \| (\d+) \|(.*)\| ([^|]+) \|$",
        PAGE,
        re.MULTILINE,
    )
    assert len(rows) == 2 * len(MEMORY) == 20
    for label, formula, width, cells, machines in rows:
        each = count_bytes(formula, int(width))
        for count, cell in zip(COUNTS, cells.split("|"), strict=True):
            assert read_size(cell) == pytest.approx(each * count, rel=0.005)
        assert machines == ("–" if label.startswith("folder") else str(count_machines(each * 10**9)))


def count_machines(size: float) -> int:
    """Count machines of 256 GB, a third of whose memory stays free."""
    return ceil(size * 1.5 / 256e9)


def test_what_to_take_follows_from_the_table_and_from_what_was_timed() -> None:
    timed = {
        label: float(p50)
        for label, p50 in re.findall(
            r"^\| ([^|]+)(?: \| [^|]+){3} \| ([\d.]+), [\d.]+ \|", PAGE, re.MULTILINE
        )
    }
    rows = re.findall(
        r"^\| (?:below )?([\d,]+)( million| billion|)[^|]* \| ([^|]+) \| ([^|]+) \| ([\d, ]+) \| ([^|]+) \|$",
        PAGE[PAGE.index("## Sizing") :],
        re.MULTILINE,
    )
    assert len(rows) == 9
    for number, unit, engine, memory, machines, search in rows:
        count = int(number.replace(",", "")) * {"": 1, " million": 10**6, " billion": 10**9}[unit]
        label = next(row for word, row in TAKEN.items() if word in engine)
        each = [count_bytes(MEMORY[label], width) for width in (384, 1024)]
        for size, said in zip(each, memory.split(", "), strict=True):
            assert read_size(said) == pytest.approx(size * count, rel=0.005)
        stated = [int(number) for number in machines.split(", ")]
        assert [stated[0], stated[-1]] == [count_machines(size * count) for size in each]
        if search != "not measured":
            kind = timed["`--compression binary`" if "binary" in engine else "exact"]
            assert float(search.removesuffix(" ms")) == pytest.approx(kind * count / 100_000, abs=0.5)
    assert f"| below {writing.GRAPH_FROM:,} | folder, `--engine auto`: exact" in PAGE
    assert f"below {writing.GRAPH_FROM:,} passages" in PAGE
    assert f"({timed['graph']} ms for 100,000)" in PAGE
    (built,) = re.findall(r"^\| graph \| (\d+) \|", PAGE, re.MULTILINE)
    assert (
        f"they take {built} s of a core to build for 100,000, so at least {int(built) * 100 // 60} minutes"
        in PAGE
    )
