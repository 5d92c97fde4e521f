"""Text of many languages, as a stream: plain text files, folders of them, and corpora."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from isogloss.corpus import ParallelCorpus, read_corpus
from isogloss.corpus.languages import tell_language
from isogloss.errors import ConfigError, DataError
from isogloss.languages import normalize_language
from isogloss.types import PassageUnit

UNKNOWN_LANGUAGE = "und"
"""What a text file is filed under whose name tells no language."""
_PLAIN = (".txt", ".txt.gz")
_BYTES_AT_ONCE = 1 << 20
_MARK = b"\xef\xbb\xbf"


class Text(NamedTuple):
    """Hold one text.

    Args:
        language: Its language.
        text: The text.
        group: Texts of one group say partly the same, such as a passage and a sentence of it; empty for a
            text that stands alone.
    """

    language: str
    text: str
    group: str = ""


class TextPart(NamedTuple):
    """Give the texts of one language in one place, again and again.

    Args:
        language: Their language.
        size: How many they are, empty ones included.
        read: Reads them from the first one on.
    """

    language: str
    size: int
    read: Callable[[], Iterator[Text]]


@dataclass(frozen=True)
class TextCollection:
    """Hold texts that can be read again and again without all being in memory.

    Plain text is read line by line each time; a corpus is in memory.

    Args:
        parts: The texts of one language in one place each.
        files: Path of each file as read, with the SHA-256 of its bytes.
    """

    parts: tuple[TextPart, ...]
    files: Mapping[str, str]

    @property
    def languages(self) -> tuple[str, ...]:
        """List the languages, sorted."""
        return tuple(sorted({part.language for part in self.parts}))

    @property
    def count(self) -> int:
        """Count the texts; empty lines of files are among them."""
        return sum(part.size for part in self.parts)

    def __iter__(self) -> Iterator[Text]:
        """Read all texts but empty ones.

        Yields:
            The texts, place by place; lines of files are without surrounding white space.
        """
        for part in self.parts:
            for text in part.read():
                if text.text and not text.text.isspace():
                    yield text


def open_texts(
    paths: Sequence[str | Path], languages: Sequence[str] = (), limit: int | None = None
) -> TextCollection:
    """Open texts of any kind that isogloss reads.

    A file ``.txt`` (or ``.txt.gz``) holds a text a line; its language is told by its name (``en.txt``,
    ``news.deu.txt``). A folder with such files is read without those whose names tell no language. Anything
    else is a corpus: its questions, passages and answer sentences, each once.

    Args:
        paths: Files, folders, or names of datasets on the hub.
        languages: Languages to keep, in any form; all when empty.
        limit: Most texts of one language in one file or corpus, the first ones; all when not given.

    Returns:
        The texts; languages are in their short form (``deu`` is ``de``) where they are known.

    Raises:
        ConfigError: No path is given, or the limit is below 1.
        DataError: There is no such path, a file cannot be read, or a language has no text.
    """
    if not paths:
        raise ConfigError("name at least one file or folder of text")
    if limit is not None and limit < 1:
        raise ConfigError(f"the most texts of a language are a whole number from 1; got {limit}")
    places = [place for path in paths for place in _find_places(path, limit)]
    wanted = {_shorten(language) for language in languages}
    seen = {place.language for place in places}
    if absent := sorted(wanted - seen):
        raise DataError(f"no text in {', '.join(absent)}; the text is in {', '.join(sorted(seen))}")
    files: dict[str, str] = {}
    parts = [place.open(files) for place in places if not wanted or place.language in wanted]
    texts = TextCollection(tuple(parts), files)
    if next(iter(texts), None) is None:
        raise DataError("holds no text", ", ".join(str(path) for path in paths))
    return texts


class _Lines:
    """Read the lines of a plain text file."""

    def __init__(self, language: str, path: Path, limit: int | None) -> None:
        self.language = language
        self.path = path
        self.limit = limit
        try:
            with path.open("rb") as stream:
                self.sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            with self._open() as stream:
                blocks = iter(lambda: stream.read(_BYTES_AT_ONCE), b"")
                self.count = 1 + sum(block.count(b"\n") for block in blocks)
        except (OSError, EOFError, zlib.error) as error:
            raise self._fault(error) from error
        if limit is not None:
            self.count = min(limit, self.count)

    def __call__(self) -> Iterator[Text]:
        """Read the file from its start."""
        try:
            with self._open() as stream:
                for number, line in enumerate(islice(stream, self.limit)):
                    content = line.removeprefix(_MARK) if number == 0 else line
                    try:
                        yield Text(self.language, content.decode("utf-8").strip())
                    except UnicodeDecodeError as error:
                        place = f"line {number + 1}"
                        raise DataError("is not UTF-8 text; convert it to UTF-8", self.path, place) from error
        except (OSError, EOFError, zlib.error) as error:
            raise self._fault(error) from error

    def _open(self) -> BinaryIO:
        if self.path.suffix == ".gz":
            return cast(BinaryIO, gzip.open(self.path, "rb"))
        return self.path.open("rb")

    def _fault(self, error: Exception) -> DataError:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return DataError(f"cannot be read ({reason})", self.path)


class _Place(NamedTuple):
    """Say where texts of one language are; opening it notes the hashes of its files."""

    language: str
    open: Callable[[dict[str, str]], TextPart]


def _find_places(path: str | Path, limit: int | None) -> list[_Place]:
    plain = _list_plain(Path(path))
    if plain is not None:
        return [_Place(language, partial(_open_file, language, file, limit)) for language, file in plain]
    corpus = read_corpus(path).load()
    return [
        _Place(_shorten(language), partial(_open_corpus, corpus, language, limit))
        for language in corpus.languages
    ]


def _list_plain(path: Path) -> list[tuple[str, Path]] | None:
    """List plain text with its languages; None where the path is no place of plain text."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.name.endswith(_PLAIN) and file.is_file())
        if not files or any(path.glob("*.json*")):
            return None
        named = [(language, file) for file in files if (language := _tell(file)) is not None]
        if not named:
            raise DataError("holds no text file whose name tells its language, such as en.txt", path)
        return named
    if path.name.endswith(_PLAIN):
        if not path.is_file():
            raise DataError("no such file", path)
        return [(_tell(path) or UNKNOWN_LANGUAGE, path)]
    return None


def _tell(file: Path) -> str | None:
    """Tell a text file's language by its whole name, else by the last part of it."""
    stem = file.name.removesuffix(".gz").removesuffix(".txt")
    told = tell_language(stem) or tell_language(stem.rsplit(".", maxsplit=1)[-1])
    return None if told is None else _shorten(told)


def _open_file(language: str, file: Path, limit: int | None, files: dict[str, str]) -> TextPart:
    lines = _Lines(language, file, limit)
    files[str(file)] = lines.sha256
    return TextPart(language, lines.count, lines)


def _open_corpus(corpus: ParallelCorpus, language: str, limit: int | None, files: dict[str, str]) -> TextPart:
    files.update(corpus.files)
    read = partial(_texts_of, corpus, language, limit)
    return TextPart(_shorten(language), sum(1 for _ in read()), read)


def _texts_of(corpus: ParallelCorpus, language: str, limit: int | None) -> Iterator[Text]:
    """Give the texts of a language that training or evaluation may encode, each once, grouped by article."""
    short = _shorten(language)
    seen: dict[str, None] = {}
    for article, found in zip(corpus.articles.tolist(), corpus.renderings[language], strict=True):
        if found is None:
            continue
        for text in (found.question, *(found.passage_text(unit) for unit in PassageUnit)):
            if text in seen:
                continue
            if limit is not None and len(seen) == limit:
                return
            seen[text] = None
            yield Text(short, text, f"{corpus.name}:{corpus.article_names[article]}")


def _shorten(language: str) -> str:
    try:
        return normalize_language(language)
    except ConfigError:  # a code of the user's own
        return language
