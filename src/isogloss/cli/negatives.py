"""``isogloss negatives``: mine hard negatives for the questions of a corpus."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isogloss.hard_negatives.job import MiningOutcome

HELP = "mine hard negatives: passages that a model ranks high for a question, and that do not answer it"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument(
        "corpus", metavar="CORPUS", help="folder of SQuAD JSON, JSONL file, dataset folder, or hub dataset"
    )
    parser.add_argument(
        "--model",
        required=True,
        metavar="MODEL",
        help="run directory of isogloss train, model folder or hub name",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="file to write (default: beside the corpus, .negatives)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there already")
    parser.add_argument(
        "--format",
        choices=("auto", "squad", "jsonl", "hub"),
        default="auto",
        help="what CORPUS is (default: told from what is there)",
    )
    parser.add_argument("--languages", metavar="L,L", help="only these languages, separated by commas")
    parser.add_argument(
        "--unit",
        choices=("sentence", "sentence-context", "paragraph"),
        help="text of a passage (default: that of the training run, else sentence)",
    )
    _configure_choice(parser)
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1 ... (default: the best there is)")
    parser.add_argument(
        "--no-store", action="store_true", help="encode every text anew, and keep no vectors for next time"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quiet", action="store_true", help="show no progress bars")


def _configure_choice(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say which passages become negatives."""
    parser.add_argument(
        "--pool",
        choices=("same", "each", "any"),
        default="same",
        help="look in the question's language (default), in each language by itself, or in all at once",
    )
    parser.add_argument(
        "--count", type=int, default=8, metavar="N", help="negatives of a question (default: 8)"
    )
    parser.add_argument(
        "--skip", type=int, default=0, metavar="N", help="leave out the N nearest passages (default: 0)"
    )
    parser.add_argument(
        "--depth", type=int, default=100, metavar="N", help="look at the N nearest passages (default: 100)"
    )
    parser.add_argument(
        "--relative-margin",
        type=float,
        default=0.05,
        metavar="X",
        help="leave out passages that score above (1 - X) of the question's own passage (default: 0.05)",
    )
    parser.add_argument(
        "--absolute-margin",
        type=float,
        default=0.0,
        metavar="X",
        help="leave out passages that score above that of the own passage less X (default: 0)",
    )
    parser.add_argument(
        "--keep-answers", action="store_true", help="take passages that hold the text of the answer as well"
    )


def run(arguments: argparse.Namespace) -> int:
    """Mine negatives, and say what was found.

    Args:
        arguments: The parsed command line.

    Returns:
        0.
    """
    import dataclasses
    import json
    import sys

    from isogloss.hard_negatives import MiningSettings, Pool
    from isogloss.hard_negatives.job import MiningJob, run_mining
    from isogloss.types import PassageUnit

    languages = tuple(code.strip() for code in (arguments.languages or "").split(",") if code.strip())
    outcome = run_mining(
        MiningJob(
            corpus=arguments.corpus,
            model=arguments.model,
            out=arguments.out,
            format=arguments.format,
            languages=languages or None,
            unit=PassageUnit(arguments.unit) if arguments.unit else None,
            settings=MiningSettings(
                pool=Pool(arguments.pool),
                count=arguments.count,
                skip=arguments.skip,
                depth=arguments.depth,
                absolute_margin=arguments.absolute_margin,
                relative_margin=arguments.relative_margin,
                keep_answers=arguments.keep_answers,
            ),
            device=arguments.device,
            store=not arguments.no_store,
            overwrite=arguments.overwrite,
            quiet=arguments.quiet,
        )
    )
    if arguments.json:
        content = {"file": str(outcome.file), **dataclasses.asdict(outcome.summary)}
        sys.stdout.write(json.dumps(content | {"settings": outcome.settings.to_dict()}, indent=1) + "\n")
    else:
        sys.stdout.write(_format(outcome))
    return 0


def _format(outcome: MiningOutcome) -> str:
    """Write the counts for reading in a terminal."""
    found, kept = outcome.summary, outcome.settings.keep_answers
    share = f"{found.holding:,} of them ({found.holding / max(1, found.negatives):.2%}) hold the answer"
    left_out = f"{found.near:,} passages by a margin"
    lines = [
        f"questions  {found.questions:,}, {found.with_negatives:,} of them with negatives",
        f"negatives  {found.negatives:,}, {found.foreign:,} of them in another language than the question"
        + (f"; {share}" if kept else ""),
        f"left out   {left_out}" + ("" if kept else f", {found.holding:,} that hold the answer"),
        f"file       {outcome.file}",
    ]
    return "\n".join(lines) + "\n"
