"""``isogloss evaluate``: rank a benchmark's passages with a model and measure the ranking."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isogloss.benchmarks import Benchmark
    from isogloss.types import Setting

HELP = "measure a model on a multilingual benchmark: retrieval in three settings, and language bias"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument(
        "model", metavar="MODEL", help="run directory of isogloss train, model folder, or hub name"
    )
    parser.add_argument(
        "--benchmark",
        required=True,
        metavar="NAME",
        help="xquad-r, mlqa-r or another name of letters, digits, '-', '_' and '.'",
    )
    parser.add_argument(
        "--data",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="the benchmark's folder (one JSON file per language), or one that holds NAME or lareqa/NAME",
    )
    parser.add_argument(
        "--unit",
        choices=("sentence", "sentence-context", "paragraph"),
        help="text of a passage (default: that of the training run, else sentence)",
    )
    parser.add_argument("--languages", metavar="L,L", help="only these languages, separated by commas")
    _configure_selection(parser)
    _configure_model(parser)
    _configure_output(parser)


def _configure_selection(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose questions."""
    what = (
        "FILE: article titles or question ids, one a line, or SQuAD JSON file or folder, whose titles count"
    )
    parser.add_argument(
        "--articles", type=Path, metavar="FILE", help=f"ask only the questions of these articles; {what}"
    )
    parser.add_argument(
        "--not-articles",
        type=Path,
        metavar="FILE",
        help="leave out the questions of these articles, for instance those of a training corpus",
    )


def _configure_model(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say how the model encodes."""
    parser.add_argument(
        "--query-prefix", metavar="TEXT", help="text before every query (default: the model's)"
    )
    parser.add_argument(
        "--passage-prefix", metavar="TEXT", help="text before every passage (default: the model's)"
    )
    parser.add_argument(
        "--max-length", type=int, metavar="N", help="cut texts to N tokens (default: the model's)"
    )
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1 ... (default: the best there is)")


def _configure_output(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what is written where."""
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="write results there (default: results/NAME in a run directory, else none)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace results that are there already")
    parser.add_argument("--label", help="what comparisons call the model (default: the run's strategy)")
    parser.add_argument("--seed", type=int, help="the training's seed (default: the run's)")
    parser.add_argument("--trec", type=Path, metavar="FOLDER", help="write TREC qrels and runs there")
    parser.add_argument(
        "--trec-depth", default="1000", metavar="N|all", help="passages a topic (default: 1000)"
    )
    parser.add_argument(
        "--trec-settings",
        default="mono,cross,multi",
        metavar="S,S",
        help="settings to write (default: all; the cross-lingual run of XQuAD-R takes 6 GB)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quiet", action="store_true", help="show no progress bars")


def run(arguments: argparse.Namespace) -> int:
    """Evaluate a model and print what was found.

    Args:
        arguments: The parsed command line.

    Returns:
        0.

    Raises:
        ConfigError: An argument is wrong, or results are there already.
    """
    import json
    import sys

    from isogloss.model_source import find_model
    from isogloss.results import describe_results, format_results, write_results
    from isogloss.types import PassageUnit

    _check_names(arguments.benchmark, arguments.label)
    source = find_model(arguments.model, arguments.label, arguments.seed)
    out = arguments.out or (source.run / "results" / _name_results(arguments) if source.run else None)
    for folder in (out, arguments.trec):
        _check_folder(folder, overwrite=arguments.overwrite)
    depth, settings = _read_trec(arguments.trec_depth, arguments.trec_settings)
    benchmark = _read_benchmark(arguments)

    from isogloss.encoding import load_encoder
    from isogloss.evaluation import complete_info, encode_benchmark, rank_benchmark, write_trec

    encoder = load_encoder(
        source.model,
        query_prefix=arguments.query_prefix,
        passage_prefix=arguments.passage_prefix,
        max_length=arguments.max_length,
        device=arguments.device,
        quiet=arguments.quiet,
    )
    unit = PassageUnit(arguments.unit) if arguments.unit else source.unit
    vectors = encode_benchmark(encoder, benchmark, unit)
    info = complete_info(source.info, encoder, unit)
    results = rank_benchmark(benchmark, vectors, info, quiet=arguments.quiet)
    if out is not None:
        write_results(results, out)
    if arguments.trec is not None:
        write_trec(
            arguments.trec,
            benchmark,
            vectors,
            tag=info.label,
            settings=settings,
            depth=depth,
            quiet=arguments.quiet,
        )
    if arguments.json:
        sys.stdout.write(json.dumps(describe_results(results), ensure_ascii=False, indent=1) + "\n")
    else:
        sys.stdout.write(format_results(results))
    if out is not None:
        sys.stderr.write(f"results in {out}\n")
    return 0


def _check_names(benchmark: str, label: str | None) -> None:
    """Refuse a benchmark's name that is no file name, and a label that would break a table."""
    import re

    from isogloss.errors import ConfigError

    if not re.fullmatch(r"\w[\w.-]*", benchmark):
        raise ConfigError(
            "--benchmark takes a name of letters, digits, '-', '_' and '.', such as xquad-r; "
            f"got {benchmark!r}"
        )
    if label is not None and not (label.strip() and label.isprintable()):
        raise ConfigError(f"--label takes one line of printable text; got {label!r}")


def _name_results(arguments: argparse.Namespace) -> str:
    """Name the benchmark in results: a part of the questions is a benchmark of its own to comparisons."""
    ends = {"articles": arguments.articles, "not-articles": arguments.not_articles}
    return "-".join((arguments.benchmark, *(end for end, given in ends.items() if given is not None)))


def _check_folder(folder: Path | None, *, overwrite: bool) -> None:
    """Refuse a folder that cannot be written, or that holds something unless it may be replaced."""
    import os

    from isogloss.errors import ConfigError

    if folder is None:
        return
    # Asked before hours of encoding, not after them.
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not nearest.is_dir():
        raise ConfigError(f"{nearest} is no folder; choose another place for {folder}")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigError(f"{nearest}: no permission to write there; choose another place for {folder}")
    if nearest == folder and not overwrite and any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty; choose another folder, or --overwrite")


def _read_trec(depth: str, names: str) -> tuple[int | None, list[Setting]]:
    """Read the depth (None for all) and the settings of the TREC files."""
    from isogloss.errors import ConfigError
    from isogloss.types import Setting

    if depth != "all" and not (depth.isdecimal() and int(depth) > 0):
        raise ConfigError(f"--trec-depth takes a whole number from 1, or all; got {depth!r}")
    chosen = [name.strip() for name in names.split(",")]
    if unknown := [name for name in chosen if name not in set(Setting)]:
        raise ConfigError(f"--trec-settings takes mono, cross and multi; got {unknown[0]!r}")
    return None if depth == "all" else int(depth), [Setting(name) for name in chosen]


def _read_benchmark(arguments: argparse.Namespace) -> Benchmark:
    """Read the benchmark and restrict its questions as asked."""
    import dataclasses

    from isogloss.benchmarks import (
        check_published_counts,
        find_folder,
        read_lareqa,
        read_names,
        select_questions,
    )

    languages = [name.strip() for name in (arguments.languages or "").split(",") if name.strip()]
    folder = find_folder(arguments.data, arguments.benchmark)
    benchmark = read_lareqa(folder, arguments.benchmark, languages)
    check_published_counts(benchmark)
    if arguments.articles is not None:
        benchmark = select_questions(benchmark, read_names(arguments.articles))
    if arguments.not_articles is not None:
        benchmark = select_questions(benchmark, read_names(arguments.not_articles), keep=False)
    return dataclasses.replace(benchmark, name=_name_results(arguments))
