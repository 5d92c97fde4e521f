"""``isogloss card``: write the card of a trained model."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "write the card of a trained model anew, with the results that evaluations have found since"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("run", type=Path, metavar="RUN", help="run directory of isogloss train")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a card that was written or changed by hand"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the card and say where it is.

    Args:
        arguments: The parsed command line.

    Returns:
        0.
    """
    import sys

    from isogloss.model_card import compose_card, read_record, write_card
    from isogloss.run_directory import RunDirectory

    text = compose_card(read_record(arguments.run))
    path = write_card(RunDirectory(arguments.run).model, text, overwrite=arguments.overwrite)
    sys.stdout.write(f"{path}\n")
    return 0
