"""Write qrels and runs as TREC files, for trec_eval, ir_measures and all that reads them.

The score written is no cosine but counts down from the length of the list to 1. So it falls strictly, and
every reader, whatever its own rule for ties and its precision, keeps the order that isogloss found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from isogloss.files import replace_file


def write_qrels(path: Path, judgements: Iterable[tuple[str, str]]) -> None:
    """Write which passages are relevant to which topic.

    Args:
        path: The file: ``topic 0 passage 1`` a line.
        judgements: Topic and relevant passage; neither holds white space.
    """
    with replace_file(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        stream.writelines(f"{topic} 0 {passage} 1\n" for topic, passage in judgements)


def write_run(path: Path, rankings: Iterable[tuple[str, Sequence[str]]], tag: str) -> None:
    """Write rankings.

    Args:
        path: The file: ``topic Q0 passage rank score tag`` a line, ranks from 1.
        rankings: Topic and passages, best first; none holds white space.
        tag: Name of the run; white space in it becomes ``_``.
    """
    name = "_".join(tag.split()) or "isogloss"
    endings: dict[int, list[str]] = {}
    with replace_file(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        for topic, passages in rankings:
            count = len(passages)
            if count not in endings:
                endings[count] = [f" {rank} {count + 1 - rank} {name}\n" for rank in range(1, count + 1)]
            start = f"{topic} Q0 "
            lines = zip(passages, endings[count], strict=True)
            stream.write("".join([start + passage + ending for passage, ending in lines]))
