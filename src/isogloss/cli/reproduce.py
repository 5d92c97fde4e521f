"""``isogloss reproduce``: run a study, and give a verdict on each claim."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isogloss.study.folder import StudyFolder
    from isogloss.study.settings import StudyConfig

HELP = "run a grid of trainings and give a verdict on each claim of the paper; goes on where it stopped"

EXIT_FAILED = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument(
        "study", metavar="STUDY", type=Path, help="TOML file of the study, such as studies/demo.toml"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the study, made or gone on with"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="folder of real data, in place of {data} in the study file",
    )
    parser.add_argument(
        "--plan", action="store_true", help="list the cells, how far each is, and how long the rest takes"
    )
    parser.add_argument(
        "--claim", metavar="N", help="judge this claim by the cells that are done, train nothing; such as 8"
    )
    parser.add_argument(
        "--only", metavar="PATTERN", help="do only cells with such names, for example '*/hybrid-*'"
    )
    parser.add_argument(
        "--hours",
        type=float,
        metavar="H",
        help="begin no further cell after so many hours; the rest is for later",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run, plan or judge a study.

    Args:
        arguments: The parsed command line.

    Returns:
        0; 1 when cells failed.

    Raises:
        ConfigError: The study file or an argument is wrong.
    """
    import math

    from isogloss.errors import ConfigError
    from isogloss.study.folder import StudyFolder, check_study
    from isogloss.study.reading import read_study

    given = [name for name in ("plan", "claim", "only", "hours") if getattr(arguments, name)]
    if len(given) > 1 and set(given) != {"only", "hours"}:
        raise ConfigError(f"--{given[0]} and --{given[1]} exclude each other")
    if arguments.hours is not None and not (arguments.hours >= 0 and math.isfinite(arguments.hours)):
        raise ConfigError(f"--hours takes a number from 0; got {arguments.hours}")
    study = read_study(arguments.study, arguments.out, arguments.data)
    folder = StudyFolder(arguments.out)
    if arguments.plan:
        check_study(study, folder)
        return _show_plan(study, folder, as_json=arguments.json)
    if arguments.claim is not None:
        check_study(study, folder)
        return _show_claim(study, folder, arguments)
    return _run(study, folder, arguments)


def _show_plan(study: StudyConfig, folder: StudyFolder, *, as_json: bool) -> int:
    """List the cells."""
    import json
    import sys

    from isogloss.study.plan import describe_plan, write_plan
    from isogloss.study.state import list_left_out, list_states

    states, left_out = list_states(study, folder), list_left_out(study, folder)
    if as_json:
        sys.stdout.write(
            json.dumps(describe_plan(study, states, left_out), ensure_ascii=False, indent=1) + "\n"
        )
    else:
        sys.stdout.write(write_plan(study, states, left_out))
    return 0


def _show_claim(study: StudyConfig, folder: StudyFolder, arguments: argparse.Namespace) -> int:
    """Judge the claims, and print the rows of one."""
    import json
    import sys

    from isogloss.study.claim_table import describe_rows, write_row
    from isogloss.study.evidence import Evidence
    from isogloss.study.rows import choose_rows, judge_claims, name_command

    command = name_command(arguments.study, arguments.out, arguments.data)
    rows = choose_rows(judge_claims(Evidence(study, folder), command), arguments.claim)
    if arguments.json:
        sys.stdout.write(json.dumps(describe_rows(rows), ensure_ascii=False, indent=1) + "\n")
    else:
        sys.stdout.write("\n".join(map(write_row, rows)))
    return 0


def _run(study: StudyConfig, folder: StudyFolder, arguments: argparse.Namespace) -> int:
    """Do what is left of the study, then write its report."""
    import json
    import sys

    from isogloss.study.plan import summarise
    from isogloss.study.report import write_report
    from isogloss.study.rows import name_command
    from isogloss.study.run import run_study
    from isogloss.study.state import list_states

    outcome = run_study(study, arguments.out, only=arguments.only, hours=arguments.hours)
    files = write_report(study, folder, name_command(arguments.study, arguments.out, arguments.data))
    if arguments.json:
        content = {
            "done": outcome.done,
            "failed": outcome.failed,
            "not_available": outcome.unavailable,
            "left": outcome.left,
            "files": [str(path) for path in files],
        }
        sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    else:
        lines = [summarise(study, list_states(study, folder)), *map(str, files)]
        sys.stdout.write("\n".join(lines) + "\n")
    for name, reason in outcome.failed.items():
        sys.stderr.write(f"isogloss: error: {name}: {reason}\n")
    return EXIT_FAILED if outcome.failed else 0
