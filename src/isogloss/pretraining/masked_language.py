"""The first phase: train an encoder to fill in masked tokens, and go on with it after an interruption."""

# ruff: noqa: ARG002 - the trainer calls every callback with the same arguments

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import (
    DataCollatorForLanguageModeling,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from isogloss.pretraining.masking import LanguageDraw, LineDraw, MaskingRows
from isogloss.pretraining.phases import count_warmup, log_every, save_arguments
from isogloss.pretraining.settings import PretrainConfig
from isogloss.pretraining.sparse_head import MaskedTrainer
from isogloss.pretraining.start import limit_length
from isogloss.pretraining.text import AlignedText
from isogloss.pretraining.unfinished import LogEntry
from isogloss.training.checkpoints import checkpoint_folder, find_checkpoint, remove_torn

PHASE = "masking"
MASKS_FILE = "masks.safetensors"
"""State of the generator of masks, beside a checkpoint's model."""
_DESCRIPTION = "config.json"
_MASKED_SHARE = 0.15
_BATCHES_AHEAD = 4
"""More than a loader collates before they are trained on."""


class Masks:
    """Mask tokens of a batch at random, batch after batch, from any batch on.

    Args:
        tokenizer: The tokenizer.
        seed: Seed of the masks.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, seed: int) -> None:
        self._collate = DataCollatorForLanguageModeling(tokenizer, mlm_probability=_MASKED_SHARE, seed=seed)
        self._generator = torch.Generator().manual_seed(seed)
        self._collate.generator = self._generator
        self._batch = 0
        self._states: deque[tuple[int, Tensor]] = deque(maxlen=_BATCHES_AHEAD)

    def __call__(self, rows: Sequence[dict[str, list[int]]]) -> dict[str, Tensor]:
        """Put rows together and mask tokens of them.

        Args:
            rows: Token ids, attention masks and masks of special tokens.

        Returns:
            Each padded to the longest row, int64 [rows, tokens], and ``labels``.
        """
        self._states.append((self._batch, self._generator.get_state()))
        self._batch += 1
        batch: dict[str, Tensor] = self._collate(rows)
        return batch

    def state_before(self, batch: int) -> Tensor:
        """Give the generator's state before a batch that has just been made, or the next one.

        Args:
            batch: Number of the batch, from 0.

        Returns:
            uint8 [bytes].
        """
        known: dict[int, Tensor] = dict(self._states)
        state: Tensor = known.get(batch, self._generator.get_state())
        return state

    def go_on(self, batch: int, state: Tensor) -> None:
        """Go on from a batch.

        Args:
            batch: Number of the next batch, from 0.
            state: The generator's state before it.
        """
        self._generator.set_state(state)
        self._batch = batch
        self._states.clear()


class MaskState(TrainerCallback):
    """Keep the state of the masks in the checkpoints.

    Args:
        masks: The masks in training.
    """

    def __init__(self, masks: Masks) -> None:
        self.masks = masks

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Write the state beside the checkpoint's model."""
        folder = checkpoint_folder(Path(args.output_dir or "."), state.global_step)
        save_file({"generator": self.masks.state_before(state.global_step)}, folder / MASKS_FILE)


def model_masked_language(
    encoder: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[AlignedText],
    config: PretrainConfig,
    checkpoints: Path,
    callbacks: tuple[TrainerCallback, ...] = (),
) -> list[LogEntry]:
    """Train an encoder to fill in masked tokens, in place; from its last whole checkpoint if it has one.

    Args:
        encoder: The encoder with its language-modelling head.
        tokenizer: Its tokenizer.
        texts: The text.
        config: Steps, batch, learning rate and seed.
        checkpoints: Folder of the checkpoints.
        callbacks: Further callbacks of the trainer.

    Returns:
        The trainer's log.
    """
    settings = config.masking
    if not settings.steps:
        return []
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.batch,
        learning_rate=settings.learning_rate,
        seed=config.seed,
        warmup_steps=count_warmup(settings.steps),
        logging_steps=log_every(settings.steps),
        train_sampling_strategy="group_by_length" if settings.group_lengths else "random",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available(),
        **save_arguments(settings.steps, config.checkpoint_steps),
    )
    masks = Masks(tokenizer, config.seed)
    length = limit_length(encoder, tokenizer, config.encoder.length)
    checkpoint = find_checkpoint(checkpoints, (MASKS_FILE,), _DESCRIPTION)
    remove_torn(checkpoints, (MASKS_FILE,), _DESCRIPTION)
    if checkpoint is not None:
        step = int(checkpoint.name.rpartition("-")[2])
        masks.go_on(step, load_file(checkpoint / MASKS_FILE)["generator"])
    trainer = MaskedTrainer(
        encoder,
        arguments,
        train_dataset=list_rows(texts, tokenizer, config, length),
        data_collator=masks,
        processing_class=tokenizer,
        callbacks=[MaskState(masks), *callbacks],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return [{"phase": PHASE, **entry} for entry in trainer.state.log_history]


def list_rows(
    texts: Sequence[AlignedText], tokenizer: PreTrainedTokenizerBase, config: PretrainConfig, length: int
) -> MaskingRows:
    """List the rows of a run.

    Args:
        texts: The text.
        tokenizer: The tokenizer.
        config: Steps, batch, shares and seed.
        length: Tokens of a row at most.

    Returns:
        The rows of all steps.
    """
    settings = config.masking
    draw = (
        LineDraw(texts, settings.translation_share, config.seed)
        if config.language_exponent is None
        else LanguageDraw(texts, settings.translation_share, config.language_exponent, config.seed)
    )
    return MaskingRows(draw, tokenizer, rows=settings.steps * settings.batch, length=length)
