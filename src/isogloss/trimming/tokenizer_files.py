"""A tokenizer with fewer pieces: its definition, and every id in the files beside it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from isogloss.vocabulary import ModelTokenizer
from isogloss.vocabulary.tokenizer import Definition


def trim_definition(tokenizer: ModelTokenizer, kept: NDArray[np.int64]) -> Definition:
    """Write a tokenizer's definition with the kept pieces alone, numbered anew in their order.

    Scores, and the order of merges, are as they were; merges stay whose parts and result stay.

    Args:
        tokenizer: The whole tokenizer.
        kept: The ids to keep, ascending. Shape: (kept,), int64.

    Returns:
        The definition, as ``tokenizer.json`` has it.
    """
    number_of = {int(old): new for new, old in enumerate(kept)}
    definition = dict(tokenizer.definition)
    definition["model"] = _trim_model(tokenizer.model, number_of)
    definition["added_tokens"] = [
        {**token, "id": number_of[token["id"]]} for token in _objects(definition.get("added_tokens"))
    ]
    definition["post_processor"] = _renumber_processor(definition.get("post_processor"), number_of)
    if isinstance(padding := definition.get("padding"), dict):
        definition["padding"] = {**padding, "pad_id": number_of.get(padding["pad_id"], padding["pad_id"])}
    return definition


def renumber(content: Mapping[str, object], rows: int, number_of: Mapping[int, int]) -> dict[str, object]:
    """Give every token id in a configuration its new number.

    Args:
        content: A configuration of model, generation or tokenizer.
        rows: Number of ids before.
        number_of: New number of each kept id.

    Returns:
        A copy. Ids beyond the former table of embeddings, which mean nothing, are left as they are; those of
        dropped rows become null.
    """

    def change(number: object) -> object:
        if isinstance(number, list):
            return [change(entry) for entry in number]
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < rows:
            return number
        return number_of.get(number)

    changed = {key: change(value) if key.endswith("_token_id") else value for key, value in content.items()}
    if isinstance(added := content.get("added_tokens_decoder"), dict):
        changed["added_tokens_decoder"] = {
            str(number_of[int(number)]): token for number, token in added.items() if int(number) in number_of
        }
    return changed


def _trim_model(model: Definition, number_of: Mapping[int, int]) -> Definition:
    trimmed = dict(model)
    vocabulary = model["vocab"]
    if isinstance(vocabulary, list):  # Unigram: an id is a place in the list
        trimmed["vocab"] = [entry for number, entry in enumerate(vocabulary) if number in number_of]
        unknown = model.get("unk_id")
        trimmed["unk_id"] = number_of[unknown] if isinstance(unknown, int) else None
    elif isinstance(vocabulary, dict):
        trimmed["vocab"] = {
            piece: number_of[number] for piece, number in vocabulary.items() if number in number_of
        }
    if isinstance(merges := model.get("merges"), list):
        left = trimmed["vocab"]
        assert isinstance(left, dict)  # noqa: S101 - BPE has a dictionary
        trimmed["merges"] = [
            [first, second]
            for first, second in merges
            if first in left and second in left and first + second in left
        ]
    return trimmed


def _renumber_processor(processor: object, number_of: Mapping[int, int]) -> object:
    """Renumber the tokens put around a text."""
    if not isinstance(processor, dict):
        return processor
    changed = dict(processor)
    for key in ("cls", "sep"):  # of BERT and RoBERTa: [token, id]
        if isinstance(pair := processor.get(key), list):
            changed[key] = [pair[0], number_of[pair[1]]]
    if isinstance(special := processor.get("special_tokens"), dict):
        changed["special_tokens"] = {
            token: {**entry, "ids": [number_of[number] for number in entry["ids"]]}
            for token, entry in special.items()
        }
    if isinstance(parts := processor.get("processors"), list):
        changed["processors"] = [_renumber_processor(part, number_of) for part in parts]
    return changed


def _objects(value: object) -> list[dict[str, int]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
