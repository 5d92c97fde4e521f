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
    corpus = read_corpus(path, format=format, languages=list(languages) or None, name=name).load()
    chosen = tuple(dict.fromkeys(languages)) or corpus.languages
    if spaced := [item for item in corpus.item_ids if any(letter.isspace() for letter in item)]:
        raise DataError(f"the question id {spaced[0]!r} holds white space; an id must not", path)
    told = [tells_answers(corpus, language) for language in chosen]
    if any(told) and not all(told):
        raise DataError(f"no question in {chosen[told.index(False)]!r} says where its answer is", path)
    rows = collect_rows(corpus, chosen, whole=not any(told))
    units = tuple(PassageUnit) if any(told) else (PassageUnit.PARAGRAPH,)
    # Hashes go by the name of the file, wherever it is; datasets of the hub keep theirs.
    files = {key if key.startswith("hf:") else Path(key).name: sha256 for key, sha256 in corpus.files.items()}
    return assemble_benchmark(
        corpus.name, chosen, rows.queries, rows.passages, files, notes=rows.notes, units=units
    )


class ParallelRows(NamedTuple):
    """Hold the queries and passages that a parallel corpus makes.

    Args:
        queries: The questions, each relevant to its answer in every language.
        passages: The candidates.
        notes: What was left out, one line each.
    """

    queries: list[QueryRow]
    passages: list[PassageRow]
    notes: list[str]


def tells_answers(corpus: ParallelCorpus, language: str) -> bool:
    """Tell whether some question of a language says where its answer is.

    Args:
        corpus: The corpus.
        language: One of its languages.

    Returns:
        False where all places are unknown, so that whole passages must be the candidates.
    """
    return any(row.answer_start >= 0 for _, row in _list_rows(corpus, language))


def collect_rows(
    corpus: ParallelCorpus, languages: Sequence[str], *, whole: bool, prefix: str = ""
) -> ParallelRows:
    """Make queries and candidate passages of a parallel corpus.

    Args:
        corpus: The corpus.
        languages: Those of its languages to take, in this order.
        whole: Whether whole passages are the candidates, and not their sentences.
        prefix: Put before every id, so that rows of several corpora can be joined.

    Returns:
        The rows. Without ``whole``, a question whose answer has no known place in a language is not asked
        there.
    """
    rows = ParallelRows([], [], [])
    asked: list[_Asked] = []
    for language in languages:
        found = list(_list_rows(corpus, language))
        told = [(item, row) for item, row in found if whole or row.answer_start >= 0]
        if len(told) < len(found):
            left = len(found) - len(told)
            rows.notes.append(f"{language}: {left} question(s) left out, answer place unknown")
        candidates = _Candidates(f"{prefix}{language}", language, whole)
        for item, row in found:
            candidates.add(int(corpus.passages[item]), row)
        rows.passages.extend(candidates.rows)
        asked += [
            _Asked(item, language, candidates.find(int(corpus.passages[item]), row)) for item, row in told
        ]
    rows.queries.extend(_ask(corpus, asked, prefix))
    return rows


class _Candidates:
    """Collect the candidates of one language."""

    def __init__(self, start: str, language: str, whole: bool) -> None:
        self.rows: list[PassageRow] = []
        self._start = start
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
        name = f"{self._start}:{passage}"
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


def _ask(corpus: ParallelCorpus, asked: Sequence[_Asked], prefix: str) -> Iterator[QueryRow]:
    """Write the queries: the answer in any language is relevant to the question in every one."""
    answers: dict[int, dict[str, int]] = {}
    for row in asked:
        answers.setdefault(row.item, {})[row.passage] = 1
    for row in asked:
        question = corpus.rendering(row.item, row.language).question.strip()
        article = corpus.article_names[int(corpus.articles[row.item])]
        name = f"{prefix}{corpus.item_ids[row.item]}"
        yield QueryRow(name, row.language, question, article, answers[row.item])
