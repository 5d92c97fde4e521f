"""Write the front matter of a card, by which the hub finds and shows a model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from isogloss.errors import ConfigError
from isogloss.languages import normalize_language
from isogloss.model_card.record import RunRecord, look_up

TAGS = ("sentence-transformers", "feature-extraction", "sentence-similarity", "multilingual", "isogloss")
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.-]*")


def write_front_matter(record: RunRecord) -> str:
    """Write the front matter: languages, tags, licence if stated, base model and datasets of the hub.

    Args:
        record: What the run tells.

    Returns:
        YAML between two lines of hyphens.
    """
    from huggingface_hub import ModelCardData

    corpora = record.find(list, "corpora") or []
    datasets = [name for entry in corpora if (name := look_up(entry, str, "dataset"))]
    license_, license_name = _name_license(record.config.license)
    data = ModelCardData(
        language=list_languages(record.find(list, "languages") or []) or None,
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=list(TAGS),
        base_model=record.find(str, "base_model"),
        datasets=datasets or None,
        license=license_,
        license_name=license_name,
    )
    return f"---\n{data.to_yaml().strip()}\n---\n"


def list_languages(codes: Sequence[object]) -> list[str]:
    """Write language codes as the hub knows them: ISO 639, without script and region.

    Args:
        codes: Codes as corpora spell them.

    Returns:
        Short codes, each once, sorted; codes that name no known language are left out.
    """
    found: set[str] = set()
    for code in codes:
        try:
            found.add(normalize_language(str(code)).split("-")[0])
        except ConfigError:
            continue
    return sorted(found)


def _name_license(stated: str) -> tuple[str | None, str | None]:
    """Name a licence as the hub does: by its identifier, or as another one with a name."""
    text = " ".join(stated.split())
    if not text:
        return None, None
    if _IDENTIFIER.fullmatch(text.lower()):
        return text.lower(), None
    return "other", text
