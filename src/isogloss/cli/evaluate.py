"""``isogloss evaluate``: rank a benchmark's passages with a model and measure the ranking."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isogloss.evaluation.request import TrecRequest

HELP = "measure a model on a multilingual benchmark: retrieval in three settings, and language bias"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument(
        "model", metavar="MODEL", help="run directory of isogloss train, model folder, hub name, or bm25"
    )
    parser.add_argument(
        "--benchmark",
        metavar="NAME",
        help="one that isogloss benchmarks lists, or what to call your own",
    )
    parser.add_argument(
        "--data",
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
        "--unit",
        choices=("sentence", "sentence-context", "paragraph"),
        help="text of a passage (default: that of the training run, else sentence)",
    )
    parser.add_argument("--languages", metavar="L,L", help="only these languages, separated by commas")
    parser.add_argument(
        "--mteb", metavar="TASK", help="run this task of mteb instead of a benchmark (needs the extra mteb)"
    )
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
    parser.add_argument(
        "--endpoint", metavar="URL", help="encode with MODEL of this OpenAI-compatible server"
    )
    parser.add_argument(
        "--vectors", type=Path, metavar="FOLDER", help="rank by vectors computed elsewhere; MODEL names them"
    )
    parser.add_argument(
        "--debias",
        choices=("centre", "lir"),
        help="take each language's mean (centre) or first direction (lir) out of its vectors",
    )
    parser.add_argument(
        "--fair",
        choices=("none", "quota", "calibrated", "fused"),
        default="none",
        help="rank the passages of all languages so that no language crowds out the others",
    )
    parser.add_argument(
        "--lexical",
        action="store_true",
        help="fuse rankings by words (BM25) with those by vectors (needs the extra bm25)",
    )
    parser.add_argument(
        "--no-store", action="store_true", help="encode every text anew, and keep no vectors for next time"
    )
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1 ... (default: the best there is)")
    parser.add_argument(
        "--bf16",
        action="store_true",
        help="compute in bfloat16, about twice as fast where the chip has it; cosines move by some 1e-5",
    )


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

    if arguments.mteb is not None:
        return _run_mteb(arguments)
    _require_benchmark(arguments)

    from isogloss.benchmarks import Layout
    from isogloss.debiasing import Debiasing
    from isogloss.evaluation.job import run_job, split_names
    from isogloss.evaluation.request import Job
    from isogloss.fair_ranking import Fairness
    from isogloss.results import describe_results, format_results
    from isogloss.types import PassageUnit

    outcome = run_job(
        Job(
            model=arguments.model,
            benchmark=arguments.benchmark,
            data=arguments.data,
            layout=Layout(arguments.layout) if arguments.layout else None,
            languages=split_names(arguments.languages),
            articles=arguments.articles,
            not_articles=arguments.not_articles,
            unit=PassageUnit(arguments.unit) if arguments.unit else None,
            query_prefix=arguments.query_prefix,
            passage_prefix=arguments.passage_prefix,
            max_length=arguments.max_length,
            device=arguments.device,
            bf16=arguments.bf16,
            endpoint=arguments.endpoint,
            vectors=arguments.vectors,
            debias=Debiasing(arguments.debias) if arguments.debias else None,
            fair=Fairness(arguments.fair),
            lexical=arguments.lexical,
            store=not arguments.no_store,
            out=arguments.out,
            overwrite=arguments.overwrite,
            label=arguments.label,
            seed=arguments.seed,
            trec=_read_trec(arguments),
            quiet=arguments.quiet,
        )
    )
    if arguments.json:
        described = describe_results(outcome.results)
        sys.stdout.write(json.dumps(described, ensure_ascii=False, indent=1) + "\n")
    else:
        sys.stdout.write(format_results(outcome.results))
    if outcome.reuse:
        sys.stderr.write(f"{outcome.reuse}\n")
    if outcome.folder is not None:
        sys.stderr.write(f"results in {outcome.folder}\n")
    return 0


def _require_benchmark(arguments: argparse.Namespace) -> None:
    """Insist on a benchmark and its folder."""
    from isogloss.errors import ConfigError

    if arguments.benchmark is None:
        raise ConfigError(
            "name a benchmark by --benchmark (isogloss benchmarks lists them), or a task by --mteb"
        )
    if arguments.data is None:
        raise ConfigError(f"name the folder that holds {arguments.benchmark} by --data")


def _run_mteb(arguments: argparse.Namespace) -> int:
    """Run a task of mteb and print its scores."""
    import sys

    from isogloss.errors import ConfigError
    from isogloss.model_source import find_model

    others = ["benchmark", "data", "languages", "layout", "articles", "not_articles", "vectors", "endpoint"]
    others += ["unit", "debias", "trec", "seed"]
    if given := [name for name in others if getattr(arguments, name) is not None]:
        raise ConfigError(f"--{given[0].replace('_', '-')} does not go with --mteb")
    if arguments.fair != "none" or arguments.lexical:
        raise ConfigError(f"--{'lexical' if arguments.lexical else 'fair'} does not go with --mteb")
    source = find_model(arguments.model, arguments.label)
    out = arguments.out or (source.run / "mteb" if source.run else None)

    from isogloss.encoding import load_encoder
    from isogloss.mteb_tasks import format_mteb_scores, run_mteb_task

    encoder = load_encoder(
        source.model,
        query_prefix=arguments.query_prefix,
        passage_prefix=arguments.passage_prefix,
        max_length=arguments.max_length,
        device=arguments.device,
        bf16=arguments.bf16,
        quiet=arguments.quiet,
    )
    scores = run_mteb_task(
        encoder,
        arguments.mteb,
        out,
        label=source.info.label,
        overwrite=arguments.overwrite,
        quiet=arguments.quiet,
    )
    sys.stdout.write(format_mteb_scores(scores))
    if scores.file is not None:
        sys.stderr.write(f"results in {scores.file}\n")
    return 0


def _read_trec(arguments: argparse.Namespace) -> TrecRequest | None:
    """Read where TREC files go, their depth (None for all) and their settings."""
    from isogloss.errors import ConfigError
    from isogloss.evaluation.request import TrecRequest
    from isogloss.types import Setting

    depth, chosen = arguments.trec_depth, [name.strip() for name in arguments.trec_settings.split(",")]
    if depth != "all" and not (depth.isdecimal() and int(depth) > 0):
        raise ConfigError(f"--trec-depth takes a whole number from 1, or all; got {depth!r}")
    if unknown := [name for name in chosen if name not in set(Setting)]:
        raise ConfigError(f"--trec-settings takes mono, cross and multi; got {unknown[0]!r}")
    if arguments.trec is None:
        return None
    settings = tuple(Setting(name) for name in chosen)
    return TrecRequest(arguments.trec, None if depth == "all" else int(depth), settings)
