"""Small texts to pre-train on, and settings for them that take seconds."""

from __future__ import annotations

from pathlib import Path

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from isogloss.pretraining.settings import (
    EncoderShape,
    MaskingSettings,
    PretrainConfig,
    RankingSettings,
    TextSettings,
)

FRAMES = {
    "de": "Im Dorf {} wohnen {} Leute.",
    "el": "Στο χωριό {} ζουν {} άνθρωποι.",
    "en": "{1} people live in {0}.",
}


def write_villages(folder: Path, count: int = 60) -> Path:
    """Write lines aligned over three languages."""
    folder.mkdir(parents=True)
    for language, frame in FRAMES.items():
        lines = [frame.format(f"{number % 10}{number // 10}", 7 * number) for number in range(count)]
        (folder / f"{language}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def small_config(folder: Path, steps: int = 7) -> PretrainConfig:
    """Both phases of so many steps, with a checkpoint after every third."""
    return PretrainConfig(
        texts=(TextSettings(str(folder)),),
        encoder=EncoderShape(layers=1, hidden=32, heads=2, vocabulary=200, length=24),
        masking=MaskingSettings(steps=steps, batch=8, learning_rate=3e-3),
        ranking=RankingSettings(steps=steps, batch=8, learning_rate=3e-3),
        checkpoint_steps=3,
        seed=1,
    )


class Interrupted(Exception):
    """What stops a run in a test."""


class StopAfter(TrainerCallback):
    """Stop a run after so many steps of all its phases together."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        self.left -= 1
        if self.left == 0:
            raise Interrupted
