"""Parse the command line and run one command."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from isogloss._version import __version__
from isogloss.errors import IsoglossError

COMMANDS = ("demo", "data", "plan", "pretrain", "train", "evaluate", "compare")
"""Each is a module of this package, with ``HELP``, ``configure`` and ``run``."""

EXIT_KNOWN_ERROR = 2
EXIT_INTERRUPTED = 130

_ABOUT = "Train, measure and compare multilingual dense retrievers with monolingual, cross-lingual and hybrid batches."


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the whole command line.

    Returns:
        A parser whose result names the command module in ``command``.
    """
    parser = argparse.ArgumentParser(prog="isogloss", description=_ABOUT)
    parser.add_argument("--version", action="version", version=f"isogloss {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = importlib.import_module(f"isogloss.cli.{name}")
        sub = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.configure(sub)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The words after ``isogloss``; those of the process when not given.

    Returns:
        The exit code: 0 for success, 2 for a known error, 130 when interrupted.
    """
    arguments = build_parser().parse_args(argv)
    module = importlib.import_module(f"isogloss.cli.{arguments.command}")
    try:
        return int(module.run(arguments))
    except IsoglossError as error:
        print(f"isogloss: error: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_KNOWN_ERROR
    except KeyboardInterrupt:
        print("isogloss: interrupted", file=sys.stderr)  # noqa: T201
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; that is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
