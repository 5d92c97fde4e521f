"""What an index holds in memory: a bounded part of what is written, and no vectors that are searched."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from isogloss.index import Compression, create_index, reading
from made_up_index import MODEL, WIDTH, passage, vectors_of

CHILD = Path(__file__).with_name("measured_child.py")


def mapped_file(values: np.ndarray) -> bool:
    """Tell whether an array is a view of a mapped file."""
    owner: object = values
    while isinstance(owner, np.ndarray | memoryview) and not isinstance(owner, np.memmap):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    return isinstance(owner, np.memmap | mmap.mmap)


@pytest.mark.parametrize("compression", ["float32", "float16", "int8", "binary"])
def test_vectors_of_an_opened_index_are_mapped(tmp_path: Path, compression: Compression) -> None:
    texts = [f"text {chr(97 + n % 26)}" for n in range(100)]
    with create_index(tmp_path / "index", MODEL, WIDTH, "auto", compression=compression) as change:
        change.add([passage(f"p{n}", text) for n, text in enumerate(texts)], vectors_of(texts))
        change.commit()
    (segment,) = reading.open_index(tmp_path / "index").segments
    stored = segment.vectors
    for values in (stored._raw, stored._scales, stored._bits):
        assert values is None or mapped_file(values)
    assert not mapped_file(stored.decode(slice(None)).copy())


def measure(what: str, folder: Path, count: int) -> float:
    """Run the child, and tell the most memory of its own that its work took, in MB."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    words = [sys.executable, str(CHILD), what, str(folder), str(count)]
    done = subprocess.run(
        words, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    return float(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_does_not_grow_with_the_collection(tmp_path: Path) -> None:
    """From 50,000 to 200,000 passages: 115 MB of vectors and 150 MB of texts, which would be there twice."""
    few = measure("write", tmp_path / "few", 50_000)
    # Growth of 94 MB was seen: 65,536 passages are held before they are written, a third more than 50,000.
    assert measure("write", tmp_path / "many", 200_000) - few < 130
    assert measure("merge", tmp_path / "merged", 200_000) - few < 130
    counts = sorted(segment.entry.count for segment in reading.open_index(tmp_path / "merged").segments)
    assert counts == [200_000 - 3 * 65_536, 3 * 65_536]
    # 154 MB of vectors are searched; a block of scores and what pyarrow needs is all that is held.
    assert measure("search", tmp_path / "many", 0) < 40
