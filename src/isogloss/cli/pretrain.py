"""``isogloss pretrain``: make a small encoder from text, or extend one to new languages."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "make a small multilingual encoder from text, or extend one to new languages"


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
    import json
    import sys

    from isogloss.config import parse_config, read_toml
    from isogloss.pretraining.settings import PretrainConfig

    config = parse_config(PretrainConfig, read_toml(arguments.config, arguments.set), str(arguments.config))
    from isogloss.pretraining.extension import describe_change
    from isogloss.pretraining.run import pretrain
    from isogloss.training.callbacks import TrainingProgress

    with TrainingProgress("pre-training") as progress:
        folder = pretrain(config, arguments.out, resume=arguments.resume, callbacks=(progress,))
    sys.stdout.write(f"encoder  {folder}\n")
    if config.start is not None and config.start.add_vocabulary:
        record = json.loads((folder / "pretraining.json").read_text(encoding="utf-8"))
        sys.stdout.write(describe_change(record["vocabulary"]))
    return 0
