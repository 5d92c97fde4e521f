"""Extend a masked language model to new languages: further pieces, their rows, and what that changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from transformers import PreTrainedModel

from isogloss.columns import align_columns
from isogloss.errors import ConfigError
from isogloss.pretraining.extended_tokenizer import extend_tokenizer
from isogloss.pretraining.new_pieces import NewPiece, count_words, find_characters, learn_pieces
from isogloss.pretraining.new_rows import extend_rows
from isogloss.pretraining.settings import StartSettings
from isogloss.pretraining.text import AlignedText
from isogloss.trimming.words import group_by_word
from isogloss.vocabulary import (
    Inspection,
    ModelTokenizer,
    Text,
    TextCollection,
    TextPart,
    batch_texts,
    inspect_vocabulary,
)


@dataclass(frozen=True)
class VocabularyChange:
    """Say what further pieces do to the text of each language.

    Args:
        pieces: Number of pieces added.
        before: How the vocabulary fitted the languages.
        after: How it fits them now.
        changed: Share of each language's words that are cut otherwise, 0 to 1.
        moved: Share of each language's words that have a border where none was, 0 to 1.
    """

    pieces: int
    before: Inspection
    after: Inspection
    changed: Mapping[str, float]
    moved: Mapping[str, float]

    def to_dict(self) -> dict[str, object]:
        """Give everything as JSON has it.

        Returns:
            Number of pieces, and for each language the measures before and after.
        """
        return {
            "pieces": self.pieces,
            "languages": {
                language: {
                    "changed_words": self.changed[language],
                    "moved_words": self.moved[language],
                    **{
                        key: [getattr(found.languages[language], key) for found in (self.before, self.after)]
                        for key in ("unknown", "tokens_per_word", "tokens_per_character")
                    },
                }
                for language in self.changed
            },
        }


def describe_change(change: Mapping[str, Any]) -> str:
    """Write what further pieces do to the text of each language.

    Args:
        change: ``VocabularyChange.to_dict``, as it is stored.

    Returns:
        Lines of text: the number of pieces, and a row for each language.
    """
    names = ("tokens_per_word", "tokens_per_character", "unknown")
    rows = [["", "tokens/word", "tokens/char", "unknown", "words cut otherwise", "with new borders"]]
    for language, found in change["languages"].items():
        pairs = [
            " -> ".join("-" if value is None else f"{value:.3f}" for value in found[name]) for name in names
        ]
        shares = [f"{found[name]:.2%}" for name in ("changed_words", "moved_words")]
        rows.append([language, *pairs, *shares])
    lines = align_columns(rows, range(len(rows[0])))
    return "\n".join([f"pieces   {change['pieces']:,} new", "", *lines, ""])


def extend_model(
    model: PreTrainedModel,
    tokenizer: ModelTokenizer,
    texts: Sequence[AlignedText],
    settings: StartSettings,
) -> tuple[PreTrainedModel, ModelTokenizer, VocabularyChange]:
    """Add pieces to a model that are frequent in the text of new languages.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        texts: All text.
        settings: Number of pieces and their languages.

    Returns:
        Model and tokenizer with the further pieces, and what they change.

    Raises:
        ConfigError: There is no text in one of the languages, or nothing to add.
        ModelError: The tokenizer or the model cannot be extended.
    """
    pieces, extended = choose_pieces(tokenizer, texts, settings)
    sources = [piece.sources for piece in pieces]
    grown = extend_rows(model, tokenizer.size, sources)
    collection = _collect(texts)
    changed, moved = compare_words(tokenizer, extended, sources, collection)
    before, after = (
        inspect_vocabulary(settings.model, known, collection, quiet=True) for known in (tokenizer, extended)
    )
    return grown, extended, VocabularyChange(len(pieces), before, after, changed, moved)


def choose_pieces(
    tokenizer: ModelTokenizer, texts: Sequence[AlignedText], settings: StartSettings
) -> tuple[list[NewPiece], ModelTokenizer]:
    """Choose the pieces to add: characters that the tokenizer lacks, then frequent rows of pieces.

    Args:
        tokenizer: The tokenizer.
        texts: All text.
        settings: Number of pieces and their languages.

    Returns:
        The pieces, and a tokenizer that has them.

    Raises:
        ConfigError: There is no text in one of the languages, or nothing to add.
        ModelError: The tokenizer cannot be extended.
    """
    found = sorted({language for text in texts for language in text.languages})
    if absent := sorted(set(settings.languages) - set(found)):
        raise ConfigError(f"'start.languages': no text in {absent[0]}; the text is in {', '.join(found)}")
    languages = settings.languages or found
    columns = (text.lines.get(language, ()) for text in texts for language in languages)
    words = count_words(tokenizer, (line for column in columns for line in column if line))
    characters = find_characters(tokenizer, words, settings.add_vocabulary)
    spelling = extend_tokenizer(tokenizer, characters)
    # Pieces stand for ids of the tokenizer as it was, and for new characters.
    learnt = learn_pieces(spelling, words, settings.add_vocabulary - len(characters))
    if not characters and not learnt:
        raise ConfigError(
            "'start.add_vocabulary': the text has no frequent rows of pieces to add; set it to 0"
        )
    return [*characters, *learnt], extend_tokenizer(spelling, learnt)


def compare_words(
    before: ModelTokenizer,
    after: ModelTokenizer,
    sources: Sequence[Sequence[int]],
    texts: TextCollection,
) -> tuple[dict[str, float], dict[str, float]]:
    """Compare how two tokenizers cut the words of a text.

    Args:
        before: A tokenizer.
        after: The same with further pieces.
        sources: For each further piece, the ids that it stands for.
        texts: The text.

    Returns:
        For each language the share of words that are cut otherwise, and of those that are cut where they were
        not before; words with something unknown are not among the latter.
    """
    counts: dict[str, list[int]] = {}
    for batch in batch_texts(texts):
        lines = [text.text for text in batch]
        words, changed, moved = counts.setdefault(batch[0].language, [0, 0, 0])
        for old, new in zip(before.segment(lines), after.segment(lines), strict=True):
            own, other = group_by_word(old), group_by_word(new)
            differing = [word for word in own.keys() | other.keys() if own.get(word) != other.get(word)]
            words += len(own)
            changed += len(differing)
            moved += sum(
                before.unknown not in own.get(word, ())
                and _expand(other.get(word, ()), before.size, sources) != own.get(word)
                for word in differing
            )
        counts[batch[0].language] = [words, changed, moved]
    shares = [
        {language: found[place] / max(1, found[0]) for language, found in sorted(counts.items())}
        for place in (1, 2)
    ]
    return shares[0], shares[1]


def _expand(ids: Sequence[int], first: int, sources: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Write out the ids that further pieces stand for."""
    row: list[int] = []
    for number in ids:
        place = number - first
        own = sources[place] if 0 <= place < len(sources) else ()
        row += _expand(own, first, sources) if own else [number]
    return tuple(row)


def _collect(texts: Sequence[AlignedText]) -> TextCollection:
    parts = [
        TextPart(language, len(text.lines[language]), partial(_read, language, text.lines[language]))
        for text in texts
        for language in text.languages
    ]
    return TextCollection(tuple(parts), {})


def _read(language: str, lines: Sequence[str]) -> Iterator[Text]:
    return (Text(language, line) for line in lines)
