"""Make a parallel corpus of a corpus in one language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from isogloss.corpus import ParallelCorpus
from isogloss.errors import ConfigError
from isogloss.languages import normalize_language
from isogloss.translation.batches import Filling, translate_texts
from isogloss.translation.codes import is_same_language
from isogloss.translation.filters import Filters, find_faults, find_unlike
from isogloss.translation.folder import (
    check_folder,
    find_store,
    hold_store,
    write_corpus,
    write_provenance,
)
from isogloss.translation.passages import Piece, take_apart
from isogloss.translation.rows import Row, copy_row, make_row, write_rows
from isogloss.translation.store import TranslationStore
from isogloss.translation.summary import LanguageSummary, Summary, count_faults
from isogloss.translation.translator import Fault, Translator, Translators

TOKEN_BUDGET = 4096
"""Tokens of one batch, padding included."""


@dataclass(frozen=True)
class Job:
    """Say what is translated into what.

    Args:
        corpus: The corpus.
        source: Language to translate from, one of the corpus's.
        targets: Language codes to translate into.
        out: Folder to write.
        filters: Which translations are not used.
        budget: Tokens of a batch, padding included.
        limit: Translate the first so many items of the source language only; all when None.
        overwrite: Whether to translate anew what the folder holds translated.
        quiet: Whether to show no progress.
    """

    corpus: ParallelCorpus
    source: str
    targets: tuple[str, ...]
    out: Path
    filters: Filters = field(default_factory=Filters)
    budget: int = TOKEN_BUDGET
    limit: int | None = None
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        """Check languages and ranges."""
        if self.source not in self.corpus.languages:
            raise ConfigError(
                f"corpus {self.corpus.name!r} has no language {self.source!r}; it has "
                f"{', '.join(self.corpus.languages)}"
            )
        if not self.targets:
            raise ConfigError("name a language to translate into by --to")
        for number, target in enumerate(self.targets):
            if is_same_language(target, self.source):
                raise ConfigError(f"--to names {target}, the language to translate from")
            if any(is_same_language(target, other) for other in self.targets[:number]):
                raise ConfigError(f"--to names {target} twice")
        for name, number_of in (("--limit", self.limit), ("--batch-tokens", self.budget)):
            if number_of is not None and number_of < 1:
                raise ConfigError(f"{name} takes a whole number from 1; got {number_of}")


def translate_corpus(
    job: Job,
    translators: Translators,
    back_translators: Translators | None = None,
    *,
    provenance: Mapping[str, object] = MappingProxyType({}),
) -> Summary:
    """Translate a corpus, and write it with its translations as one parallel corpus.

    ``out`` then holds ``corpus/<language>.jsonl``, ``translations/<source>-<target>.jsonl`` and
    ``provenance.json``. Translations are kept as they are made; the corpus appears whole, at the end. Items
    that the corpus has in a language already are not translated into it.

    Args:
        job: What is translated into what.
        translators: Give the translator of a direction.
        back_translators: Give that of the opposite direction; ``translators`` when None. Asked only where
            the filters want a back-translation.
        provenance: What else is known of the models and the command, JSON-able.

    Returns:
        What was translated, and what was left out.

    Raises:
        ConfigError: The folder holds something else, another process is translating into it, or a model lacks
            a language.
        ResultsError: Kept translations are damaged or were made in another way.

    Source: ours.
    """
    check_folder(job.out)
    back_translators = back_translators or translators
    directions = _name_directions(job, translators, back_translators)
    with ExitStack() as held:
        for names in directions:
            held.enter_context(hold_store(job.out, *names))
        for names, identity in directions.items():
            TranslationStore(find_store(job.out, *names), identity, overwrite=job.overwrite)
        corpus = _narrow(job)
        rows, languages = _translate_all(job, corpus, translators, back_translators)
        files = {language: write_rows(corpus, language, found) for language, found in rows.items()}
        summary = Summary(job.source, write_corpus(job.out, files), tuple(languages))
        described = {
            "files": dict(corpus.files),
            "settings": {**asdict(job.filters), "limit": job.limit, "batch_tokens": job.budget},
            "directions": {"-".join(names): identity for names, identity in directions.items()},
        }
        write_provenance(job.out, {**provenance, **described, **summary.to_dict()})
    return summary


def _name_directions(
    job: Job, translators: Translators, back_translators: Translators
) -> dict[tuple[str, str], Mapping[str, str | int]]:
    """Open every model once, so that a mistake in the last language stops the first."""
    pairs = [(translators, job.source, target) for target in job.targets]
    if job.filters.min_similarity is not None:
        pairs += [(back_translators, target, job.source) for target in job.targets]
    directions = {}
    for open_translator, source, target in pairs:
        names = _name_language(job.corpus, source), _name_language(job.corpus, target)
        directions[names] = open_translator(source, target).identity
    return directions


def _name_language(corpus: ParallelCorpus, language: str) -> str:
    """Call a language as the corpus does, else by its usual code."""
    own = (code for code in corpus.languages if is_same_language(code, language))
    return next(own, None) or normalize_language(language)


def _narrow(job: Job) -> ParallelCorpus:
    """Keep the items that are there in the source language, the first so many of them."""
    present = job.corpus.present[:, job.corpus.languages.index(job.source)]
    return job.corpus.subset(np.flatnonzero(present)[: job.limit].astype(np.int64))


def _translate_all(
    job: Job, corpus: ParallelCorpus, translators: Translators, back_translators: Translators
) -> tuple[dict[str, list[Row]], list[LanguageSummary]]:
    """Take the rows that the corpus has, and make those that it lacks."""
    pieces = take_apart(corpus, job.source)
    rows = {
        language: [
            copy_row(corpus, item, language, piece.spans if language == job.source else None)
            for item, piece in enumerate(pieces)
            if corpus.renderings[language][item] is not None
        ]
        for language in corpus.languages
    }
    languages = []
    for target in job.targets:
        made, entry = _translate_into(job, corpus, pieces, target, translators, back_translators)
        rows[entry.language] = [*rows.get(entry.language, []), *made]
        languages.append(entry)
    return rows, languages


def _translate_into(
    job: Job,
    corpus: ParallelCorpus,
    pieces: Sequence[Piece],
    target: str,
    translators: Translators,
    back_translators: Translators,
) -> tuple[list[Row], LanguageSummary]:
    """Translate what is missing in one language."""
    language = _name_language(corpus, target)
    present = corpus.renderings.get(language, [None] * len(pieces))
    items = {item: piece for item, piece in enumerate(pieces) if present[item] is None}
    texts = {text for piece in items.values() for text in (piece.question, *piece.sentences)}
    filling = _fill(job, texts, translators(job.source, target), job.source, language)
    faults = find_faults(filling.translations, language, job.filters)
    if job.filters.min_similarity is not None:
        sound = sorted(texts - faults.keys())
        again = {filling.translations[text].text for text in sound}
        back = _fill(job, again, back_translators(target, job.source), language, job.source)
        unlike = find_unlike(sound, filling.translations, back.translations, job.filters.min_similarity)
        faults |= dict.fromkeys(unlike, Fault.BACK_TRANSLATION)
    usable = {text: made.text for text, made in filling.translations.items() if text not in faults}
    dropped = {item: fault for item, piece in items.items() if (fault := _find_reason(piece, faults))}
    kept = {item: piece for item, piece in items.items() if item not in dropped}
    entry = LanguageSummary(
        language=language,
        items=len(pieces),
        present=len(pieces) - len(items),
        kept=len(kept),
        shortened=sum(not faults.keys().isdisjoint(piece.sentences) for piece in kept.values()),
        dropped=count_faults(list(dropped.values())),
        texts=len(texts),
        faults=count_faults(list(faults.values())),
        made=filling.made,
        seconds=round(filling.seconds, 3),
    )
    return [make_row(item, language, piece, usable) for item, piece in kept.items()], entry


def _fill(job: Job, texts: set[str], translator: Translator, source: str, target: str) -> Filling:
    """Have texts of one direction translated."""
    return translate_texts(
        texts,
        translator,
        TranslationStore(find_store(job.out, source, target), translator.identity, overwrite=job.overwrite),
        budget=job.budget,
        title=f"translating {source} to {target}, tokens",
        quiet=job.quiet,
    )


def _find_reason(piece: Piece, faults: Mapping[str, Fault]) -> Fault | None:
    """Tell why an item cannot be used: the fault of its question, else of the answer's sentence."""
    return next((faults[text] for text in piece.deciding() if text in faults), None)
