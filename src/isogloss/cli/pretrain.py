"""``isogloss pretrain``: make a small encoder from text aligned by line."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "make a small multilingual encoder from text that is aligned by line"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("config", type=Path, metavar="CONFIG", help="TOML file of the pre-training")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the model to make")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted pre-training")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override one setting, such as masking.steps=5000; may be repeated",
    )


def run(arguments: argparse.Namespace) -> int:
    """Pre-train an encoder and say where it is.

    Args:
        arguments: The parsed command line.

    Returns:
        0.
    """
    import sys

    from isogloss.config import parse_config, read_toml
    from isogloss.pretraining.settings import PretrainConfig

    config = parse_config(PretrainConfig, read_toml(arguments.config, arguments.set), str(arguments.config))
    from isogloss.pretraining.run import pretrain
    from isogloss.training.callbacks import TrainingProgress

    with TrainingProgress("pre-training") as progress:
        folder = pretrain(config, arguments.out, resume=arguments.resume, callbacks=(progress,))
    sys.stdout.write(f"encoder  {folder}\n")
    return 0
