"""Show on stderr where a long job stands and how long it will still take."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]
"""Called with the number of things done since the last call."""

_SECONDS_BETWEEN_LINES = 30.0
"""Where stderr is a file, a line this often tells that the job lives."""


@contextmanager
def show_progress(title: str, total: int, *, quiet: bool = False) -> Iterator[Advance]:
    """Show a bar with the remaining time on stderr, or a line now and then where stderr is no terminal.

    Args:
        title: What is being done.
        total: Number of things to do.
        quiet: Whether to show nothing.

    Yields:
        Advance: to be called with the number of things done since the last call.
    """
    if quiet:
        yield ignore_progress
        return
    if not sys.stderr.isatty():
        yield _Lines(title, total).advance
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(title, total=total)
        yield lambda count: bars.advance(task, count)


class _Lines:
    """Write a line with what is done and the remaining time, at most every so many seconds."""

    def __init__(self, title: str, total: int) -> None:
        self.title = title
        self.total = total
        self.done = 0
        self.start = self.written = time.monotonic()

    def advance(self, count: int) -> None:
        """Count, and write a line when one is due."""
        self.done += count
        now = time.monotonic()
        if now - self.written < _SECONDS_BETWEEN_LINES or not self.done:
            return
        self.written = now
        minutes = (now - self.start) / self.done * (self.total - self.done) / 60
        sys.stderr.write(f"{self.title}: {self.done:,} of {self.total:,}, about {minutes:.1f} min left\n")


def ignore_progress(count: int) -> None:
    """Show nothing.

    Args:
        count: Number of things done.
    """
