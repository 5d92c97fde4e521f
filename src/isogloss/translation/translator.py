"""What translates texts from one language into one other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol


class Fault(StrEnum):
    """Say why a translation is not used."""

    TOO_LONG = "too long"
    """The text is longer than the model takes; it is not translated at all, rather than cut."""
    UNFINISHED = "unfinished"
    """The model had not ended its translation after the most tokens that it may write."""
    EMPTY = "empty"
    COPIED = "copied"
    REPEATING = "repeating"
    WRONG_SCRIPT = "wrong script"
    LENGTH = "length"
    BACK_TRANSLATION = "back-translation"


class Translation(NamedTuple):
    """Hold what a model made of one text.

    Attributes:
        text: The translation, without white space at its ends; empty where there is none.
        fault: Why it is of no use, where the model itself tells; None otherwise.
    """

    text: str
    fault: Fault | None = None


class Translator(Protocol):
    """Translate from one language into one other, always with the same result.

    Attributes:
        identity: What decides the translations, by name.
        limit: Most tokens that a text may have.
    """

    @property
    def identity(self) -> Mapping[str, str | int]:
        """Name what decides the translations."""

    @property
    def limit(self) -> int:
        """Tell how many tokens a text may have."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens that the model reads for each text.

        Args:
            texts: Any texts.

        Returns:
            1 or more for each.
        """

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        """Translate texts as one batch.

        Args:
            texts: Texts within the limit.

        Returns:
            One translation per text.
        """


class Translators(Protocol):
    """Give the translator of a direction."""

    def __call__(self, source: str, target: str) -> Translator:
        """Open the translator of a direction.

        Args:
            source: Language code of the texts.
            target: Language code of the translations.

        Returns:
            The translator.
        """
