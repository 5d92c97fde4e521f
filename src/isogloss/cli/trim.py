"""``isogloss trim``: make a model smaller by the pieces that text does not need."""

from __future__ import annotations

import argparse
from pathlib import Path

from isogloss.cli.inspect import add_text_arguments, open_given_texts

HELP = "cut a model's vocabulary to what text needs; embeddings of that text stay the same"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("model", metavar="MODEL", help="run directory, model folder, or hub name")
    add_text_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the trimmed model")
    parser.add_argument(
        "--held-out",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="share of the texts to measure changes on, under a vocabulary cut for the rest; 0 for none "
        "(default: 0.1)",
    )
    parser.add_argument(
        "--query-prefix", metavar="TEXT", help="text before every query (default: the model's)"
    )
    parser.add_argument(
        "--passage-prefix", metavar="TEXT", help="text before every passage (default: the model's)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Trim a model and print what that saves and changes.

    Args:
        arguments: The parsed command line.

    Returns:
        0.
    """
    import json
    import sys

    texts = open_given_texts(arguments)
    from isogloss.trimming import trim

    report = trim(
        arguments.model,
        texts,
        arguments.out,
        share=arguments.held_out,
        query_prefix=arguments.query_prefix,
        passage_prefix=arguments.passage_prefix,
    )
    if arguments.json:
        sys.stdout.write(json.dumps(report.to_dict(), ensure_ascii=False, indent=1) + "\n")
    else:
        sys.stdout.write(report.to_text() + "\n")
    return 0
