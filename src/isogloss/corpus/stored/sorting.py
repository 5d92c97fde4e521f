"""Sort the records of a corpus outside of memory, and work out who is the same."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.corpus.identity import (
    OWN_NEGATIVE,
    UNKNOWN_NEGATIVE,
    Partition,
    check_record,
    explain_repeat,
    find_misplaced,
    natural_order,
    normalize_space,
)
from isogloss.corpus.record import Blemish, Record
from isogloss.corpus.stored.articles import HOLD_OUT_SEED

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
PRAGMA cache_size = -65536;
CREATE TABLE record (id TEXT, language TEXT, question TEXT, passage TEXT, text BLOB, key TEXT, article TEXT,
    answer TEXT, answer_start INTEGER, breaks TEXT, path TEXT, position TEXT);
CREATE TABLE wish (id TEXT, negative TEXT, path TEXT, position TEXT, language TEXT);
CREATE TABLE blemish (path TEXT, position TEXT, kind TEXT, language TEXT, sorting TEXT);
CREATE TABLE item (item INTEGER PRIMARY KEY, id TEXT, passage INTEGER, article INTEGER);
CREATE TABLE article (article INTEGER PRIMARY KEY, name TEXT, sorting BLOB);
CREATE TABLE place (place INTEGER PRIMARY KEY, item INTEGER);
CREATE TABLE link (place INTEGER, negative INTEGER);
CREATE TABLE kept (language TEXT PRIMARY KEY);
"""

_SAME_TEXT = """
SELECT r.language, r.text, item.item - 1 FROM record r JOIN item USING (id) ORDER BY r.language, r.text
"""
_SAME_KEY = """
SELECT r.key, item.item - 1 FROM record r JOIN item USING (id) WHERE r.key IS NOT NULL ORDER BY r.key
"""
_SAME_TITLE = """
SELECT r.language, r.article, item.item - 1 FROM record r JOIN item USING (id) WHERE r.article IS NOT NULL
ORDER BY r.language, r.article
"""
_TITLES = """
SELECT item.article, coalesce(r.article, r.id),
    CASE WHEN r.article IS NULL THEN 2 WHEN r.language = 'en' THEN 0 ELSE 1 END AS rank,
    CASE WHEN r.article IS NULL OR r.language = 'en' THEN '' ELSE r.language END AS code
FROM record r JOIN item USING (id) ORDER BY item.article, rank, code, 2
"""
_PLACE = """
INSERT INTO place (item) SELECT item.item FROM item JOIN article USING (article)
WHERE EXISTS (SELECT 1 FROM record r JOIN kept USING (language) WHERE r.id = item.id)
ORDER BY article.sorting, article.name, article.article, item.passage, item.item
"""
# CROSS JOIN keeps the order of the loops, so that nothing is sorted again.
_PLACED = """
SELECT place.place - 1, item.passage, item.article, article.name, r.id, r.language, r.question, r.passage,
    r.breaks, r.answer, r.answer_start
FROM place CROSS JOIN item USING (item) CROSS JOIN article USING (article)
    CROSS JOIN record r ON r.id = item.id
WHERE r.language IN (SELECT language FROM kept) ORDER BY place.place, r.language
"""
_WISHES = """
SELECT w.path, w.position, w.language, one.passage, other.passage, here.place - 1, there.place - 1
FROM wish w JOIN item one ON one.id = w.id LEFT JOIN item other ON other.id = w.negative
    LEFT JOIN place here ON here.item = one.item LEFT JOIN place there ON there.item = other.item
"""
_BLEMISHES = """
SELECT path, position, kind, language FROM blemish
WHERE language = '' OR language IN (SELECT language FROM kept) ORDER BY kind, path, sorting
"""

_BATCH = 4096
"""Rows that are handed to the database at once."""


class PlacedRecord(NamedTuple):
    """Hold a record with the numbers of its item, passage and article in the order of the store."""

    item: int
    passage: int
    article: int
    name: str
    """Name of the article."""
    record: Record


class RecordTable:
    """Keep records in a database on disk, sorted as they are asked for.

    Memory holds some 50 bytes for each item while passages and articles are found, and else a fixed amount.

    Args:
        file: The database to make; it must not exist yet.
    """

    def __init__(self, file: Path) -> None:
        self._data = sqlite3.connect(file, isolation_level=None)
        self._data.executescript(_TABLES)
        self._data.execute("BEGIN")

    def close(self) -> None:
        """Close the database."""
        self._data.close()

    def insert(self, rows: Iterable[Record | Blemish]) -> None:
        """Insert what a reader yields.

        Args:
            rows: Records, and flaws that the reader has seen.

        Raises:
            DataError: A record does not say what it must.
        """
        waiting: list[Record] = []
        for row in rows:
            if isinstance(row, Blemish):
                self._insert_blemishes([row])
                continue
            check_record(row)
            waiting.append(row)
            if len(waiting) == _BATCH:
                self._insert_records(waiting)
                waiting = []
        self._insert_records(waiting)

    def join(self) -> None:
        """Work out which records are of one item, which items of one passage, which of one article.

        Raises:
            DataError: A question is given twice in one language.
        """
        self._data.execute("CREATE INDEX record_of_item ON record (id, language)")
        self._check_repeats()
        self._data.execute("INSERT INTO item (id) SELECT DISTINCT id FROM record ORDER BY id")
        self._data.execute("CREATE INDEX item_of_id ON item (id)")
        (items,) = self._data.execute("SELECT count(*) FROM item").fetchone()
        partition = Partition(items)
        for same in (_SAME_TEXT, _SAME_KEY):
            self._unite(partition, same)
        passages = partition.roots()
        self._unite(partition, _SAME_TITLE)
        articles = _number_roots(partition.roots())
        passages = _number_roots(passages)
        for start in range(0, items, _BATCH):
            part = slice(start, start + _BATCH)
            numbers = range(start + 1, min(start + _BATCH, items) + 1)
            rows = zip(passages[part].tolist(), articles[part].tolist(), numbers, strict=True)
            self._data.executemany("UPDATE item SET passage = ?, article = ? WHERE item = ?", rows)
        self._name_articles()

    def place(self, languages: Sequence[str]) -> int:
        """Put the items in the order of the store: by article as hold-out visits them, then by passage.

        Args:
            languages: Languages to keep; the items that have none of them are left out.

        Returns:
            Number of items.
        """
        self._data.executemany("INSERT INTO kept VALUES (?)", [(language,) for language in languages])
        self._data.execute(_PLACE)
        self._data.execute("CREATE INDEX place_of_item ON place (item)")
        (items,) = self._data.execute("SELECT count(*) FROM place").fetchone()
        return int(items)

    def languages(self) -> list[str]:
        """List the languages of the records.

        Returns:
            Language codes, sorted.
        """
        return [code for (code,) in self._data.execute("SELECT DISTINCT language FROM record ORDER BY 1")]

    def records(self) -> Iterator[PlacedRecord]:
        """List the records in the order of the store, those of an item by language.

        Yields:
            Each record of the languages to keep.
        """
        for (
            place,
            number,
            article,
            name,
            item,
            language,
            question,
            passage,
            breaks,
            *answer,
        ) in self._data.execute(_PLACED):
            record = Record(
                item_id=item,
                language=language,
                question=question,
                passage=passage,
                answer=answer[0],
                answer_start=answer[1],
                sentence_breaks=None if breaks is None else tuple(map(tuple, json.loads(breaks))),
            )
            yield PlacedRecord(place, number, article, name, record)

    def link_negatives(self) -> int:
        """Find the items that are named as negatives.

        Returns:
            Number of pairs of an item and its negative.
        """
        for path, position, language, passage, taken, place, negative in self._data.execute(_WISHES):
            if taken is None or taken == passage:
                kind = UNKNOWN_NEGATIVE if taken is None else OWN_NEGATIVE
                self._insert_blemishes([Blemish(path, position, kind, language)])
            elif place is not None and negative is not None:
                self._data.execute("INSERT INTO link VALUES (?, ?)", (place, negative))
        (count,) = self._data.execute("SELECT count(*) FROM (SELECT DISTINCT * FROM link)").fetchone()
        return int(count)

    def links(self) -> Iterator[tuple[int, int]]:
        """List the given negatives.

        Yields:
            Place of an item and of its negative, ascending, each pair once.
        """
        yield from self._data.execute("SELECT DISTINCT place, negative FROM link ORDER BY 1, 2")

    def blemishes(self) -> Iterator[Blemish]:
        """List the blemishes by kind, file and position.

        Yields:
            Each blemish of the languages to keep, or of none.
        """
        for row in self._data.execute(_BLEMISHES):
            yield Blemish(*row)

    def _insert_records(self, rows: Sequence[Record]) -> None:
        self._data.executemany(
            "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    row.item_id,
                    row.language,
                    row.question,
                    row.passage,
                    hashlib.blake2b(normalize_space(row.passage).encode(), digest_size=16).digest(),
                    row.passage_key,
                    row.article or None,
                    row.answer,
                    row.answer_start,
                    None if row.sentence_breaks is None else json.dumps(row.sentence_breaks),
                    row.path,
                    row.position,
                )
                for row in rows
            ],
        )
        self._data.executemany(
            "INSERT INTO wish VALUES (?, ?, ?, ?, ?)",
            [
                (row.item_id, negative, row.path, row.position, row.language)
                for row in rows
                for negative in row.negatives
            ],
        )
        self._insert_blemishes([found for row in rows if (found := find_misplaced(row)) is not None])

    def _insert_blemishes(self, rows: Sequence[Blemish]) -> None:
        self._data.executemany(
            "INSERT INTO blemish VALUES (?, ?, ?, ?, ?)",
            [(row.path, row.position, row.kind, row.language, _sorting(row.position)) for row in rows],
        )

    def _check_repeats(self) -> None:
        twice = self._data.execute(
            "SELECT id, language FROM record GROUP BY id, language HAVING count(*) > 1 ORDER BY 1, 2 LIMIT 1"
        ).fetchone()
        if twice is None:
            return
        rows = self._data.execute("SELECT path, position FROM record WHERE id = ? AND language = ?", twice)
        places = sorted(rows, key=lambda row: (row[0], natural_order(row[1])))[:2]
        item, language = twice
        one, other = (Record(item, language, "", "", path=path, position=at) for path, at in places)
        raise explain_repeat(one, other)

    def _unite(self, partition: Partition, same: str) -> None:
        """Put items into one group whose records follow each other with one label."""
        known: Sequence[object] | None = None
        first = 0
        for *label, item in self._data.execute(same):
            if label != known:
                known, first = label, item
            partition.unite(first, item)

    def _name_articles(self) -> None:
        """Name articles by their English title, else that of their first language, else their first item."""
        titles = groupby(self._data.execute(_TITLES), key=lambda row: row[0])
        rows = (
            (article, name, hashlib.sha256(f"{HOLD_OUT_SEED}:{name}".encode()).digest())
            for article, name, *_ in (next(group) for _, group in titles)
        )
        self._data.executemany("INSERT INTO article VALUES (?, ?, ?)", rows)


def _number_roots(roots: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number groups by their first items, which their roots are."""
    firsts = roots == np.arange(len(roots))
    return (np.cumsum(firsts) - 1)[roots]


def _sorting(position: str) -> str:
    """Write a position so that its text sorts by the numbers in it."""
    return re.sub("[0-9]+", lambda number: number[0].zfill(20), position)
