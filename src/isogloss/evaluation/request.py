"""What a user asks of one evaluation, and what it found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from isogloss.benchmarks import Layout
from isogloss.debiasing import Debiasing
from isogloss.evaluation.trec_files import TREC_DEPTH
from isogloss.fair_ranking import Fairness
from isogloss.results import StoredResults
from isogloss.types import PassageUnit, Setting


@dataclass(frozen=True)
class TrecRequest:
    """Ask for TREC files.

    Attributes:
        folder: Where to.
        depth: Passages a topic; None for all.
        settings: The settings to write.
    """

    folder: Path
    depth: int | None = TREC_DEPTH
    settings: tuple[Setting, ...] = tuple(Setting)


@dataclass(frozen=True)
class Job:
    """Say what to evaluate, on what, and where results go.

    Attributes:
        model: Run directory, model folder or hub name; ``bm25``; with an endpoint or vectors the name of the
            model there.
        benchmark: Name of the benchmark.
        data: The folder that holds it.
        layout: Layout of a benchmark of one's own; told from its files when None.
        languages: Only these; empty for all.
        articles: File of articles or questions that are asked; None for all.
        not_articles: File of articles or questions that are left out; None for none.
        unit: Text of a passage; that of the training run, else the benchmark's first, when None.
        query_prefix: Text before every query; the model's own when None.
        passage_prefix: Text before every passage; the model's own when None.
        max_length: Longest text in tokens; the model's own when None.
        device: Where to compute; the best there is when None.
        bf16: Whether matrix products are computed in bfloat16.
        endpoint: Address of an OpenAI-compatible server that encodes; None for a local model.
        vectors: Folder of vectors that were computed elsewhere; None for a model.
        debias: How to take each language out of its vectors; None for not at all.
        fair: How the passages of all languages are ranked together.
        lexical: Whether rankings by words (BM25) are fused with those by vectors.
        store: Whether vectors are kept, and taken from those kept.
        out: Where results go; into the run directory, where there is one, when None.
        overwrite: Whether results that are there already may be replaced.
        label: What comparisons call the model; the run's label, else its name, when None.
        seed: The training's seed; the run's when None.
        trec: TREC files to write; None for none.
        quiet: Whether to show no progress bars.
    """

    model: str
    benchmark: str
    data: Path
    layout: Layout | None = None
    languages: tuple[str, ...] = ()
    articles: Path | None = None
    not_articles: Path | None = None
    unit: PassageUnit | None = None
    query_prefix: str | None = None
    passage_prefix: str | None = None
    max_length: int | None = None
    device: str | None = None
    bf16: bool = False
    endpoint: str | None = None
    vectors: Path | None = None
    debias: Debiasing | None = None
    fair: Fairness = Fairness.NONE
    lexical: bool = False
    store: bool = True
    out: Path | None = None
    overwrite: bool = False
    label: str | None = None
    seed: int | None = None
    trec: TrecRequest | None = None
    quiet: bool = False


@dataclass(frozen=True)
class Outcome:
    """Say what a job found.

    Attributes:
        results: The results.
        folder: Where they are stored; None for nowhere.
        reuse: How many texts were encoded, and how many vectors were taken from those kept; empty when none
            were.
    """

    results: StoredResults
    folder: Path | None
    reuse: str = ""
