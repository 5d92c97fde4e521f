"""What files a stored corpus has, and how its manifest names them."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss.corpus.languages import is_language_code
from isogloss.corpus.record import Blemish
from isogloss.corpus.stored.bits import BitColumn
from isogloss.corpus.stored.index import ItemIndex, map_array, open_index
from isogloss.corpus.stored.texts import ArrowRows, MappedMemory
from isogloss.errors import DataError

MANIFEST = "store.toml"
LAYOUT = 1
"""Number of this layout; another one is refused."""

IDS, ARTICLES, BLEMISHES = "ids.arrow", "articles.arrow", "blemishes.arrow"
NEGATIVES_OF, NEGATIVES = "negatives-of.npy", "negatives.npy"
ID_COLUMNS: dict[str, type] = {"id": str}
ARTICLE_COLUMNS: dict[str, type] = {"name": str}
BLEMISH_COLUMNS: dict[str, type] = {"path": str, "position": str, "kind": str, "language": str}
PASSAGE_COLUMNS: dict[str, type] = {"passage": str}
QUESTION_COLUMNS: dict[str, type] = {
    "question": str,
    "answer": str,
    "answer_start": int,
    "passage": int,
    "sentence_start": int,
    "sentence_end": int,
}


def question_file(language: str) -> str:
    """Name the file of a language's questions.

    Args:
        language: Language code.

    Returns:
        The file's name.
    """
    return f"questions-{language}.arrow"


def passage_file(language: str) -> str:
    """Name the file of a language's passages.

    Args:
        language: Language code.

    Returns:
        The file's name.
    """
    return f"passages-{language}.arrow"


@dataclass(frozen=True)
class Manifest:
    """Say what a stored corpus holds.

    Args:
        name: What the corpus is called.
        languages: Language codes, sorted.
        items: Number of items.
        rows: Rows of each Arrow file.
        negatives: Number of given negatives, over all items.
        blemishes: Blemishes of each language; those of none under the empty name.
        sizes: Bytes of each file.
        sha256: SHA-256 of each file.
        sources: Path of each file that the corpus was read from, with the SHA-256 of its bytes.
    """

    name: str
    languages: tuple[str, ...]
    items: int
    rows: Mapping[str, int]
    negatives: int
    blemishes: Mapping[str, int]
    sizes: Mapping[str, int]
    sha256: Mapping[str, str]
    sources: Mapping[str, str]

    def to_text(self) -> str:
        """Write the manifest as TOML.

        Returns:
            The whole file.
        """
        import tomli_w

        return tomli_w.dumps({"layout": LAYOUT, **vars(self), "languages": list(self.languages)})


@dataclass(frozen=True, eq=False)
class StoredFiles:
    """Hold the opened files of a stored corpus.

    Args:
        folder: The folder.
        manifest: What it holds.
        index: Its index, with all items and languages.
        digest: SHA-256 of the manifest, which names the content of all other files.
    """

    folder: Path
    manifest: Manifest
    index: ItemIndex
    digest: str

    @cached_property
    def ids(self) -> ArrowRows:
        """The id of each item."""
        return self._rows(IDS)

    @cached_property
    def article_names(self) -> ArrowRows:
        """The name of each article."""
        return self._rows(ARTICLES)

    @cached_property
    def blemishes(self) -> ArrowRows:
        """The flaws of the files that the corpus was read from."""
        return self._rows(BLEMISHES)

    @cached_property
    def questions(self) -> dict[str, ArrowRows]:
        """The questions of each language: a row for each item that has it, in the order of the items."""
        return {language: self._rows(question_file(language)) for language in self.manifest.languages}

    @cached_property
    def passages(self) -> dict[str, ArrowRows]:
        """The different passages of each language."""
        return {language: self._rows(passage_file(language)) for language in self.manifest.languages}

    @cached_property
    def columns(self) -> dict[str, BitColumn]:
        """The items of each language."""
        return dict(zip(self.manifest.languages, self.index.speakers, strict=True))

    @cached_property
    def negatives(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The items with given negatives, ascending, each as often as it has some; and those negatives."""
        of, others = (
            map_array(self.folder / file, np.dtype(np.int64), (self.manifest.negatives,))
            for file in (NEGATIVES_OF, NEGATIVES)
        )
        return of.astype(np.int64, copy=False), others.astype(np.int64, copy=False)

    @cached_property
    def _memory(self) -> MappedMemory:
        return MappedMemory()

    def _rows(self, file: str) -> ArrowRows:
        return ArrowRows(self.folder / file, self.manifest.rows[file], self._memory)

    def __reduce__(self) -> tuple[object, ...]:
        return open_files, (self.folder,)


@dataclass(frozen=True, eq=False)
class StoredBlemishes(Collection[Blemish]):
    """Read blemishes from a stored corpus, those of some languages."""

    files: StoredFiles
    languages: tuple[str, ...]

    def __len__(self) -> int:
        return sum(self.files.manifest.blemishes.get(language, 0) for language in ("", *self.languages))

    def __iter__(self) -> Iterator[Blemish]:
        rows = self.files.blemishes
        for row in range(len(rows)):
            found = Blemish(*(rows.text(column, row) for column in range(4)))
            if found.language in ("", *self.languages):
                yield found

    def __contains__(self, blemish: object) -> bool:
        return any(found == blemish for found in self)


def is_store(folder: Path) -> bool:
    """Tell whether a folder holds a stored corpus.

    Args:
        folder: Any path.

    Returns:
        True when the file is there that describes such a corpus.
    """
    return (folder / MANIFEST).is_file()


def open_files(folder: Path) -> StoredFiles:
    """Open the files of a stored corpus; their texts are not read.

    Args:
        folder: The folder.

    Returns:
        The files.

    Raises:
        DataError: The folder holds no stored corpus, one of another version, or one with a damaged file.
    """
    file = folder / MANIFEST
    try:
        content = file.read_bytes()
        table = tomllib.loads(content.decode())
    except FileNotFoundError:
        raise DataError(f"holds no stored corpus ({MANIFEST} is missing)", folder) from None
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read ({error}); store the corpus again", file) from error
    manifest = _read_manifest(table, file)
    for name, size in manifest.sizes.items():
        there = folder / name
        found = there.stat().st_size if there.is_file() else None
        if found != size:
            state = "is missing" if found is None else f"has {found:,} bytes instead of {size:,}"
            raise DataError(f"{state}; store the corpus again", there)
        # A wrong bit would make batches wrong without a word; texts are checked where they are read.
        if there.suffix == ".npy" and digest_file(there) != manifest.sha256.get(name):
            raise DataError("is damaged; store the corpus again", there)
    index = open_index(folder, manifest.items, len(manifest.languages))
    files = StoredFiles(folder, manifest, index, hashlib.sha256(content).hexdigest())
    _check_rows(files)
    return files


def digest_file(file: Path) -> str:
    """Take the SHA-256 of a file.

    Args:
        file: The file.

    Returns:
        The digest in hexadecimal digits.
    """
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _read_manifest(table: Mapping[str, object], file: Path) -> Manifest:
    if table.get("layout") != LAYOUT:
        raise DataError(
            f"has layout {table.get('layout')!r}, this version reads {LAYOUT}; store the corpus again", file
        )
    match table:
        case {
            "name": str(name),
            "languages": list(languages),
            "items": int(items),
            "negatives": int(negatives),
            "rows": dict(rows),
            "blemishes": dict(blemishes),
            "sizes": dict(sizes),
            "sha256": dict(sha256),
            "sources": dict(sources),
        } if items > 0 and languages and all(isinstance(code, str) for code in languages):
            pass
        case _:
            raise DataError("lacks what describes a corpus; store the corpus again", file)
    counts = [negatives, *rows.values(), *blemishes.values(), *sizes.values()]
    named = {IDS, ARTICLES, BLEMISHES, *map(question_file, languages), *map(passage_file, languages)}
    whole = all(isinstance(count, int) and count >= 0 for count in counts)
    plain = all(map(is_language_code, languages)) and not any(set(name) & set("/\\") for name in sizes)
    if not whole or not plain or set(rows) != named or not named <= set(sizes) or rows[IDS] != items:
        raise DataError("does not fit together; store the corpus again", file)
    return Manifest(name, tuple(languages), items, rows, negatives, blemishes, sizes, sha256, sources)


def _check_rows(files: StoredFiles) -> None:
    """Check that the index has as many entries as the files have rows."""
    rows = files.manifest.rows
    expected = {IDS: len(files.index.anywhere), ARTICLES: len(files.index.articles)}
    expected |= {question_file(language): len(column) for language, column in files.columns.items()}
    for name, count in expected.items():
        if rows[name] != count:
            raise DataError(
                f"has {count:,} entries in the index and {rows[name]:,} rows; store the corpus again",
                files.folder / name,
            )
