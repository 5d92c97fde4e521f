"""A collection to search in minutes: a small model trained on the spot over the embedded facts."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from isogloss.config import (
    BatchesConfig,
    CorpusConfig,
    ModelConfig,
    TrainConfig,
    ValidationConfig,
)
from isogloss.demo import DemoSize
from isogloss.demo_collection import Fact, choose_held_out, list_passages, read_collection
from isogloss.demo_corpus import write_demo_corpus
from isogloss.errors import ConfigError
from isogloss.files import is_free, write_text
from isogloss.pretraining.run import pretrain
from isogloss.pretraining.settings import (
    EncoderShape,
    MaskingSettings,
    PretrainConfig,
    RankingSettings,
    TextSettings,
)
from isogloss.progress import show_progress
from isogloss.retriever import Hit, Retriever
from isogloss.run_directory import RunDirectory
from isogloss.training.callbacks import StepCount
from isogloss.training.run import train
from isogloss.types import PassageUnit

MARKER = "serve-demo.txt"
"""A file that shows a folder to be this demonstration's, so that nothing else is ever removed."""
TRAINED, UNTRAINED = "trained", "untrained"
"""Names of the two indexes: of the model that was trained on questions, and of the one it started from."""

REPORT = "held-out.txt"
"""File that says how well the model does; it is written last."""

_WINDOWS = 6
"""Excerpts of each passage that stand for questions, beside its title and its question."""
_FIRST = 3
_EXAMPLES = (
    ("en", "tereshkova"),
    ("sw", "baobab"),
    ("ar", "coffee"),
    ("hi", "heart"),
    ("zh", "machupicchu"),
    ("ru", "madagascar"),
    ("el", "mozart"),
    ("es", "pyramid"),
    ("de", "sahara"),
    ("id", "lightning"),
)
"""Language and fact of the questions that the page offers; all are held out."""


SIZE = DemoSize(
    shape=EncoderShape(layers=2, hidden=128, heads=2, vocabulary=8000, length=128),
    masking_steps=30,
    ranking_steps=300,
    training_steps=400,
    batch_size=64,
)
"""How much the demonstration computes: some minutes on two cores."""


class HeldOutQuality(NamedTuple):
    """Hold the shares of held-out questions whose fact is among the first three passages.

    Attributes:
        pool: Searching all languages at once; the fact counts in any of them.
        own: Searching the question's language.
        across: Searching each other language.
    """

    pool: float
    own: float
    across: float


def prepare_search_demo(out: Path, size: DemoSize = SIZE) -> Path:
    """Train the demonstration's model and index its collection, unless the folder has them already.

    Args:
        out: The demonstration's folder.
        size: How much to compute; some minutes on two cores when not given.

    Returns:
        The folder, which holds the indexes ``trained`` and ``untrained``.

    Raises:
        ConfigError: The folder holds something else.

    Source:
        Ours. Excerpts stand for questions as in Lee et al. 2019 (arXiv 1906.00300, inverse cloze task).
    """
    if is_complete(out):
        return out
    if not is_free(out):
        if not (out / MARKER).is_file():
            raise ConfigError(f"{out} is not an empty folder, nor an earlier demonstration; name another one")
        shutil.rmtree(out)
    begun = time.monotonic()
    write_text(out / MARKER, "Everything in this folder was made by isogloss serve --demo.\n")
    facts = read_collection()
    steps = size.masking_steps + size.ranking_steps + size.training_steps
    with show_progress("training the demonstration's model", steps) as advance:
        count = StepCount(advance)
        texts = (write_demo_corpus(out / "data").bitext, write_facts(out / "facts", facts))
        start = pretrain(pretraining_config(texts, size), out / "start", callbacks=(count,))
        run = RunDirectory(out / "run")
        config = training_config(write_questions(out / "questions.jsonl", facts), start, size)
        train(config, run.path, callbacks=(count,))
    for name, model in ((UNTRAINED, start), (TRAINED, run.model)):
        retriever = Retriever.build(str(model), list_passages(), out / name, lexical=True)
    minutes = (time.monotonic() - begun) / 60
    write_text(out / REPORT, _describe(measure_held_out(retriever, facts), minutes))
    return out


def measure_held_out(retriever: Retriever, facts: Mapping[str, Sequence[Fact]]) -> HeldOutQuality:
    """Measure how many of the questions that no training has seen find their fact among the first three.

    Args:
        retriever: The index of the collection.
        facts: The collection.

    Returns:
        Shares of the questions.
    """
    held_out = _held_out(facts)
    pool: list[bool] = []
    own: list[bool] = []
    across: list[bool] = []
    for language, told in facts.items():
        asked = [fact for fact in told if fact.id in held_out]
        questions = [fact.question for fact in asked]
        pool += _find_facts(asked, retriever.search(questions, _FIRST))
        for other in facts:
            found = _find_facts(asked, retriever.search(questions, _FIRST, [other]))
            (own if other == language else across).extend(found)
    return HeldOutQuality(*(sum(found) / len(found) for found in (pool, own, across)))


def describe_search_demo(out: Path) -> str:
    """Say what the demonstration is and how well its model does.

    Args:
        out: The demonstration's folder, complete.

    Returns:
        Lines of text.
    """
    return (out / REPORT).read_text(encoding="utf-8")


def list_examples() -> list[str]:
    """List questions to try: held out of the training, one in each language.

    Returns:
        The questions.
    """
    facts = read_collection()
    return [_find(facts[language], name).question for language, name in _EXAMPLES]


def pretraining_config(texts: Sequence[Path], size: DemoSize) -> PretrainConfig:
    """Set the pre-training: the invented bitext and the facts, all languages.

    Args:
        texts: Folders of text aligned by line.
        size: How much to compute.

    Returns:
        The settings.
    """
    return PretrainConfig(
        texts=tuple(TextSettings(str(text)) for text in texts),
        encoder=size.shape,
        masking=MaskingSettings(steps=size.masking_steps, batch=32, learning_rate=2e-3),
        ranking=RankingSettings(steps=size.ranking_steps, batch=64, learning_rate=1e-3),
    )


def training_config(questions: Path, encoder: Path, size: DemoSize) -> TrainConfig:
    """Set the training on questions: hybrid batches, whole passages.

    Args:
        questions: The training rows.
        encoder: The pre-trained encoder.
        size: How much to compute.

    Returns:
        The settings.
    """
    length = size.shape.length
    return TrainConfig(
        model=ModelConfig(str(encoder), query_length=length, passage_length=length),
        corpora=(CorpusConfig(str(questions), license="Apache-2.0"),),
        batches=BatchesConfig(strategy="hybrid", size=size.batch_size),
        validation=ValidationConfig(share=0.0),
        unit=PassageUnit.PARAGRAPH,
        license="Apache-2.0",
        trainer={
            "max_steps": size.training_steps,
            "learning_rate": 1e-3,
            "warmup_steps": size.training_steps // 10,
            "save_strategy": "no",
        },
    )


def write_facts(folder: Path, facts: Mapping[str, Sequence[Fact]]) -> Path:
    """Write the facts without the questions held out, aligned by line.

    Args:
        folder: Where ``<language>.txt`` are made.
        facts: The collection.

    Returns:
        The folder.
    """
    held_out = _held_out(facts)
    for language, told in facts.items():
        lines = [line for fact in told for line in (fact.title, fact.passage)]
        lines += [fact.question for fact in told if fact.id not in held_out]
        write_text(folder / f"{language}.txt", "".join(f"{line}\n" for line in lines))
    return folder


def write_questions(path: Path, facts: Mapping[str, Sequence[Fact]]) -> Path:
    """Write the training rows: each passage with what stands for a question to it, none of them held out.

    Args:
        path: The JSONL file to write.
        facts: The collection.

    Returns:
        The file.
    """
    rows = (json.dumps(row, ensure_ascii=False) for row in _question_rows(facts))
    write_text(path, "".join(f"{row}\n" for row in rows))
    return path


def _question_rows(facts: Mapping[str, Sequence[Fact]]) -> Iterator[dict[str, str]]:
    """Pair each passage with its question where that is not held out, its title, and excerpts of it."""
    held_out = _held_out(facts)
    draw = random.Random("excerpts")  # noqa: S311
    windows = {fact.id: [_draw_window(draw) for _ in range(_WINDOWS)] for fact in next(iter(facts.values()))}
    for language, told in facts.items():
        for fact in told:
            asked = {"title": fact.title}
            if fact.id not in held_out:
                asked["question"] = fact.question
            for number, (start, end) in enumerate(windows[fact.id]):
                asked[f"excerpt{number}"] = _cut(fact.passage, start, end)
            for kind, question in asked.items():
                yield {
                    "id": f"{fact.id}.{kind}",
                    "language": language,
                    "question": question,
                    "passage": f"{fact.title}\n\n{fact.passage}",
                    "passage_id": fact.id,
                    "article": fact.id,
                }


def _held_out(facts: Mapping[str, Sequence[Fact]]) -> frozenset[str]:
    return frozenset(choose_held_out([fact.id for fact in next(iter(facts.values()))]))


def _draw_window(draw: random.Random) -> tuple[float, float]:
    """Draw a part of a text, as shares of its length: about the same is told there in all languages."""
    length = draw.uniform(0.15, 0.4)
    start = draw.uniform(0, 1 - length)
    return start, start + length


def _cut(text: str, start: float, end: float) -> str:
    """Cut a part out of a text, at white space where the language writes any."""
    first, last = round(start * len(text)), round(end * len(text))
    if " " in text:
        first = text.rfind(" ", 0, first + 1) + 1
        last = text.find(" ", last) if " " in text[last:] else len(text)
    return text[first:last].strip()


def is_complete(out: Path) -> bool:
    """Tell whether a folder holds the whole demonstration.

    Args:
        out: The folder.

    Returns:
        True when there is nothing left to train or index.
    """
    return (out / REPORT).is_file()


def _find(told: Sequence[Fact], name: str) -> Fact:
    return next(fact for fact in told if fact.id == name)


def _find_facts(asked: Sequence[Fact], answers: Sequence[Sequence[Hit]]) -> list[bool]:
    """Tell of each question whether a passage of its fact was found."""
    return [
        any(hit.id.split(".")[0] == fact.id for hit in hits)
        for fact, hits in zip(asked, answers, strict=True)
    ]


def _describe(quality: HeldOutQuality, minutes: float) -> str:
    return f"""\
A demonstration: a tiny model, trained here in {minutes:.1f} minutes on the hundred facts that it searches.
Of the 20 questions a language that were held out of its training, {quality.own:.0%} find their fact
among the first three passages in their own language, {quality.across:.0%} in another one,
{quality.pool:.0%} when all ten languages are searched at once.
"""
