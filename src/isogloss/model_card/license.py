"""Read the licence that a model's own card states."""

from __future__ import annotations

import os
from pathlib import Path


def read_license(model: str) -> str | None:
    """Read the licence of a model from its card, without asking the network.

    Args:
        model: Folder, or name on the hub; of the latter the local copy of the card is read, if there is one.

    Returns:
        The licence as stated; none where there is no card here, or it states none.
    """
    import yaml
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.repocard import metadata_load

    folder = Path(model)
    try:
        found = (
            folder / "README.md"
            if folder.is_dir()
            else try_to_load_from_cache(
                model, "README.md", cache_dir=os.environ.get("SENTENCE_TRANSFORMERS_HOME")
            )
        )
        if not isinstance(found, str | Path):
            return None
        stated = metadata_load(found) or {}
    except (OSError, ValueError, HFValidationError, yaml.YAMLError):
        return None
    name = stated.get("license_name") if stated.get("license") == "other" else None
    license_ = name or stated.get("license")
    return license_ if isinstance(license_, str) and license_.strip() else None
