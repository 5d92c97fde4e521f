"""Text to pre-train on: aligned by line over languages, one file a language, or plain."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss.corpus import ParallelCorpus, Rendering
from isogloss.errors import DataError
from isogloss.pretraining.settings import TextSettings
from isogloss.vocabulary import open_texts


@dataclass(frozen=True)
class AlignedText:
    """Hold lines that are translations of each other.

    Args:
        name: What to call the text.
        languages: Language codes, sorted.
        lines: For each language, its lines; empty where a line has no translation.
        files: SHA-256 of each file read.
    """

    name: str
    languages: tuple[str, ...]
    lines: Mapping[str, Sequence[str]]
    files: Mapping[str, str]

    def present(self) -> NDArray[np.bool_]:
        """Tell which line is in which language.

        Returns:
            bool [lines, languages].
        """
        columns = [[bool(line) for line in self.lines[language]] for language in self.languages]
        return np.array(columns, dtype=np.bool_).T

    def as_corpus(self) -> ParallelCorpus:
        """Make a corpus in which every line is question and passage at once.

        Returns:
            A corpus whose cross-lingual batches pair translations. Equal lines of one language count as one
            passage, so that no batch holds a line as its own false negative.
        """
        present = self.present()
        kept: list[int] = np.flatnonzero(present.any(axis=1)).tolist()
        renderings = {
            language: [_line_rendering(self.lines[language][number]) for number in kept]
            for language in self.languages
        }
        width = len(str(len(present)))
        return ParallelCorpus(
            name=self.name,
            languages=self.languages,
            item_ids=tuple(f"{number:0{width}}" for number in kept),
            passages=_group_equal_lines([[self.lines[lang][n] for n in kept] for lang in self.languages]),
            articles=np.arange(len(kept), dtype=np.int64),
            article_names=tuple(f"line {number + 1}" for number in kept),
            present=present[kept],
            renderings=renderings,
            negatives={},
            blemishes=(),
            files=dict(self.files),
        )


def read_text(settings: TextSettings) -> list[AlignedText]:
    """Read text as its settings say.

    Args:
        settings: Where it is, and whether it is aligned.

    Returns:
        One aligned text, or one of a single language for each language of plain text.

    Raises:
        DataError: It cannot be read.
    """
    if settings.aligned:
        return [read_aligned_text(Path(settings.path), settings.languages)]
    return read_plain_text(settings.path, settings.languages)


def read_plain_text(path: str, languages: Sequence[str] = ()) -> list[AlignedText]:
    """Read text whose lines are no translations of each other.

    Args:
        path: File, folder or corpus, as ``isogloss inspect --text`` takes it.
        languages: Languages to read; all when empty.

    Returns:
        The lines of each language that are not empty, by themselves; languages are in their short form.

    Raises:
        DataError: It cannot be read, or holds no text in one of the languages.
    """
    collection = open_texts([path], languages)
    columns: dict[str, list[str]] = {language: [] for language in collection.languages}
    for text in collection:
        # A passage of a corpus may have line breaks of its own.
        columns[text.language].append(" ".join(text.text.split()))
    name = Path(path).name
    return [
        AlignedText(f"{name}:{language}", (language,), {language: lines}, collection.files)
        for language, lines in columns.items()
        if lines
    ]


def read_aligned_text(folder: Path, languages: Sequence[str] = ()) -> AlignedText:
    """Read a folder of ``<language>.txt`` files, aligned by line; an empty line is a missing translation.

    Args:
        folder: The folder.
        languages: Languages to read; all when empty.

    Returns:
        The lines, without surrounding white space.

    Raises:
        DataError: There is no such folder or file, a file is not UTF-8, the numbers of lines differ, or no
            line holds text.
    """
    if not folder.is_dir():
        raise DataError("no such folder; expected one of <language>.txt files, aligned by line", folder)
    found = {path.stem: path for path in sorted(folder.glob("*.txt"))}
    if not found:
        raise DataError("holds no <language>.txt file", folder)
    absent = [language for language in languages if language not in found]
    if absent:
        raise DataError(f"holds no {absent[0]}.txt; it has {', '.join(found)}", folder)
    chosen = sorted(set(languages or found))
    lines: dict[str, list[str]] = {}
    files = {}
    for language in chosen:
        content = found[language].read_bytes()
        files[str(found[language])] = hashlib.sha256(content).hexdigest()
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"not UTF-8: {error.reason}", found[language], f"byte {error.start}") from None
        lines[language] = [line.strip() for line in text.removesuffix("\n").split("\n")]
        first = chosen[0]
        if len(lines[language]) != len(lines[first]):
            raise DataError(
                f"has {len(lines[language])} lines, {first}.txt has {len(lines[first])}; files must be "
                "aligned by line",
                found[language],
            )
    if not any(line for column in lines.values() for line in column):
        raise DataError("holds empty lines only", folder)
    return AlignedText(folder.resolve().name, tuple(chosen), lines, files)


def _line_rendering(line: str) -> Rendering | None:
    return Rendering(line, line, "", -1, (0, len(line))) if line else None


def _group_equal_lines(columns: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """Give one number to lines that are equal in some language, directly or through others."""
    parents = list(range(len(columns[0])))

    def find(line: int) -> int:
        while parents[line] != line:
            parents[line] = parents[parents[line]]
            line = parents[line]
        return line

    for column in columns:
        first: dict[str, int] = {}
        for number, line in enumerate(column):
            if line:
                parents[find(number)] = find(first.setdefault(line, number))
    roots = np.array([find(line) for line in range(len(parents))], dtype=np.int64)
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)
