"""Pre-train a new small encoder: vocabulary, masked language modelling, translation ranking."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import torch
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from transformers import (
    DataCollatorForLanguageModeling,
    PreTrainedTokenizerFast,
    PrinterCallback,
    TrainerCallback,
    TrainingArguments,
    XLMRobertaForMaskedLM,
    set_seed,
)

from isogloss.batching import BatchPlan, choose_strategy
from isogloss.config import (
    BatchesConfig,
    CorpusConfig,
    LossConfig,
    ModelConfig,
    TrainConfig,
    ValidationConfig,
    dump_config,
)
from isogloss.errors import ConfigError, ModelError
from isogloss.files import is_free, replace_folder, write_text
from isogloss.pretraining.balance import balance_lines
from isogloss.pretraining.encoder import new_encoder, save_encoder, train_tokenizer
from isogloss.pretraining.masking import LanguageDraw, LineDraw, MaskingRows
from isogloss.pretraining.settings import PretrainConfig
from isogloss.pretraining.sparse_head import MaskedTrainer
from isogloss.pretraining.text import AlignedText, read_text
from isogloss.run_directory import describe_environment
from isogloss.training.arguments import build_arguments
from isogloss.training.callbacks import calm_libraries
from isogloss.training.loss import ContrastiveLoss
from isogloss.training.plans import RunPlans
from isogloss.training.run import build_trainer, check_finite
from isogloss.training.start import load_start

LogEntry: TypeAlias = dict[str, str | float]
"""What a trainer logged at one step, and in which phase."""


def pretrain(config: PretrainConfig, out: Path, *, callbacks: tuple[TrainerCallback, ...] = ()) -> Path:
    """Pre-train a new encoder and write it as a sentence-transformers model.

    First the vocabulary is learnt from all lines, then masked language modelling over lines and pairs of
    translations, then translation ranking: each line must find its translation among those of the batch.

    Args:
        config: The settings.
        out: Folder of the model to make.
        callbacks: Further callbacks of the trainers, such as a progress display.

    Returns:
        The folder.

    Raises:
        ConfigError: The folder is not free, no text is named, or no line has a translation to rank.
        DataError: A text cannot be read.

    Source: Conneau and Lample 2019, arXiv 1901.07291 (MLM, TLM); Feng et al. 2022, arXiv 2007.01852
        (translation ranking on top of them). The sizes are ours.
    """
    if not is_free(out):
        raise ConfigError(f"{out} is not empty; choose another folder for the encoder")
    if not config.texts:
        raise ConfigError("'texts' is empty; name at least one folder with [[texts]] and path = ...")
    texts = [text for settings in config.texts for text in read_text(settings)]
    if config.ranking.steps and not any((text.present().sum(axis=1) > 1).any() for text in texts):
        raise ConfigError("no line has a translation to rank; set 'ranking.steps' to 0, or add a language")
    try:
        with calm_libraries():
            return _pretrain(config, texts, out, callbacks)
    except SafetensorError as error:
        raise ModelError(f"{out}: the encoder cannot be written: {error}") from error


def _pretrain(
    config: PretrainConfig,
    texts: Sequence[AlignedText],
    out: Path,
    callbacks: tuple[TrainerCallback, ...],
) -> Path:
    start = time.monotonic()
    set_seed(config.seed)
    tokenizer = train_tokenizer(
        balance_lines(texts, config.language_exponent),
        config.encoder.vocabulary,
        config.encoder.length,
        config.encoder.tokenizer,
    )
    encoder = new_encoder(tokenizer, config.encoder, config.seed)
    log = model_masked_language(encoder, tokenizer, texts, config, callbacks)
    with tempfile.TemporaryDirectory(prefix="isogloss-") as scratch:
        folder = Path(scratch) / "encoder"
        save_encoder(encoder, tokenizer, folder)
        model = load_start(
            ModelConfig(
                name=str(folder),
                query_prefix="",
                passage_prefix="",
                query_length=config.encoder.length,
                passage_length=config.encoder.length,
            )
        )
        log += rank_translations(model, texts, config, Path(scratch), callbacks)
    check_finite(model)
    with replace_folder(out) as temporary:
        model.save_pretrained(str(temporary))
        record = {
            "settings": dump_config(config),
            "files": {path: digest for text in texts for path, digest in text.files.items()},
            "languages": sorted({language for text in texts for language in text.languages}),
            "seconds": round(time.monotonic() - start, 1),
            "log": log,
            **describe_environment(),
        }
        write_text(temporary / "pretraining.json", json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    return out


def model_masked_language(
    encoder: XLMRobertaForMaskedLM,
    tokenizer: PreTrainedTokenizerFast,
    texts: Sequence[AlignedText],
    config: PretrainConfig,
    callbacks: tuple[TrainerCallback, ...] = (),
) -> list[LogEntry]:
    """Train an encoder to fill in masked tokens, in place.

    Args:
        encoder: The encoder with its language-modelling head.
        tokenizer: Its tokenizer.
        texts: The text.
        config: Steps, batch, learning rate and seed.
        callbacks: Further callbacks of the trainer.

    Returns:
        The trainer's log.
    """
    settings = config.masking
    if not settings.steps:
        return []
    draw = (
        LineDraw(texts, settings.translation_share, config.seed)
        if config.language_exponent is None
        else LanguageDraw(texts, settings.translation_share, config.language_exponent, config.seed)
    )
    rows = MaskingRows(draw, tokenizer, rows=settings.steps * settings.batch, length=config.encoder.length)
    with tempfile.TemporaryDirectory(prefix="isogloss-") as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            max_steps=settings.steps,
            per_device_train_batch_size=settings.batch,
            learning_rate=settings.learning_rate,
            seed=config.seed,
            warmup_steps=_count_warmup(settings.steps),
            logging_steps=_log_every(settings.steps),
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=torch.cuda.is_available(),
        )
        trainer = MaskedTrainer(
            encoder,
            arguments,
            train_dataset=rows,
            data_collator=DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15, seed=config.seed),
            callbacks=list(callbacks),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return [{"phase": "masking", **entry} for entry in trainer.state.log_history]


def rank_translations(
    model: SentenceTransformer,
    texts: Sequence[AlignedText],
    config: PretrainConfig,
    scratch: Path,
    callbacks: tuple[TrainerCallback, ...] = (),
) -> list[LogEntry]:
    """Train an encoder to find each line's translation, in place.

    Args:
        model: The encoder.
        texts: The text.
        config: Steps, batch, learning rate, temperature and seed.
        scratch: Folder for the trainer's files.
        callbacks: Further callbacks of the trainer.

    Returns:
        The trainer's log.
    """
    settings = config.ranking
    if not settings.steps:
        return []
    corpora = tuple(text.as_corpus() for text in texts if len(text.languages) > 1)
    plan = BatchPlan(
        corpora,
        choose_strategy("x-y"),
        settings.batch,
        seed=config.seed,
        corpus_exponent=settings.text_exponent,
    )
    run = TrainConfig(
        model=ModelConfig(name="", query_prefix="", passage_prefix=""),
        corpora=tuple(CorpusConfig(path=corpus.name) for corpus in corpora),
        batches=BatchesConfig(strategy="x-y", size=settings.batch, corpus_exponent=settings.text_exponent),
        loss=LossConfig(temperature=settings.temperature),
        validation=ValidationConfig(share=0.0),
        seed=config.seed,
        trainer={
            "max_steps": settings.steps,
            "learning_rate": settings.learning_rate,
            "warmup_steps": _count_warmup(settings.steps),
            "logging_steps": _log_every(settings.steps),
            "save_strategy": "no",
        },
    )
    arguments = build_arguments(run, scratch / "checkpoints", validate=False)
    loss = ContrastiveLoss(model, run.loss)
    trainer = build_trainer(run, RunPlans(plan, None, corpora), loss, arguments, callbacks)
    trainer.train()
    return [{"phase": "ranking", **entry} for entry in trainer.state.log_history]


def _count_warmup(steps: int) -> int:
    return max(1, steps // 10)


def _log_every(steps: int) -> int:
    return max(1, steps // 20)
