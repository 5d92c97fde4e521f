"""``isogloss transfer``: see which language pairs a strategy helps and hurts, and what predicts it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isogloss.transfer import TransferReport

HELP = "see which language pairs a strategy helps and hurts, and what predicts transfer"
_FORMS = (".html", ".md", ".json")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", type=Path, help="a run directory, or a folder of results itself"
    )
    parser.add_argument(
        "--baseline", required=True, metavar="NAME", help="label to compare with, e.g. x-x-mono"
    )
    parser.add_argument("--benchmark", required=True, metavar="NAME", help="the benchmark, e.g. xquad-r")
    parser.add_argument(
        "--measure",
        metavar="NAME",
        help="measure of every pair (default: mAP; of aligned sentences accuracy)",
    )
    parser.add_argument(
        "--text",
        nargs="+",
        default=[],
        metavar="PATH",
        help="text of the languages, for features of the tokenizer: .txt files named by language, or corpora",
    )
    parser.add_argument(
        "--tokenizer", metavar="MODEL", help="whose tokenizer cuts it (default: the first run's)"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="read N texts of each language at most")
    parser.add_argument(
        "--pretraining",
        type=Path,
        metavar="FILE",
        help="sizes of pre-training text: a table (.tsv: language, characters) or a pretraining.json",
    )
    parser.add_argument(
        "--uriel", action="store_true", help="add typological distances; needs isogloss[uriel]"
    )
    parser.add_argument("--resamples", type=int, default=20_000, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="seed of the resampling (default: %(default)s)")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write everything here: a page (.html), tables (.md) or numbers (.json)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there already")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Study transfer, write the file and print the summary.

    Args:
        arguments: The parsed arguments.

    Returns:
        0.

    Raises:
        ConfigError: The file is there already, or its name tells no form.
    """
    import sys

    from isogloss.comparison.sources import read_runs
    from isogloss.files import write_text
    from isogloss.transfer import collect_sources, study_transfer

    _check_out(arguments.out, overwrite=arguments.overwrite)
    results = read_runs(arguments.runs, arguments.benchmark)[arguments.benchmark]
    report = study_transfer(
        results,
        arguments.baseline,
        measure=arguments.measure,
        sources=collect_sources(
            results,
            text=arguments.text,
            tokenizer=arguments.tokenizer,
            limit=arguments.limit,
            pretraining=arguments.pretraining,
            uriel=arguments.uriel,
        ),
        resamples=arguments.resamples,
        seed=arguments.seed,
    )
    if arguments.out is not None:
        write_text(arguments.out, _write(report, arguments.out.suffix))
        sys.stderr.write(f"report in {arguments.out}\n")
    sys.stdout.write(report.to_json() if arguments.json else report.to_text())
    return 0


def _check_out(out: Path | None, *, overwrite: bool) -> None:
    """Refuse a file that cannot be written before anything is computed."""
    from isogloss.errors import ConfigError

    if out is None:
        return
    if out.suffix not in _FORMS:
        raise ConfigError(f"{out}: the name must end in {', '.join(_FORMS)}, which tells the form")
    if out.exists() and not overwrite:
        raise ConfigError(f"{out} is there already; name another file with --out, or give --overwrite")


def _write(report: TransferReport, suffix: str) -> str:
    match suffix:
        case ".html":
            return report.to_html()
        case ".md":
            return report.to_markdown()
    return report.to_json()
