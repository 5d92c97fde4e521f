"""Keep what an evaluation found, in memory (``model``), in files (``store``) and as text (``summary``)."""

from isogloss.results.model import MEASURES, MeasureTable, Results, RunInfo
from isogloss.results.store import RANKS_FILE, RESULTS_FILE, describe_results, read_results, write_results
from isogloss.results.summary import format_results, mean_by_query_language

__all__ = [
    "MEASURES",
    "RANKS_FILE",
    "RESULTS_FILE",
    "MeasureTable",
    "Results",
    "RunInfo",
    "describe_results",
    "format_results",
    "mean_by_query_language",
    "read_results",
    "write_results",
]
