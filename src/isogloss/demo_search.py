"""A collection to search in minutes: a small model trained on the spot over the embedded facts."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from isogloss.config import (
    BatchesConfig,
    CorpusConfig,
    ModelConfig,
    TrainConfig,
    ValidationConfig,
)
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
from isogloss.retriever import Retriever
from isogloss.run_directory import RunDirectory
from isogloss.training.callbacks import StepCount
from isogloss.training.run import train
from isogloss.types import PassageUnit

MARKER = "serve-demo.txt"
"""A file that shows a folder to be this demonstration's, so that nothing else is ever removed."""
TRAINED, UNTRAINED = "trained", "untrained"
"""Names of the two indexes: of the model that was trained on questions, and of the one it started from."""

_WINDOWS = 6
"""Excerpts of each passage that stand for questions, beside its title and its question."""


@dataclass(frozen=True)
class SearchDemoSize:
    """Set how much the demonstration computes.

    Args:
        shape: Size of the encoder.
        masking_steps: Steps of masked language modelling.
        ranking_steps: Steps of translation ranking.
        training_steps: Steps of training on questions.
        batch_size: Rows of a training batch.
    """

    shape: EncoderShape = field(
        default_factory=lambda: EncoderShape(layers=2, hidden=128, heads=2, vocabulary=8000, length=96)
    )
    masking_steps: int = 30
    ranking_steps: int = 300
    training_steps: int = 400
    batch_size: int = 64


def prepare_search_demo(out: Path, size: SearchDemoSize | None = None) -> Path:
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
    size = size or SearchDemoSize()
    if not is_free(out):
        if not (out / MARKER).is_file():
            raise ConfigError(f"{out} is not an empty folder, nor an earlier demonstration; name another one")
        shutil.rmtree(out)
    write_text(out / MARKER, "Everything in this folder was made by isogloss serve --demo.\n")
    facts = read_collection()
    steps = size.masking_steps + size.ranking_steps + size.training_steps
    with show_progress("training the demonstration's model", steps) as advance:
        count = StepCount(advance)
        start = pretrain(pretraining_config(_write_bitext(out, facts), size), out / "start", callbacks=(count,))
        run = RunDirectory(out / "run")
        config = training_config(_write_questions(out / "questions.jsonl", facts), start, size)
        train(config, run.path, callbacks=(count,))
    for name, model in ((UNTRAINED, start), (TRAINED, run.model)):
        Retriever.build(str(model), list_passages(), out / name)
    return out


def pretraining_config(texts: Sequence[Path], size: SearchDemoSize) -> PretrainConfig:
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


def training_config(questions: Path, encoder: Path, size: SearchDemoSize) -> TrainConfig:
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


def _write_bitext(out: Path, facts: Mapping[str, Sequence[Fact]]) -> tuple[Path, Path]:
    """Write the invented corpus' bitext, and the facts without the questions held out, aligned by line."""
    folder = out / "facts"
    held_out = _held_out(facts)
    for language, told in facts.items():
        lines = [line for fact in told for line in (fact.title, fact.passage)]
        lines += [fact.question for fact in told if fact.id not in held_out]
        write_text(folder / f"{language}.txt", "".join(f"{line}\n" for line in lines))
    return write_demo_corpus(out / "data").bitext, folder


def _write_questions(path: Path, facts: Mapping[str, Sequence[Fact]]) -> Path:
    rows = (json.dumps(row, ensure_ascii=False) for row in _question_rows(facts))
    write_text(path, "".join(f"{row}\n" for row in rows))
    return path


def _question_rows(facts: Mapping[str, Sequence[Fact]]) -> Iterator[dict[str, str]]:
    """Pair each passage with its question where that is not held out, its title, and excerpts of it."""
    held_out = _held_out(facts)
    draw = random.Random("excerpts")  # noqa: S311, not for secrets
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
    """Draw a part of a text, as shares of its length; the same shares tell about the same in all languages."""
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
    return all((out / name / "index.json").is_file() for name in (UNTRAINED, TRAINED))
