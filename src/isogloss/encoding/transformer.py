"""Turn texts into unit vectors with any sentence-transformers model or Hugging Face encoder."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from transformers import PreTrainedTokenizerBase

from isogloss.encoding.batches import BatchEncoder, EncodedBatch, Kind, make_unit
from isogloss.encoding.fingerprint import fingerprint_model
from isogloss.encoding.onnx_module import OnnxTransformer, open_model
from isogloss.encoding.space import Space
from isogloss.errors import ConfigError, ModelError, first_line
from isogloss.model_source import SAFE_WEIGHTS, check_device, check_model_name, hide_loading_bars

TOKEN_BUDGET = 16_384
"""Tokens of one batch, padding included."""
_MOST_TEXTS = 512
_COUNTED_AT_ONCE = 8192
"""Texts whose tokens are held in memory at once to be counted."""
_DECIDING = ("torch", "transformers", "sentence-transformers")
"""Libraries whose release may change a vector."""
_TASKS: Mapping[Kind, str] = {"query": "query", "passage": "document"}
"""What sentence-transformers calls our two kinds of text."""
_LENGTHS: Mapping[Kind, str] = {"query": "query_length", "passage": "document_length"}
"""Where its models keep a length for each."""


class Encoder(BatchEncoder):
    """Encode queries and passages with a model on this machine, each distinct text once.

    Texts are sorted by token count and put in batches of about the same number of tokens, so that little
    is spent on padding; a text's vector may differ in the last bits when its batch differs.

    Attributes:
        model: The model.
        bf16: Whether matrix products are computed in bfloat16.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        name: str,
        *,
        source: str | None = None,
        query_prefix: str | None = None,
        passage_prefix: str | None = None,
        bf16: bool = False,
        quiet: bool = False,
    ) -> None:
        """Wrap a model.

        Args:
            model: The model; it is put in evaluation mode.
            name: What to call it.
            source: Hub name or folder that it was loaded from and still is the same as; without it, its
                vectors cannot be stored.
            query_prefix: Text put before every query; the model's prompt ``query`` when not given.
            passage_prefix: Text put before every passage; the model's prompt ``document`` (or ``passage``)
                when not given.
            bf16: Whether matrix products are computed in bfloat16; vectors stay float32.
            quiet: Whether to show no progress bar.
        """
        prompts = model.prompts
        stored = prompts.get("document") or prompts.get("passage") or ""
        prefixes: dict[Kind, str] = {
            "query": (prompts.get("query") or "") if query_prefix is None else query_prefix,
            "passage": stored if passage_prefix is None else passage_prefix,
        }
        super().__init__(name, prefixes, _find_lengths(model), quiet=quiet)
        self.model = model.eval()
        self.bf16 = bf16
        self._source = source
        self._fingerprint: str | None = None

    def dimension(self) -> int:
        """Tell the length of the vectors.

        Returns:
            The length.
        """
        return self.model.get_embedding_dimension() or 0

    def space(self, kind: Kind) -> Space:
        """Tell all that decides a text's vector, beside the text.

        Args:
            kind: ``query`` or ``passage``.

        Returns:
            The description.

        Raises:
            ModelError: The model was not loaded from a folder or the hub, so nothing says which it is.
        """
        if self._source is None:
            raise ModelError(f"{self.name}: only vectors of a model that was loaded from files can be stored")
        if self._fingerprint is None:
            self._fingerprint = fingerprint_model(self._source)
        number = str(next(self.model.parameters(), torch.empty(0)).dtype).removeprefix("torch.")
        format_ = f"{number} in bfloat16" if self.bf16 else number
        deciding = (*_DECIDING, "onnxruntime") if isinstance(self.model[0], OnnxTransformer) else _DECIDING
        versions = ", ".join(f"{name} {metadata.version(name)}" for name in deciding)
        return Space(
            model=self.name,
            fingerprint=self._fingerprint,
            kind=kind,
            prefix=self.prefixes[kind],
            max_length=self.max_lengths.get(kind),
            computing=f"{self.model.device.type}, {format_}, {versions}",
        )

    def settings(self) -> dict[str, str | int | float | bool]:
        """Tell what decides the vectors, beside the model.

        Returns:
            Name -> value, with the share of truncated texts once texts were encoded.
        """
        return {**super().settings(), **({"bf16": True} if self.bf16 else {})}

    def encode_batches(self, kind: Kind, texts: Sequence[str]) -> Generator[EncodedBatch, None, None]:
        """Encode distinct texts, longest first, in batches within the token budget.

        Args:
            kind: ``query`` or ``passage``.
            texts: The texts, without prefix, no two of them equal.

        Yields:
            Batches; together they hold every text once.

        Raises:
            ModelError: A vector is zero or holds NaN.
        """
        prefix = self.prefixes[kind]
        lengths = self.count_tokens(kind, texts)
        limit = self.max_lengths.get(kind, np.iinfo(np.int64).max)
        cut = lengths > limit
        for rows in _make_batches(np.minimum(lengths, limit)):
            batch = [texts[row] for row in rows]
            yield EncodedBatch(
                rows, make_unit(self._encode_batch(batch, prefix, kind), batch, self.name, kind), cut[rows]
            )

    def _encode_batch(self, texts: list[str], prefix: str, kind: Kind) -> NDArray[np.float32]:
        """Run the model on one batch; the task decides the length at which texts are cut."""
        device = self.model.device
        computing = torch.autocast(device.type, torch.bfloat16, enabled=self.bf16)
        with torch.inference_mode(), computing:
            features = self.model.preprocess(texts, prompt=prefix or None, task=_TASKS[kind])
            moved = {
                name: value.to(device) if isinstance(value, torch.Tensor) else value
                for name, value in features.items()
            }
            vectors: torch.Tensor = self.model(moved)["sentence_embedding"]
            array: NDArray[np.float32] = vectors.float().cpu().numpy()
        return array

    def count_tokens(self, kind: Kind, texts: Sequence[str]) -> NDArray[np.int64]:
        """Count each text's tokens; letters for models that have no Hugging Face tokenizer.

        Args:
            kind: ``query`` or ``passage``.
            texts: The texts, without prefix.

        Returns:
            int64 ``[n]``, prefix and special tokens included, whatever the model's longest text is.
        """
        prefix, tokenizer = self.prefixes[kind], self.model.tokenizer
        if not isinstance(tokenizer, PreTrainedTokenizerBase):
            return np.asarray([len(prefix) + len(text) for text in texts], dtype=np.int64)
        lengths: list[int] = []
        for start in range(0, len(texts), _COUNTED_AT_ONCE):
            chosen = [prefix + text for text in texts[start : start + _COUNTED_AT_ONCE]]
            tokens = tokenizer(chosen, return_attention_mask=False, verbose=False)
            lengths += map(len, tokens["input_ids"])
        return np.asarray(lengths, dtype=np.int64)


def load_encoder(
    model: str,
    *,
    query_prefix: str | None = None,
    passage_prefix: str | None = None,
    max_length: int | None = None,
    device: str | None = None,
    bf16: bool = False,
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
        bf16: Whether matrix products are computed in bfloat16.
        quiet: Whether to show no progress bar.

    Returns:
        The encoder.

    Raises:
        ConfigError: ``max_length`` leaves no room for text or is more than the model can take, there is
            no such device, or bfloat16 is asked of an exported model.
        ModelError: There is no such model, or it cannot be loaded.
    """
    check_model_name(model)
    check_device(device)
    try:
        with hide_loading_bars():
            loaded = open_model(model, device, SAFE_WEIGHTS)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        here = "" if Path(model).exists() else "; there is no such folder either"
        raise ModelError(f"{model}: cannot be loaded ({first_line(error)}){here}") from error
    if bf16 and isinstance(loaded[0], OnnxTransformer):
        raise ConfigError(f"{model} was exported, and is computed as it was exported; leave out --bf16")
    if max_length is not None:
        _set_length(loaded, model, max_length)
    return Encoder(
        loaded,
        model,
        source=model,
        query_prefix=query_prefix,
        passage_prefix=passage_prefix,
        bf16=bf16,
        quiet=quiet,
    )


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


def _find_lengths(model: SentenceTransformer) -> dict[Kind, int]:
    """Find how many tokens a query and a passage may have: a length for each kind, else the model's."""
    lengths: dict[Kind, int] = {}
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
