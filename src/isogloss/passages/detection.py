"""Tell the language of a text, where nothing else says it."""

from __future__ import annotations

from collections.abc import Callable

from isogloss.errors import ConfigError
from isogloss.languages import normalize_language

_LETTERS = 2000
"""More of a text would hardly change the answer."""


def make_detector() -> Callable[[str], str]:
    """Prepare to tell languages; the library is an extra.

    Returns:
        What gives the most likely language of a text in the short form; of a few words it is often wrong.

    Raises:
        ConfigError: The library is not installed.

    Source: py3langid (langid.py, Lui and Baldwin 2012), with its own model of some hundred languages.
    """
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError as error:
        raise ConfigError("--detect needs one more library: pip install 'isogloss[detect]'") from error
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    return lambda text: normalize_language(str(identifier.classify(text[:_LETTERS])[0]))
