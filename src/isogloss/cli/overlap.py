"""``isogloss overlap``: find training items that a benchmark has as well."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isogloss.corpus import Corpus
    from isogloss.overlap import OverlapReport

HELP = (
    "find training items that share a passage, an answer sentence, a question or an article with a benchmark"
)

EXIT_CLEAN = 0
EXIT_LEAK = 1
_EXAMPLES = 3


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument(
        "train",
        metavar="TRAIN",
        help="training data: SQuAD JSON, JSONL, a dataset, or a folder of <language>.txt aligned by line",
    )
    parser.add_argument(
        "benchmarks",
        metavar="BENCHMARK",
        help="one that isogloss benchmarks lists, or what to call your own; several separated by commas",
    )
    parser.add_argument(
        "--data",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="the benchmark's folder, or the data folder that holds it",
    )
    parser.add_argument(
        "--layout",
        choices=("lareqa", "beir", "parallel", "lines"),
        help="layout of a benchmark of your own (default: told from its files)",
    )
    parser.add_argument(
        "--format",
        choices=("auto", "squad", "jsonl", "hub", "store", "lines"),
        default="auto",
        help="what TRAIN is (default: told from what is there)",
    )
    parser.add_argument("--languages", metavar="L,L", help="only these languages of TRAIN")
    parser.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help=f"show N matches of each kind (default: {_EXAMPLES}, in JSON all)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Compare training data with benchmarks, and print what they share.

    Args:
        arguments: The parsed command line.

    Returns:
        0 when no training item shares a passage, an answer sentence or a question id with a benchmark, else
        1.

    Raises:
        ConfigError: ``--limit`` is below 0, or no benchmark is named.
    """
    import json
    import sys

    from isogloss.benchmarks import Layout, open_benchmark
    from isogloss.errors import ConfigError
    from isogloss.overlap import find_overlap

    names = [name.strip() for name in arguments.benchmarks.split(",") if name.strip()]
    if not names:
        raise ConfigError("name a benchmark; isogloss benchmarks lists them")
    if arguments.limit is not None and arguments.limit < 0:
        raise ConfigError(f"--limit takes a whole number from 0; got {arguments.limit}")
    layout = Layout(arguments.layout) if arguments.layout else None
    benchmarks = [open_benchmark(name, arguments.data, layout=layout) for name in names]
    corpus = _read_training(arguments)
    reports = [find_overlap(corpus, benchmark) for benchmark in benchmarks]
    if arguments.json:
        content = [report.to_dict(arguments.limit) for report in reports]
        sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    else:
        limit = _EXAMPLES if arguments.limit is None else arguments.limit
        blocks = [_format_report(corpus, report, limit) for report in reports]
        sys.stdout.write("\n\n".join(blocks) + "\n")
    return EXIT_LEAK if any(report.leaked for report in reports) else EXIT_CLEAN


def _read_training(arguments: argparse.Namespace) -> Corpus:
    """Read TRAIN: a corpus, or text aligned by line."""
    from isogloss.corpus import read_corpus
    from isogloss.pretraining.text import read_aligned_text

    languages = [code.strip() for code in (arguments.languages or "").split(",") if code.strip()]
    folder = Path(arguments.train)
    lines = any(folder.glob("*.txt")) and not any(folder.glob("*.json*"))
    if arguments.format == "lines" or (arguments.format == "auto" and lines):
        return read_aligned_text(folder, languages).as_corpus()
    return read_corpus(
        folder if folder.exists() else arguments.train, format=arguments.format, languages=languages or None
    )


def _format_report(corpus: Corpus, report: OverlapReport, limit: int) -> str:
    """Write a report's counts and its first matches."""
    from isogloss.overlap import Kind, format_matches, locate_items

    shown = [match for kind in Kind for match in report.of_kind(kind, limit)]
    if not shown:
        return report.to_text()
    positions = locate_items(corpus, {(match.items[0], match.language) for match in shown if match.language})
    return f"{report.to_text()}\n\n{format_matches(shown, positions)}"
