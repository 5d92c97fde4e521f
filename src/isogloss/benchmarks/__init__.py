"""Read retrieval benchmarks: queries and passages in several languages, and which belong together."""

from isogloss.benchmarks.lareqa import check_published_counts, find_folder, read_lareqa
from isogloss.benchmarks.model import Benchmark
from isogloss.benchmarks.selection import read_names, select_questions

__all__ = [
    "Benchmark",
    "check_published_counts",
    "find_folder",
    "read_lareqa",
    "read_names",
    "select_questions",
]
