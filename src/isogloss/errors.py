"""Every error that isogloss raises on purpose.

::

    IsoglossError
    +-- ConfigError      a setting is unknown, missing or out of range
    +-- DataError        a corpus or benchmark file is not what it should be
    +-- PlanError        the batches asked for cannot be made from the corpus
    +-- ModelError       a model cannot be loaded, or its vectors are unusable
    +-- ResultsError     stored results are damaged or do not belong together

The command line prints any of them as one line on stderr and exits with code 2.
"""

from __future__ import annotations

from pathlib import Path


class IsoglossError(Exception):
    """Catch this to catch every error that isogloss raises on purpose."""


class ConfigError(IsoglossError):
    """Report a setting that is unknown, missing or out of range."""


class DataError(IsoglossError):
    """Report input data that cannot be read as what it claims to be.

    Args:
        message: What was found and what was expected.
        path: The file or folder at fault.
        position: Where in the file: ``line 3``, ``data[0].paragraphs[2].qas[1]`` ...
    """

    def __init__(self, message: str, path: str | Path | None = None, position: str | None = None) -> None:
        where = ", ".join(part for part in (str(path) if path else "", position or "") if part)
        super().__init__(f"{where}: {message}" if where else message)
        self.path = None if path is None else Path(path)
        self.position = position


class PlanError(IsoglossError):
    """Report batches that cannot be made from the corpus as asked."""


class ModelError(IsoglossError):
    """Report a model that cannot be loaded, or whose vectors are unusable."""


class ResultsError(IsoglossError):
    """Report stored results that are damaged or do not belong together."""


def first_line(error: BaseException) -> str:
    """Give the first line of an error's message, for a message of our own.

    Args:
        error: The error, of any library.

    Returns:
        The line; the error's class where it has no message.
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0]
