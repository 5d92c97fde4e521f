"""Read all given text once, and note which pieces it uses."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import ModelError
from isogloss.progress import show_progress
from isogloss.trimming.words import BrokenWords
from isogloss.vocabulary import ModelTokenizer, Text, TextCollection, batch_texts
from isogloss.vocabulary.characters import count_scripts

_LEAST_SHARE = 0.01
"""Share of a language's letters from which on a script counts as one that the language is written in."""
_HASHES = 1 << 64


@dataclass(frozen=True)
class GivenText:
    """Hold the text whose segmentation must stay.

    Args:
        texts: The texts.
        prefixes: What is put before each of them; the empty prefix is one.
        share: Share of the texts to hold out for measures, 0 to below 1.
        quiet: Whether to show no progress.
    """

    texts: TextCollection
    prefixes: tuple[str, ...]
    share: float
    quiet: bool

    def prefixed(self, texts: Sequence[str]) -> list[str]:
        """Put each prefix before each text.

        Args:
            texts: The texts.

        Returns:
            All of these.
        """
        return [prefix + text for text in texts for prefix in self.prefixes]

    def part(self, batch: Sequence[Text]) -> tuple[list[str], list[str]]:
        """Part a batch.

        Args:
            batch: Some texts.

        Returns:
            The texts that stay, and those that are held out.
        """
        parts: tuple[list[str], list[str]] = ([], [])
        for text in batch:
            parts[is_held_out(text, self.share)].append(text.text)
        return parts


@dataclass
class Usage:
    """Hold what some texts use.

    Args:
        used: Whether each id is used. Shape: (ids,), bool.
        characters: For each language, how often each character occurs.
    """

    used: NDArray[np.bool_] = field(repr=False)
    characters: dict[str, Counter[str]] = field(default_factory=dict, repr=False)

    def ids(self) -> list[int]:
        """List the ids in use.

        Returns:
            Ids, ascending.
        """
        numbers: list[int] = np.flatnonzero(self.used).tolist()
        return numbers

    def scripts(self) -> set[str]:
        """List the scripts that some language is written in.

        Returns:
            Names of scripts that make up a hundredth of a language's letters at least.
        """
        found: set[str] = set()
        for characters in self.characters.values():
            counts = count_scripts(characters)
            least = _LEAST_SHARE * sum(counts.values())
            found.update(name for name, count in counts.items() if count >= least)
        return found

    def __or__(self, other: Usage) -> Usage:
        """Join what two sets of texts use.

        Args:
            other: The other set's usage.

        Returns:
            A new one.
        """
        languages = self.characters.keys() | other.characters.keys()
        joined = {
            language: self.characters.get(language, Counter()) + other.characters.get(language, Counter())
            for language in languages
        }
        return Usage(self.used | other.used, joined)


@dataclass(frozen=True)
class Survey:
    """Hold what the given text uses, and how it is segmented.

    Args:
        rest: What the texts use that are not held out.
        held_out: What those use that are.
        digests: Hash of the ids of each batch of texts, to compare other segmentations with.
        texts: Number of texts.
    """

    rest: Usage
    held_out: Usage
    digests: tuple[bytes, ...] = field(repr=False)
    texts: int


def is_held_out(text: Text, share: float) -> bool:
    """Tell whether a text is held out, by its hash or that of its group, so that a group is on one side.

    Args:
        text: The text.
        share: Share of the texts to hold out, 0 to 1.

    Returns:
        True for about that share of all texts.

    Source: ours.
    """
    digest = hashlib.blake2b((text.group or text.text).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * _HASHES


def survey(tokenizer: ModelTokenizer, given: GivenText) -> Survey:
    """Segment all texts, with each prefix, and note what is used.

    Args:
        tokenizer: The tokenizer.
        given: The text.

    Returns:
        What was found. Memory does not grow with the text.
    """
    rest, held_out = (Usage(np.zeros(tokenizer.size, dtype=np.bool_)) for _ in range(2))
    broken = BrokenWords(tokenizer) if tokenizer.algorithm == "WordPiece" else None
    rest.used[tokenizer.ids(given.prefixes)] = True  # as an empty text has them
    if broken is not None:
        rest.used[list(broken.find(given.prefixes))] = True
    digests = []
    count = 0
    with show_progress("looking for pieces in use", given.texts.count, quiet=given.quiet) as advance:
        for batch in batch_texts(given.texts):
            digest = hashlib.blake2b(digest_size=16)
            for usage, part in zip((rest, held_out), given.part(batch), strict=True):
                prefixed = given.prefixed(part)
                ids = tokenizer.ids(prefixed)
                digest.update(ids.tobytes())
                usage.used[ids] = True
                if broken is not None and np.any(ids == tokenizer.unknown):
                    usage.used[list(broken.find(prefixed))] = True
                characters = usage.characters.setdefault(batch[0].language, Counter())
                for text in part:
                    characters.update(text)
            digests.append(digest.digest())
            count += len(batch)
            advance(len(batch))
    return Survey(rest, held_out, tuple(digests), count)


def check_same_segmentation(
    tokenizer: ModelTokenizer, kept: NDArray[np.int64], given: GivenText, found: Survey
) -> None:
    """Check that a trimmed tokenizer segments all texts as the whole one did.

    Args:
        tokenizer: The trimmed tokenizer.
        kept: The former id of each of its ids. Shape: (ids,), int64.
        given: The text of the survey.
        found: The survey.

    Raises:
        ModelError: A text is segmented differently.
    """
    digests = []
    with show_progress("checking the trimmed tokenizer", given.texts.count, quiet=given.quiet) as advance:
        for batch in batch_texts(given.texts):
            digest = hashlib.blake2b(digest_size=16)
            for part in given.part(batch):
                prefixed = given.prefixed(part)
                digest.update(kept[tokenizer.ids(prefixed)].tobytes())
            digests.append(digest.digest())
            advance(len(batch))
    if tuple(digests) != found.digests:
        raise ModelError(
            f"{tokenizer.name}: the trimmed tokenizer segments the given text differently, so nothing is "
            "written; either the text has changed meanwhile, or its tokenizer is of a kind that cannot be "
            "trimmed"
        )
