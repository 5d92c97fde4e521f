"""Parse the command line and run one command."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

from isogloss._version import __version__
from isogloss.errors import IsoglossError

COMMANDS = (
    "demo",
    "data",
    "plan",
    "pretrain",
    "translate",
    "overlap",
    "inspect",
    "trim",
    "export",
    "debias",
    "negatives",
    "train",
    "benchmarks",
    "evaluate",
    "index",
    "search",
    "card",
    "serve",
    "compare",
    "report",
    "reproduce",
)
"""Each is a module of this package, with ``HELP``, ``configure`` and ``run``."""

EXIT_KNOWN_ERROR = 2
EXIT_INTERRUPTED = 130

_ABOUT = (
    "Train, measure and compare multilingual dense retrievers with monolingual, cross-lingual and hybrid "
    "batches."
)


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
    _open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a letter shows its number instead of ending the run.
            stream.reconfigure(errors="backslashreplace")
    arguments = build_parser().parse_args(argv)
    module = importlib.import_module(f"isogloss.cli.{arguments.command}")
    try:
        code = int(module.run(arguments))
        sys.stdout.flush()  # here, so that a full disk is reported like any other error
    except IsoglossError as error:
        return _report(str(error))
    except KeyboardInterrupt:
        print("isogloss: interrupted", file=sys.stderr)  # noqa: T201
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; that is no error of ours.
        _discard_output()
        return 0
    except OSError as error:
        # No space left, no permission, a file where a folder should be: the machine's message says it best.
        _discard_output()
        places = " -> ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
        return _report(f"{places}: {error.strerror}" if places else error.strerror or str(error))
    except MemoryError as error:
        return _report(f"not enough memory ({error})" if str(error) else "not enough memory")
    return code


def _open_missing_streams() -> None:
    """Give a process that was started without standard output or error (``>&-``) a place to write."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


def _report(problem: str) -> int:
    """Write a known problem as one line."""
    print(f"isogloss: error: {' '.join(problem.split())}", file=sys.stderr)  # noqa: T201
    return EXIT_KNOWN_ERROR


def _discard_output() -> None:
    """Send what is left of the output nowhere, so that the interpreter does not fail on it when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
