"""How many processors there are to compute on."""

from __future__ import annotations

import os


def count_processors() -> int:
    """Count the processors that this process may use.

    Returns:
        At least 1.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
