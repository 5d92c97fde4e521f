"""Collections of passages to be searched, and their readers."""

from isogloss.passages.model import Passage

__all__ = ["Passage"]
