"""The command ``isogloss data``: look at a corpus before training on it."""

from __future__ import annotations

import argparse

HELP = "look at a corpus: languages, items, pairs, lengths, blemishes"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``isogloss data``.

    Args:
        parser: The parser of this command.
    """
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    about = "print what a corpus holds"
    describe = actions.add_parser("describe", help=about, description=about)
    describe.add_argument(
        "path", metavar="PATH", help="folder of SQuAD JSON, JSONL file, dataset folder, or hub dataset"
    )
    describe.add_argument(
        "--format",
        choices=("auto", "squad", "jsonl", "hub"),
        default="auto",
        help="what PATH is (default: told from what is there)",
    )
    describe.add_argument("--languages", metavar="CODES", help="languages to keep, such as en,de")
    describe.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the description of a corpus.

    Args:
        arguments: The parsed command line.

    Returns:
        0
    """
    import json

    from isogloss.corpus import describe_corpus, read_corpus

    languages = None
    if arguments.languages is not None:
        languages = [code.strip() for code in arguments.languages.split(",") if code.strip()]
    corpus = read_corpus(arguments.path, format=arguments.format, languages=languages)
    description = describe_corpus(corpus)
    if arguments.json:
        print(json.dumps(description.to_dict(), ensure_ascii=False, indent=2))  # noqa: T201
    else:
        print(description.to_text())  # noqa: T201
    return 0
