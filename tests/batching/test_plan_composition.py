"""What a composition counts, against counts made the slow way, and how it is written."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from plan_corpora import make_corpus, plans

from isogloss.batching import STRATEGIES, BatchPlan, Composition, Kind, choose_strategy, count_composition
from isogloss.batching.display import batch_to_json, batch_to_text, composition_to_json, composition_to_text
from isogloss.corpus import read_corpus


def compose(strategy: str, batch_size: int = 10, epochs: int = 1, **corpus: object) -> Composition:
    made = make_corpus(**{"items": 300, "missing": 0.5} | corpus)  # type: ignore[arg-type]
    return count_composition(BatchPlan([made], choose_strategy(strategy), batch_size), epochs)


@settings(max_examples=30)
@given(plans())
def test_counts_agree_with_a_recount(plan: BatchPlan) -> None:
    found = count_composition(plan, epochs=2)
    batches = [batch for epoch in range(2) for batch in plan.batches(epoch)]
    pairs: Counter[tuple[str, str]] = Counter()
    uses: Counter[tuple[int, int]] = Counter()
    for batch in batches:
        languages = plan.corpora[batch.corpus].languages
        for slot in range(len(batch)):
            pairs[languages[batch.query_languages[slot]], languages[batch.passage_languages[slot]]] += 1
            uses[batch.corpus, int(batch.items[slot])] += 1
    assert found.pairs == pairs
    assert found.rows == sum(len(batch) for batch in batches) == sum(found.query_languages.values())
    assert sum(found.passage_languages.values()) == found.rows
    assert found.kinds == Counter(batch.kind.value for batch in batches)
    assert found.batch_sizes == Counter(len(batch) for batch in batches)
    assert {count: items for count, items in found.uses.items() if count} == Counter(uses.values())
    assert sum(found.uses.values()) == sum(corpus.item_count for corpus in plan.corpora)
    assert sum(stratum.batches for stratum in found.strata) == found.batches == len(batches)
    mono = sum(batch.kind is Kind.MONO for batch in batches)
    assert found.monolingual_share == mono / len(batches)


def test_the_digest_tells_plans_apart() -> None:
    corpus = make_corpus(100)
    digests = {
        count_composition(BatchPlan([corpus], choose_strategy(name), size, seed)).digest
        for name in ("hybrid", "x-y", "x-x")
        for size in (5, 6)
        for seed in (0, 1)
    }
    assert len(digests) == 12


def test_items_in_one_language_are_left_out_of_cross_lingual_batches() -> None:
    made = make_corpus(300, missing=0.8)
    single = int((made.present.sum(axis=1) == 1).sum())
    cross = count_composition(BatchPlan([made], choose_strategy("x-y"), 10), 9)
    assert f"generated: {single} items are never drawn: they are in one language only" in cross.left_out
    assert cross.uses[0] >= single
    hybrid = count_composition(BatchPlan([made], choose_strategy("hybrid"), 10), 9)
    assert (
        f"generated: {single} items are in one language only and enter no cross-lingual batch"
        in hybrid.left_out
    )


def test_items_without_english_are_left_out_of_en_en() -> None:
    made = make_corpus(300)
    absent = int((~made.present[:, made.languages.index("en")]).sum())
    found = count_composition(BatchPlan([made], choose_strategy("en-en"), 10))
    assert f"generated: {absent} items are never drawn: they are not in 'en'" in found.left_out


def test_items_that_wait_are_counted() -> None:
    found = compose("x-x", largest_group=1)
    assert found.left_out == ()
    assert found.uses == {1: 300}
    crowded = make_corpus(30, ("en",), missing=0.0)
    crowded.passages[:] = 0
    found = count_composition(BatchPlan([crowded], choose_strategy("en-en"), 10))
    assert found.batch_sizes == {1: 3}
    assert found.left_out == (
        "generated: 27 items are not reached in the first epoch",
        "generated, monolingual en: 1 passages have more items than a pass has batches (3); "
        "27 items of each pass wait for a later one",
    )


def test_the_text_names_every_part() -> None:
    text = composition_to_text(compose("hybrid"))
    for part in (
        "strategy  hybrid, alpha 0.5",
        "monolingual (",
        "cross-lingual (",
        "zh-Hans",
        "digest",
        "left out",
    ):
        assert part in text
    assert max(map(len, text.splitlines())) <= 110


def test_alpha_is_shown_for_hybrid_only() -> None:
    assert "alpha" not in composition_to_text(compose("x-x"))
    assert compose("x-x").alpha is None
    assert compose("x-x").monolingual_share == 0
    assert compose("x-x-mono").alpha == 1.0


def test_uses_are_shown_in_ranges_where_there_are_many() -> None:
    found = replace(compose("x-x"), uses={0: 5, 1: 6, 2: 7, 3: 8, 17: 9})
    uses = composition_to_text(found).split("uses of an item\n")[1].split("\n\n")[0]
    lines = [line.rstrip("█ ").rsplit(maxsplit=1) for line in uses.splitlines()]
    assert [(name.strip(), int(items)) for name, items in lines] == [
        ("never", 5),
        ("1 to 3 times", 21),
        ("16 to 18 times", 9),
    ]


def test_many_languages_are_shown_as_pairs() -> None:
    languages = tuple(f"{letter}{other}" for letter in "abc" for other in "abcde")
    text = composition_to_text(compose("x-y", languages=languages))
    assert "rows by language pair (query-passage), the 20 commonest of" in text


def test_the_json_holds_every_count() -> None:
    found = compose("hybrid", epochs=2)
    content = json.loads(composition_to_json(found))
    assert set(content) == {
        "strategy", "alpha", "epochs", "steps_per_epoch", "batch_size", "rows", "kinds", "strata",
        "batch_sizes", "pairs", "uses", "negatives", "false_negatives", "left_out", "digest",
        "monolingual_share", "query_languages", "passage_languages",
    }  # fmt: skip
    assert content["rows"] == sum(
        rows for passages in content["pairs"].values() for rows in passages.values()
    )
    assert set(content["strata"][0]) == {"corpus", "kind", "language", "items", "batches_per_pass", "batches"}
    assert content["digest"] == found.digest


def test_a_batch_is_written_row_by_row() -> None:
    made = make_corpus(40)
    plan = BatchPlan([made], choose_strategy("x-y"), 6)
    batch = plan.batch(1, 2)
    title, head, *rows = batch_to_text(plan, batch).splitlines()
    assert title == f"# epoch 1, step 2: cross-lingual, {len(batch)} rows of generated"
    assert head.split("\t") == ["item", "query_language", "passage_language"]
    content = json.loads(batch_to_json(plan, batch))
    assert [row.split("\t") for row in rows] == [list(row.values()) for row in content["rows"]]
    assert [row["item"] for row in content["rows"]] == [made.item_ids[item] for item in batch.items]


def test_real_data_is_planned(real_data: Path) -> None:
    corpus = read_corpus(real_data / "train" / "squad-mt")
    for name in STRATEGIES:
        found = count_composition(BatchPlan([corpus], choose_strategy(name), 100), epochs=2)
        assert found.steps_per_epoch == 68
        assert min(found.batch_sizes) > 90
        cross = sum(stratum.items for stratum in found.strata if stratum.kind == "cross-lingual")
        assert cross == (6708 - 238 if name in ("hybrid", "x-y") else 0)
