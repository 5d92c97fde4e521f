"""Translate texts batch by batch, and keep what was translated."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from isogloss.progress import show_progress
from isogloss.translation.store import TranslationStore
from isogloss.translation.translator import Fault, Translation, Translator


class Filling(NamedTuple):
    """Tell what was done to have all texts of a direction translated.

    Attributes:
        translations: Text -> translation, of every text asked for.
        made: Texts translated now; the others were in the store.
        seconds: Time that took.
    """

    translations: dict[str, Translation]
    made: int
    seconds: float


def translate_texts(
    texts: Iterable[str],
    translator: Translator,
    store: TranslationStore,
    *,
    budget: int,
    title: str,
    quiet: bool,
) -> Filling:
    """Translate each distinct text once, unless the store has it.

    Texts are sorted by their number of tokens, the longest first, and cut into batches. The store keeps whole
    batches alone, so what an interrupted run goes on with are the very batches that it would have had.
    Texts beyond the translator's limit are not translated.

    Args:
        texts: The texts, without white space at their ends.
        translator: What translates them.
        store: Where translations are kept.
        budget: Tokens of a batch, padding included; a longer text is a batch of its own.
        title: What the progress bar says; its unit is tokens.
        quiet: Whether to show no progress.

    Returns:
        The translations.
    """
    wanted = sorted(set(texts))
    new = [text for text in wanted if text not in store]
    lengths = dict(zip(new, translator.count_tokens(new), strict=True))
    long = [text for text in new if lengths[text] > translator.limit]
    short = [text for text in new if lengths[text] <= translator.limit]
    start = time.monotonic()
    with show_progress(title, sum(lengths[text] for text in short), quiet=quiet) as advance:
        for batch in make_batches(short, [lengths[text] for text in short], budget):
            store.add(batch, translator.translate(batch))
            advance(sum(lengths[text] for text in batch))
    seconds = time.monotonic() - start
    unmade = dict.fromkeys(long, Translation("", Fault.TOO_LONG))
    translations = {text: unmade[text] if text in unmade else store[text] for text in wanted}
    return Filling(translations, len(short), seconds)


def make_batches(texts: Sequence[str], lengths: Sequence[int], budget: int) -> list[list[str]]:
    """Cut texts into batches of about equal numbers of tokens.

    Args:
        texts: The texts.
        lengths: Number of tokens of each.
        budget: Most tokens of a batch, each text counted as long as the longest of its batch.

    Returns:
        The batches, the longest texts first; a text beyond the budget stands alone.
    """
    batches: list[list[str]] = []
    longest = 0
    for text, length in sorted(zip(texts, lengths, strict=True), key=lambda pair: (-pair[1], pair[0])):
        if not batches or longest * (len(batches[-1]) + 1) > budget:
            batches.append([])
            longest = length
        batches[-1].append(text)
    return batches
