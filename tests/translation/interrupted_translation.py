"""Translate and die at some moment: ``interrupted_translation.py OUT MOMENT NUMBER``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from backwards import Backwards, write_corpus_of

from isogloss.corpus import ParallelCorpus
from isogloss.translation import job, store
from isogloss.translation.filters import Filters
from isogloss.translation.translator import Translation


def make_corpus() -> ParallelCorpus:
    """Make 12 items on 4 passages of three sentences."""
    rows = []
    for number in range(12):
        passage = number // 3
        texts = [
            f"Sentence {place} of passage {passage} is this one." for place in ("first", "second", "third")
        ]
        rows.append(
            {
                "item_id": f"q{number:02}",
                "question": f"What about number {number} of these?",
                "passage": " ".join(texts),
                "answer_start": 45 * (number % 3),
            }
        )
    return write_corpus_of(*rows)


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def translate(out: Path, translators: type[Backwards] = Backwards) -> None:
    """Translate the corpus into two languages, and back."""
    filters = Filters(min_similarity=0.5)
    made = job.Job(make_corpus(), "en", ("de", "sw"), out, filters=filters, budget=40, quiet=True)
    job.translate_corpus(made, translators)


def main() -> None:
    out, moment, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    left = [number]

    class Dying(Backwards):
        def translate(self, texts: list[str]) -> list[Translation]:  # type: ignore[override]
            left[0] -= 1
            if not left[0] and moment == "while it translates":
                die()
            return super().translate(texts)

    append = store.TranslationStore._append

    def append_in_part(self: store.TranslationStore, entry: dict[str, object]) -> None:
        if left[0] <= 0:
            append(self, entry)
            size = self.path.stat().st_size
            os.truncate(self.path, size - 1 - number * 7 % 60)
            die()
        append(self, entry)

    if moment == "while it appends":
        store.TranslationStore._append = append_in_part  # type: ignore[method-assign,assignment]
    if moment == "before the corpus":
        job.write_corpus = die  # type: ignore[assignment]
    if moment == "within the corpus":
        # After the old corpus was moved aside, before the new one takes its place.
        rename = Path.rename

        def rename_and_die(self: Path, target: Path) -> None:
            rename(self, target)
            die()

        Path.rename = rename_and_die  # type: ignore[method-assign,assignment]
        (out / "corpus").mkdir(parents=True)
        (out / "translations").mkdir()
    if moment == "after the corpus":
        job.write_provenance = die  # type: ignore[assignment]
    translate(out, Dying)


if __name__ == "__main__":
    main()
