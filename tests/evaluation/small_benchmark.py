"""A small benchmark in LAReQA's layout, and encoders that need no model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss.benchmarks import Benchmark, read_lareqa

LANGUAGES = ("de", "en", "th")


def document(language: str, articles: int = 4) -> dict[str, object]:
    """Write one language's file: articles of two paragraphs of three sentences, a question on the second."""
    data = []
    for article in range(articles):
        paragraphs = []
        for number in range(2):
            sentences = [f"{language} ä satz {article}.{number}.{place} €." for place in range(3)]
            context = " ".join(sentences)
            starts = [context.index(sentence) for sentence in sentences]
            breaks = [[start, start + len(text)] for start, text in zip(starts, sentences, strict=True)]
            answer = {"answer_start": starts[1] + 3, "text": context[starts[1] + 3 : starts[1] + 4]}
            question = {
                "id": f"q{article}-{number}",
                "question": f"{language} frage {article}.{number}?",
                "answers": [answer],
            }
            # One question is missing in Thai.
            questions = [] if (language, article, number) == ("th", 0, 0) else [question]
            paragraphs.append(
                {"context": context, "sentences": sentences, "sentence_breaks": breaks, "qas": questions}
            )
        data.append({"title": f"Article_{article}", "paragraphs": paragraphs})
    return {"version": "1.1", "data": data}


def write_benchmark(folder: Path, languages: Sequence[str] = LANGUAGES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for language in languages:
        text = json.dumps(document(language), ensure_ascii=False)
        (folder / f"{language}.json").write_text(text, encoding="utf-8")
    return folder


def small_benchmark(folder: Path) -> Benchmark:
    return read_lareqa(write_benchmark(folder), "small")


class HashEncoder:
    """Give each text a vector drawn from its hash; few distinct values make many ties."""

    name = "hash"

    def __init__(self, levels: int = 0, width: int = 8) -> None:
        self.levels = levels
        self.width = width

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encode(texts)

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encode(texts)

    def settings(self) -> Mapping[str, str | int | float | bool]:
        return {"levels": self.levels}

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = []
        for text in texts:
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
            rng = np.random.default_rng(seed)
            draw = (
                rng.integers(0, self.levels, self.width) if self.levels else rng.standard_normal(self.width)
            )
            rows.append(draw)
        return np.asarray(rows, dtype=np.float32)
