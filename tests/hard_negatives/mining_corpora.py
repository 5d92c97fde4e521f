"""Small corpora with repeated texts, and an encoder whose scores are exact and often equal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from isogloss.corpus import ParallelCorpus, Record, build_corpus
from isogloss.encoding.batches import BatchEncoder, EncodedBatch, Kind
from isogloss.encoding.space import Space

LANGUAGES = ("de", "en", "th")
WORDS = ("bridge", "castle", "harbour", "river", "tower")


class ExactEncoder(BatchEncoder):
    """Draw each text's vector from its hash: multiples of a half, so that dot products are exact."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__("exact", {"query": "", "passage": ""}, {}, quiet=True)
        self.seed = seed

    def dimension(self) -> int:
        return 4

    def space(self, kind: Kind) -> Space:
        return Space(self.name, f"fingerprint {self.seed}", kind, "", None, "exact")

    def vector(self, kind: Kind, text: str) -> NDArray[np.float32]:
        digest = hashlib.sha256(f"{self.seed} {kind} {text}".encode()).digest()
        return np.array([byte % 5 - 2 for byte in digest[:4]], dtype=np.float32) / 2

    def encode_batches(self, kind: Kind, texts: Sequence[str]) -> Generator[EncodedBatch, None, None]:
        if texts:
            vectors = np.stack([self.vector(kind, text) for text in texts])
            yield EncodedBatch(np.arange(len(texts)), vectors, np.zeros(len(texts), dtype=np.bool_))


def make_record(
    item: int, language: str, asked: int, told: Sequence[str], rest: int, *, in_second: bool = False
) -> Record:
    """Write a question whose answer is in the first or the second sentence of its paragraph."""
    first, second = " ".join(told), f"{language} {rest}"
    start = len(first) + 1
    return Record(
        item_id=f"q{item:02}",
        language=language,
        question=f"{language} {asked}?",
        passage=f"{first} {second}",
        article=f"{language} {rest % 2}",
        answer=language if in_second else told[0],
        answer_start=start if in_second else 0,
        sentence_breaks=((0, len(first)), (start, start + len(second))),
    )


@st.composite
def corpora(draw: st.DrawFn) -> ParallelCorpus:
    """Draw up to 12 items in up to three languages; questions, sentences and paragraphs may be repeated."""
    records = [
        make_record(
            item,
            language,
            draw(st.integers(0, 12)),
            draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=2)),
            draw(st.integers(0, 3)),
            in_second=draw(st.booleans()),
        )
        for item in range(draw(st.integers(1, 12)))
        for language in sorted(draw(st.sets(st.sampled_from(LANGUAGES), min_size=1)))
    ]
    return build_corpus("drawn", records, {"drawn.jsonl": "0" * 64})


def write_rows(path: Path, rows: Sequence[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path
