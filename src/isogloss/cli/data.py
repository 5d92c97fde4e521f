"""The command ``isogloss data``: look at a corpus before training on it, or store it."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = (
    "look at a corpus: languages, items, pairs, lengths, blemishes; or store one that is larger than memory"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``isogloss data``.

    Args:
        parser: The parser of this command.
    """
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    about = "print what a corpus holds"
    describe = actions.add_parser("describe", help=about, description=about)
    _add_corpus(describe, ("auto", "squad", "jsonl", "hub", "store"))
    describe.add_argument("--json", action="store_true", help="print JSON")
    about = "write a corpus as files that training reads without loading them"
    store = actions.add_parser("store", help=about, description=about)
    _add_corpus(store, ("auto", "squad", "jsonl", "hub"))
    store.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="folder to make")
    store.add_argument("--name", help="what to call the corpus (default: told from PATH)")


def _add_corpus(parser: argparse.ArgumentParser, formats: tuple[str, ...]) -> None:
    parser.add_argument(
        "path",
        metavar="PATH",
        help="folder of SQuAD JSON, JSONL file, dataset folder, hub dataset"
        + (", or stored corpus" if "store" in formats else ""),
    )
    parser.add_argument(
        "--format", choices=formats, default="auto", help="what PATH is (default: told from what is there)"
    )
    parser.add_argument("--languages", metavar="CODES", help="languages to keep, such as en,de")


def run(arguments: argparse.Namespace) -> int:
    """Print the description of a corpus, or store it.

    Args:
        arguments: The parsed command line.

    Returns:
        0
    """
    import json

    from isogloss.corpus import describe_corpus, read_corpus, store_corpus

    languages = None
    if arguments.languages is not None:
        languages = [code.strip() for code in arguments.languages.split(",") if code.strip()]
    if arguments.action == "store":
        stored = store_corpus(
            arguments.path,
            arguments.out,
            format=arguments.format,
            languages=languages,
            name=arguments.name,
        )
        print(f"{arguments.out}: {stored.item_count:,} items in {len(stored.languages):,} languages")  # noqa: T201
        return 0
    corpus = read_corpus(arguments.path, format=arguments.format, languages=languages)
    description = describe_corpus(corpus)
    if arguments.json:
        print(json.dumps(description.to_dict(), ensure_ascii=False, indent=2))  # noqa: T201
    else:
        print(description.to_text())  # noqa: T201
    return 0
