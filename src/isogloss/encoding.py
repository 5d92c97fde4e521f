"""Turn texts into unit vectors with any sentence-transformers model or Hugging Face encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from transformers import PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from isogloss.errors import ConfigError, ModelError
from isogloss.model_source import SAFE_WEIGHTS, check_model_name
from isogloss.progress import show_progress

TOKEN_BUDGET = 16_384
"""Tokens of one batch, padding included."""
_MOST_TEXTS = 512
_TASKS = {"query": "query", "passage": "document"}
"""What sentence-transformers calls our two kinds of text."""
_LENGTHS = {"query": "query_length", "passage": "document_length"}
"""Where its models keep a length for each."""


class Encoder:
    """Encode queries and passages, each distinct text once.

    Texts are sorted by token count and put in batches of about the same number of tokens, so that little
    is spent on padding; a text's vector may differ in the last bits when its batch differs.

    Attributes:
        model: The model.
        name: Its name or path.
        query_prefix: Text put before every query.
        passage_prefix: Text put before every passage.
        max_lengths: ``query`` and ``passage`` -> longer texts are cut to this many tokens, prefix included;
            absent where there is no limit.
        truncated_share: ``query`` and ``passage`` -> share of the distinct texts cut when last encoded.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        name: str,
        *,
        query_prefix: str | None = None,
        passage_prefix: str | None = None,
        quiet: bool = False,
    ) -> None:
        """Wrap a model.

        Args:
            model: The model; it is put in evaluation mode.
            name: What to call it.
            query_prefix: Text put before every query; the model's prompt ``query`` when not given.
            passage_prefix: Text put before every passage; the model's prompt ``document`` (or ``passage``)
                when not given.
            quiet: Whether to show no progress bar.
        """
        prompts = model.prompts
        stored = prompts.get("document") or prompts.get("passage") or ""
        self.model = model.eval()
        self.name = name
        self.query_prefix = (prompts.get("query") or "") if query_prefix is None else query_prefix
        self.passage_prefix = stored if passage_prefix is None else passage_prefix
        self.max_lengths = _find_lengths(model)
        self.truncated_share: dict[str, float] = {}
        self._quiet = quiet

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode queries.

        Args:
            texts: The queries, without prefix.

        Returns:
            float32 ``[n, d]``, each row of length 1; equal texts have equal rows.

        Raises:
            ModelError: A vector is zero or holds NaN.
        """
        return self._encode("query", texts, self.query_prefix)

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode passages.

        Args:
            texts: The passages, without prefix.

        Returns:
            float32 ``[n, d]``, each row of length 1; equal texts have equal rows.

        Raises:
            ModelError: A vector is zero or holds NaN.
        """
        return self._encode("passage", texts, self.passage_prefix)

    def settings(self) -> dict[str, str | int | float | bool]:
        """Tell what decides the vectors, beside the model.

        Returns:
            Name -> value, with the share of truncated texts once texts were encoded.
        """
        shares = {f"truncated_{kind}_share": round(share, 6) for kind, share in self.truncated_share.items()}
        return {
            "query_prefix": self.query_prefix,
            "passage_prefix": self.passage_prefix,
            **{f"{kind}_length": length for kind, length in self.max_lengths.items()},
            **shares,
        }

    def _encode(self, kind: str, texts: Sequence[str], prefix: str) -> NDArray[np.float32]:
        """Encode each distinct text once, and deal the vectors out."""
        distinct = list(dict.fromkeys(texts))
        lengths = self._count_tokens(distinct, prefix)
        limit = self.max_lengths.get(kind)
        if limit is not None and distinct:
            self.truncated_share[kind] = float(np.mean(lengths > limit))
            lengths = np.minimum(lengths, limit)
        width = self.model.get_embedding_dimension() or 0
        vectors = np.empty((len(distinct), width), dtype=np.float32)
        with show_progress(f"encoding {kind} texts", len(distinct), quiet=self._quiet) as advance:
            for batch in _make_batches(lengths):
                vectors[batch] = self._encode_batch([distinct[number] for number in batch], prefix, kind)
                advance(len(batch))
        norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        broken = np.flatnonzero(~(np.isfinite(norms[:, 0]) & (norms[:, 0] > 0)))
        if len(broken):
            text = distinct[broken[0]]
            raise ModelError(
                f"{self.name} gives a zero or undefined vector for {len(broken)} {kind} text(s), "
                f"first for {text[:80]!r}"
            )
        unit: NDArray[np.float32] = (vectors / norms).astype(np.float32)
        rows = {text: row for row, text in enumerate(distinct)}
        dealt: NDArray[np.float32] = unit[np.asarray([rows[text] for text in texts], dtype=np.int64)]
        return dealt

    def _encode_batch(self, texts: list[str], prefix: str, kind: str) -> NDArray[np.float32]:
        """Run the model on one batch; the task decides the length at which texts are cut."""
        with torch.inference_mode():
            features = self.model.preprocess(texts, prompt=prefix or None, task=_TASKS[kind])
            device = self.model.device
            moved = {
                name: value.to(device) if isinstance(value, torch.Tensor) else value
                for name, value in features.items()
            }
            vectors: torch.Tensor = self.model(moved)["sentence_embedding"]
            array: NDArray[np.float32] = vectors.float().cpu().numpy()
        return array

    def _count_tokens(self, texts: list[str], prefix: str) -> NDArray[np.int64]:
        """Count each text's tokens; letters for models that have no Hugging Face tokenizer."""
        tokenizer = self.model.tokenizer
        if not texts or not isinstance(tokenizer, PreTrainedTokenizerBase):
            return np.asarray([len(prefix) + len(text) for text in texts], dtype=np.int64)
        tokens = tokenizer([prefix + text for text in texts], return_attention_mask=False, verbose=False)
        return np.asarray([len(row) for row in tokens["input_ids"]], dtype=np.int64)


def load_encoder(
    model: str,
    *,
    query_prefix: str | None = None,
    passage_prefix: str | None = None,
    max_length: int | None = None,
    device: str | None = None,
    quiet: bool = False,
) -> Encoder:
    """Load a model; code that comes with a model is never run.

    A Hugging Face encoder without a sentence-transformers configuration gets mean pooling.

    Args:
        model: Hub name or folder.
        query_prefix: Text put before every query; the model's stored prompt when not given.
        passage_prefix: Text put before every passage; the model's stored prompt when not given.
        max_length: Cut queries and passages to this many tokens, at most as many as the model can take; the
            model's own lengths when not given.
        device: Where to compute: ``cpu``, ``cuda``, ``cuda:1`` ...; the best there is when not given.
        quiet: Whether to show no progress bar.

    Returns:
        The encoder.

    Raises:
        ConfigError: ``max_length`` leaves no room for text or is more than the model can take, or there is
            no such device.
        ModelError: There is no such model, or it cannot be loaded.
    """
    check_model_name(model)
    _check_device(device)
    try:
        with _without_loading_bars():
            loaded = SentenceTransformer(model, device=device, model_kwargs=SAFE_WEIGHTS)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        here = "" if Path(model).exists() else "; there is no such folder either"
        raise ModelError(f"{model}: cannot be loaded ({reason}){here}") from error
    if max_length is not None:
        _set_length(loaded, model, max_length)
    return Encoder(loaded, model, query_prefix=query_prefix, passage_prefix=passage_prefix, quiet=quiet)


def _check_device(device: str | None) -> None:
    """Refuse a device that this installation of torch cannot use."""
    if device is None:
        return
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, ImportError) as error:  # a build without CUDA fails an assertion
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ConfigError(f"device {device!r} cannot be used ({reason})") from error


def _set_length(loaded: SentenceTransformer, name: str, max_length: int) -> None:
    """Cut queries and passages at one length; one without room for text would cut nothing, or everything."""
    tokenizer = loaded.tokenizer
    special = tokenizer.num_special_tokens_to_add() if isinstance(tokenizer, PreTrainedTokenizerBase) else 0
    if max_length <= special:
        around = f" ({special} stand around every text)" if special else ""
        raise ConfigError(f"{name} needs {special + 1} tokens at least{around}, not {max_length}")
    limit = loaded.max_seq_length
    if limit is not None and max_length > limit:
        raise ConfigError(f"{name} takes {limit} tokens at most, not {max_length}")
    loaded.max_seq_length = max_length
    for attribute in _LENGTHS.values():
        if hasattr(loaded[0], attribute):
            setattr(loaded[0], attribute, max_length)


def _find_lengths(model: SentenceTransformer) -> dict[str, int]:
    """Find how many tokens a query and a passage may have: a length for each kind, else the model's."""
    lengths = {}
    for kind, name in _LENGTHS.items():
        own = getattr(model[0], name, None)
        limit = own if own is not None else model.max_seq_length
        # Tokenizers without a limit say so with a number beyond every text.
        if limit is not None and limit < 1_000_000:
            lengths[kind] = int(limit)
    return lengths


def _make_batches(lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Cut texts, longest first, into batches within the token budget (one text at least)."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = max(1, int(lengths[order[start]]))
        size = max(1, min(_MOST_TEXTS, TOKEN_BUDGET // longest))
        yield order[start : start + size]
        start += size


@contextmanager
def _without_loading_bars() -> Iterator[None]:
    """Keep the loader's own bars off stderr; they come and go within a second."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
