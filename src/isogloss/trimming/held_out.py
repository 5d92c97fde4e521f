"""What a trimmed vocabulary does to text that it was not made for."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isogloss.encoding import Encoder
from isogloss.progress import show_progress
from isogloss.trimming.survey import GivenText
from isogloss.trimming.words import group_by_word
from isogloss.vocabulary import ModelTokenizer, batch_texts

MOST_ENCODED = 1000
"""Texts of each language whose embeddings are compared; those with the lowest hashes."""


@dataclass(frozen=True)
class Drift:
    """Say how far embeddings have moved: one minus the cosine of before and after, 0 to 2.

    Args:
        texts: Number of texts whose embeddings were compared.
        mean: Mean over these texts, those among them that have not moved included.
        p99: 99th percentile.
        most: The largest.
    """

    texts: int
    mean: float
    p99: float
    most: float


@dataclass(frozen=True)
class HeldOutChange:
    """Say how held-out text of one language fares under a vocabulary that was cut without it.

    Args:
        texts: Number of held-out texts.
        changed_texts: Number of those that are segmented differently.
        words: Number of words, as the tokenizer itself splits text.
        changed_words: Number of those that are segmented differently.
        tokens: Number of tokens before and after.
        unknown: Number of unknown tokens before and after.
        drift: How far embeddings have moved.
    """

    texts: int
    changed_texts: int
    words: int
    changed_words: int
    tokens: tuple[int, int]
    unknown: tuple[int, int]
    drift: Drift


@dataclass
class HeldOutCounts:
    """Count what changes in the held-out texts of one language, and keep a sample of them.

    Args:
        texts: Number of texts.
        changed_texts: Number of those that are segmented differently.
        words: Number of words.
        changed_words: Number of those that are segmented differently.
        tokens: Number of tokens before and after.
        unknown: Number of unknown tokens before and after.
        sample: Negative hash, text, and whether its segmentation changes; a heap of the lowest hashes.
    """

    texts: int = 0
    changed_texts: int = 0
    words: int = 0
    changed_words: int = 0
    tokens: list[int] = field(default_factory=lambda: [0, 0])
    unknown: list[int] = field(default_factory=lambda: [0, 0])
    sample: list[tuple[int, str, bool]] = field(default_factory=list, repr=False)

    def keep(self, text: str, *, changed: bool) -> None:
        """Take a text into the sample if its hash is low enough.

        Args:
            text: The text.
            changed: Whether its segmentation changes.
        """
        digest = hashlib.blake2b(text.encode(), digest_size=8, person=b"sample").digest()
        entry = (-int.from_bytes(digest, "big"), text, changed)
        if len(self.sample) < MOST_ENCODED:
            heapq.heappush(self.sample, entry)
        else:
            heapq.heappushpop(self.sample, entry)


def compare_segmentation(
    whole: ModelTokenizer, trimmed: ModelTokenizer, kept: NDArray[np.int64], given: GivenText
) -> dict[str, HeldOutCounts]:
    """Segment the held-out texts with both tokenizers.

    Args:
        whole: The whole tokenizer.
        trimmed: The trimmed one.
        kept: The former id of each id of the trimmed one. Shape: (ids,), int64.
        given: All text.

    Returns:
        For each language with held-out text, what has changed.
    """
    found: dict[str, HeldOutCounts] = {}
    former: list[int] = kept.tolist()
    with show_progress("segmenting held-out text", given.texts.count, quiet=given.quiet) as advance:
        for batch in batch_texts(given.texts):
            _, held_out = given.part(batch)
            if held_out:
                counts = found.setdefault(batch[0].language, HeldOutCounts())
                _compare(whole, trimmed, former, held_out, counts)
            advance(len(batch))
    return dict(sorted(found.items()))


def measure_change(comparison: HeldOutCounts, whole: Encoder, trimmed: Encoder) -> HeldOutChange:
    """Measure how far the embeddings of a language's sample have moved.

    Texts that are segmented as before have not moved, since the rows of their pieces are the same.

    Args:
        comparison: What has changed in the language's texts.
        whole: The whole model.
        trimmed: The trimmed one.

    Returns:
        All measures of the language.
    """
    changed = [text for _, text, has_changed in sorted(comparison.sample) if has_changed]
    drift = np.zeros(len(comparison.sample))
    if changed:
        before, after = (encoder.encode_passages(changed) for encoder in (whole, trimmed))
        cosines = np.einsum("ij,ij->i", before.astype(np.float64), after.astype(np.float64))
        drift[: len(changed)] = np.maximum(0.0, 1.0 - cosines)
    return HeldOutChange(
        texts=comparison.texts,
        changed_texts=comparison.changed_texts,
        words=comparison.words,
        changed_words=comparison.changed_words,
        tokens=(comparison.tokens[0], comparison.tokens[1]),
        unknown=(comparison.unknown[0], comparison.unknown[1]),
        drift=Drift(
            texts=len(drift),
            mean=float(drift.mean()),
            p99=float(np.quantile(drift, 0.99)),
            most=float(drift.max()),
        ),
    )


def _compare(
    whole: ModelTokenizer,
    trimmed: ModelTokenizer,
    former: Sequence[int],
    texts: Sequence[str],
    counts: HeldOutCounts,
) -> None:
    pairs = zip(texts, whole.segment(texts), trimmed.segment(texts), strict=True)
    for text, one, other in pairs:
        before = group_by_word(one)
        after = {word: tuple(former[number] for number in ids) for word, ids in group_by_word(other).items()}
        words = before.keys() | after.keys()
        changed = sum(before.get(word) != after.get(word) for word in words)
        counts.texts += 1
        counts.words += len(words)
        counts.changed_texts += changed > 0
        counts.changed_words += changed
        for place, ids in enumerate((one.ids, [former[number] for number in other.ids])):
            counts.tokens[place] += len(ids)
            counts.unknown[place] += 0 if whole.unknown is None else ids.count(whole.unknown)
        counts.keep(text, changed=changed > 0)
