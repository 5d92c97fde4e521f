"""A translator whose translations can be told: it writes every word backwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from isogloss.corpus import ParallelCorpus, Record, build_corpus
from isogloss.translation.translator import Fault, Translation

LIMIT = 40


def reverse(text: str) -> str:
    """Write every word backwards; done twice, the text is there again."""
    return " ".join(word[::-1] for word in text.split())


class Backwards:
    """Write every word backwards; words in capitals ask for a fault.

    Attributes:
        batches: The batches that were translated.
    """

    def __init__(self, source: str = "en", target: str = "de", **more: str | int) -> None:
        self.identity: Mapping[str, str | int] = {"source": source, "target": target, **more}
        self.limit = LIMIT
        self.batches: list[list[str]] = []

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [1 + len(text.split()) for text in texts]

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        self.batches.append(list(texts))
        return [self._write(text) for text in texts]

    def _write(self, text: str) -> Translation:
        made = reverse(text)
        if "ENDLESS" in text:
            return Translation(made, Fault.UNFINISHED)
        if "COPIED" in text:
            return Translation(text)
        if "NOTHING" in text:
            return Translation("")
        if "AGAIN" in text:
            return Translation(f"{made} lorem lorem lorem lorem")
        if "GREEK" in text:
            return Translation("".join("αβγδε"[ord(char) % 5] if char.isalpha() else char for char in text))
        if "SHORT" in text:
            return Translation(made[:2])
        if "WORHT" in text and self.identity["target"] == "en":
            return Translation("something else that is quite unlike it")
        return Translation(made)


def open_backwards(source: str, target: str) -> Backwards:
    """Open the translator of any direction."""
    return Backwards(source, target)


def write_corpus_of(*rows: Mapping[str, object]) -> ParallelCorpus:
    """Make a corpus of records that are English unless they say otherwise."""
    usual: dict[str, object] = {"language": "en", "path": "made.jsonl"}
    records = [Record(**{**usual, "position": f"line {n}", **row}) for n, row in enumerate(rows)]  # type: ignore[arg-type]
    return build_corpus("made", records, {"made.jsonl": "0" * 64})
