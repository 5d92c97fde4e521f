"""Encode texts batch by batch: what all encoders have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from isogloss.characters import holds_half_pair
from isogloss.encoding.space import Space
from isogloss.errors import ConfigError, DataError, ModelError
from isogloss.progress import show_progress

Kind = Literal["query", "passage"]


class EncodedBatch(NamedTuple):
    """Hold the vectors of some of the texts.

    Attributes:
        rows: int64 ``[b]``: the texts' places in the sequence that was given.
        vectors: float32 ``[b, d]``, each row of length 1.
        cut: bool ``[b]``: whether the text was longer than the model takes; False where that is unknown.
    """

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    cut: NDArray[np.bool_]


@runtime_checkable
class TokenCounter(Protocol):
    """Tell how long texts are for a model; models of which that is not known lack the method."""

    def count_tokens(self, kind: Kind, texts: Sequence[str]) -> NDArray[np.int64]:
        """Count each text's tokens.

        Args:
            kind: ``query`` or ``passage``.
            texts: The texts, without prefix.

        Returns:
            int64 ``[n]``, prefix and special tokens included.
        """
        ...


class BatchEncoder(ABC):
    """Encode queries and passages, each distinct text once.

    Attributes:
        name: What to call the model.
        prefixes: ``query`` and ``passage`` -> text put before every such text.
        max_lengths: ``query`` and ``passage`` -> longer texts are cut to this many tokens, prefix included;
            absent where no limit is known.
        truncated_share: ``query`` and ``passage`` -> share of the distinct texts cut when last encoded.
        quiet: Whether to show no progress bar.
    """

    def __init__(
        self, name: str, prefixes: dict[Kind, str], max_lengths: dict[Kind, int], *, quiet: bool
    ) -> None:
        """Set what decides the vectors beside the model.

        Args:
            name: What to call the model.
            prefixes: ``query`` and ``passage`` -> text put before every such text.
            max_lengths: ``query`` and ``passage`` -> longest text in tokens, where a limit is known.
            quiet: Whether to show no progress bar.

        Raises:
            ConfigError: A prefix is no text.
        """
        for kind, prefix in prefixes.items():
            if holds_half_pair(prefix):
                raise ConfigError(f"the {kind} prefix is no text in UTF-8; got {prefix!r}")
        self.name = name
        self.prefixes = prefixes
        self.max_lengths = max_lengths
        self.truncated_share: dict[Kind, float] = {}
        self.quiet = quiet

    @abstractmethod
    def encode_batches(self, kind: Kind, texts: Sequence[str]) -> Generator[EncodedBatch, None, None]:
        """Encode distinct texts, in whatever order is fastest.

        Args:
            kind: ``query`` or ``passage``.
            texts: The texts, without prefix, no two of them equal.

        Returns:
            An iterator over batches; together they hold every text once.

        Raises:
            ModelError: A vector is zero or holds NaN.
        """

    @abstractmethod
    def dimension(self) -> int:
        """Tell the length of the vectors.

        Returns:
            The length; 0 while it is unknown.
        """

    @abstractmethod
    def space(self, kind: Kind) -> Space:
        """Tell all that decides a text's vector, beside the text.

        Args:
            kind: ``query`` or ``passage``.

        Returns:
            The description.

        Raises:
            ModelError: It cannot be told which model this is.
        """

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode queries.

        Args:
            texts: The queries, without prefix.

        Returns:
            float32 ``[n, d]``, each row of length 1; equal texts have equal rows.

        Raises:
            DataError: A text holds half a surrogate pair.
            ModelError: A vector is zero or holds NaN.
        """
        return self._encode("query", texts)

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode passages.

        Args:
            texts: The passages, without prefix.

        Returns:
            float32 ``[n, d]``, each row of length 1; equal texts have equal rows.

        Raises:
            DataError: A text holds half a surrogate pair.
            ModelError: A vector is zero or holds NaN.
        """
        return self._encode("passage", texts)

    def settings(self) -> dict[str, str | int | float | bool]:
        """Tell what decides the vectors, beside the model.

        Returns:
            Name -> value, with the share of truncated texts once texts were encoded.
        """
        return {
            **{f"{kind}_prefix": prefix for kind, prefix in self.prefixes.items()},
            **{f"{kind}_length": length for kind, length in self.max_lengths.items()},
            **{f"truncated_{kind}_share": round(share, 6) for kind, share in self.truncated_share.items()},
        }

    def _encode(self, kind: Kind, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode each distinct text once, and deal the vectors out."""
        distinct = list(dict.fromkeys(texts))
        if (wrong := next(filter(holds_half_pair, distinct), None)) is not None:
            raise DataError(f"a {kind} to encode is no text in UTF-8; it begins with {wrong[:40]!r}")
        vectors = np.empty((len(distinct), self.dimension()), dtype=np.float32)
        cut = 0
        with (
            show_progress(f"encoding {kind} texts", len(distinct), quiet=self.quiet) as advance,
            closing(self.encode_batches(kind, distinct)) as batches,
        ):
            for batch in batches:
                if not vectors.shape[1]:
                    vectors = np.empty((len(distinct), batch.vectors.shape[1]), dtype=np.float32)
                vectors[batch.rows] = batch.vectors
                cut += int(batch.cut.sum())
                advance(len(batch.rows))
        if distinct and kind in self.max_lengths:
            self.truncated_share[kind] = cut / len(distinct)
        if len(distinct) == len(texts):
            return vectors
        rows = {text: row for row, text in enumerate(distinct)}
        dealt: NDArray[np.float32] = vectors[np.asarray([rows[text] for text in texts], dtype=np.int64)]
        return dealt


def make_unit(
    vectors: NDArray[np.float32], texts: Sequence[str], name: str, kind: Kind
) -> NDArray[np.float32]:
    """Scale vectors to length 1.

    Args:
        vectors: float32 ``[n, d]``.
        texts: The texts that they stand for, for the message.
        name: The model, for the message.
        kind: ``query`` or ``passage``, for the message.

    Returns:
        float32 ``[n, d]``.

    Raises:
        ModelError: A vector is zero or holds NaN.
    """
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    broken = np.flatnonzero(~(np.isfinite(norms[:, 0]) & (norms[:, 0] > 0)))
    if len(broken):
        raise ModelError(
            f"{name} gives a zero or undefined vector for {len(broken)} {kind} text(s), "
            f"first for {texts[broken[0]][:80]!r}"
        )
    unit: NDArray[np.float32] = (vectors / norms).astype(np.float32)
    return unit
