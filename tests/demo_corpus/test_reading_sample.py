"""The reading sample in the documentation is what the generator writes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from isogloss.demo_corpus.facts import EntityClass, World
from isogloss.demo_corpus.lexicon import Lexicon
from isogloss.demo_corpus.rendering import render_paragraph, render_question

DOCUMENT = Path(__file__).parents[2] / "docs" / "demo-corpus.md"
MARK = "## A reading sample\n"


def _reading_sample(world: World, lexicons: dict[str, Lexicon]) -> str:
    """Write the first question about a place and the first about a person, with their paragraphs."""
    lines = [MARK, "Two questions of the benchmark (seed 0) with their paragraphs; the answer is in bold.\n"]
    for kind in EntityClass:
        article = next(article for article in world.test if article.entity.kind == kind)
        lines.append(f"### `{article.facts[0].id}`\n")
        for language, lexicon in lexicons.items():
            paragraph = render_paragraph(lexicon, article)
            answer = paragraph.statements[0]
            start, end = answer.answer_start, answer.answer_end
            text = f"{paragraph.text[:start]}**{paragraph.text[start:end]}**{paragraph.text[end:]}"
            lines.append(f"- **{language}** {render_question(lexicon, article.facts[0])}<br>\n  {text}")
        lines.append("")
    return "\n".join(lines)


def test_the_reading_sample_is_up_to_date(world: World, lexicons: dict[str, Lexicon]) -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    head, _, _ = document.partition(MARK)
    expected = head + _reading_sample(world, lexicons)
    if os.environ.get("UPDATE_READING_SAMPLE"):
        DOCUMENT.write_text(expected, encoding="utf-8")
        pytest.skip("the reading sample was written anew")
    assert document == expected, "run once with UPDATE_READING_SAMPLE=1 and read the difference"
