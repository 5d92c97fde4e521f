"""What a translation made, and what it left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from isogloss.corpus.description import align_table
from isogloss.translation.translator import Fault


@dataclass(frozen=True)
class LanguageSummary:
    """Count what became of one language.

    Args:
        language: The language.
        items: Items of the source language.
        present: Of these, those that the corpus has in the language already.
        kept: Of the others, those translated and used.
        shortened: Of the kept, those whose passage lacks a sentence.
        dropped: Fault of the question, else of the answer's sentence -> items not used.
        texts: Distinct texts that were translated, now or before.
        faults: Fault -> distinct texts that have it.
        made: Texts translated now; the others were in the store.
        seconds: Time that took.
    """

    language: str
    items: int
    present: int
    kept: int
    shortened: int
    dropped: Mapping[Fault, int]
    texts: int
    faults: Mapping[Fault, int]
    made: int
    seconds: float


@dataclass(frozen=True)
class Summary:
    """Tell what a translation made.

    Args:
        source: Language translated from.
        corpus: Folder of the parallel corpus.
        languages: One entry per language translated into.
    """

    source: str
    corpus: Path
    languages: tuple[LanguageSummary, ...]

    def to_dict(self) -> dict[str, object]:
        """Turn the summary into plain values.

        Returns:
            Dicts, lists, strings and numbers, ready for JSON.
        """
        languages = [asdict(entry) for entry in self.languages]
        return {"source": self.source, "corpus": str(self.corpus), "languages": languages}

    def to_text(self) -> str:
        """Write the summary as aligned text.

        Returns:
            Several lines, the last one without a line break.
        """
        header = ["language", "items", "present", "kept", "shortened", "dropped", "translated", "texts/s"]
        rows = [
            [
                entry.language,
                *(f"{number:,}" for number in (entry.items, entry.present, entry.kept, entry.shortened)),
                f"{sum(entry.dropped.values()):,}",
                f"{entry.made:,} of {entry.texts:,}",
                f"{entry.made / entry.seconds:,.1f}" if entry.made and entry.seconds else "-",
            ]
            for entry in self.languages
        ]
        blocks = [align_table([header, *rows])]
        blocks += self._fault_table("items dropped", [entry.dropped for entry in self.languages])
        blocks += self._fault_table("texts at fault", [entry.faults for entry in self.languages])
        return "\n\n".join("\n".join(block) for block in blocks)

    def _fault_table(self, title: str, counts: Sequence[Mapping[Fault, int]]) -> list[list[str]]:
        """Write one column for each fault that occurs; nothing where there is none."""
        found = [fault for fault in Fault if any(fault in column for column in counts)]
        if not found:
            return []
        rows = [
            [entry.language, *(f"{column.get(fault, 0):,}" for fault in found)]
            for entry, column in zip(self.languages, counts, strict=True)
        ]
        return [align_table([[title, *found], *rows])]


def count_faults(faults: Sequence[Fault]) -> dict[Fault, int]:
    """Count faults by kind, in the order in which they are looked for.

    Args:
        faults: The faults.

    Returns:
        Fault -> how often; those that do not occur are left out.
    """
    counts = Counter(faults)
    return {fault: counts[fault] for fault in Fault if fault in counts}
