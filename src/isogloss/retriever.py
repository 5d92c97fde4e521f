"""Search a collection of passages: a model, an index and the passages themselves."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from isogloss.characters import holds_half_pair
from isogloss.errors import ConfigError, ModelError
from isogloss.fair_ranking import Fairness
from isogloss.index import (
    Compression,
    Engine,
    MilvusPlace,
    ModelIdentity,
    SearchableIndex,
    change_index,
    create_index,
    open_index,
)
from isogloss.indexing import add_passages
from isogloss.passages import Passage

if TYPE_CHECKING:
    from isogloss.encoding.batches import BatchEncoder


class Hit(NamedTuple):
    """Hold one found passage.

    Attributes:
        id: The passage's id.
        score: Cosine of query and passage, -1 to 1.
        language: The passage's language.
        title: Its title; may be empty.
        text: Its text.
        source: Where it is from, for people; may be empty.
    """

    id: str
    score: float
    language: str
    title: str
    text: str
    source: str


class Retriever:
    """Search the index in a folder, and change it; ``load`` and ``build`` make one.

    Several threads may search one retriever at once. Another process may change the index meanwhile: searches
    go on in the state that was loaded until ``reload``.

    Attributes:
        folder: The index's folder.
    """

    def __init__(self, folder: Path, index: SearchableIndex, encoder: BatchEncoder) -> None:
        """Put an opened index and its model together.

        Args:
            folder: The index's folder.
            index: Its state.
            encoder: The model; see ``load``, which checks that it is the index's.
        """
        self.folder = folder
        self._index = index
        self._encoder = encoder
        # Tokenizers keep the lengths of the text at hand: one text at a time.
        self._encoding = threading.Lock()

    @classmethod
    def load(
        cls,
        folder: str | Path,
        device: str | None = None,
        *,
        model: str | None = None,
        encoder: BatchEncoder | None = None,
    ) -> Self:
        """Open an index and load its model.

        Args:
            folder: The index's folder.
            device: Where the model computes: ``cpu``, ``cuda`` ...; the best there is when not given.
            model: Folder or hub name where the model is now, if it is no longer where it was.
            encoder: The loaded model instead, such as one at an endpoint.

        Returns:
            The retriever.

        Raises:
            DataError: There is no index, it is damaged, or another release's.
            ModelError: The model cannot be loaded, or is not the one that the index was made with.
        """
        index = open_index(Path(folder))
        known = index.model
        if encoder is None:
            encoder = _load_encoder(model or known.name, known.query_prefix, known.passage_prefix, device)
        _check_model(Path(folder), known, identify_model(encoder))
        return cls(Path(folder), index, encoder)

    @classmethod
    def build(
        cls,
        model: str | BatchEncoder,
        passages: Iterable[Passage],
        folder: str | Path,
        *,
        device: str | None = None,
        engine: Engine | MilvusPlace = "auto",
        overlap: int = 1,
        compression: Compression = "float32",
        lexical: bool = False,
    ) -> Self:
        """Index passages in a new folder.

        Killed and called again with the same passages, it goes on where it was. Memory holds 65,536 passages
        at a time with their vectors, and 24 bytes for each other passage; at the end, where more than eight
        such parts are merged, about 500 bytes for each passage.

        Args:
            model: Folder or hub name of a model or run; or a loaded model.
            passages: The passages; those longer than the model reads are split at sentence ends.
            folder: Where to; a new folder.
            device: Where the model computes; the best there is when not given.
            engine: ``exact``, ``graph`` (approximate; the extra ``faiss``), or ``auto``: graphs from 200,000
                passages on where the extra is installed; or a collection of Milvus (the extra ``milvus``).
            overlap: Sentences that start the next passage of a split one again.
            compression: How to store vectors: ``float32``, ``float16``, ``int8``, or ``binary`` (int8 with
                signs that find candidates; approximate, with the engine ``auto``).
            lexical: Whether the words of passages are counted, to search by them too.

        Returns:
            The retriever.

        Raises:
            ConfigError: The folder holds something, another process is filling it, or Milvus cannot be
                reached.
            DataError: A passage has no id, no text or no known language, or two have one id.
            ModelError: The model cannot be loaded.
        """
        encoder = _load_encoder(model, None, None, device) if isinstance(model, str) else model
        identity, width = identify_model(encoder), _measure(encoder)
        made = create_index(Path(folder), identity, width, engine, compression=compression, lexical=lexical)
        with made as change:
            add_passages(change, encoder, passages, overlap, nullcontext())
            change.commit()
        return cls(Path(folder), open_index(Path(folder)), encoder)

    @property
    def count(self) -> int:
        """Number of passages."""
        return self._index.count

    @property
    def languages(self) -> Mapping[str, int]:
        """Language -> number of passages, most first."""
        return self._index.languages

    @property
    def model_name(self) -> str:
        """What the model is called: a folder or a hub name."""
        return self._index.model.name

    def can_rank(self, ranking: str, *, lexical: bool = False) -> bool:
        """Tell whether the index can be searched so.

        Args:
            ranking: How passages of several languages are ranked together; see ``search``.
            lexical: Whether to search by words too.

        Returns:
            Whether ``search`` takes both.
        """
        try:
            self._index.check_search(_choose_ranking(ranking), lexical=lexical)
        except ConfigError:
            return False
        return True

    def search(
        self,
        queries: Sequence[str],
        k: int = 10,
        languages: Sequence[str] | None = None,
        *,
        ranking: str = Fairness.NONE,
        lexical: bool = False,
    ) -> list[list[Hit]]:
        """Find the best passages for each query.

        Args:
            queries: The queries, in any language.
            k: How many passages are wanted, from 1; all where there are fewer.
            languages: Search these languages only; all when None.
            ranking: How passages of several languages are ranked together: ``none`` (by score), ``quota``,
                ``calibrated`` or ``fused``; see ``fair_ranking.Fairness``.
            lexical: Whether to search by words too, and to fuse both rankings; see
                ``lexical_fusion.fuse_lexically``.

        Returns:
            The passages for each query, best first, of equal scores the smaller id first.

        Raises:
            ConfigError: A query is empty or no text in UTF-8, ``k`` is below 1, the index has no passage in a
                language, there is no such ranking, or the index was built without words, or words do not go
                with it.
            DataError: The index is damaged.
        """
        if isinstance(queries, str):
            raise ConfigError("queries are a list of texts; put the one query into a list")
        if k < 1:
            raise ConfigError(f"k, the number of passages, is a whole number from 1; got {k}")
        for number, query in enumerate(queries, start=1):
            if not query.strip():
                raise ConfigError(f"query {number} is empty")
            if holds_half_pair(query):
                raise ConfigError(f"query {number} is no text in UTF-8; got {query!r}")
        chosen = _choose_ranking(ranking)
        index = self._index
        index.check_search(chosen, lexical=lexical)
        wanted = None if languages is None else _choose_languages(languages, index.languages)
        if not queries or not index.count:
            return [[] for _ in queries]
        with self._encoding:
            vectors = self._encoder.encode_queries(queries)
        found = index.search(vectors, k, wanted, chosen, queries if lexical else None)
        return [
            [
                Hit(passage.id, score, passage.language, passage.title, passage.text, passage.source)
                for passage, score in row
            ]
            for row in found
        ]

    def add(self, passages: Iterable[Passage], *, overlap: int = 1) -> int:
        """Add passages; those of the same id, or document, are replaced.

        All are added or none, but Milvus keeps what it was given before an error.

        Args:
            passages: The passages; those longer than the model reads are split at sentence ends.
            overlap: Sentences that start the next passage of a split one again.

        Returns:
            How many passages were added, parts of split ones counted one by one.

        Raises:
            ConfigError: Another process is changing the index.
            DataError: A passage has no id, no text or no known language, two have one id, or the index is
                damaged.
            ModelError: Another process has built the index anew with another model.
        """
        with change_index(self.folder) as change:
            _check_model(self.folder, change.model, identify_model(self._encoder))
            added = add_passages(change, self._encoder, passages, overlap, self._encoding)
            change.commit()
        self.reload()
        return added

    def delete(self, ids: Sequence[str]) -> int:
        """Delete passages by id, or all passages of documents.

        Args:
            ids: Ids of passages or documents; unknown ones are passed over.

        Returns:
            How many passages were deleted.

        Raises:
            ConfigError: Another process is changing the index.
            DataError: The index is damaged.
        """
        deleted = delete_passages(self.folder, ids)
        self.reload()
        return deleted

    def reload(self) -> bool:
        """See the newest state of the index.

        Returns:
            Whether it is another one than before.

        Raises:
            DataError: The index is gone or damaged.
            ModelError: It was built anew with another model; load it again.
        """
        if not self._index.is_changed():
            return False
        index = open_index(self.folder)
        _check_model(self.folder, index.model, self._index.model)
        self._index = index
        return True


def delete_passages(folder: str | Path, ids: Sequence[str]) -> int:
    """Delete passages of an index, for which no model is needed.

    Args:
        folder: The index's folder.
        ids: Ids of passages or documents; unknown ones are passed over.

    Returns:
        How many passages were deleted.

    Raises:
        ConfigError: Another process is changing the index.
        DataError: There is no index, or it is damaged.
    """
    with change_index(Path(folder)) as change:
        deleted = change.delete(ids)
        if deleted:
            change.commit()
    return deleted


def identify_model(encoder: BatchEncoder) -> ModelIdentity:
    """Tell all in a model that decides whether its vectors fit an index.

    Args:
        encoder: The model.

    Returns:
        The identity; device and versions of libraries are no part of it.

    Raises:
        ModelError: It cannot be told which model this is.
    """
    query, passage = encoder.space("query"), encoder.space("passage")
    name = str(Path(encoder.name).resolve()) if Path(encoder.name).is_dir() else encoder.name
    return ModelIdentity(
        name, passage.fingerprint, query.prefix, passage.prefix, query.max_length, passage.max_length
    )


def _load_encoder(
    model: str, query_prefix: str | None, passage_prefix: str | None, device: str | None
) -> BatchEncoder:
    from isogloss.encoding import load_encoder
    from isogloss.model_source import find_model

    return load_encoder(
        find_model(model).model,
        query_prefix=query_prefix,
        passage_prefix=passage_prefix,
        device=device,
        quiet=True,
    )


def _measure(encoder: BatchEncoder) -> int:
    """Tell the length of a model's vectors; an endpoint tells it with its first vector."""
    return encoder.dimension() or int(encoder.encode_queries(["length"]).shape[1])


def _check_model(folder: Path, known: ModelIdentity, other: ModelIdentity) -> None:
    if differences := known.differences(other):
        what = ", ".join(name.replace("_", " ") for name in differences)
        raise ModelError(
            f"{folder}: made with another model than {other.name} (not the same: {what}); give the model "
            f"that it was made with ({known.name}), or build it again with isogloss index"
        )


def _choose_ranking(name: str) -> Fairness:
    try:
        return Fairness(name)
    except ValueError:
        raise ConfigError(f"there is no ranking {name!r}; there is {', '.join(Fairness)}") from None


def _choose_languages(languages: Sequence[str], known: Mapping[str, int]) -> list[str]:
    """Write languages as the index has them; one that it lacks is refused."""
    from isogloss.languages import normalize_language

    if isinstance(languages, str) or not languages:
        raise ConfigError("languages are a list of codes, one at least; leave them out to search all")
    chosen = []
    for code in languages:
        try:
            language = normalize_language(code)
        except ConfigError:
            language = code
        if language not in known:
            near = difflib.get_close_matches(language, known, n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            there = ", ".join(sorted(known)) or "no passage at all"
            raise ConfigError(f"no passage in the language {code!r}; the index has {there}{meant}")
        chosen.append(language)
    return chosen
