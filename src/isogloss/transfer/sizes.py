"""Read how much text of each language a model was pre-trained on."""

from __future__ import annotations

import json
from pathlib import Path

from isogloss.errors import DataError
from isogloss.transfer.groups import name_language

_HEAD = "language\tcharacters"


def read_sizes(path: Path) -> dict[str, float]:
    """Read the characters of pre-training text by language.

    Args:
        path: A table (``.tsv``) with the columns ``language`` and ``characters``, or the ``pretraining.json``
            of a model that ``isogloss pretrain`` made, whose text is then counted where it lies, white space
            apart.

    Returns:
        Language and script (see `isogloss.transfer.groups.name_language`) -> characters, from 0.

    Raises:
        DataError: The file is missing or neither of both, or the text is gone or has changed.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", path) from error
    except UnicodeDecodeError as error:
        raise DataError("is not UTF-8 text", path) from error
    return _read_record(path, content) if path.suffix == ".json" else _read_table(path, content)


def _read_table(path: Path, content: str) -> dict[str, float]:
    head, *rows = content.splitlines() or [""]
    if head.strip() != _HEAD:
        raise DataError("the first line must name the columns 'language' and 'characters'", path, "line 1")
    sizes: dict[str, float] = {}
    for number, row in enumerate(rows, 2):
        language, _, count = row.partition("\t")
        if not language.strip() or not (count.strip().isascii() and count.strip().isdecimal()):
            raise DataError(
                f"expected a language, a tab and a whole number; found {row[:60]!r}", path, f"line {number}"
            )
        name = name_language(language.strip())
        if name in sizes:
            raise DataError(f"{language.strip()!r} stands twice", path, f"line {number}")
        sizes[name] = float(count)
    return sizes


def _read_record(path: Path, content: str) -> dict[str, float]:
    """Count the text that a pre-training recorded, having checked that it is the same."""
    from isogloss.vocabulary import open_texts

    try:
        files = {str(file): str(digest) for file, digest in json.loads(content)["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError("is no record of a pre-training; give a .tsv with sizes", path) from error
    gone = [file for file in files if not Path(file).is_file()]
    if gone or not files:
        missing = gone[0] if gone else "of any language"
        raise DataError(f"its text {missing} is not here any more; give a .tsv with sizes", path)
    texts = open_texts(list(files))
    changed = [file for file, digest in files.items() if texts.files.get(file) != digest]
    if changed:
        raise DataError(f"its text {changed[0]} has changed since; give a .tsv with sizes", path)
    sizes: dict[str, float] = {}
    for text in texts:
        name = name_language(text.language)
        sizes[name] = sizes.get(name, 0.0) + len("".join(text.text.split()))
    return sizes
