"""Pre-train a small encoder: vocabulary, masked language modelling, translation ranking."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError
from transformers import TrainerCallback

from isogloss.config import dump_config
from isogloss.errors import ConfigError, ModelError
from isogloss.files import replace_folder, write_text
from isogloss.model_source import HEAD_FOLDER
from isogloss.pretraining import masked_language, translation_ranking
from isogloss.pretraining.encoder import save_encoder
from isogloss.pretraining.masked_language import model_masked_language
from isogloss.pretraining.phases import LossCurve
from isogloss.pretraining.settings import PretrainConfig
from isogloss.pretraining.start import CHANGE_FILE, load_headed, make_extended, make_new, open_sentences
from isogloss.pretraining.text import AlignedText, read_text
from isogloss.pretraining.translation_ranking import rank_translations
from isogloss.pretraining.unfinished import LogEntry, UnfinishedRun, check_start, open_unfinished
from isogloss.run_directory import describe_environment
from isogloss.training.callbacks import calm_libraries
from isogloss.training.run import check_finite


def pretrain(
    config: PretrainConfig, out: Path, *, resume: bool = False, callbacks: tuple[TrainerCallback, ...] = ()
) -> Path:
    """Pre-train an encoder and write it as a sentence-transformers model.

    First the vocabulary is learnt from all lines, then masked language modelling over lines and pairs of
    translations, then translation ranking: each line must find its translation among those of the batch.

    A resumed run goes on from its last whole checkpoint and ends bit by bit where the uninterrupted one would
    have ended, on the same machine and libraries.

    Args:
        config: The settings.
        out: Folder of the model to make; what is not finished lies beside it.
        resume: Whether to continue an interrupted run, if there is one.
        callbacks: Further callbacks of the trainers, such as a progress display.

    Returns:
        The folder.

    Raises:
        ConfigError: The folder is not free, no text is named, no line has a translation to rank, or the run
            to resume has other settings or other text.
        DataError: A text cannot be read.
        ModelError: Training diverged, or the encoder cannot be written.

    Source: Conneau and Lample 2019, arXiv 1901.07291 (MLM, TLM); Feng et al. 2022, arXiv 2007.01852
        (translation ranking on top of them). The sizes are ours.
    """
    check_start(out, config, resume=resume)
    if not config.texts:
        raise ConfigError("'texts' is empty; name at least one folder with [[texts]] and path = ...")
    texts = [text for settings in config.texts for text in read_text(settings)]
    if config.ranking.steps and not any((text.present().sum(axis=1) > 1).any() for text in texts):
        raise ConfigError("no line has a translation to rank; set 'ranking.steps' to 0, or add a language")
    files = {path: digest for text in texts for path, digest in text.files.items()}
    try:
        with calm_libraries(), open_unfinished(out, config, files, resume=resume) as run:
            return _pretrain(config, texts, out, run, callbacks)
    except SafetensorError as error:
        raise ModelError(f"{out}: the encoder cannot be written: {error}") from error


def _pretrain(
    config: PretrainConfig,
    texts: Sequence[AlignedText],
    out: Path,
    run: UnfinishedRun,
    callbacks: tuple[TrainerCallback, ...],
) -> Path:
    start = time.monotonic()
    if not run.start.is_dir():
        _make_start(config, texts, run.start)
    headed = run.folder / HEAD_FOLDER
    log = _train_head(config, texts, run, headed, callbacks)
    model = open_sentences(headed, config)
    curve = LossCurve(run, translation_ranking.PHASE, log)
    place = run.checkpoints(translation_ranking.PHASE)
    log = [*log, *rank_translations(model, texts, config, place, (curve, *callbacks))]
    check_finite(model)
    with replace_folder(out) as temporary:
        model.save_pretrained(str(temporary))
        shutil.copytree(headed, temporary / HEAD_FOLDER)
        seconds = round(time.monotonic() - start, 1)
        _write_record(config, texts, run, log, seconds, temporary / "pretraining.json")
    return out


def _make_start(config: PretrainConfig, texts: Sequence[AlignedText], folder: Path) -> None:
    with replace_folder(folder) as temporary:
        if config.start is None:
            make_new(config, texts, temporary)
        else:
            make_extended(config.start, texts, config.seed, temporary)


def _train_head(
    config: PretrainConfig,
    texts: Sequence[AlignedText],
    run: UnfinishedRun,
    folder: Path,
    callbacks: tuple[TrainerCallback, ...],
) -> list[LogEntry]:
    """Train encoder and head together, and write them."""
    encoder, tokenizer = load_headed(run.start)
    curve = LossCurve(run, masked_language.PHASE)
    place = run.checkpoints(masked_language.PHASE)
    log = model_masked_language(encoder, tokenizer, texts, config, place, (curve, *callbacks))
    with replace_folder(folder, over=True) as temporary:
        save_encoder(encoder, tokenizer, temporary)
    return log


def _write_record(
    config: PretrainConfig,
    texts: Sequence[AlignedText],
    run: UnfinishedRun,
    log: Sequence[LogEntry],
    seconds: float,
    file: Path,
) -> None:
    change = run.start / CHANGE_FILE
    record = {
        "settings": dump_config(config),
        "files": {path: digest for text in texts for path, digest in text.files.items()},
        "languages": sorted({language for text in texts for language in text.languages}),
        **({"vocabulary": json.loads(change.read_text(encoding="utf-8"))} if change.is_file() else {}),
        "seconds": seconds,
        "log": log,
        **describe_environment(),
    }
    write_text(file, json.dumps(record, ensure_ascii=False, indent=1) + "\n")
