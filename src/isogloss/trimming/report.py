"""What was trimmed, what it saves, and what it does to other text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from isogloss.columns import align_columns
from isogloss.trimming.held_out import HeldOutChange


@dataclass(frozen=True)
class ModelSize:
    """Say how large a model is.

    Args:
        pieces: Number of pieces of its vocabulary.
        parameters: Number of its parameters, shared ones counted once.
        disk: Bytes of its files.
        memory: Bytes of its weights once loaded, computed from the tensors of the loaded model.
    """

    pieces: int
    parameters: int
    disk: int
    memory: int


@dataclass(frozen=True)
class TrimReport:
    """Say what trimming did to a model.

    Args:
        model: The model.
        folder: The trimmed model.
        before: Its size before.
        after: Its size after.
        prefixes: What was put before each text.
        texts: Number of texts given, all of which are segmented as before.
        encoded: Number of those whose embeddings were compared, as query and as passage.
        difference: The largest difference between two numbers of their embeddings, before and after.
        share: Share of the texts that was held out for the measures by language.
        held_out: For each language with held-out text, what a vocabulary does to it that was cut without it.
    """

    model: str
    folder: str
    before: ModelSize
    after: ModelSize
    prefixes: tuple[str, ...]
    texts: int
    encoded: int
    difference: float
    share: float
    held_out: Mapping[str, HeldOutChange]

    def to_dict(self) -> dict[str, object]:
        """Give everything as JSON has it.

        Returns:
            The fields.
        """
        return asdict(self)

    def to_text(self) -> str:
        """Write sizes, and a table with a row a language.

        Returns:
            Several lines without a line break at the end.
        """
        lines = [
            f"model    {self.model}",
            f"trimmed  {self.folder}",
            "",
            *align_columns(self._size_rows()),
            "",
        ]
        lines.append(
            f"given text: {self.texts:,} texts are segmented as before; embeddings of {self.encoded:,} of "
            f"them differ by {self.difference:.1e} at most"
        )
        if self.share and not self.held_out:
            lines += ["", "no text was held out: too little is given, or it is of one article"]
        if self.held_out:
            lines += [
                "",
                f"held-out text: {self.share:.0%} of it, under a vocabulary cut for the rest; "
                "the trimmed model knows all of it",
                *align_columns(self._language_rows()),
            ]
        return "\n".join(lines)

    def _size_rows(self) -> list[list[str]]:
        rows = [["", "before", "after", ""]]
        for name in ("pieces", "parameters", "disk", "memory"):
            before, after = getattr(self.before, name), getattr(self.after, name)
            written = _count if name in ("pieces", "parameters") else _bytes
            rows.append([name, written(before), written(after), f"{after / before:.1%}"])
        return rows

    def _language_rows(self) -> list[list[str]]:
        head = ["", "texts", "changed", "words", "changed", "tokens", "unknown", "drift", "p99", "most", "of"]
        return [head] + [_format_change(language, change) for language, change in self.held_out.items()]


def _format_change(language: str, change: HeldOutChange) -> list[str]:
    before, after = change.tokens
    unknown = " > ".join(
        f"{count / max(1, tokens):.2%}" for count, tokens in zip(change.unknown, change.tokens, strict=True)
    )
    return [
        language,
        f"{change.texts:,}",
        f"{change.changed_texts / change.texts:.1%}",
        f"{change.words:,}",
        f"{change.changed_words / max(1, change.words):.2%}",
        f"{after / max(1, before) - 1:+.2%}",
        unknown,
        *(f"{value:.4f}" for value in (change.drift.mean, change.drift.p99, change.drift.most)),
        f"{change.drift.texts:,}",
    ]


def _count(number: int) -> str:
    return f"{number:,}"


def _bytes(number: int) -> str:
    return f"{number / 1e6:,.1f} MB"
