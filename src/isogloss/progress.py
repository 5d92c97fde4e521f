"""Show on stderr where a long job stands and how long it will still take."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]
"""Called with the number of things done since the last call."""


@contextmanager
def show_progress(title: str, total: int, *, quiet: bool = False) -> Iterator[Advance]:
    """Show a bar with the remaining time on stderr, when stderr is a terminal.

    Args:
        title: What is being done.
        total: Number of things to do.
        quiet: Whether to show nothing.

    Yields:
        Advance: to be called with the number of things done since the last call.
    """
    if quiet or not sys.stderr.isatty():
        yield _ignore
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(title, total=total)
        yield lambda count: bars.advance(task, count)


def _ignore(count: int) -> None:
    """Show nothing."""
