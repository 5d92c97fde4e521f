"""``isogloss train``: fine-tune one encoder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isogloss.config import TrainConfig
    from isogloss.training.run import TrainingOutcome

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
    add_overlap_policy(parser)
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run")
    parser.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help="share each batch among N processes on this machine, one for each GPU or more for a CPU",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_overlap_policy(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what becomes of training items which a benchmark has as well.

    Each stands for a setting, like ``--set``, so that it is stored with the run's other settings.

    Args:
        parser: The command's parser, with ``--set``.
    """
    group = parser.add_mutually_exclusive_group()
    for policy, does in (("drop", "leave out"), ("allow", "keep, on record,")):
        group.add_argument(
            f"--{policy}-overlap",
            dest="set",
            action="append_const",
            const=f"overlap.policy={policy}",
            help=f"{does} items whose passage or answer sentence a benchmark of the configuration has",
        )


def run(arguments: argparse.Namespace) -> int:
    """Train a run and say where its model is.

    Args:
        arguments: The parsed command line.

    Returns:
        0; where several processes train, the exit code of the first or that of one which lost another.

    Raises:
        ConfigError: Another number of processes is asked for than a launcher has started.
    """
    import sys

    from isogloss.config import TrainConfig, parse_config, read_toml
    from isogloss.errors import ConfigError
    from isogloss.training.processes import check_shares, end_with_starter, find_place, start_processes

    config = parse_config(TrainConfig, read_toml(arguments.config, arguments.set), str(arguments.config))
    place = find_place()
    if place.started:
        end_with_starter()
    asked = place.processes if arguments.processes is None else arguments.processes
    check_shares(config.batches.size, asked)
    if place.processes > 1 and asked != place.processes:
        raise ConfigError(
            f"--processes {asked}, but a launcher has started {place.processes}; leave --processes out"
        )
    try:
        if asked > place.processes:
            return start_processes(_repeat_words(arguments), asked)
        return _train(config, arguments)
    except KeyboardInterrupt:
        if (arguments.out / "checkpoints").is_dir():
            sys.stderr.write("isogloss: the same command with --resume continues from the last checkpoint\n")
        raise


def _repeat_words(arguments: argparse.Namespace) -> list[str]:
    """Write the command line for one of several processes."""
    words = ["train", f"--out={arguments.out}", *(f"--set={setting}" for setting in arguments.set)]
    return [
        *words,
        *["--resume"] * arguments.resume,
        *["--json"] * arguments.json,
        "--",
        str(arguments.config),
    ]


def _train(config: TrainConfig, arguments: argparse.Namespace) -> int:
    """Train in this process; the first of several says what was done."""
    import sys
    from contextlib import redirect_stdout

    # What trainer.report_to names may print when it is imported and while it records.
    with redirect_stdout(sys.stderr):
        from isogloss.training.callbacks import TrainingProgress
        from isogloss.training.processes import LostProcessError, find_place, leave_lost_training
        from isogloss.training.run import train

        place = find_place()
        try:
            with TrainingProgress("training") as progress:
                shown = (progress,) if place.rank == 0 else ()
                outcome = train(config, arguments.out, resume=arguments.resume, callbacks=shown)
        except LostProcessError:
            if place.started:
                leave_lost_training()
            raise
        finally:
            _finish_recording()
    if place.rank == 0:
        _show(outcome, as_json=arguments.json)
    return 0


def _finish_recording() -> None:
    """Let wandb end its run, if there is one: left to the end of the process, it says so on stdout."""
    import sys

    wandb = sys.modules.get("wandb")
    if wandb is not None and wandb.run is not None:
        wandb.finish()


def _show(outcome: TrainingOutcome, *, as_json: bool) -> None:
    import dataclasses
    import json
    import sys

    if as_json:
        content = dataclasses.asdict(outcome) | {"model": str(outcome.model)}
        sys.stdout.write(json.dumps(content, indent=1) + "\n")
        return
    shares = outcome.truncation.shares()
    best = f", model of step {outcome.best_step} kept" if outcome.best_step else ""
    lines = [
        f"steps            {outcome.steps}{best}",
        f"training loss    {outcome.train_loss:.4f} nats",
    ]
    if outcome.validation_loss is not None:
        lines.append(f"validation loss  {outcome.validation_loss:.4f} nats")
    lines += _list_retrieval(outcome)
    if outcome.trained_parameters < outcome.parameters:
        lines.append(f"trained          {outcome.trained_parameters:,} of {outcome.parameters:,} parameters")
    lines += [
        f"cut texts        {shares['queries']:.2%} of the queries, {shares['passages']:.2%} of the passages",
        f"time             {outcome.seconds:.0f} s",
        f"model            {outcome.model}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _list_retrieval(outcome: TrainingOutcome) -> list[str]:
    """Write what the kept model scores on the retrieval set, beside what chance gives."""
    from isogloss.results.summary import format_value
    from isogloss.training.retrieval import METRICS

    found: dict[str, list[str]] = {}
    for name, value in outcome.retrieval.items():
        metric = METRICS[name]
        written, chance = (
            format_value(metric.setting, metric.measure, number)
            for number in (value, outcome.retrieval_chance[name])
        )
        setting = f"{metric.setting} " if metric.measure == "mAP" else ""
        found.setdefault(metric.measure, []).append(f"{setting}{written} (chance {chance})")
    titles = {"mAP": "validation mAP", "rank distance": "rank distance"}
    return [f"{titles[measure]:<17}{', '.join(values)}" for measure, values in found.items()]
