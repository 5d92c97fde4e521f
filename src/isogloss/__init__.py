"""Train, measure and compare multilingual dense retrievers with hybrid batches."""

from isogloss._version import __version__
from isogloss.errors import IsoglossError

__all__ = ["IsoglossError", "__version__"]
