"""``isogloss demo``: the whole line on an embedded corpus, from random weights to a comparison."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "train, evaluate and compare three batch strategies on an embedded corpus, in minutes on a laptop"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/demo"),
        metavar="DIR",
        help="folder to write (default runs/demo)",
    )
    parser.add_argument(
        "--seeds", type=int, default=3, metavar="N", help="training runs per strategy (default 3)"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace what an earlier demo left in the folder"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the demonstration.

    Args:
        arguments: The parsed command line.

    Returns:
        0.
    """
    import sys

    from isogloss.demo import describe_demo, run_demo

    demonstration = run_demo(arguments.out, seeds=arguments.seeds, overwrite=arguments.overwrite)
    sys.stdout.write(describe_demo(demonstration))
    return 0
