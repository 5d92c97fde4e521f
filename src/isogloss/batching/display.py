"""Write plans as text and JSON for people and programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from isogloss.batching.batch import Batch
from isogloss.batching.composition import Composition
from isogloss.batching.plan import BatchPlan
from isogloss.columns import align_columns
from isogloss.types import LanguagePair

_BAR = 40
_USES = {0: "never", 1: "once", 2: "twice"}
_USES_SHOWN = 8
_LANGUAGES_ACROSS = 12
_PAIRS_SHOWN = 20


def composition_to_text(composition: Composition) -> str:
    """Write a composition for reading in a terminal.

    Args:
        composition: The counts.

    Returns:
        Lines of text, each ended by a line break.
    """
    c = composition
    sizes = sorted(c.batch_sizes)
    rows = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    kinds = ", ".join(f"{count:,} {kind} ({count / c.batches:.1%})" for kind, count in c.kinds.items())
    alpha = f", alpha {c.alpha:g}" if c.strategy == "hybrid" else ""
    lines = [
        f"strategy  {c.strategy}{alpha}",
        f"epochs    {c.epochs} of {c.steps_per_epoch:,} steps",
        f"batches   {kinds}",
        f"rows      {c.rows:,}, in batches of {rows}",
        *_negative_lines(c),
        f"digest    {c.digest}",
        "",
        "batches by stratum (a pass uses each of its items once)",
        *_table(*_stratum_rows(c), left=3),
        "",
        *_pair_lines(c.pairs),
        "",
        "uses of an item",
        *_histogram(_name_uses(c.uses)),
        "",
        "left out",
        *(f"  {reason}" for reason in c.left_out or ("nothing",)),
    ]
    return "\n".join(lines) + "\n"


def _negative_lines(composition: Composition) -> list[str]:
    """Say where explicit negatives are from, and how many candidates are false negatives."""
    lines = []
    if composition.negatives:
        counts = composition.negatives
        total = sum(counts.values())
        sources = ", ".join(f"{count:,} {name} ({count / total:.1%})" for name, count in counts.items())
        lines.append(f"negatives {sources}")
    if composition.false_negatives is not None:
        found = composition.false_negatives
        pairs = "pair" if found == 1 else "pairs"
        lines.append(f"masked    {found:,} {pairs} of a query and another candidate that answers it")
    return lines


def composition_to_json(composition: Composition) -> str:
    """Write a composition as a JSON object.

    Args:
        composition: The counts.

    Returns:
        JSON text with a final line break; ``pairs`` maps query language, then passage language, to rows.
    """
    pairs: dict[str, dict[str, int]] = {}
    for pair, rows in composition.pairs.items():
        pairs.setdefault(pair.query, {})[pair.passage] = rows
    content = {
        name: value for name, value in vars(composition).items() if name not in ("pairs", "strata")
    } | {
        "monolingual_share": composition.monolingual_share,
        "query_languages": composition.query_languages,
        "passage_languages": composition.passage_languages,
        "strata": [asdict(stratum) for stratum in composition.strata],
        "pairs": pairs,
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def batch_to_text(plan: BatchPlan, batch: Batch) -> str:
    """Write the rows of one batch for reading in a terminal.

    Args:
        plan: The plan that the batch is from.
        batch: The batch.

    Returns:
        A title, then tab-separated lines: item, query language, passage language and, where there are
        negatives, their item and language.
    """
    rows = _batch_rows(plan, batch)
    corpus = plan.corpora[batch.corpus].name
    title = f"# epoch {batch.epoch}, step {batch.step}: {batch.kind.value}, {len(rows)} rows of {corpus}"
    return "\n".join([title, "\t".join(rows[0]), *("\t".join(row.values()) for row in rows)]) + "\n"


def batch_to_json(plan: BatchPlan, batch: Batch) -> str:
    """Write the rows of one batch as a JSON object.

    Args:
        plan: The plan that the batch is from.
        batch: The batch.

    Returns:
        JSON text with a final line break.
    """
    content = {
        "epoch": batch.epoch,
        "step": batch.step,
        "kind": batch.kind.value,
        "corpus": plan.corpora[batch.corpus].name,
        "rows": _batch_rows(plan, batch),
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _batch_rows(plan: BatchPlan, batch: Batch) -> list[dict[str, str]]:
    corpus = plan.corpora[batch.corpus]
    rows = []
    for slot in range(len(batch)):
        row = {
            "item": corpus.item_id(int(batch.items[slot])),
            "query_language": corpus.languages[batch.query_languages[slot]],
            "passage_language": corpus.languages[batch.passage_languages[slot]],
        }
        if batch.negative_items is not None and batch.negative_languages is not None:
            row["negative_item"] = corpus.item_id(int(batch.negative_items[slot]))
            row["negative_language"] = corpus.languages[batch.negative_languages[slot]]
        rows.append(row)
    return rows


def _stratum_rows(composition: Composition) -> tuple[list[str], list[list[str]]]:
    head = ["corpus", "kind", "language", "items", "batches", "per pass", "passes"]
    rows = [
        [
            stratum.corpus,
            stratum.kind,
            stratum.language or "all",
            f"{stratum.items:,}",
            f"{stratum.batches:,}",
            f"{stratum.batches_per_pass:,}",
            f"{stratum.batches / stratum.batches_per_pass:.2f}",
        ]
        for stratum in composition.strata
    ]
    return head, rows


def _pair_lines(pairs: Mapping[LanguagePair, int]) -> list[str]:
    """Write rows by language: a matrix, or the commonest pairs where a matrix would be too wide."""
    languages = sorted({language for pair in pairs for language in pair})
    if len(languages) > _LANGUAGES_ACROSS:
        top = dict(sorted(pairs.items(), key=lambda entry: (-entry[1], entry[0]))[:_PAIRS_SHOWN])
        title = f"rows by language pair (query-passage), the {len(top)} commonest of {len(pairs):,}"
        return [title, *_histogram({str(pair): rows for pair, rows in top.items()})]
    table = [
        [query, *(_count(pairs.get(LanguagePair(query, passage), 0)) for passage in languages)]
        for query in languages
    ]
    for row, query in zip(table, languages, strict=True):
        row.append(_count(sum(rows for pair, rows in pairs.items() if pair.query == query)))
    totals = [
        _count(sum(rows for pair, rows in pairs.items() if pair.passage == passage)) for passage in languages
    ]
    table.append(["all", *totals, _count(sum(pairs.values()))])
    return [
        "rows by query language (down) and passage language (across)",
        *_table(["", *languages, "all"], table, left=1),
    ]


def _count(rows: int) -> str:
    return f"{rows:,}" if rows else "."


def _name_uses(uses: Mapping[int, int]) -> dict[str, int]:
    """Name how often items are used, in ranges where there are many different counts."""
    width = max(1, -(-max(uses) // _USES_SHOWN))
    named: Counter[str] = Counter()
    for count, items in sorted(uses.items()):
        first = count - (count - 1) % width
        if count == 0 or width == 1:
            named[_USES.get(count, f"{count} times")] += items
        else:
            named[f"{first} to {first + width - 1} times"] += items
    return named


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Set rows in columns, the first ``left`` of them aligned left and the others right."""
    return [f"  {line}" for line in align_columns((head, *rows), range(left))]


def _histogram(counts: Mapping[str, int]) -> list[str]:
    width = max(map(len, counts), default=0)
    largest = max(counts.values(), default=1)
    digits = len(f"{largest:,}")
    return [
        f"  {name:<{width}}  {count:>{digits},}  {'█' * round(_BAR * count / largest)}".rstrip()
        for name, count in counts.items()
    ]
