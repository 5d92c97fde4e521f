"""``isogloss plan``: show what the batches of a run hold, without loading torch."""

from __future__ import annotations

import argparse
from pathlib import Path

from isogloss.cli.train import add_overlap_policy

HELP = "show the batches that a configuration plans, without training"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("config", type=Path, metavar="CONFIG", help="TOML file of a training run")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override one setting, such as batches.alpha=0.4; may be repeated",
    )
    add_overlap_policy(parser)
    parser.add_argument("--epochs", type=int, default=1, metavar="N", help="epochs to count (default 1)")
    parser.add_argument("--batch", metavar="EPOCH:STEP", help="print the rows of one batch instead")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the composition of a plan, or one batch.

    Args:
        arguments: The parsed command line.

    Returns:
        0.

    Raises:
        ConfigError: The configuration, ``--epochs`` or ``--batch`` is wrong.
    """
    import dataclasses
    import re
    import sys

    from isogloss.answers import find_right_answers
    from isogloss.batching import count_composition
    from isogloss.batching.display import (
        batch_to_json,
        batch_to_text,
        composition_to_json,
        composition_to_text,
    )
    from isogloss.config import TrainConfig, parse_config, read_toml
    from isogloss.errors import ConfigError
    from isogloss.training.plans import plan_run

    if arguments.epochs < 1:
        raise ConfigError(f"--epochs takes a whole number from 1; got {arguments.epochs}")
    if arguments.batch is not None and not re.fullmatch("[0-9]+:[0-9]+", arguments.batch):
        raise ConfigError(f"--batch takes EPOCH:STEP, such as 0:3; got {arguments.batch!r}")
    config = parse_config(TrainConfig, read_toml(arguments.config, arguments.set), str(arguments.config))
    plans = plan_run(config)
    for line in plans.overlap.to_lines() if plans.overlap else ():
        sys.stderr.write(f"isogloss: {line}\n")
    if arguments.batch is not None:
        epoch, step = map(int, arguments.batch.split(":"))
        show_batch = batch_to_json if arguments.json else batch_to_text
        sys.stdout.write(show_batch(plans.train, plans.train.batch(epoch, step)))
        return 0
    answers = None
    if config.loss.mask_false_negatives:
        answers = [find_right_answers(corpus, config.unit) for corpus in plans.train.corpora]
    composition = count_composition(plans.train, arguments.epochs, answers)
    held_out = plans.validation.corpora if plans.validation else ()
    reasons = [
        f"{corpus.name}: {corpus.item_count:,} items of {corpus.article_count:,} whole articles "
        "are held out for validation"
        for corpus in held_out
    ]
    composition = dataclasses.replace(composition, left_out=(*reasons, *composition.left_out))
    show = composition_to_json if arguments.json else composition_to_text
    sys.stdout.write(show(composition))
    return 0
