"""``isogloss benchmarks``: list the known benchmarks, download one, or export its texts."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isogloss.benchmarks import BenchmarkEntry

HELP = "list the benchmarks; download one, or export its texts to encode them elsewhere"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="tell about this benchmark (default: list all)"
    )
    parser.add_argument("--download", type=Path, metavar="FOLDER", help="download it into this data folder")
    parser.add_argument(
        "--export", type=Path, metavar="FOLDER", help="write it there in BEIR's layout, read from --data"
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="the data folder that holds it")
    parser.add_argument("--languages", metavar="L,L", help="export only these languages")
    parser.add_argument(
        "--unit",
        choices=("sentence", "sentence-context", "paragraph"),
        help="text of an exported passage (default: the benchmark's first)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument("--quiet", action="store_true", help="show no progress bars")


def run(arguments: argparse.Namespace) -> int:
    """List, download or export.

    Args:
        arguments: The parsed command line.

    Returns:
        0.

    Raises:
        ConfigError: There is no such benchmark, or arguments do not fit together.
    """
    import sys

    from isogloss.benchmarks import CATALOGUE, find_entry
    from isogloss.errors import ConfigError

    if arguments.name is None:
        if arguments.download or arguments.export:
            raise ConfigError("name the benchmark to download or export")
        sys.stdout.write(_list_json(CATALOGUE) if arguments.json else _list_entries(CATALOGUE))
    elif arguments.export is not None:
        _export(arguments)
    elif arguments.download is not None:
        _download(find_entry(arguments.name), arguments.download, quiet=arguments.quiet)
    else:
        entry = find_entry(arguments.name)
        sys.stdout.write(_list_json([entry]) if arguments.json else _describe(entry))
    return 0


def _list_entries(entries: tuple[BenchmarkEntry, ...]) -> str:
    """Write a row of sizes per benchmark, and below it what it is, its licence and its source."""
    from isogloss.columns import align_columns

    rows = [("name", "languages", "queries", "passages", "download")]
    rows += [
        (
            entry.name,
            f"{entry.languages}",
            "-" if entry.queries is None else f"{entry.queries:,}",
            "-" if entry.passages is None else f"{entry.passages:,}",
            "yes" if entry.files else "by hand",
        )
        for entry in entries
    ]
    heads = align_columns(rows, (0, 4))
    lines = [heads[0]]
    for head, entry in zip(heads[1:], entries, strict=True):
        lines += [head, *_wrap(entry.title), *_wrap(f"licence: {entry.licence}"), *_wrap(entry.source)]
    return "\n".join([*lines, "", "isogloss benchmarks NAME tells what to put where.", ""])


def _wrap(text: str) -> list[str]:
    """Break a text into indented lines of a terminal's width; an address stays whole."""
    import textwrap

    indent = "    "
    return textwrap.wrap(
        text,
        80,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _describe(entry: BenchmarkEntry) -> str:
    """Tell about one benchmark."""
    size = sum(file.bytes for file in entry.files)
    get = (
        f"isogloss benchmarks {entry.name} --download FOLDER ({len(entry.files)} files, {size / 1e6:,.1f} MB)"
        if entry.files
        else "by hand: no checksum is known, so nothing is downloaded"
    )
    return (
        f"{entry.name}: {entry.title}\n"
        f"languages  {entry.languages}\n"
        f"licence    {entry.licence}\n"
        f"source     {entry.source}\n"
        f"get it     {get}\n"
        f"place      {entry.place}\n"
        f"use        isogloss evaluate MODEL --benchmark {entry.name} --data FOLDER\n"
    )


def _list_json(entries: tuple[BenchmarkEntry, ...] | list[BenchmarkEntry]) -> str:
    """Write entries for machines."""
    import json
    from dataclasses import asdict

    described = [{**asdict(entry), "files": [asdict(file) for file in entry.files]} for entry in entries]
    return json.dumps(described, ensure_ascii=False, indent=1) + "\n"


def _download(entry: BenchmarkEntry, folder: Path, *, quiet: bool) -> None:
    """Download a benchmark, or say what to do by hand."""
    import sys

    from isogloss.benchmarks.download import download_files
    from isogloss.errors import ConfigError

    if not entry.files:
        raise ConfigError(
            f"{entry.name} cannot be downloaded: no checksum of it is known; get it from {entry.source} "
            f"and put it into the data folder as {entry.place}"
        )
    places = download_files(entry.files, folder, title=f"downloading {entry.name}", quiet=quiet)
    sys.stderr.write(f"{len(places)} files in {folder}; licence: {entry.licence}\n")


def _export(arguments: argparse.Namespace) -> None:
    """Write a benchmark of passages in BEIR's layout."""
    import sys

    from isogloss.benchmarks import Benchmark, open_benchmark
    from isogloss.benchmarks.beir import write_beir
    from isogloss.errors import ConfigError
    from isogloss.types import PassageUnit

    if arguments.data is None:
        raise ConfigError("--export needs --data, the folder that holds the benchmark")
    languages = [name.strip() for name in (arguments.languages or "").split(",") if name.strip()]
    benchmark = open_benchmark(arguments.name, arguments.data, languages)
    if not isinstance(benchmark, Benchmark):
        raise ConfigError(f"{arguments.name} has no queries and passages that BEIR's layout could hold")
    unit = PassageUnit(arguments.unit) if arguments.unit else benchmark.units[0]
    if unit not in benchmark.units:
        raise ConfigError(f"{benchmark.name} has the passage units {', '.join(benchmark.units)}, not {unit}")
    for file in write_beir(benchmark, arguments.export, unit):
        sys.stderr.write(f"{file}\n")
