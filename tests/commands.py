"""Commands as a user gives them, run in this process."""

from __future__ import annotations

from collections.abc import Callable

Call = Callable[..., tuple[int, str, str]]
"""Runs a command by its words, and gives its exit code, what it printed, and what it said besides."""
