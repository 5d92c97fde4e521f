"""A model in a process of a Ray cluster, and the encoder that asks it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from isogloss.encoding.batches import BatchEncoder, EncodedBatch, Kind
from isogloss.encoding.space import Space
from isogloss.errors import IsoglossError, ModelError, first_line
from isogloss.sharding.shard import load_model

if TYPE_CHECKING:
    from ray import ObjectRef
    from ray.actor import ActorHandle

    from isogloss.encoding import Encoder

_PIECES_AHEAD = 8
"""Batches of vectors that a worker computes before the first of them is fetched."""
_T = TypeVar("_T")


class WorkerLost(Exception):  # noqa: N818 - what happened, and no fault of anyone's: another worker goes on
    """Report that a worker ended, or its machine did, or what it computed was lost on the way."""


class Description(NamedTuple):
    """Tell of a model what its encoder has to know.

    Attributes:
        name: Its name.
        prefixes: ``query`` and ``passage`` -> text put before every such text.
        max_lengths: ``query`` and ``passage`` -> longest text in tokens, where a limit is known.
        dimension: Length of the vectors.
        spaces: ``query`` and ``passage`` -> all that decides the vectors.
    """

    name: str
    prefixes: dict[Kind, str]
    max_lengths: dict[Kind, int]
    dimension: int
    spaces: dict[Kind, Space]


class Worker:
    """Hold a model, in a process that Ray starts and calls."""

    def __init__(self, model: str, device: str | None) -> None:
        """Note which model; it is loaded when it is described, where an error has a way back.

        Args:
            model: Run, model folder or hub name, as it is called on the worker's machine.
            device: Where it computes; the best there is when None.
        """
        self._model = model
        self._device = device
        self._loaded: Encoder | None = None

    def describe(self) -> Description:
        """Load the model and tell about it."""
        encoder = self._encoder()
        spaces: dict[Kind, Space] = {"query": encoder.space("query"), "passage": encoder.space("passage")}
        return Description(encoder.name, encoder.prefixes, encoder.max_lengths, encoder.dimension(), spaces)

    def count_tokens(self, kind: Kind, texts: Sequence[str]) -> NDArray[np.int64]:
        """Count tokens as ``Encoder.count_tokens`` does."""
        return self._encoder().count_tokens(kind, texts)

    def encode(self, kind: Kind, texts: Sequence[str]) -> Generator[EncodedBatch, None, None]:
        """Encode texts as ``Encoder.encode_batches`` does: each batch travels by itself."""
        yield from self._encoder().encode_batches(kind, texts)

    def _encoder(self) -> Encoder:
        if self._loaded is None:
            self._loaded = load_model(self._model, self._device)
        return self._loaded


class WorkerEncoder(BatchEncoder):
    """Encode with the model of a worker."""

    def __init__(self, worker: ActorHandle[Worker], description: Description) -> None:
        """Wrap a worker.

        Args:
            worker: The worker.
            description: What it tells of its model.
        """
        super().__init__(description.name, description.prefixes, description.max_lengths, quiet=True)
        self._worker = worker
        self._description = description

    def dimension(self) -> int:
        """Tell the length of the vectors.

        Returns:
            The length.
        """
        return self._description.dimension

    def space(self, kind: Kind) -> Space:
        """Tell all that decides a text's vector, beside the text.

        Args:
            kind: ``query`` or ``passage``.

        Returns:
            The description.
        """
        return self._description.spaces[kind]

    def count_tokens(self, kind: Kind, texts: Sequence[str]) -> NDArray[np.int64]:
        """Count each text's tokens.

        Args:
            kind: ``query`` or ``passage``.
            texts: The texts, without prefix.

        Returns:
            int64 ``[n]``, prefix and special tokens included.

        Raises:
            WorkerLost: The worker is gone.
        """
        return fetch(self._worker.count_tokens.remote(kind, list(texts)), np.ndarray)

    def encode_batches(self, kind: Kind, texts: Sequence[str]) -> Generator[EncodedBatch, None, None]:
        """Have distinct texts encoded; few batches at a time are in memory.

        Args:
            kind: ``query`` or ``passage``.
            texts: The texts, without prefix, no two of them equal.

        Yields:
            Batches; together they hold every text once.

        Raises:
            ModelError: A vector is zero or holds NaN.
            WorkerLost: The worker is gone.
        """
        from ray.exceptions import RayError

        pieces: Iterator[ObjectRef[EncodedBatch]] = self._worker.encode.options(
            num_returns="streaming", _generator_backpressure_num_objects=_PIECES_AHEAD
        ).remote(kind, list(texts))
        try:
            for piece in pieces:
                # Copied, since arrays that Ray hands out keep its memory occupied.
                rows, vectors, cut = fetch(piece, EncodedBatch)
                yield EncodedBatch(rows.copy(), vectors.copy(), cut.copy())
        except RayError as error:
            raise WorkerLost(first_line(error)) from error


def fetch(reference: ObjectRef[_T], kind: type[_T]) -> _T:
    """Wait for what a worker computes.

    Args:
        reference: What stands for it.
        kind: The type of the result.

    Returns:
        The result.

    Raises:
        IsoglossError: What the worker raised.
        ModelError: The worker raised another error.
        WorkerLost: The worker is gone.
    """
    import ray
    from ray.exceptions import RayError, RayTaskError

    try:
        result: object = ray.get(reference)
    except RayTaskError as error:
        cause = error.cause
        if isinstance(cause, IsoglossError):
            raise cause from None
        raise ModelError(f"a worker failed ({type(cause).__name__}: {first_line(cause)})") from error
    except RayError as error:
        raise WorkerLost(first_line(error)) from error
    if not isinstance(result, kind):
        raise ModelError(f"a worker gave a {type(result).__name__}; install this release of isogloss there")
    return result
