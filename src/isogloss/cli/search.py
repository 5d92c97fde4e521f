"""``isogloss search``: search an index."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isogloss.retriever import Hit

HELP = "search an index that isogloss index has made"

_SHOWN_LETTERS = 200


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("index", metavar="DIR", type=Path, help="folder of the index")
    parser.add_argument("queries", metavar="QUERY", nargs="+", help="what to search for; each is answered")
    parser.add_argument("-k", type=int, default=10, metavar="K", help="passages to show (default: 10)")
    parser.add_argument("--language", metavar="L,L", help="search passages in these languages only")
    parser.add_argument(
        "--ranking",
        choices=("none", "quota", "calibrated", "fused"),
        default="none",
        help="rank the passages of all languages so that no language crowds out the others (default: none)",
    )
    parser.add_argument(
        "--lexical",
        action="store_true",
        help="search by words too (BM25), in an index that was made with --lexical",
    )
    parser.add_argument("--model", metavar="MODEL", help="where the model is now (default: where it was)")
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 ... (default: the best there is)")
    parser.add_argument("--json", action="store_true", help="print JSON: a list of passages for each query")


def run(arguments: argparse.Namespace) -> int:
    """Search, and print the passages.

    Args:
        arguments: The parsed command line.

    Returns:
        0.
    """
    import json
    import sys

    from isogloss.retriever import Retriever

    languages = None
    if arguments.language is not None:
        languages = [code.strip() for code in arguments.language.split(",") if code.strip()]
    retriever = Retriever.load(arguments.index, arguments.device, model=arguments.model)
    found = retriever.search(
        arguments.queries, arguments.k, languages, ranking=arguments.ranking, lexical=arguments.lexical
    )
    if arguments.json:
        content = [
            {"query": query, "hits": [hit._asdict() for hit in hits]}
            for query, hits in zip(arguments.queries, found, strict=True)
        ]
        sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    else:
        named = [
            f"{query}\n{_format(hits)}" if len(found) > 1 else _format(hits)
            for query, hits in zip(arguments.queries, found, strict=True)
        ]
        sys.stdout.write("\n".join(named))
    return 0


def _format(hits: Sequence[Hit]) -> str:
    """Write a passage in two lines: place, score, language, id and title; the start of its text."""
    if not hits:
        return "no passage\n"
    lines = []
    for place, hit in enumerate(hits, start=1):
        title = f"  {_shorten(hit.title)}" if hit.title else ""
        lines.append(f"{place:>3}  {hit.score:.4f}  {hit.language}  {hit.id}{title}")
        lines.append(f"     {_shorten(hit.text)}")
    return "\n".join(lines) + "\n"


def _shorten(text: str) -> str:
    """Write text on one line, long text up to a word's end."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_LETTERS else f"{line[:_SHOWN_LETTERS].rsplit(' ', 1)[0]} ..."
