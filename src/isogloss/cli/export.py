"""``isogloss export``: write a model for ONNX Runtime."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "write a model for ONNX Runtime, faster on processors; with 8-bit weights, a quarter of the size"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("model", metavar="MODEL", help="run directory, model folder, or hub name")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the exported model")
    parser.add_argument(
        "--precision",
        choices=("float32", "int8"),
        default="float32",
        help="how weights are kept (default: float32)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Export a model and print what was written.

    Args:
        arguments: The parsed command line.

    Returns:
        0.
    """
    import sys

    from isogloss.exporting import Precision, export_model

    report = export_model(arguments.model, arguments.out, Precision(arguments.precision))
    sys.stdout.write((report.to_json() if arguments.json else report.to_text()) + "\n")
    return 0
