"""The files of the demonstration: training corpus, benchmark and bitext."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NotRequired, TypedDict

from isogloss.demo_corpus.facts import Article, World, invent_world
from isogloss.demo_corpus.lexicon import LANGUAGES, Lexicon, load_lexicons
from isogloss.demo_corpus.rendering import (
    render_entity,
    render_filler,
    render_paragraph,
    render_question,
    render_statement,
)
from isogloss.files import write_text

UNSEEN = ("el", "sw")
"""Languages of the bitext and the benchmark that the training corpus leaves out."""
SEEN = tuple(language for language in LANGUAGES if language not in UNSEEN)

SMALL = ("id", "hi")
"""Seen languages in which every second training article is missing."""
MISSING_SHARE = 0.1
"""Share of the training questions that is missing in each language but English."""

_STATEMENT_LINES = 3
_QUESTION_LINES = 2


class DemoCorpus(NamedTuple):
    """Say where the files of the demonstration are.

    Attributes:
        train: Folder of SQuAD v1.1 JSON, one file per seen language.
        benchmark: Folder of LAReQA JSON, one file per language.
        bitext: Folder of plain text, one file per language, aligned by line.
        seen: Languages of the training corpus.
        unseen: Languages of the benchmark that are not in the training corpus.
    """

    train: Path
    benchmark: Path
    bitext: Path
    seen: tuple[str, ...]
    unseen: tuple[str, ...]


class _Answer(TypedDict):
    text: str
    answer_start: int


class _Question(TypedDict):
    id: str
    question: str
    answers: list[_Answer]


class _Paragraph(TypedDict):
    context: str
    qas: list[_Question]
    sentence_breaks: list[list[int]]
    sentences: NotRequired[list[str]]


class _Document(TypedDict):
    title: str
    paragraphs: list[_Paragraph]


def write_demo_corpus(folder: Path, seed: int = 0) -> DemoCorpus:
    """Write the demonstration corpus.

    Each file appears whole or not at all; files of an earlier call are replaced.

    Args:
        folder: Where ``train``, ``benchmark`` and ``bitext`` are made.
        seed: Fixes the invented facts; equal seeds give equal files, byte for byte.

    Returns:
        The folders and the languages.

    Source:
        Ours. The layouts are those of SQuAD v1.1 and of LAReQA (arXiv 2004.05484).
    """
    lexicons = load_lexicons()
    english = lexicons[LANGUAGES[0]]
    world = invent_world(english, seed)
    corpus = DemoCorpus(folder / "train", folder / "benchmark", folder / "bitext", SEEN, UNSEEN)
    titles = {
        article.entity.id: render_entity(english, article.entity).replace(" ", "_")
        for article in _told(world)
    }
    gaps = _choose_gaps(world.train, seed)
    asked = {fact.id for article in world.test for fact in article.facts}
    pool = (*world.test, *world.distractors)
    for language in SEEN:
        documents = _train_documents(lexicons[language], world.train, titles, gaps[language])
        _write_json(corpus.train / f"{language}.json", documents)
    order = _bitext_order(world, seed)
    for language, lexicon in lexicons.items():
        benchmark = [_document(lexicon, article, titles, asked, sentences=True) for article in pool]
        _write_json(corpus.benchmark / f"{language}.json", benchmark)
        lines = _bitext_lines(lexicon, world)
        write_text(corpus.bitext / f"{language}.txt", "".join(f"{lines[index]}\n" for index in order))
    return corpus


def _told(world: World) -> tuple[Article, ...]:
    return (*world.train, *world.test, *world.distractors)


def _choose_gaps(articles: Sequence[Article], seed: int) -> dict[str, set[str]]:
    """Choose the training questions that each language lacks; English lacks none."""
    draw = random.Random(f"gaps {seed}")  # noqa: S311, not for secrets
    gaps: dict[str, set[str]] = {language: set() for language in SEEN}
    for language in SEEN[1:]:
        absent = set(draw.sample(range(len(articles)), len(articles) // 2)) if language in SMALL else set()
        for index, article in enumerate(articles):
            gaps[language] |= {
                fact.id for fact in article.facts if index in absent or draw.random() < MISSING_SHARE
            }
    return gaps


def _train_documents(
    lexicon: Lexicon, articles: Sequence[Article], titles: dict[str, str], gap: set[str]
) -> list[_Document]:
    documents: list[_Document] = []
    for article in articles:
        asked = {fact.id for fact in article.facts} - gap
        if asked:
            documents.append(_document(lexicon, article, titles, asked, sentences=False))
    return documents


def _document(
    lexicon: Lexicon, article: Article, titles: dict[str, str], asked: set[str], *, sentences: bool
) -> _Document:
    paragraph = render_paragraph(lexicon, article)
    questions: list[_Question] = []
    for fact, statement, (start, _) in zip(
        article.facts, paragraph.statements, paragraph.breaks, strict=True
    ):
        if fact.id in asked:
            text = statement.text[statement.answer_start : statement.answer_end]
            answer = _Answer(text=text, answer_start=start + statement.answer_start)
            questions.append(_Question(id=fact.id, question=render_question(lexicon, fact), answers=[answer]))
    content = _Paragraph(
        context=paragraph.text, qas=questions, sentence_breaks=[list(pair) for pair in paragraph.breaks]
    )
    if sentences:
        content["sentences"] = [statement.text for statement in paragraph.statements]
    return _Document(title=titles[article.entity.id], paragraphs=[content])


def _bitext_lines(lexicon: Lexicon, world: World) -> list[str]:
    lines: list[str] = []
    for article in world.untold:
        lines += [render_statement(lexicon, fact).text for fact in article.facts[:_STATEMENT_LINES]]
        lines += [render_question(lexicon, fact) for fact in article.facts[-_QUESTION_LINES:]]
    lines += [render_filler(lexicon, filler) for filler in world.filler]
    return lines


def _bitext_order(world: World, seed: int) -> list[int]:
    order = list(range(len(world.untold) * (_STATEMENT_LINES + _QUESTION_LINES) + len(world.filler)))
    random.Random(f"bitext {seed}").shuffle(order)  # noqa: S311, not for secrets
    return order


def _write_json(path: Path, documents: list[_Document]) -> None:
    # One article a line: quick to write, and still a file that one can read and compare.
    lines = ",\n".join(json.dumps(document, ensure_ascii=False) for document in documents)
    write_text(path, f'{{"version": "1.1", "data": [\n{lines}\n]}}\n')
