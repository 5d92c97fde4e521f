"""Write the card of a debiased model: what was taken out, above the card of the model it is from."""

from __future__ import annotations

import re
from pathlib import Path

from isogloss.debiased_model.report import DebiasReport
from isogloss.errors import ModelError
from isogloss.model_card import CARD_FILE
from isogloss.model_card.front_matter import TAGS
from isogloss.model_card.markdown import escape, write_code, write_table

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_SEAL = re.compile(r"<!-- isogloss card [0-9a-f]{64} -->\n?")


def write_debiased_card(source: Path, report: DebiasReport, record: str) -> str:
    """Write the card.

    Args:
        source: Folder of the model that language was taken out of.
        report: What was done and measured.
        record: Name of the file with all figures.

    Returns:
        Markdown: the front matter of the model's card (licence and base model hold as before), what was done,
        and the rest of that card.

    Raises:
        ModelError: The model's card cannot be read.
    """
    former = _read_card(source / CARD_FILE)
    found = _FRONT_MATTER.match(former)
    front = found.group() if found else _write_front_matter()
    rest = _SEAL.sub("", former[found.end() if found else 0 :]).strip()
    parts = [front + "\n" + _describe(report, record)]
    if rest:
        parts.append(
            "What follows is the card of the model before that. **Its figures are not those of this model.**"
        )
        parts.append(rest)
    return "\n\n".join(parts) + "\n"


def _read_card(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").replace("\r\n", "\n") if path.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: cannot be read ({error})") from error


def _write_front_matter() -> str:
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        library_name="sentence-transformers", pipeline_tag="sentence-similarity", tags=list(TAGS)
    )
    return f"---\n{data.to_yaml().strip()}\n---\n"


def _describe(report: DebiasReport, record: str) -> str:
    name = report.model.replace("\\", "/").rstrip("/").rsplit("/", maxsplit=1)[-1]
    aligned = "; a translation is looked for among all of them" if report.aligned else ""
    return "\n\n".join(
        [
            f"# {escape(name)} without language",
            f"The last layer of {write_code(name)} takes {report.components} directions that tell languages "
            f"apart out of its vectors of {report.dimension} dimensions ({report.method}, without training; "
            "isogloss debias). Measured on text that the directions were not learned from"
            f"{aligned}:",
            write_table(
                ["measure", "before", "after", "chance"], map(_escape, report.list_figures()), numbers=3
            ),
            f"`{record}` holds these figures by language, the settings and the hashes of the text.",
        ]
    )


def _escape(row: tuple[str, ...]) -> list[str]:
    return [escape(cell) for cell in row]
