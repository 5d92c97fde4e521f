"""``isogloss train``: fine-tune one encoder."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "fine-tune an encoder with the batches that a configuration plans"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("config", type=Path, metavar="CONFIG", help="TOML file of the run")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="run directory to make")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override one setting, such as batches.alpha=0.4; may be repeated",
    )
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Train a run and say where its model is.

    Args:
        arguments: The parsed command line.

    Returns:
        0.
    """
    import dataclasses
    import json
    import sys

    from isogloss.config import TrainConfig, parse_config, read_toml

    config = parse_config(TrainConfig, read_toml(arguments.config, arguments.set), str(arguments.config))
    from isogloss.training.callbacks import TrainingProgress
    from isogloss.training.run import train

    try:
        with TrainingProgress("training") as progress:
            outcome = train(config, arguments.out, resume=arguments.resume, callbacks=(progress,))
    except KeyboardInterrupt:
        if (arguments.out / "checkpoints").is_dir():
            sys.stderr.write("isogloss: the same command with --resume continues from the last checkpoint\n")
        raise
    if arguments.json:
        content = dataclasses.asdict(outcome) | {"model": str(outcome.model)}
        sys.stdout.write(json.dumps(content, indent=1) + "\n")
        return 0
    shares = outcome.truncation.shares()
    best = f", model of step {outcome.best_step} kept" if outcome.best_step else ""
    lines = [
        f"steps            {outcome.steps}{best}",
        f"training loss    {outcome.train_loss:.4f} nats",
    ]
    if outcome.validation_loss is not None:
        lines.append(f"validation loss  {outcome.validation_loss:.4f} nats")
    lines += [
        f"cut texts        {shares['queries']:.2%} of the queries, {shares['passages']:.2%} of the passages",
        f"time             {outcome.seconds:.0f} s",
        f"model            {outcome.model}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0
