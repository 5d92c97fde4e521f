"""``isogloss inspect``: see how a model's vocabulary fits languages."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isogloss.vocabulary import TextCollection

HELP = "see how a model's vocabulary fits languages: what is unknown, tokens per word and character"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument(
        "model", metavar="MODEL", help="run directory, model folder, tokenizer folder, or hub name"
    )
    add_text_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_text_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say which text is read.

    Args:
        parser: The command's parser.
    """
    parser.add_argument(
        "--text",
        nargs="+",
        required=True,
        metavar="PATH",
        help="text: .txt files named by language, folders of them, or corpora (SQuAD JSON, JSONL, datasets)",
    )
    parser.add_argument("--languages", metavar="L,L", help="only these languages of the text")
    parser.add_argument(
        "--limit", type=int, metavar="N", help="read N texts of each language in each file at most, the first"
    )


def open_given_texts(arguments: argparse.Namespace) -> TextCollection:
    """Open the text that a command line names.

    Args:
        arguments: The parsed command line, with the arguments of ``add_text_arguments``.

    Returns:
        The text.
    """
    from isogloss.vocabulary import open_texts

    codes = (code.strip() for code in (arguments.languages or "").split(","))
    return open_texts(arguments.text, [code for code in codes if code], arguments.limit)


def run(arguments: argparse.Namespace) -> int:
    """Print how a vocabulary fits the languages of a text.

    Args:
        arguments: The parsed command line.

    Returns:
        0.
    """
    import json
    import sys

    from isogloss.vocabulary import (
        TOKENIZER_PATTERNS,
        find_folder,
        inspect_vocabulary,
        load_tokenizer,
    )

    texts = open_given_texts(arguments)
    tokenizer = load_tokenizer(find_folder(arguments.model, TOKENIZER_PATTERNS))
    inspection = inspect_vocabulary(arguments.model, tokenizer, texts)
    if arguments.json:
        sys.stdout.write(json.dumps(inspection.to_dict(), ensure_ascii=False, indent=1) + "\n")
    else:
        sys.stdout.write(inspection.to_text() + "\n")
    return 0
