"""``isogloss debias``: take out of a model's vectors what tells languages apart, without training."""

from __future__ import annotations

import argparse
from pathlib import Path

from isogloss.cli.inspect import add_text_arguments, open_given_texts

HELP = "write a model whose last layer takes out of its vectors what tells languages apart, without training"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("model", metavar="MODEL", help="run directory, model folder, or hub name")
    add_text_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the new model")
    parser.add_argument(
        "--method",
        choices=("lsar", "lir"),
        default="lsar",
        help="take out differences between the languages' means (lsar), or the languages' first principal "
        "directions (lir) (default: lsar)",
    )
    parser.add_argument(
        "--components",
        type=int,
        metavar="N",
        help="directions to take out (default: one less than languages; with lir as many)",
    )
    parser.add_argument(
        "--aligned",
        action="store_true",
        help="line i says the same in each language: measure as well how often a translation is found",
    )
    parser.add_argument(
        "--passage-prefix", metavar="TEXT", help="text before every text (default: the model's, of passages)"
    )
    parser.add_argument(
        "--no-store", action="store_true", help="encode every text anew, and keep no vectors for next time"
    )
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1 ... (default: the best there is)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Debias a model and print what that changes on held-out text.

    Args:
        arguments: The parsed command line.

    Returns:
        0.
    """
    import json
    import sys

    texts = open_given_texts(arguments)
    from isogloss.debiased_model import debias_model
    from isogloss.debiasing import Subspace

    report = debias_model(
        arguments.model,
        texts,
        arguments.out,
        method=Subspace(arguments.method),
        components=arguments.components,
        aligned=arguments.aligned,
        passage_prefix=arguments.passage_prefix,
        device=arguments.device,
        store=not arguments.no_store,
    )
    if arguments.json:
        sys.stdout.write(json.dumps(report.to_dict(), ensure_ascii=False, indent=1) + "\n")
    else:
        sys.stdout.write(report.to_text(str(arguments.out)) + "\n")
    return 0
