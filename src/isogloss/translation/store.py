"""Keep translations on disk as they are made, so that no text is translated twice.

A file holds one direction. Each line is a JSON object after its own checksum; the first says what decides the
translations, each other holds a batch of them. A line is on the disk before the next batch is begun, so that
a killed process loses no more than the batch that it was at. A last line without its end is what such a
process left: it is cut off. Any other line that is not what was written is damage, and is refused.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from isogloss.errors import ResultsError
from isogloss.translation.translator import Fault, Translation

FORMAT = "isogloss-translations-1"


class TranslationStore:
    """Hold the translations of one direction, in memory and on disk."""

    def __init__(self, path: Path, identity: Mapping[str, str | int], *, overwrite: bool = False) -> None:
        """Open a store, or make one.

        Args:
            path: The file; it is made when missing.
            identity: What decides the translations, by name.
            overwrite: Whether to begin anew whatever is there.

        Raises:
            ResultsError: The file is damaged, or its translations were decided by something else.
        """
        self.path = path
        self._kept: dict[str, Translation] = {}
        if overwrite:
            path.unlink(missing_ok=True)
        lines = _read_lines(path)
        header: Mapping[str, object] = {"format": FORMAT, **identity}
        if lines:
            _check_identity(lines[0], header, path)
            for number, line in enumerate(lines[1:], start=2):
                self._keep(_read_batch(line, path, number))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._append(header)

    def __len__(self) -> int:
        """Count the texts."""
        return len(self._kept)

    def __contains__(self, text: str) -> bool:
        """Tell whether a text is translated."""
        return text in self._kept

    def __getitem__(self, text: str) -> Translation:
        """Look up a translation."""
        return self._kept[text]

    def add(self, texts: Sequence[str], translations: Sequence[Translation]) -> None:
        """Keep a batch of translations; it is on the disk when this returns.

        Args:
            texts: What was translated; a text that is there already keeps its translation.
            translations: One for each text.
        """
        batch = list(zip(texts, translations, strict=True))
        self._append({"batch": [[text, *made] for text, made in batch]})
        self._keep(batch)

    def _keep(self, batch: Iterable[tuple[str, Translation]]) -> None:
        for text, made in batch:
            self._kept.setdefault(text, made)

    def _append(self, entry: Mapping[str, object]) -> None:
        content = json.dumps(entry, ensure_ascii=False).encode()
        try:
            with self.path.open("ab") as stream:
                stream.write(b"%08x %b\n" % (zlib.crc32(content), content))
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            # Of a full disk the system does not say where.
            error.filename = error.filename or str(self.path)
            raise


def _read_lines(path: Path) -> list[Mapping[str, object]]:
    """Read the whole lines of a file, and cut off what a killed process left after them."""
    if not path.exists():
        return []
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    if end < len(content):
        with path.open("r+b") as stream:
            stream.truncate(end)
    return [
        _read_line(line, path, number) for number, line in enumerate(content[:end].split(b"\n")[:-1], start=1)
    ]


def _read_line(line: bytes, path: Path, number: int) -> Mapping[str, object]:
    checksum, _, content = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(content):
        raise _damaged(path, number)
    try:
        entry = json.loads(content)
    except (ValueError, RecursionError):
        raise _damaged(path, number) from None
    if not isinstance(entry, dict):
        raise _damaged(path, number)
    return entry


def _read_batch(entry: Mapping[str, object], path: Path, number: int) -> list[tuple[str, Translation]]:
    rows = entry.get("batch")
    if not isinstance(rows, list):
        raise _damaged(path, number)
    batch = []
    for row in rows:
        match row:
            case [str(text), str(made), None]:
                batch.append((text, Translation(made)))
            case [str(text), str(made), str(fault)] if fault in set(Fault):
                batch.append((text, Translation(made, Fault(fault))))
            case _:
                raise _damaged(path, number)
    return batch


def _check_identity(found: Mapping[str, object], expected: Mapping[str, object], path: Path) -> None:
    if found != expected:
        other = [key for key in sorted({*found, *expected}) if found.get(key) != expected.get(key)]
        raise ResultsError(
            f"{path}: begun with another {', '.join(other)}; name another folder by --out, or give "
            "--overwrite to begin anew"
        )


def _damaged(path: Path, number: int) -> ResultsError:
    return ResultsError(
        f"{path}, line {number}: damaged (not what was written); give --overwrite to begin anew, or cut the "
        f"file off after line {number - 1}"
    )
