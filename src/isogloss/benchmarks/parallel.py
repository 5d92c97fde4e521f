"""Make a benchmark of any parallel corpus, in the manner of LAReQA.

Source: LAReQA (arXiv 2004.05484), section 3.1; sentences are split by ``corpus.sentences`` (ours).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from isogloss.benchmarks.assembly import PassageRow, QueryRow, assemble_benchmark
from isogloss.benchmarks.model import Benchmark
from isogloss.corpus.formats import read_corpus
from isogloss.corpus.model import ParallelCorpus, Rendering
from isogloss.corpus.sentences import find_sentence, split_sentences, strip_spans
from isogloss.corpus.stored.model import StoredCorpus
from isogloss.errors import DataError
from isogloss.types import PassageUnit

Span = tuple[int, int]


class _Asked(NamedTuple):
    """Name the candidate that answers one item in one language."""

    item: int
    language: str
    passage: str


def read_parallel(
    path: str | Path,
    languages: Sequence[str] = (),
    name: str | None = None,
    *,
    format: str = "auto",  # noqa: A002 - the word of read_corpus
) -> Benchmark:
    """Read a parallel corpus as a benchmark.

    Each sentence of each distinct passage is a candidate, and the sentence that holds the answer is relevant
    to its question in every language. Passages are split here, whatever ``sentence_breaks`` a SQuAD file has
    (``read_lareqa`` goes by those). A question whose answer has no known place in a language is left out
    there, with a note. In a corpus without any answer place, whole passages are the candidates.

    Args:
        path: What ``corpus.read_corpus`` reads: JSON lines, SQuAD JSON, a Hugging Face dataset.
        languages: Read only these, in this order; empty for all, by name.
        name: What to call the benchmark; the corpus's name when None.
        format: ``squad``, ``jsonl`` or ``hub``; ``auto`` tells by what is there.

    Returns:
        The benchmark. Passage ids are ``<language>:<passage>.<sentence>``, numbered from 0.

    Raises:
        DataError: The corpus is broken, lacks a language, or no question is left in a language.
        ConfigError: The format is unknown.
    """
    corpus = read_corpus(path, format=format, languages=list(languages) or None, name=name)
    if isinstance(corpus, StoredCorpus):
        corpus = corpus.load()
    chosen = tuple(dict.fromkeys(languages)) or corpus.languages
    if spaced := [item for item in corpus.item_ids if any(letter.isspace() for letter in item)]:
        raise DataError(f"the question id {spaced[0]!r} holds white space; an id must not", path)
    whole = all(row.answer_start < 0 for language in chosen for _, row in _list_rows(corpus, language))
    passages: list[PassageRow] = []
    asked: list[_Asked] = []
    notes: list[str] = []
    for language in chosen:
        rows = list(_list_rows(corpus, language))
        told = [(item, row) for item, row in rows if whole or row.answer_start >= 0]
        if not told:
            raise DataError(f"no question in {language!r} says where its answer is", path)
        if len(told) < len(rows):
            notes.append(f"{language}: {len(rows) - len(told)} question(s) left out, answer place unknown")
        candidates = _Candidates(language, whole)
        for item, row in rows:
            candidates.add(int(corpus.passages[item]), row)
        passages += candidates.rows
        asked += [
            _Asked(item, language, candidates.find(int(corpus.passages[item]), row)) for item, row in told
        ]
    units = (PassageUnit.PARAGRAPH,) if whole else tuple(PassageUnit)
    queries = _ask(corpus, asked)
    # Hashes go by the name of the file, wherever it is; datasets of the hub keep theirs.
    files = {key if key.startswith("hf:") else Path(key).name: sha256 for key, sha256 in corpus.files.items()}
    return assemble_benchmark(corpus.name, chosen, queries, passages, files, notes=notes, units=units)


class _Candidates:
    """Collect the candidates of one language."""

    def __init__(self, language: str, whole: bool) -> None:
        self.rows: list[PassageRow] = []
        self._language = language
        self._whole = whole
        self._names: dict[tuple[int, str], str] = {}
        self._spans: dict[tuple[int, str], list[Span]] = {}

    def add(self, passage: int, row: Rendering) -> None:
        """Add the sentences of a passage, unless they are there."""
        key = passage, row.passage
        if key in self._names:
            return
        # A passage that reads differently for two questions gives candidates of either text.
        name = f"{self._language}:{passage}"
        other = sum(1 for number, _ in self._names if number == passage)
        self._names[key] = f"{name}-{other}" if other else name
        whole = row.passage.strip()
        found = [] if self._whole else strip_spans(row.passage, split_sentences(self._language, row.passage))
        self._spans[key] = found
        texts = [row.passage[start:end] for start, end in found] or [whole]
        self.rows += [
            PassageRow(f"{self._names[key]}.{number}", self._language, text, whole)
            for number, text in enumerate(texts)
        ]

    def find(self, passage: int, row: Rendering) -> str:
        """Name the candidate that holds the answer."""
        key = passage, row.passage
        spans = self._spans[key]
        number = spans.index(find_sentence(row.passage, spans, row.answer_start)) if spans else 0
        return f"{self._names[key]}.{number}"


def _list_rows(corpus: ParallelCorpus, language: str) -> Iterator[tuple[int, Rendering]]:
    """List the items that a language has."""
    return ((item, row) for item, row in enumerate(corpus.renderings[language]) if row is not None)


def _ask(corpus: ParallelCorpus, asked: Sequence[_Asked]) -> Iterator[QueryRow]:
    """Write the queries: the answer in any language is relevant to the question in every one."""
    answers: dict[int, dict[str, int]] = {}
    for row in asked:
        answers.setdefault(row.item, {})[row.passage] = 1
    for row in asked:
        question = corpus.rendering(row.item, row.language).question.strip()
        article = corpus.article_names[int(corpus.articles[row.item])]
        yield QueryRow(corpus.item_ids[row.item], row.language, question, article, answers[row.item])
