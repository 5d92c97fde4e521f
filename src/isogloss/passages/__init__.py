"""Collections of passages to be searched, and their readers."""

from isogloss.passages.checking import check_passages
from isogloss.passages.formats import hash_passages, measure_passages, stream_passages
from isogloss.passages.model import Passage
from isogloss.passages.splitting import split_passages

__all__ = [
    "Passage",
    "check_passages",
    "hash_passages",
    "measure_passages",
    "split_passages",
    "stream_passages",
]
