"""Mine the negatives of a corpus as a user asks for it: any corpus, any model, one file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from isogloss.corpus import StoredCorpus, read_corpus
from isogloss.encoding.store import EmbeddingStore
from isogloss.encoding.stored import StoredEncoder
from isogloss.errors import ConfigError
from isogloss.hard_negatives.files import describe_mining, write_negatives
from isogloss.hard_negatives.mining import mine_negatives
from isogloss.hard_negatives.model import MiningSettings, MiningSummary
from isogloss.model_source import find_model
from isogloss.types import PassageUnit

SUFFIX = ".negatives"
"""Not ``.jsonl``: such a file in a folder of JSONL files would be read as a part of the corpus."""


@dataclass(frozen=True)
class MiningJob:
    """Say what to mine, with which model, and where to.

    Args:
        corpus: Path or hub name of the corpus.
        model: Run directory, model folder or hub name.
        out: The file to write; beside the corpus when None.
        format: The corpus's format; told from what is there when ``auto``.
        languages: Languages of the corpus; all when None.
        unit: The text that stands for a passage; that of the model's training when None.
        settings: Which passages become negatives; ``unit`` decides instead of theirs.
        device: Where to compute; the best there is when None.
        store: Whether vectors are kept, and taken from those kept.
        overwrite: Whether a file that is there may be replaced.
        quiet: Whether to show no progress.
    """

    corpus: str
    model: str
    out: Path | None = None
    format: str = "auto"
    languages: tuple[str, ...] | None = None
    unit: PassageUnit | None = None
    settings: MiningSettings = field(default_factory=MiningSettings)
    device: str | None = None
    store: bool = True
    overwrite: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class MiningOutcome:
    """Say what was mined.

    Args:
        file: The file written.
        settings: Which passages became negatives.
        summary: The counts.
    """

    file: Path
    settings: MiningSettings
    summary: MiningSummary


def run_mining(job: MiningJob) -> MiningOutcome:
    """Mine negatives and write their file.

    The file appears when all are mined. A job that was stopped starts again, with the vectors that it had
    stored.

    Args:
        job: What is asked.

    Returns:
        The file and the counts.

    Raises:
        ConfigError: The corpus is a stored one, the file is there already or cannot be written, or the device
            cannot be used.
        DataError: The corpus cannot be read.
        ModelError: The model cannot be loaded, or gives vectors that cannot be compared.
    """
    source = find_model(job.model)
    out = _choose_file(job)
    settings = replace(job.settings, unit=job.unit or source.unit)
    corpus = read_corpus(job.corpus, format=job.format, languages=job.languages)
    if isinstance(corpus, StoredCorpus):
        raise ConfigError(
            f"{job.corpus} is a stored corpus, and training takes mined negatives for others alone; name the "
            "files that it was stored from"
        )
    if str(out.resolve()) in {str(Path(path).resolve()) for path in corpus.files}:
        raise ConfigError(f"{out} is a file of the corpus; name another one by --out")

    from isogloss.encoding import load_encoder

    encoder = load_encoder(source.model, device=job.device, quiet=job.quiet)
    asked = StoredEncoder(encoder, EmbeddingStore()) if job.store else encoder
    summary = write_negatives(
        out,
        describe_mining(corpus, encoder, settings),
        mine_negatives(corpus, asked, settings, quiet=job.quiet),
    )
    return MiningOutcome(out, settings, summary)


def _choose_file(job: MiningJob) -> Path:
    """Choose the file, and refuse one that could not be written after hours of encoding."""
    place = Path(job.corpus)
    if job.out is None and not place.exists():
        raise ConfigError(f"{job.corpus} is no file or folder here; name the file to write by --out")
    out = job.out or place.resolve().with_name(place.resolve().name.split(".")[0] + SUFFIX)
    if out.exists() and not out.is_file():
        raise ConfigError(f"{out} is no ordinary file; name another one by --out")
    if out.exists() and not job.overwrite:
        raise ConfigError(f"{out} is there already; name another file by --out, or --overwrite")
    nearest = next(folder for folder in out.absolute().parents if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigError(f"{nearest}: no permission to write there; name another place by --out")
    return out
