"""``isogloss serve``: search an index over HTTP, and on a page."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isogloss.server.systems import System

HELP = "search an index over HTTP and on a page in the browser"

_DEMO = Path("runs/serve-demo")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("index", nargs="?", type=Path, metavar="DIR", help="index to search")
    parser.add_argument(
        "--compare", type=Path, metavar="DIR", help="a second index, which the page shows beside the first"
    )
    parser.add_argument(
        "--demo",
        action="store_true",
        help=f"train a small model on an embedded collection and serve that; DIR is its folder then "
        f"(default {_DEMO})",
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default 127.0.0.1)")
    parser.add_argument(
        "--port", type=int, default=8000, metavar="N", help="port to listen at (default 8000; 0: any)"
    )
    parser.add_argument("--device", help="where to compute, such as cpu or cuda (default: the best there is)")
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="threads that compute (default: OMP_NUM_THREADS, or all processors but one)",
    )
    parser.add_argument(
        "--no-check",
        action="store_true",
        help="do not first compare every byte of the index with its checksum, at the speed of the disk",
    )
    parser.add_argument("--log-queries", action="store_true", help="write the text of queries to the log")


def run(arguments: argparse.Namespace) -> int:
    """Serve until stopped.

    Args:
        arguments: The parsed command line.

    Returns:
        0.

    Raises:
        ConfigError: No index is named, both are called alike, or the extra ``serve`` is not installed.
    """
    from isogloss.errors import ConfigError

    if arguments.index is None and not arguments.demo:
        raise ConfigError("name the index to serve, or take --demo; isogloss index makes one")
    if arguments.demo and arguments.compare is not None:
        raise ConfigError("--demo brings a second index of its own; leave --compare out")
    if arguments.threads is not None and arguments.threads < 1:
        raise ConfigError(f"--threads takes a number from 1; got {arguments.threads}")
    _check_installed()
    _prepare_libraries(arguments.threads)
    from isogloss.server.app import create_app
    from isogloss.server.running import serve
    from isogloss.server.settings import ServiceSettings

    settings = ServiceSettings(log_queries=arguments.log_queries)
    examples: Sequence[str] = ()
    if arguments.demo:
        from isogloss.demo_search import (
            TRAINED,
            UNTRAINED,
            describe_search_demo,
            list_examples,
            prepare_search_demo,
        )

        folder = prepare_search_demo(arguments.index or _DEMO)
        _tell(describe_search_demo(folder))
        folders, examples = [folder / TRAINED, folder / UNTRAINED], list_examples()
    else:
        folders = [arguments.index, *([] if arguments.compare is None else [arguments.compare])]
    systems = _load_systems(folders, arguments.device, check=not arguments.no_check)
    app = create_app(systems, settings, demonstration=arguments.demo, examples=examples)
    serve(app, arguments.host, arguments.port)
    return 0


def _prepare_libraries(threads: int | None) -> None:
    """Tell numpy and torch, not loaded yet, what suits a service.

    Their threads wait for each other by spinning: where none is left for the requests, both get slow. And
    torch keeps the products it has prepared, one a shape: batches hardly share a shape, and memory grows.
    """
    import os

    from isogloss.processors import count_processors

    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, count_processors() - 1)))
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "0")


def _check_installed() -> None:
    from isogloss.errors import ConfigError

    try:
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise ConfigError("the service needs more packages: pip install 'isogloss[serve]'") from None


def _load_systems(folders: Sequence[Path], device: str | None, *, check: bool) -> list[System]:
    """Check and load each index, called by its folder; where two have one name, by their parents' too."""
    from isogloss.errors import ConfigError
    from isogloss.index import check_index
    from isogloss.retriever import Retriever
    from isogloss.server.systems import System

    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = [
            f"{folder.resolve().parent.name} {name}" for folder, name in zip(folders, names, strict=True)
        ]
    if len(set(names)) < len(names):
        raise ConfigError(f"both indexes are called {names[0]}; rename a folder to tell them apart")
    for folder in folders if check else ():
        check_index(folder)
    return [
        System(name, Retriever.load(folder, device=device))
        for name, folder in zip(names, folders, strict=True)
    ]


def _tell(text: str) -> None:
    import sys

    sys.stderr.write(text)
