"""Tell text from what cannot be written as UTF-8, such as bytes of a command line that were no text."""

from __future__ import annotations

import re

_HALF_PAIR = re.compile("[\ud800-\udfff]")


def holds_half_pair(text: str) -> bool:
    """Tell whether half of a surrogate pair stands alone, as after a cut inside a character.

    Python also reads bytes that are not UTF-8 as such halves, in arguments and names of files.

    Args:
        text: Any string.

    Returns:
        True when the text could not be written as UTF-8.
    """
    return not text.isascii() and _HALF_PAIR.search(text) is not None
