"""The folder of a translated corpus: the corpus, the translations it is made of, where they are from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from isogloss.errors import ConfigError
from isogloss.files import hold_lock, is_free, replace_folder, write_text
from isogloss.run_directory import describe_environment

FORMAT = "isogloss-translated-1"
_TRANSLATIONS = "translations"
_CORPUS = "corpus"


def check_folder(out: Path) -> None:
    """Check that a translated corpus can be written, and that nothing else would be lost by it.

    Args:
        out: The folder.

    Raises:
        ConfigError: It is no folder, or holds something else than an earlier translation.
    """
    if not is_free(out) and not (out / _TRANSLATIONS).is_dir():
        raise ConfigError(f"{out} is there and holds no translations; name another folder by --out")
    corpus = out / _CORPUS
    others = [path.name for path in corpus.iterdir() if path.suffix != ".jsonl"] if corpus.is_dir() else []
    if others or (corpus.exists() and not corpus.is_dir()):
        raise ConfigError(f"{corpus} would be replaced, but holds more than a corpus; move it away first")


def find_store(out: Path, source: str, target: str) -> Path:
    """Name the file that keeps the translations of one direction.

    Args:
        out: The folder.
        source: Language code of the texts.
        target: Language code of the translations.

    Returns:
        The file, whether it is there or not.
    """
    return out / _TRANSLATIONS / f"{source}-{target}.jsonl"


def hold_store(out: Path, source: str, target: str) -> AbstractContextManager[None]:
    """Keep other processes from translating one direction into the same folder.

    Args:
        out: The folder.
        source: Language code of the texts.
        target: Language code of the translations.

    Returns:
        A context manager, which raises ConfigError where another process does so.
    """
    path = find_store(out, source, target)
    return hold_lock(
        path.with_name(f".{path.stem}.lock"),
        f"{path}: another process is translating into it; wait for that one, or name another folder by --out",
    )


def write_corpus(out: Path, files: Mapping[str, str]) -> Path:
    """Write the corpus in place of an older one; a reader finds the old, the new or, for a moment, none.

    Args:
        out: The folder.
        files: Language code -> rows in JSON lines; a language without rows gets no file.

    Returns:
        The folder of the corpus.
    """
    corpus = out / _CORPUS
    # Another process may be putting its languages together in the same folder.
    with hold_lock(out / _TRANSLATIONS / f".{_CORPUS}.lock"):
        for left in out.glob(f".{_CORPUS}.*.part"):  # by a process that was killed
            shutil.rmtree(left)
        with replace_folder(corpus, over=True) as temporary:
            for language, rows in files.items():
                if rows:
                    (temporary / f"{language}.jsonl").write_text(rows, encoding="utf-8")
    return corpus


def write_provenance(out: Path, content: Mapping[str, object]) -> None:
    """Write where a translated corpus is from.

    Args:
        out: The folder.
        content: JSON-able content; version, software and hardware are added.
    """
    full = {"format": FORMAT, **content, **describe_environment()}
    write_text(out / "provenance.json", json.dumps(full, ensure_ascii=False, indent=1) + "\n")
