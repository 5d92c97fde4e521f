"""Records to build corpora of, and everything that a corpus says."""

from __future__ import annotations

from hypothesis import strategies as st

from isogloss.corpus import ParallelCorpus, Record


def record(item: str, language: str, passage: str, **more: object) -> Record:
    values: dict[str, object] = {
        "item_id": item,
        "language": language,
        "question": f"{item} {language}?",
        "passage": passage,
        "path": f"{language}.json",
        "position": f"line {item}",
    }
    return Record(**(values | more))  # type: ignore[arg-type]


def content(corpus: ParallelCorpus) -> tuple[object, ...]:
    """Everything that a corpus says, comparable."""
    return (
        corpus.name,
        corpus.languages,
        corpus.item_ids,
        corpus.passages.tolist(),
        corpus.articles.tolist(),
        corpus.article_names,
        corpus.present.tolist(),
        corpus.renderings,
        corpus.negatives,
        corpus.blemishes,
        corpus.files,
    )


@st.composite
def record_lists(draw: st.DrawFn) -> list[Record]:
    """Small corpora in which items meet in passages and articles in many ways."""
    keys = draw(st.sets(st.tuples(st.integers(0, 9), st.sampled_from(["de", "en", "sw"])), min_size=1))
    return [
        record(
            str(item),
            language,
            draw(st.sampled_from(["A.", "B.", "B. ", "C. D.", "E!", f"own {item}"])),
            article=draw(st.sampled_from([None, None, "x", "y", f"own {item}"])),
            passage_key=draw(st.sampled_from([None, None, None, "p", "q"])),
            answer_start=draw(st.sampled_from([-1, 0, 1])),
            negatives=tuple(draw(st.lists(st.sampled_from("0123456789"), max_size=2))),
        )
        for item, language in sorted(keys)
    ]
