"""``isogloss inspect``: see how a model's vocabulary fits languages."""

from __future__ import annotations

import argparse

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


def split_languages(codes: str | None) -> list[str]:
    """Split a list of languages.

    Args:
        codes: Codes separated by commas, or nothing.

    Returns:
        The codes.
    """
    return [code.strip() for code in (codes or "").split(",") if code.strip()]


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
        open_texts,
    )

    texts = open_texts(arguments.text, split_languages(arguments.languages), arguments.limit)
    tokenizer = load_tokenizer(find_folder(arguments.model, TOKENIZER_PATTERNS))
    inspection = inspect_vocabulary(arguments.model, tokenizer, texts)
    if arguments.json:
        sys.stdout.write(json.dumps(inspection.to_dict(), ensure_ascii=False, indent=1) + "\n")
    else:
        sys.stdout.write(inspection.to_text() + "\n")
    return 0
