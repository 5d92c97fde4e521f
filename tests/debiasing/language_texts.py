"""Texts of three languages, aligned by line, and what a folder of files holds."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tiny_models import SENTENCES

LINES = 120
SPOKEN = {"de": SENTENCES[1], "en": SENTENCES[0], "ru": SENTENCES[3]}


def write_language_texts(folder: Path, lines: int = LINES) -> Path:
    """Write the words of a sentence of each language in another order and with a number on each line."""
    folder.mkdir(parents=True, exist_ok=True)
    for language, sentence in SPOKEN.items():
        words = sentence.split()
        (folder / f"{language}.txt").write_text(
            "".join(
                f"{' '.join(words[number % len(words) :] + words[: number % 3])} {number}\n"
                for number in range(lines)
            ),
            encoding="utf-8",
        )
    return folder


def read_lines(folder: Path) -> dict[str, list[str]]:
    return {path.stem: path.read_text(encoding="utf-8").splitlines() for path in sorted(folder.glob("*.txt"))}


def hash_files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
