"""Count what the filters of isogloss translate say to human translations, and to wrong ones.

NTREX-128 has one text of 1,997 sentences in 128 languages, translated from English by people: what the
filters leave out there is left out wrongly. Against that stand three kinds of wrong translation made of the
same sentences: that of another sentence, the text itself, and the first half of the right one.

Run: ISOGLOSS_DATA=FOLDER python bench/translation_filters.py [LANGUAGE ...]
"""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from isogloss.corpus.description import align_table
from isogloss.languages import normalize_language
from isogloss.translation.filters import Filters, find_faults
from isogloss.translation.translator import Translation

RATIOS = (1.5, 1.75, 2.0, 2.5)
WRONG = 200
"""Sentences whose translation is made wrong, of each kind."""
LANGUAGES = ("deu", "fra", "rus", "fin", "tur", "swa", "hau", "yor", "amh", "arb", "heb", "hin", "ben", "tam")
LANGUAGES += ("tha", "khm", "mya", "kor", "jpn", "zho-CN", "vie", "ind")


def read_lines(path: Path) -> list[str]:
    """Read sentences as the command would send them: white space is one space."""
    return [" ".join(line.split()) for line in path.read_text(encoding="utf-8").splitlines()]


def make_wrong(pairs: Mapping[str, str], language: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Give some sentences a wrong translation, in three ways."""
    draw = random.Random(language)
    chosen, others = (draw.sample(sorted(pairs), WRONG) for _ in range(2))
    yield "another", {text: pairs[other] for text, other in zip(chosen, others, strict=True)}
    yield "copied", {text: text for text in chosen}
    yield "half", {text: pairs[text][: len(pairs[text]) // 2] for text in chosen}


def judge(pairs: Mapping[str, str], language: str, filters: Filters) -> dict[str, float]:
    """Give the share of human translations left out, by fault, and of each kind of wrong ones."""
    right = {text: Translation(made) for text, made in pairs.items()}
    faults = Counter(find_faults(right, language, filters).values())
    shares = {"human": faults.total() / len(right)}
    shares |= {f"human, {fault}": count / len(right) for fault, count in faults.items()}
    for kind, wrong in make_wrong(pairs, language):
        made = {**right, **{text: Translation(one) for text, one in wrong.items()}}
        found = find_faults(made, language, filters)
        shares[kind] = sum(text in found for text in wrong) / len(wrong)
    return shares


def main() -> None:
    """Judge the languages, and print the means by ratio, and for the default the languages."""
    folder = Path(os.environ["ISOGLOSS_DATA"]) / "bitext" / "NTREX" / "NTREX-128"
    english = read_lines(folder / "newstest2019-src.eng.txt")
    names = sys.argv[1:] or LANGUAGES
    rows: dict[str, dict[str, float]] = {}
    for ratio in RATIOS:
        found = {}
        for name in names:
            lines = read_lines(folder / f"newstest2019-ref.{name}.txt")
            pairs = {text: made for text, made in zip(english, lines, strict=True) if text and made}
            found[name] = judge(pairs, normalize_language(name), Filters(length_ratio=ratio))
        keys = {key for shares in found.values() for key in shares}
        rows[f"{ratio}, mean"] = {
            key: sum(one.get(key, 0) for one in found.values()) / len(found) for key in keys
        }
        if ratio == Filters().length_ratio:
            rows |= {f"{ratio}, {name}": shares for name, shares in found.items()}
    columns = sorted(
        {key for row in rows.values() for key in row}, key=lambda key: (not key.startswith("human"), key)
    )
    table = [
        [name, *(f"{100 * row.get(key, 0):.2f}" for key in columns)] for name, row in sorted(rows.items())
    ]
    print("\n".join(align_table([["ratio", *columns], *table])))


if __name__ == "__main__":
    main()
