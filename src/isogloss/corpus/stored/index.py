"""The index of a stored corpus: which item is in which language, and where passages and articles begin."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, TypeVar

import numpy as np
from numpy.typing import NDArray

from isogloss.corpus.stored.bits import (
    BLOCK,
    WORD,
    WORDS_PER_BLOCK,
    BitColumn,
    accumulate_ranks,
    count_blocks,
    pack_bits,
)
from isogloss.errors import DataError

WORDS_FILE, RANKS_FILE = "index.npy", "ranks.npy"
_ANY, _SEVERAL, _PASSAGES, _ARTICLES = range(4)
"""Columns after the languages': in any language, in at least two, first of a passage, of an article."""
_FURTHER = 4
Scalar = TypeVar("Scalar", bound=np.generic)
_CHUNK = 4096
"""Blocks that are worked on at a time: about two million items."""


@dataclass(frozen=True, eq=False)
class ItemIndex:
    """Say which item is in which language, and which items share a passage or an article.

    Items are numbered so that those of an article, and of a passage in it, follow each other. The bits lie
    in a file that is mapped into memory: 22 bits an item for 18 languages, and 176 bytes for each 512 items.

    Args:
        folder: The folder of the stored corpus.
        items: Number of items in the file.
        languages: The languages' columns in the file that count, ascending.
        words: The bits, those of 64 items a word, of all columns side by side. Shape: (blocks, 8, columns),
            uint64.
        ranks: Set bits of each column before each block. Shape: (columns, blocks + 1), int64.
        mask: Items that are kept, where not all are. Shape: (blocks, 8), uint64.
        joined: Columns "in any of the languages" and "in at least two", where they are not those of the
            file. Shape: (2, blocks, 8), uint64.
    """

    folder: Path
    items: int
    languages: tuple[int, ...]
    words: NDArray[np.uint64] = field(repr=False)
    ranks: NDArray[np.int64] = field(repr=False)
    mask: NDArray[np.uint64] | None = field(default=None, repr=False)
    joined: NDArray[np.uint64] | None = field(default=None, repr=False)

    @cached_property
    def speakers(self) -> tuple[BitColumn, ...]:
        """The items of each language, in the order of ``languages``."""
        return tuple(self._column(column, self.mask) for column in self.languages)

    @cached_property
    def anywhere(self) -> BitColumn:
        """The items that are in any of the languages."""
        return self._joined_column(_ANY)

    @cached_property
    def several(self) -> BitColumn:
        """The items that are in at least two of the languages."""
        return self._joined_column(_SEVERAL)

    @cached_property
    def passages(self) -> BitColumn:
        """The first item of each passage, whether it is kept or not."""
        return self._column(self._languages_in_file + _PASSAGES, None)

    @cached_property
    def articles(self) -> BitColumn:
        """The first item of each article, whether it is kept or not."""
        return self._column(self._languages_in_file + _ARTICLES, None)

    def present(self, items: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell the languages of some items.

        Args:
            items: Item numbers. Shape: (n,), int64.

        Returns:
            Whether each item has each language; none where it is not kept. Shape: (n, languages), bool.
        """
        words = self._rows.take(items // 64, axis=0)[:, self._columns]
        if self.mask is not None:
            words = words & self.mask.reshape(-1).take(items // 64)[:, None]
        words = words >> (items % 64).astype(np.uint64)[:, None]
        words &= np.uint64(1)
        return words.astype(np.bool_)

    def narrow(self, languages: Sequence[int], kept: NDArray[np.uint64] | None = None) -> ItemIndex:
        """Keep some languages and items.

        Args:
            languages: The languages' columns in the file, ascending; a part of ``languages``.
            kept: The items to keep of those that are still there. Shape: (blocks, 8), uint64; all when None.

        Returns:
            The index of what is left: the same file, with counts of its own.
        """
        chosen = tuple(languages)
        mask = self.mask if kept is None else kept if self.mask is None else kept & self.mask
        fewer = len(chosen) < self._languages_in_file
        blocks = len(self.words)
        joined = np.zeros((2, blocks, WORDS_PER_BLOCK), dtype=WORD) if fewer else None
        counts = np.zeros((self.words.shape[2], blocks), dtype=np.int64)
        for start in range(0, blocks, _CHUNK):
            part = slice(start, start + _CHUNK)
            words = np.array(self.words[part])
            if mask is not None:
                words[:, :, :-2] &= mask[part, :, None]
            if joined is not None:
                joined[:, part] = _join([words[:, :, column] for column in chosen])
                words[:, :, self._languages_in_file : -2] = np.moveaxis(joined[:, part], 0, 2)
            counts[:, part] = count_blocks(words.swapaxes(1, 2)).T
        ranks = accumulate_ranks(counts)
        return ItemIndex(self.folder, self.items, chosen, self.words, ranks, mask, joined)

    def mark_articles(self, chosen: NDArray[np.bool_]) -> NDArray[np.uint64]:
        """Mark the items of some articles.

        Args:
            chosen: One answer for each article of the file; bool.

        Returns:
            The marks. Shape: (blocks, 8), uint64.
        """
        marks = np.zeros((len(self.words), WORDS_PER_BLOCK), dtype=WORD)
        for start in range(0, len(self.words), _CHUNK):
            part = slice(start, start + _CHUNK)
            opens = np.ascontiguousarray(self.articles.words[part]).view(np.uint8).ravel()
            within = np.cumsum(np.unpackbits(opens, bitorder="little"), dtype=np.int64)
            flags = chosen[self.articles.ranks[start] + within - 1]
            flags[max(0, self.items - start * BLOCK) :] = False
            marks[part] = pack_bits(flags)
        return marks

    def paired(self) -> NDArray[np.bool_]:
        """Tell in which languages items stand that are in another language as well.

        Returns:
            One answer for each of ``languages``; bool.
        """
        found = np.zeros(len(self.languages), dtype=np.bool_)
        for start in range(0, len(self.words), _CHUNK):
            part = slice(start, start + _CHUNK)
            several = self.several.words[part]
            if self.several.mask is not None:
                several = several & self.several.mask[part]
            for place, column in enumerate(self.languages):
                found[place] |= bool((self.words[part, :, column] & several).any())
            if found.all():
                break
        return found

    @property
    def _languages_in_file(self) -> int:
        return int(self.words.shape[2]) - _FURTHER

    @cached_property
    def _rows(self) -> NDArray[np.uint64]:
        return self.words.reshape(-1, self.words.shape[2])

    @cached_property
    def _columns(self) -> slice | NDArray[np.int64]:
        count = len(self.languages)
        if self.languages == tuple(range(count)):
            return slice(count)
        return np.array(self.languages, dtype=np.int64)

    def _column(self, column: int, mask: NDArray[np.uint64] | None) -> BitColumn:
        return BitColumn(self.words[:, :, column], self.ranks[column], mask)

    def _joined_column(self, further: int) -> BitColumn:
        column = self._languages_in_file + further
        if self.joined is None:
            return self._column(column, self.mask)
        return BitColumn(self.joined[further], self.ranks[column])

    def __reduce__(self) -> tuple[object, ...]:
        # Another process maps the same file; nothing of it is sent there.
        columns = self.words.shape[2]
        return _reopen, (self.folder, self.items, columns, self.languages, self.mask)


class IndexWriter:
    """Write an index part by part, in memory that does not grow with the parts.

    Args:
        folder: An existing folder.
        items: Number of items that will be appended.
        languages: Number of languages.
    """

    def __init__(self, folder: Path, items: int, languages: int) -> None:
        self._folder = folder
        self._blocks = -(-items // BLOCK)
        self._columns = languages + _FURTHER
        self._counts = np.zeros((self._columns, self._blocks), dtype=np.int64)
        self._written = 0
        self._waiting = np.zeros((0, self._columns), dtype=np.bool_)
        self._file = (folder / WORDS_FILE).open("wb")
        _write_header(self._file, WORD, (self._blocks, WORDS_PER_BLOCK, self._columns))

    def __enter__(self) -> IndexWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._write(self._waiting)
            np.save(self._folder / RANKS_FILE, accumulate_ranks(self._counts))
        self._file.close()

    def append(
        self,
        present: NDArray[np.bool_],
        opens_passage: NDArray[np.bool_],
        opens_article: NDArray[np.bool_],
    ) -> None:
        """Append some items.

        Args:
            present: Whether each item has each language. Shape: (n, languages), bool.
            opens_passage: Whether each item is the first of its passage. Shape: (n,), bool.
            opens_article: Whether each item is the first of its article. Shape: (n,), bool.
        """
        spoken = np.count_nonzero(present, axis=1)
        further = (spoken >= 1, spoken >= 2, opens_passage, opens_article)
        flags = np.concatenate([self._waiting, np.column_stack([present, *further])])
        whole = len(flags) // BLOCK * BLOCK
        self._write(flags[:whole])
        self._waiting = flags[whole:]

    def _write(self, flags: NDArray[np.bool_]) -> None:
        if not len(flags):
            return
        words = np.stack([pack_bits(np.ascontiguousarray(column)) for column in flags.T], axis=2)
        counts = count_blocks(words.swapaxes(1, 2))
        self._counts[:, self._written : self._written + len(words)] = counts.T
        self._written += len(words)
        self._file.write(words.tobytes())


def open_index(folder: Path, items: int, languages: int) -> ItemIndex:
    """Map the index of a stored corpus into memory.

    Args:
        folder: The folder of the stored corpus.
        items: Number of its items.
        languages: Number of its languages.

    Returns:
        The index.

    Raises:
        DataError: A file is missing, or not what it should be.
    """
    shape = (-(-items // BLOCK), WORDS_PER_BLOCK, languages + _FURTHER)
    words = map_array(folder / WORDS_FILE, np.dtype(WORD), shape)
    ranks = map_array(folder / RANKS_FILE, np.dtype(np.int64), (shape[2], shape[0] + 1))
    return ItemIndex(folder, items, tuple(range(languages)), words, ranks)


def map_array(file: Path, dtype: np.dtype[Scalar], shape: tuple[int, ...]) -> NDArray[Scalar]:
    """Map an array in a file into memory.

    Args:
        file: The file, as ``numpy.save`` writes it.
        dtype: What it must hold.
        shape: The shape that it must have.

    Returns:
        The array, which cannot be written to.

    Raises:
        DataError: The file is missing, or holds something else.
    """
    header = io.BytesIO()
    _write_header(header, dtype, shape)
    try:
        with file.open("rb") as content:
            begun = content.read(len(header.getvalue()))
        if begun != header.getvalue() or not np.prod(shape):
            found = np.zeros(shape, dtype=dtype) if begun == header.getvalue() else None
        else:
            found = np.memmap(file, dtype=dtype, mode="r", offset=len(begun), shape=shape)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be mapped into memory ({error}); store the corpus again", file) from error
    if found is None:
        raise DataError(f"is not the array {dtype} {shape} that it should be; store the corpus again", file)
    # As a plain array: the class of maps costs microseconds at every step.
    return np.asarray(found)


def _write_header(file: IO[bytes], dtype: np.dtype[Scalar], shape: tuple[int, ...]) -> None:
    header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _reopen(
    folder: Path, items: int, columns: int, languages: tuple[int, ...], mask: NDArray[np.uint64] | None
) -> ItemIndex:
    index = open_index(folder, items, columns - _FURTHER)
    return index if mask is None and languages == index.languages else index.narrow(languages, mask)


def _join(columns: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """Join columns into "in any of them" and "in at least two"."""
    once = np.zeros_like(columns[0])
    twice = np.zeros_like(once)
    for column in columns:
        twice |= once & column
        once |= column
    return np.stack([once, twice])
