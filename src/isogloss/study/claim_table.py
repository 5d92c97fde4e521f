"""Write the table of claims: Markdown, HTML, plain values."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.comparison.grid import Cell, Grid, write_markdown
from isogloss.comparison.numbers import count, write_p
from isogloss.report.blocks import fold_away
from isogloss.report.markup import Markup, element, isolate
from isogloss.report.tables import frame_table
from isogloss.study.judgement import Component, Verdict
from isogloss.study.rows import ClaimRow
from isogloss.study.settings import MarginsConfig

_HEADER = ("claim", "verdict", "statement", "effect", "Holm p", "seeds", "published", "here", "command")
_SHOWN = 2
"""So many figures stand in a cell of the page; more are folded away."""


def write_claims_markdown(rows: Sequence[ClaimRow]) -> str:
    """Write the rows as a Markdown table.

    Args:
        rows: The rows.

    Returns:
        Markdown.
    """
    lines = []
    for row in rows:
        texts = (
            row.id,
            _name_verdict(row),
            row.statement,
            write_effect(row),
            write_corrected_p(row),
            write_row_signs(row),
            "; ".join(row.published),
            "; ".join(row.ours),
            row.command,
        )
        lines.append(tuple(Cell(text) for text in texts))
    return write_markdown(Grid("Claims", _HEADER, tuple(lines)))


def _name_verdict(row: ClaimRow) -> str:
    return f"{row.verdict}: {row.reason}" if row.reason else str(row.verdict)


def write_effect(row: ClaimRow) -> str:
    """Write the effect that decides a row, with its interval and bound; empty where counting decides.

    Args:
        row: The row.

    Returns:
        Text.
    """
    if row.judgement is None:
        return ""
    return write_component(row.judgement.decisive)


def write_component(effect: Component) -> str:
    """Write an effect with its interval and bound.

    Args:
        effect: The effect.

    Returns:
        Text such as ``hybrid − x-y, multi mAP on xquad-r: +0.0021 [-0.0010, +0.0052], claimed above +0``.
    """
    write = _write_ranks if effect.in_ranks else _write_share
    low, high = map(write, effect.interval)
    return f"{effect.what}: {write(effect.estimate)} [{low}, {high}], claimed above {effect.bound:+g}"


def _write_share(value: float) -> str:
    return f"{round(value, 4) + 0.0:+.4f}"


def _write_ranks(value: float) -> str:
    return f"{round(value, 1) + 0.0:+.1f}"


def write_corrected_p(row: ClaimRow) -> str:
    """Write the corrected p-value of the claim, or of its refutation where it is contradicted.

    Args:
        row: The row.

    Returns:
        Text; empty where counting decides.
    """
    if row.judgement is None:
        return ""
    against = row.verdict is Verdict.CONTRADICTED
    p = row.judgement.corrected_p_against if against else row.judgement.corrected_p_for
    return f"{write_p(p)} {'against' if against else 'for'}"


def write_family(row: ClaimRow) -> str:
    """Write the family that a row's p-values were corrected over.

    Args:
        row: The row.

    Returns:
        Text such as ``2 claims: 8:small, 10:small``; empty where counting decides.
    """
    return f"{count(len(row.family), 'claim')}: {', '.join(row.family)}" if row.family else ""


def write_row_signs(row: ClaimRow) -> str:
    """Write on which side of its bound each seed's effect is, of the effect that decides.

    Args:
        row: The row.

    Returns:
        Text such as ``+ + -``; empty where counting decides.
    """
    return "" if row.judgement is None else row.judgement.decisive.signs


def explain_rows(rows: Sequence[ClaimRow], margins: MarginsConfig) -> list[str]:
    """Say how to read the table of claims.

    Args:
        rows: The rows.
        margins: The margins of the study.

    Returns:
        Sentences.
    """
    families = {write_family(row) for row in rows if row.family}
    level = f"{100 * margins.level:g} %"
    return [
        "Supported: every effect that the claim states is shown to be above its bound. Contradicted: at "
        f"least one is shown to be below it. Effect: the one that decides, with its {level} interval over "
        f"questions and seeds ({margins.resamples:,} resamples, seed {margins.seed}). Seeds: whether the "
        "effect of each is above (+) or below (-) the bound.",
        f"Fixed before the first cell: best or equal within {margins.equal:g} mAP, stable within "
        f"{margins.stable:g} mAP, bias strongly reduced by more than {margins.strong:g} of the rank "
        f"distance, zero-shot strong from {margins.zero_shot:g} of the seen languages' mAP.",
        *(f"Family of Holm's correction: {family}." for family in sorted(families)),
        *_note_resolution(rows, margins),
        "Published figures are from single runs on other data, and never part of a test.",
    ]


def _note_resolution(rows: Sequence[ClaimRow], margins: MarginsConfig) -> list[str]:
    """Say where no refutation could be shown, however large: too few resamples for so many effects."""
    least = max(
        (2 * len(row.effects) * len(row.family) / (margins.resamples + 1) for row in rows), default=0.0
    )
    if least < 1 - margins.level:
        return []
    return [
        f"With {margins.resamples:,} resamples and so many effects, the corrected p against a claim may "
        f"not get below {min(least, 1.0):.3f}; a study with more 'margins.resamples' can show more."
    ]


def write_claims_html(rows: Sequence[ClaimRow]) -> Markup:
    """Write the rows as a table of a page.

    Args:
        rows: The rows.

    Returns:
        The table.
    """
    head = element("tr", *(element("th", name, scope="col") for name in _HEADER))
    return frame_table("claims", head, [_write_html_row(row) for row in rows], caption="Claims and verdicts")


def _write_html_row(row: ClaimRow) -> Markup:
    verdict = element("span", str(row.verdict), class_=f"verdict {row.verdict.value.split()[0]}")
    effect = write_effect(row)
    return element(
        "tr",
        element("th", isolate(row.id), scope="row"),
        element("td", verdict, *([element("small", f": {row.reason}")] if row.reason else []), class_="why"),
        element("td", row.statement, class_="statement"),
        element("td", effect, _fold_effects(row.effects), class_="figures-listed"),
        element("td", write_corrected_p(row)),
        element("td", write_row_signs(row)),
        element("td", _list_lines(row.published), class_="figures-listed"),
        element("td", _list_lines(row.ours), class_="figures-listed"),
        element("td", element("code", row.command), class_="command"),
    )


def _fold_effects(effects: Sequence[Component]) -> Markup:
    if len(effects) < 2:
        return Markup("")
    return fold_away(
        f"all {len(effects)} effects", [_write_list([write_component(each) for each in effects])]
    )


def _list_lines(lines: Sequence[str]) -> Markup:
    if len(lines) <= _SHOWN:
        return _write_list(lines)
    return fold_away(f"{len(lines)} figures", [_write_list(lines)])


def _write_list(lines: Sequence[str]) -> Markup:
    return element("ul", *(element("li", line, dir="auto") for line in lines))


def describe_rows(rows: Sequence[ClaimRow]) -> list[dict[str, object]]:
    """Describe the rows, ready for JSON.

    Args:
        rows: The rows.

    Returns:
        Plain values, an object per row.
    """
    return [
        {
            "id": row.id,
            "statement": row.statement,
            "published": list(row.published),
            "here": list(row.ours),
            "verdict": row.verdict.value,
            "reason": row.reason,
            "effects": [_describe_component(each) for each in row.effects],
            "decisive": None if row.judgement is None else row.judgement.decisive.what,
            "p_for": row.judgement and row.judgement.p_for,
            "p_against": row.judgement and row.judgement.p_against,
            "corrected_p_for": row.judgement and row.judgement.corrected_p_for,
            "corrected_p_against": row.judgement and row.judgement.corrected_p_against,
            "family": write_family(row),
            "command": row.command,
        }
        for row in rows
    ]


def _describe_component(each: Component) -> dict[str, object]:
    return {
        "what": each.what,
        "estimate": each.estimate,
        "interval": list(each.interval),
        "bound": each.bound,
        "by_seed": list(each.by_seed),
        "signs": each.signs,
        "p_for": each.p_for,
        "p_against": each.p_against,
    }


def write_row(row: ClaimRow) -> str:
    """Write one row for a terminal.

    Args:
        row: The row.

    Returns:
        Lines of text.
    """
    lines = [f"claim {row.id}: {row.verdict}", f"  {row.statement}"]
    if row.reason:
        lines.append(f"  because    {row.reason}")
    lines += [f"  published  {line}" for line in row.published]
    lines += [f"  here       {line}" for line in row.ours]
    if row.judgement is not None:
        judged = row.judgement
        lines += [f"  family     {write_family(row)}"]
        lines += [
            f"  Holm p     {write_p(judged.corrected_p_for)} for, "
            f"{write_p(judged.corrected_p_against)} against"
        ]
    for effect in row.effects:
        mark = "*" if row.judgement is not None and effect == row.judgement.decisive else " "
        lines.append(f"  effect   {mark} {write_component(effect)}; seeds {effect.signs}")
    return "\n".join([*lines, f"  again      {row.command}"]) + "\n"
